//! A read model in Redis: a hash of rows per topic and generation, and one hash that says which generation is
//! served and where it stands.
//!
//! Every read names the keys of the generation it believes served, and asks in the same breath which one is:
//! an answer for another is thrown away and asked for again. So nothing mixes generations, a read is one round
//! trip, and no Lua runs for it, which would cost more than the rows.

mod arrivals;
mod connect;
mod cut;
mod generations;
mod lease;
mod load;
mod managed;
mod slot;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arrivals::Arrivals;
use connect::{Lane, Server};
use cut::Cut;
use kernel::{Position, Tables};
pub(super) use lease::Lease;
use redis::{Script, pipe};
use runtime::{Namespace, StoreError};
use slot::{GENERATION, Slot};

use super::{Change, Changes, ModelState};

static WRITE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/write.lua")));

/// A read model in Redis. Clones share it.
#[derive(Clone)]
pub struct RedisModel(Arc<Inner>);

struct Inner {
    server: Server,
    namespace: Namespace,
    /// What stands in front of every key of the model: `retrace:model`, after the namespace.
    base: String,
    /// Where the state of this handle's generation is kept.
    slot: Slot,
    /// The generation that was served when last looked.
    generation: AtomicU64,
    arrivals: Arrivals,
}

impl fmt::Debug for RedisModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisModel").field("server", self.server()).field("slot", &self.0.slot).finish()
    }
}

impl RedisModel {
    /// Opens the read model of `namespace` on the server at `address`; errors show it as `shown`.
    pub(super) async fn open(address: &str, shown: &str, namespace: &Namespace) -> Result<Self, StoreError> {
        let server = Server::connect(address, shown).await?;
        let base = format!("{}retrace:model", namespace.prefix());
        Ok(Self::of(server, namespace.clone(), base.clone(), Slot { key: base }))
    }

    fn of(server: Server, namespace: Namespace, base: String, slot: Slot) -> Self {
        let (generation, arrivals) = (AtomicU64::default(), Arrivals::default());
        Self(Arc::new(Inner { server, namespace, base, slot, generation, arrivals }))
    }

    pub(super) fn place(&self) -> String {
        let url = &self.server().url;
        match self.0.namespace.name() {
            Some(name) => format!("{url}, read model of namespace {name}"),
            None => format!("{url}, read model of the default namespace"),
        }
    }

    fn server(&self) -> &Server {
        &self.0.server
    }

    fn slot(&self) -> &Slot {
        &self.0.slot
    }

    /// The generation that was served when last looked.
    fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Relaxed)
    }

    /// Whether `served`, which came with an answer, is the generation that the answer was asked of.
    fn is_of(&self, asked: u64, served: u64) -> bool {
        self.0.generation.store(served, Ordering::Relaxed);
        served == asked
    }

    fn table(&self, generation: u64, topic: &str) -> String {
        format!("{}:{generation}:{topic}", self.0.base)
    }

    pub(super) async fn row(&self, topic: &str, key: &str) -> Result<Option<String>, StoreError> {
        loop {
            let asked = self.generation();
            let table = self.table(asked, topic);
            // The row first: had another generation been served by then, the second answer tells.
            let (row, served): (_, Option<u64>) = self
                .server()
                .send(Lane::Quick, pipe().hget(&table, key).hget(&self.slot().key, GENERATION), &table)
                .await?;
            if self.is_of(asked, served.unwrap_or_default()) {
                return Ok(row);
            }
        }
    }

    pub(super) async fn rows(
        &self,
        keys: &[(&'static str, &str)],
    ) -> Result<BTreeMap<(String, String), String>, StoreError> {
        let mut wanted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        keys.iter().for_each(|(topic, key)| wanted.entry(topic).or_default().push(key));
        let cut = self.cut(Lane::Quick, |request, generation| {
            for (topic, keys) in &wanted {
                request.cmd("HMGET").arg(self.table(generation, topic)).arg(keys);
            }
        });
        let mut found = BTreeMap::new();
        for ((topic, keys), answer) in wanted.iter().zip(cut.await?.answers) {
            let rows: Vec<Option<String>> =
                redis::from_redis_value(answer).map_err(|error| self.server().corrupt(topic, error.to_string()))?;
            let keyed = keys.iter().zip(rows).filter_map(|(key, row)| Some((*key, row?)));
            found.extend(keyed.map(|(key, row)| (((*topic).to_owned(), key.to_owned()), row)));
        }
        Ok(found)
    }

    pub(super) async fn tables(&self, topics: &[&str]) -> Result<(Tables, ModelState), StoreError> {
        let cut = self.cut(Lane::Bulk, |request, generation| {
            topics.iter().for_each(|topic| {
                request.hgetall(self.table(generation, topic));
            });
        });
        let Cut { answers, state } = cut.await?;
        let topics: Vec<_> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        // A hundred thousand rows keep a thread busy for a tenth of a second: not one that serves others.
        let parsed = tokio::task::spawn_blocking(move || {
            let table = |(topic, rows)| match slot::table(rows) {
                Ok(rows) => Ok((topic, rows)),
                Err(reason) => Err((topic, reason)),
            };
            topics.into_iter().zip(answers).map(table).collect::<Result<_, _>>()
        });
        let parsed = parsed.await.map_err(|error| self.server().unavailable(&error.to_string()))?;
        let corrupt =
            |(topic, reason): (String, _)| self.server().corrupt(&self.table(state.generation, &topic), reason);
        Ok((Tables(parsed.map_err(corrupt)?), state))
    }

    pub(super) async fn state(&self) -> Result<ModelState, StoreError> {
        self.slot().state(self.server()).await
    }

    pub(super) async fn reached(&self, position: Position, most: Duration) -> Result<bool, StoreError> {
        self.0.arrivals.reached(self.server(), self.slot(), position, most).await
    }

    pub(super) async fn write(&self, changes: &Changes) -> Result<bool, StoreError> {
        let mut topics: BTreeMap<&str, (Vec<&Change>, Vec<&Change>)> = BTreeMap::new();
        for change in &changes.rows {
            let (puts, deletes) = topics.entry(change.topic).or_default();
            if change.row.is_some() { puts } else { deletes }.push(change);
        }
        let mut keys = vec![self.slot().key.clone()];
        keys.extend(topics.keys().map(|topic| self.table(changes.to.generation, topic)));
        let written: bool = self
            .server()
            .run(&WRITE, &keys, |command| {
                command.arg(slot::fields(&changes.from).as_slice()).arg(slot::fields(&changes.to).as_slice());
                for (topic, (puts, deletes)) in &topics {
                    command.arg(topic).arg(puts.len()).arg(deletes.len());
                    for change in puts {
                        command.arg(&*change.key).arg(change.row.as_deref().unwrap_or_default());
                    }
                    deletes.iter().for_each(|change| {
                        command.arg(&*change.key);
                    });
                }
            })
            .await?;
        if written {
            self.0.arrivals.arrived(changes.to.checkpoint.position);
        }
        Ok(written)
    }
}
