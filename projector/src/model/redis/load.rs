//! Bulk writes into a generation that is not served.
//!
//! Millions of rows through Lua would keep the server from all else, so they go as plain commands, and are not
//! written at one stroke with the state. In between the generation is marked as torn: a load that was broken
//! off leaves the mark.

use std::sync::LazyLock;

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use redis::{Cmd, Pipeline, Script, pipe};
use runtime::{StoreError, fault};
use uuid::Uuid;

use super::{RedisModel, connect::Lane, slot};
use crate::model::{Change, ModelState};

static BEGIN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("load_begin.lua")));
static END: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("load_end.lua")));

/// Rows in one command: about a millisecond, in which the server does nothing else.
const COMMAND: usize = 1_000;

/// Rows, and about how many bytes, sent together.
const PIPELINE: (usize, usize) = (4_000, 1 << 20);

/// How many of them are under way at a time: while the server has one, the next is packed.
const UNDER_WAY: usize = 2;

impl RedisModel {
    pub(in crate::model) async fn load(
        &self,
        from: &ModelState,
        to: &ModelState,
        rows: &[Change],
    ) -> Result<bool, StoreError> {
        let own = Uuid::new_v4().to_string();
        let Some(mark) = self.load_begin(from, rows, &own).await? else { return Ok(false) };
        let mut under_way = FuturesUnordered::new();
        let mut pipelines = Pipelines(rows);
        loop {
            while under_way.len() < UNDER_WAY
                && let Some(rows) = pipelines.next()
            {
                under_way.push(self.send_rows(from.generation, rows));
            }
            let Some(found) = under_way.next().await else { break };
            // A late loader must not go on writing into what another has begun anew meanwhile.
            if found?.as_ref() != Some(&mark) {
                return Ok(false);
            }
        }
        fault::point("rebuild.loading");
        self.load_end(from, to, &mark, &own).await
    }

    pub(in crate::model) async fn mend(&self, from: &ModelState, to: &ModelState) -> Result<bool, StoreError> {
        if self.is_served() {
            return Ok(false);
        }
        self.load_end(from, to, "", "").await
    }

    /// The mark that stands during the load; nothing when the generation does not stand at `from`.
    async fn load_begin(&self, from: &ModelState, rows: &[Change], own: &str) -> Result<Option<String>, StoreError> {
        if self.is_served() {
            return Ok(None);
        }
        let topics: Vec<_> = rows.chunk_by(|a, b| a.topic == b.topic).filter_map(<[_]>::first).collect();
        let mut keys = vec![self.slot().key.clone()];
        keys.extend(topics.iter().map(|change| self.table(from.generation, change.topic)));
        self.server()
            .run(&BEGIN, &keys, |command| {
                command.arg(slot::fields(from).as_slice()).arg(own);
                topics.iter().for_each(|change| {
                    command.arg(change.topic);
                });
            })
            .await
    }

    /// Writes rows; gives the mark that the generation then has.
    async fn send_rows(&self, generation: u64, rows: &[Change]) -> Result<Option<String>, StoreError> {
        let mut request = pipe();
        for rows in rows.chunk_by(|a, b| a.topic == b.topic) {
            let Some(Change { topic, .. }) = rows.first() else { continue };
            let table = self.table(generation, topic);
            rows.chunks(COMMAND).for_each(|rows| pack(&mut request, &table, rows));
        }
        request.hget(&self.slot().key, "torn");
        let (mark,) = self.server().send(Lane::Bulk, &request, &self.slot().key).await?;
        Ok(mark)
    }

    async fn load_end(&self, from: &ModelState, to: &ModelState, mark: &str, own: &str) -> Result<bool, StoreError> {
        let ended = self
            .server()
            .run(&END, &[self.slot().key.clone()], |command| {
                command.arg(slot::fields(from).as_slice()).arg(slot::fields(to).as_slice()).arg(mark).arg(own);
            })
            .await?;
        if ended {
            self.0.arrivals.arrived(to.checkpoint.position);
        }
        Ok(ended)
    }
}

/// Adds the commands that change rows of one table.
fn pack(request: &mut Pipeline, table: &str, rows: &[Change]) {
    let bytes = rows.iter().map(size).sum();
    let mut put = Cmd::with_capacity(2 * rows.len() + 2, bytes);
    let mut delete = Cmd::new();
    put.arg("HSET").arg(table);
    delete.arg("HDEL").arg(table);
    let mut deletes = 0;
    for change in rows {
        if let Some(row) = &change.row {
            put.arg(&*change.key).arg(&**row);
        } else {
            delete.arg(&*change.key);
            deletes += 1;
        }
    }
    if deletes < rows.len() {
        request.add_command(put).ignore();
    }
    if deletes > 0 {
        request.add_command(delete).ignore();
    }
}

fn size(change: &Change) -> usize {
    change.key.len() + change.row.as_ref().map_or(0, |row| row.len())
}

/// Rows by how many of them go together: at least one at a time, however large it is.
struct Pipelines<'r>(&'r [Change]);

impl<'r> Iterator for Pipelines<'r> {
    type Item = &'r [Change];

    fn next(&mut self) -> Option<Self::Item> {
        let (most, room) = PIPELINE;
        let mut bytes = 0;
        let fits = |change: &&Change| {
            bytes += size(change);
            bytes <= room
        };
        let taken = self.0.iter().take(most).take_while(fits).count().max(1);
        let (now, rest) = self.0.split_at_checked(taken)?;
        self.0 = rest;
        Some(now)
    }
}
