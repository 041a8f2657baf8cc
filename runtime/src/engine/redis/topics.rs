//! Which topics the log holds, as far as this process knows.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
};

use crate::engine::DECISIONS;

/// The domain's topics, the log's own, and those that it was found to hold besides; never empty.
#[derive(Debug)]
pub(super) struct Topics(RwLock<BTreeSet<Arc<str>>>);

impl Topics {
    pub(super) fn of(topics: &[&str]) -> Self {
        Self(RwLock::new(topics.iter().copied().chain([DECISIONS]).map(Arc::from).collect()))
    }

    /// All of them, in order.
    pub(super) fn all(&self) -> Vec<Arc<str>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Takes note of topics; tells whether any was new.
    pub(super) fn learn<T: AsRef<str>>(&self, topics: impl IntoIterator<Item = T>) -> bool {
        let known = |topic: &T| self.0.read().unwrap_or_else(PoisonError::into_inner).contains(topic.as_ref());
        let new: Vec<Arc<str>> =
            topics.into_iter().filter(|topic| !known(topic)).map(|topic| Arc::from(topic.as_ref())).collect();
        let any = !new.is_empty();
        if any {
            self.0.write().unwrap_or_else(PoisonError::into_inner).extend(new);
        }
        any
    }
}
