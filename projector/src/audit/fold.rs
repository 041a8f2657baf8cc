//! The log folded anew, with a stop where each read model stands.

use std::{cmp::Reverse, collections::BTreeMap, ops::ControlFlow};

use kernel::{Checkpoint, Digest, Domain, Position, Seen, Tables};
use runtime::{
    Engine, StoreError,
    invariants::{Watch, Watched},
};
use tokio::sync::watch;

use super::{Audited, Progress};
use crate::{
    Change, Differences, ModelState,
    rebuild::{Batch, FULL, Table},
};

/// After how many entries the progress is told.
const TELL: u64 = 4_096;

/// A read model's rows and state, one cut, on their way to the fold at that position.
pub(super) struct Waiting {
    pub(super) index: usize,
    pub(super) place: String,
    pub(super) state: ModelState,
    pub(super) rows: Tables,
}

/// The log as it is folded, with a stop where each model stands.
pub(super) struct Fold {
    version: u32,
    /// What has been read and not folded.
    batch: Batch,
    table: Table,
    /// The fold's rows as of the last stop.
    rows: Tables,
    digest: Digest,
    watch: Watch,
    /// The models that the fold has not reached, the nearest last.
    waiting: Vec<Waiting>,
    done: BTreeMap<usize, Audited>,
    entries: u64,
    unreadable: u64,
    progress: Option<watch::Sender<Progress>>,
}

/// What came of reading the log.
pub(super) struct Folded {
    pub(super) models: Vec<Audited>,
    pub(super) watched: Watched,
    pub(super) unreadable: u64,
}

impl Fold {
    pub(super) fn new(
        domain: &Domain,
        watch: Watch,
        mut waiting: Vec<Waiting>,
        progress: Option<watch::Sender<Progress>>,
    ) -> Self {
        waiting.sort_by_key(|model| Reverse(model.state.checkpoint.position));
        Self {
            version: domain.projection(),
            batch: Batch::new(domain),
            table: Table::of(domain),
            rows: Tables::default(),
            digest: Digest::default(),
            watch,
            waiting,
            done: BTreeMap::new(),
            entries: 0,
            unreadable: 0,
            progress,
        }
    }

    /// Reads the log up to `head`, on a thread that may block.
    pub(super) fn read(mut self, engine: &Engine, head: &Checkpoint) -> Result<Folded, StoreError> {
        engine.survey(head.position, &mut |seen| {
            if self.entries.is_multiple_of(TELL) {
                self.tell(head);
            }
            self.stop_before(seen.position());
            self.take(seen);
            ControlFlow::Continue(())
        })?;
        self.fold();
        // A model that is ahead of the log is held against all there is of it.
        while let Some(model) = self.waiting.pop() {
            self.settle(model);
        }
        let Self { done, watch, unreadable, .. } = self;
        Ok(Folded { models: done.into_values().collect(), watched: watch.end(engine, head)?, unreadable })
    }

    fn tell(&self, head: &Checkpoint) {
        if let Some(progress) = &self.progress {
            progress.send_replace(Progress { entries: self.entries, of: head.number.0 });
        }
    }

    /// Compares the models that stand before `position`, which nothing at it has been folded into.
    fn stop_before(&mut self, position: Position) {
        while let Some(model) = self.waiting.pop_if(|model| model.state.checkpoint.position < position) {
            self.settle(model);
        }
    }

    fn take(&mut self, seen: &Seen<'_>) {
        self.entries += 1;
        self.watch.pass(seen);
        self.batch.take(seen);
        if self.batch.is_full(FULL) {
            self.fold();
        }
    }

    fn fold(&mut self) {
        self.table.fold(&self.batch);
        self.unreadable += self.batch.unread.len() as u64;
        self.batch.clear();
    }

    /// Compares a model with the fold, which is where the model stands.
    fn settle(&mut self, model: Waiting) {
        self.fold();
        let (changes, digest) = self.table.changes();
        self.digest = digest;
        changes.into_iter().for_each(|change| put(&mut self.rows, change));
        let Waiting { index, place, state, rows } = model;
        let differences = Differences::between(&rows, &self.rows);
        let digest = digest_of(&rows);
        let audited = Audited {
            place,
            generation: state.generation,
            version: state.version,
            is_stale: state.generation > 0 && state.version != self.version,
            checkpoint: state.checkpoint,
            digest,
            recorded: state.digest,
            expected: self.digest,
            is_equal: differences.count == 0 && digest == state.digest,
            rows: rows.0.into_iter().map(|(topic, rows)| (topic, rows.len() as u64)).collect(),
            differences,
        };
        self.done.insert(index, audited);
    }
}

fn put(tables: &mut Tables, Change { topic, key, row }: Change) {
    let table = tables.0.entry(topic.to_owned()).or_default();
    match row {
        Some(row) => table.insert(key.to_string(), row.to_string()),
        None => table.remove(&*key),
    };
}

fn digest_of(tables: &Tables) -> Digest {
    let mut digest = Digest::default();
    for (topic, rows) in &tables.0 {
        rows.iter().for_each(|(key, row)| digest.add(topic, key, row));
    }
    digest
}
