//! A read model in this process's memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::{Position, Tables};
use tokio::sync::watch;

use super::{Changes, ModelState};

/// A read model in this process's memory. Clones share it.
#[derive(Clone, Debug)]
pub struct MemoryModel(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rows: Mutex<Rows>,
    reached: watch::Sender<Position>,
}

#[derive(Debug, Default)]
struct Rows {
    state: ModelState,
    tables: Tables,
}

impl MemoryModel {
    /// An empty read model.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Inner { rows: Mutex::default(), reached: watch::Sender::default() }))
    }

    fn rows_now(&self) -> MutexGuard<'_, Rows> {
        self.0.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn row(&self, topic: &str, key: &str) -> Option<String> {
        self.rows_now().tables.0.get(topic)?.get(key).cloned()
    }

    pub(super) fn rows(&self, keys: &[(&'static str, &str)]) -> BTreeMap<(String, String), String> {
        let row = |(topic, key): &(&'static str, &str)| Some((((*topic).into(), (*key).into()), self.row(topic, key)?));
        keys.iter().filter_map(row).collect()
    }

    pub(super) fn tables(&self, topics: &[&str]) -> (Tables, ModelState) {
        let rows = self.rows_now();
        let table = |topic: &&str| Some(((*topic).to_owned(), rows.tables.0.get(*topic)?.clone()));
        (Tables(topics.iter().filter_map(table).collect()), rows.state.clone())
    }

    pub(super) fn state(&self) -> ModelState {
        self.rows_now().state.clone()
    }

    pub(super) async fn reached(&self, position: Position, most: Duration) -> bool {
        let mut reached = self.0.reached.subscribe();
        tokio::time::timeout(most, reached.wait_for(|at| *at >= position)).await.is_ok()
    }

    pub(super) fn write(&self, changes: &Changes) -> bool {
        let mut rows = self.rows_now();
        if rows.state != changes.from {
            return false;
        }
        for change in &changes.rows {
            let table = rows.tables.0.entry(change.topic.to_owned()).or_default();
            match &change.row {
                Some(row) => table.insert(change.key.to_string(), row.to_string()),
                None => table.remove(&*change.key),
            };
        }
        rows.state = changes.to.clone();
        drop(rows);
        self.0.reached.send_replace(changes.to.checkpoint.position);
        true
    }
}

impl Default for MemoryModel {
    fn default() -> Self {
        Self::new()
    }
}
