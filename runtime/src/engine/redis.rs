//! The Redis engine: streams for events, lists for queues, and a Lua script for every step that changes more
//! than one thing.
//!
//! `docs/redis-keys.md` lists the keys. Redis 6.2 and Valkey 7.2 or later will do.

mod back;
mod bell;
mod checks;
mod claims;
mod commit;
mod confirm;
mod connect;
mod decode;
mod fault;
mod keys;
mod locate;
mod moments;
mod outcomes;
mod parked;
mod queue;
mod read;
mod scan;
mod script;
mod slot;
mod topics;
mod url;
mod whole;

use std::sync::Arc;

use confirm::{Confirm, Confirmed};
use connect::Server;
use kernel::Entry;
use keys::Keys;
use read::Shares;
use redis::{Cmd, Pipeline, ServerErrorKind, Value};
use script::Script;
use topics::Topics;

pub(super) use bell::Bell;
pub(super) use claims::Claimer;
pub use connect::Shared;
pub use locate::Locator;
pub(super) use outcomes::Outcomes;
pub(crate) use url::check as check_url;

use crate::{Durability, Namespace, StoreError, StoreUrl};

/// A log on a Redis or Valkey server. Clones share it.
#[derive(Clone, Debug)]
pub struct Redis(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    server: Server,
    keys: Keys,
    topics: Topics,
    shares: Shares,
    /// For commits and other commands that are answered at once.
    ordinary: Shared,
    /// For what promises something, where a promise takes more than the server's answer.
    confirmed: Option<Confirmed>,
    confirm: Option<Confirm>,
    durability: Durability,
    /// For pages of the log: an answer of many megabytes must not make commits wait.
    bulk: Shared,
}

impl Redis {
    /// Opens the log at `url`.
    ///
    /// # Errors
    /// When the server can't be reached, refuses the password, or may not be used as it is configured.
    pub(super) async fn open(
        url: &str,
        shown: &StoreUrl,
        namespace: &Namespace,
        topics: &[&str],
        durability: Durability,
    ) -> Result<Self, StoreError> {
        let server = Server::by(Locator::of(url, &shown.to_string(), namespace)?);
        let ordinary = Shared::to(server.clone());
        let confirm = checks::check(&ordinary, durability).await?;
        let keys = Keys::of(namespace, server.locator.is_cluster());
        let over = |confirm| Confirmed::over(Shared::to(server.clone()), confirm, keys.confirmed.clone());
        let confirmed = confirm.map(over);
        // Nobody confirms: whichever server it is later has to sync as well.
        let must_sync = durability == Durability::Fsync;
        let ordinary = if must_sync { Shared::to(server.clone()).syncing() } else { ordinary };
        let mut load = Pipeline::new();
        for script in script::all() {
            load.add_command(script.load());
        }
        if confirm.is_some() {
            load.add_command(Confirm::write(&keys.confirmed));
        }
        for answer in ordinary.send_all(&load).await? {
            if let Value::ServerError(error) = answer {
                return Err(fault::of_answer(&server.url, &error));
            }
        }
        let bulk = Shared::to(server.clone());
        let engine = Self(Arc::new(Inner {
            keys,
            server,
            topics: Topics::of(topics),
            shares: Shares::default(),
            ordinary,
            confirmed,
            confirm,
            durability,
            bulk,
        }));
        engine.learn_topics().await?;
        engine.order_parked().await?;
        Ok(engine)
    }

    pub(super) fn url(&self) -> String {
        self.0.server.url.clone()
    }

    pub(super) fn durability(&self) -> Durability {
        self.0.durability
    }

    fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// Learns of topics that other programs have begun.
    async fn learn_topics(&self) -> Result<(), StoreError> {
        let mut members = redis::cmd("SMEMBERS");
        members.arg(&self.keys().topics);
        let members = self.0.ordinary.send(&members).await?;
        self.0.topics.learn(&self.0.topics.all(), self.answer::<Vec<String>>(&self.keys().topics, members)?);
        Ok(())
    }

