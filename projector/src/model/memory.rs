//! A read model in this process's memory: the specification of all kinds in the least code.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::{Position, Tables};
use tokio::sync::watch;

use super::{Changes, ModelState};

/// The slot of the generation that readers see; another generation's slot is its number.
const SERVED: u64 = 0;

/// A read model in this process's memory. Clones share it.
#[derive(Clone, Debug)]
pub struct MemoryModel {
    slots: Arc<Mutex<BTreeMap<u64, Generation>>>,
    /// Which generation this handle reads and writes.
    slot: u64,
    reached: watch::Sender<Position>,
}

#[derive(Debug, Default)]
struct Generation {
    state: ModelState,
    tables: Tables,
}

impl MemoryModel {
    /// An empty read model.
    #[must_use]
    pub fn new() -> Self {
        let slots = BTreeMap::from([(SERVED, Generation::default())]);
        Self { slots: Arc::new(Mutex::new(slots)), slot: SERVED, reached: watch::Sender::default() }
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<u64, Generation>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T: Default>(&self, read: impl FnOnce(&Generation) -> T) -> T {
        self.slots().get(&self.slot).map(read).unwrap_or_default()
    }

    pub(super) fn row(&self, topic: &str, key: &str) -> Option<String> {
        self.read(|model| model.tables.0.get(topic)?.get(key).cloned())
    }

    pub(super) fn rows(&self, keys: &[(&'static str, &str)]) -> BTreeMap<(String, String), String> {
        self.read(|model| {
            let keyed = |&(topic, key): &(&'static str, &str)| {
                let row = model.tables.0.get(topic)?.get(key)?;
                Some(((topic.to_owned(), key.to_owned()), row.clone()))
            };
            keys.iter().filter_map(keyed).collect()
        })
    }

    pub(super) fn tables(&self, topics: &[&str]) -> (Tables, ModelState) {
        self.read(|model| {
            let table = |topic: &&str| (*topic).to_owned();
            let rows = |topic: &&str| model.tables.0.get(*topic).cloned().unwrap_or_default();
            (Tables(topics.iter().map(|topic| (table(topic), rows(topic))).collect()), model.state.clone())
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
        let mut slots = self.slots();
        let Some(model) = slots.get_mut(&self.slot).filter(|model| model.state == changes.from) else { return false };
        for change in &changes.rows {
            let table = model.tables.0.entry(change.topic.to_owned()).or_default();
            match &change.row {
                Some(row) => table.insert(change.key.to_string(), row.to_string()),
                None => table.remove(&*change.key),
            };
        }
        model.state = changes.to.clone();
        self.reached.send_replace(changes.to.checkpoint.position);
        true
    }

    pub(super) fn begin(&self, generation: u64) -> Self {
        let begun =
            || Generation { state: ModelState { generation, ..ModelState::default() }, ..Generation::default() };
        let reached = self.slots().entry(generation).or_insert_with(begun).state.checkpoint.position;
        Self { slots: self.slots.clone(), slot: generation, reached: watch::Sender::new(reached) }
    }

    pub(super) fn serve(&self, from: &ModelState, to: &ModelState) -> bool {
        let mut slots = self.slots();
        let stands = |slot, at: &ModelState| slots.get(&slot).is_some_and(|model| model.state == *at);
        if !stands(SERVED, from) || !stands(to.generation, to) {
            return false;
        }
        if let Some(built) = slots.remove(&to.generation)
            && let Some(served) = slots.insert(SERVED, built)
            && from.generation != SERVED
        {
            slots.insert(from.generation, served);
        }
        self.reached.send_replace(to.checkpoint.position);
        true
    }

    pub(super) fn discard(&self, generation: u64) {
        if generation != SERVED {
            self.slots().remove(&generation);
        }
    }
}

impl Default for MemoryModel {
    fn default() -> Self {
        Self::new()
    }
}
