//! A read model in this process's memory: the specification of all kinds in the least code.

mod rebuild;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::{Position, Row, Tables};
pub(super) use rebuild::Right;
use runtime::{StoreError, engine::Line};
use tokio::{sync::watch, time::Instant};

use super::{Change, Changes, ModelState, Stage};

/// The slot of the generation that readers see; another generation's slot is its number.
const SERVED: u64 = 0;

/// A read model in this process's memory. Clones share it.
#[derive(Clone, Debug)]
pub struct MemoryModel {
    shared: Arc<Mutex<Shared>>,
    /// Which generation this handle reads and writes.
    slot: u64,
    reached: watch::Sender<Position>,
    /// What is in between, in a simulated world.
    line: Option<Line>,
}

#[derive(Debug)]
struct Shared {
    slots: BTreeMap<u64, Slot>,
    /// Who has the right to rebuild.
    holder: Option<String>,
    /// How far the rebuild has come, and when that was told.
    told: Option<(Instant, String)>,
}

/// A generation.
#[derive(Debug)]
struct Slot {
    state: ModelState,
    /// Rows by topic and key, shared with whoever wrote them.
    tables: BTreeMap<&'static str, BTreeMap<Arc<str>, Row>>,
    stage: Stage,
    plan: String,
}

impl Slot {
    fn new(generation: u64, plan: &str) -> Self {
        let state = ModelState { generation, ..ModelState::default() };
        Self { state, tables: BTreeMap::new(), stage: Stage::Building, plan: plan.to_owned() }
    }

    fn change(&mut self, rows: &[Change], to: &ModelState) {
        for change in rows {
            let table = self.tables.entry(change.topic).or_default();
            match &change.row {
                Some(row) => table.insert(change.key.clone(), row.clone()),
                None => table.remove(&*change.key),
            };
        }
        self.state = to.clone();
    }
}

impl MemoryModel {
    /// An empty read model.
    #[must_use]
    pub fn new() -> Self {
        let slots = BTreeMap::from([(SERVED, Slot::new(SERVED, ""))]);
        let shared = Shared { slots, holder: None, told: None };
        Self { shared: Arc::new(Mutex::new(shared)), slot: SERVED, reached: watch::Sender::default(), line: None }
    }

    /// The same read model at the other end of a line, which has faults.
    #[must_use]
    pub fn over(&self, line: Line) -> Self {
        Self { line: Some(line), ..self.clone() }
    }

    /// Asks it for something: it answers at once, unless there is a line in between.
    pub(super) async fn ask<T>(&self, what: &str, perform: impl FnOnce() -> T) -> Result<T, StoreError> {
        match &self.line {
            None => Ok(perform()),
            Some(line) => line.ask(what.to_owned(), perform).await,
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T: Default>(&self, read: impl FnOnce(&Slot) -> T) -> T {
        self.shared().slots.get(&self.slot).map(read).unwrap_or_default()
    }

    pub(super) fn row(&self, topic: &str, key: &str) -> Option<String> {
        self.read(|model| model.tables.get(topic)?.get(key).map(ToString::to_string))
    }

    pub(super) fn rows(&self, keys: &[(&'static str, &str)]) -> BTreeMap<(String, String), String> {
        self.read(|model| {
            let keyed = |&(topic, key): &(&'static str, &str)| {
                let row = model.tables.get(topic)?.get(key)?;
                Some(((topic.to_owned(), key.to_owned()), row.to_string()))
            };
            keys.iter().filter_map(keyed).collect()
        })
    }

    pub(super) fn tables(&self, topics: &[&str]) -> (Tables, ModelState) {
        self.read(|model| {
            let own = |(key, row): (&Arc<str>, &Row)| (key.to_string(), row.to_string());
            let table = |topic: &&str| {
                let rows = model.tables.get(*topic).into_iter().flatten();
                ((*topic).to_owned(), rows.map(own).collect())
            };
            (Tables(topics.iter().map(table).collect()), model.state.clone())
        })
    }

    pub(super) fn state(&self) -> ModelState {
        self.read(|model| model.state.clone())
    }

    pub(super) async fn reached(&self, position: Position, most: Duration) -> bool {
        let mut reached = self.reached.subscribe();
        tokio::time::timeout(most, reached.wait_for(|at| *at >= position)).await.is_ok()
    }

    pub(super) fn write(&self, changes: &Changes) -> bool {
        let mut shared = self.shared();
        let slot = shared.slots.get_mut(&self.slot).filter(|slot| slot.state == changes.from);
        let Some(slot) = slot else { return false };
        slot.change(&changes.rows, &changes.to);
        self.reached.send_replace(changes.to.checkpoint.position);
        true
    }
}

impl Default for MemoryModel {
    fn default() -> Self {
        Self::new()
    }
}