    /// Runs a script over the keys that share `key`'s slot; `arguments` adds what else it is given.
    async fn run<T: redis::FromRedisValue>(
        &self,
        script: &Script,
        key: &str,
        arguments: impl FnOnce(&mut Cmd) -> &mut Cmd,
    ) -> Result<T, StoreError> {
        let mut run = self.over(script, key);
        arguments(&mut run);
        let mut runs = Pipeline::with_capacity(1);
        runs.add_command(run);
        let answer = self.run_all(script, &runs).await?.pop().unwrap_or_default();
        self.answer(key, answer)
    }

    /// The command that runs the script over the keys that share `key`'s slot; arguments follow.
    fn over(&self, script: &Script, key: &str) -> Cmd {
        script.over(key, self.keys().absent.as_deref())
    }

    /// Runs a script many times in one go.
    ///
    /// A server that was restarted, or told to forget its scripts, or has taken another's place, is taught the script;
    /// only runs that it refused for that reason, and so never began, are repeated. When the slot has moved none has
    /// begun, and all are sent once more to where it is now.
    async fn run_all(&self, script: &Script, runs: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let mut answers = self.send(script, runs).await?;
        if !answers.is_empty() && answers.iter().all(has_moved) {
            answers = self.send(script, runs).await?;
        }
        let unknown: Vec<_> = (0..answers.len()).filter(|index| is_unknown_script(&answers[*index])).collect();
        if !unknown.is_empty() {
            // It goes ahead of them by the same connection: another one may lead to another server.
            let mut again = Pipeline::with_capacity(1 + unknown.len());
            again.add_command(script.load());
            for (_, run) in runs.cmd_iter().enumerate().filter(|(index, _)| unknown.contains(index)) {
                again.add_command(run.clone());
            }
            let mut repeated = self.send(script, &again).await?.into_iter();
            self.without_errors(repeated.next().into_iter().collect())?;
            for (index, answer) in unknown.into_iter().zip(repeated) {
                answers[index] = answer;
            }
        }
        self.without_errors(answers)
    }

    /// Sends runs of a script, to be confirmed where their answers promise something.
    async fn send(&self, script: &Script, runs: &Pipeline) -> Result<Vec<Value>, StoreError> {
        match &self.0.confirmed {
            Some(confirmed) if script.promises => confirmed.send_all(runs.clone()).await,
            Some(_) | None => self.0.ordinary.send_all(runs).await,
        }
    }

    /// Returns once everything that was done so far is as durable as was asked for.
    async fn confirm(&self) -> Result<(), StoreError> {
        match &self.0.confirmed {
            Some(confirmed) => confirmed.so_far().await,
            None => Ok(()),
        }
    }

    /// The answers, unless one of them is an error.
    fn without_errors(&self, answers: Vec<Value>) -> Result<Vec<Value>, StoreError> {
        match answers.iter().find_map(|answer| if let Value::ServerError(error) = answer { Some(error) } else { None })
        {
            Some(error) => Err(fault::of_answer(&self.0.server.url, error)),
            None => Ok(answers),
        }
    }

    /// The entries that a range of a topic's stream answered.
    fn entries_of(&self, topic: &Arc<str>, answer: Value) -> Result<Vec<Entry>, StoreError> {
        let entries = decode::entries(topic, answer);
        entries.ok_or_else(|| self.corrupt(&self.keys().stream(topic), "XRANGE answered no entries"))
    }

    /// An answer in the shape that it must have.
    fn answer<T: redis::FromRedisValue>(&self, at: &str, answer: Value) -> Result<T, StoreError> {
        redis::from_redis_value(answer).map_err(|error| self.corrupt(at, &error.to_string()))
    }

    fn corrupt(&self, at: &str, reason: &str) -> StoreError {
        StoreError::Corrupt { url: self.url(), at: at.to_owned(), reason: reason.to_owned() }
    }
}

fn has_moved(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::Moved))
}

fn is_unknown_script(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::NoScript))
}
