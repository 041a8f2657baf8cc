//! Which topics the log holds, as far as this process knows.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
};

use kernel::{Draft, Epoch};

use crate::engine::DECISIONS;

/// The domain's topics, the log's own, and those that it was found to hold besides.
#[derive(Debug)]
pub(super) struct Topics {
    /// Never empty.
    known: RwLock<BTreeSet<Arc<str>>>,
    /// Those that this process has seen the log take note of, in this epoch: commits need not look again.
    noted: RwLock<(Epoch, BTreeSet<String>)>,
}

impl Topics {
    pub(super) fn of(topics: &[&str]) -> Self {
        let known = topics.iter().copied().chain([DECISIONS]).map(Arc::from).collect();
        Self { known: RwLock::new(known), noted: RwLock::default() }
    }

    /// All of them, in order.
    pub(super) fn all(&self) -> Vec<Arc<str>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Takes in topics; tells whether any is missing among those that the log was `asked` for, which come in order:
    /// somebody else may have taken it in meanwhile.
    pub(super) fn learn<T: AsRef<str>>(&self, asked: &[Arc<str>], topics: impl IntoIterator<Item = T>) -> bool {
        let is_missing = |topic: &T| asked.binary_search_by(|asked| (**asked).cmp(topic.as_ref())).is_err();
        let new: Vec<Arc<str>> = topics.into_iter().filter(is_missing).map(|topic| topic.as_ref().into()).collect();
        let any = !new.is_empty();
        if any {
            self.known.write().unwrap_or_else(PoisonError::into_inner).extend(new);
        }
        any
    }

    /// The epoch in which the log is known to have noted the topics of all these drafts; empty for none.
    pub(super) fn noted_in(&self, drafts: &[Draft]) -> Epoch {
        let noted = self.noted.read().unwrap_or_else(PoisonError::into_inner);
        if drafts.iter().all(|draft| noted.1.contains(&draft.topic)) { noted.0.clone() } else { Epoch::default() }
    }

    /// Takes in that the log has noted the topics of these drafts.
    pub(super) fn note(&self, epoch: &Epoch, drafts: &[Draft]) {
        if drafts.is_empty() || self.noted_in(drafts) == *epoch {
            return;
        }
        let mut noted = self.noted.write().unwrap_or_else(PoisonError::into_inner);
        if noted.0 != *epoch {
            *noted = (epoch.clone(), BTreeSet::new());
        }
        noted.1.extend(drafts.iter().map(|draft| draft.topic.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::Topics;

    #[test]
    fn a_topic_that_another_reader_learnt_of_meanwhile_is_new_to_who_did_not_ask_for_it() {
        let topics = Topics::of(&["tree"]);
        let asked = topics.all();
        assert!(!topics.learn(&asked, ["tree"]));
        for reader in ["the first", "the second"] {
            assert!(topics.learn(&asked, ["leaf", "tree"]), "{reader}");
        }
        assert!(!topics.learn(&topics.all(), ["leaf", "tree"]));
    }
}
