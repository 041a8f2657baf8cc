//! How many rows each topic had at a position.

use std::collections::BTreeMap;

use kernel::Position;
use runtime::StoreError;

use super::{
    Timeline,
    recent::{Recent, last_up_to},
};

impl Timeline {
    /// How many rows each topic of the domain had at `at`; nothing where that can't be told without a look at all of
    /// them: where nobody keeps what the file lacks, or an older program has written the file.
    ///
    /// # Errors
    /// When a store failed, or the log has lost events (R3).
    pub async fn counts(&self, at: Position) -> Result<BTreeMap<&'static str, Option<u64>>, StoreError> {
        let domain = &self.0.domain;
        // There are few readers of the file: who waits for the keeper waits before there is one to hold.
        self.0.is_kept_up_to(at).await;
        let mut ground = self.0.ground(at).await?;
        let base = ground.base.clone();
        let mut counts = match ground.cut() {
            Some(cut) => cut.counts(domain, at.min(base.position)).await?,
            None => domain.topics().map(|topic| (topic.name, Some(0))).collect(),
        };
        drop(ground);
        if at > base.position {
            let grown = self.0.kept(&base, at, |recent| recent.grown(base.position, at)).await;
            for (topic, count) in &mut counts {
                let by = grown.as_ref().map(|grown| grown.get(topic).copied().unwrap_or(0));
                *count = count.zip(by).and_then(|(count, by)| count.checked_add_signed(by));
            }
        }
        Ok(counts)
    }
}

impl Recent {
    /// By how many the rows of each topic have grown after `from`, up to and at `to`.
    fn grown(&self, from: Position, to: Position) -> BTreeMap<&'static str, i64> {
        let mut grown = BTreeMap::new();
        for (topic, before, versions) in self.all() {
            let existed = last_up_to(versions, from).map_or(before.is_some(), |version| version.row.is_some());
            let exists = last_up_to(versions, to).map_or(existed, |version| version.row.is_some());
            *grown.entry(topic).or_default() += i64::from(exists) - i64::from(existed);
        }
        grown
    }
}

#[cfg(test)]
mod tests {
    use kernel::{CREATED, Checkpoint, DELETED, Domain, Entity, Event, Field, Meta, Topic};
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::timeline::recent::{Living, Scope, Versions, name};

    #[derive(Serialize, Deserialize)]
    struct Tree {
        entity_id: String,
        name: String,
    }

    impl Entity for Tree {
        const TOPIC: &'static str = "tree";

        fn topic() -> Topic {
            Topic::entity(Self::TOPIC, "trees", "forest", vec![Field::text("name").or_empty()])
        }
    }

    /// Between the write of a run and its end in memory, memory begins before the file's end.
    #[test]
    fn what_the_file_has_already_is_not_counted_twice() {
        let mut living = Living::default();
        living.set(name("tree", "old"), Some(1));
        let domain = Domain::new("forest").entity::<Tree>();
        let mut recent = Recent::new(&domain, Checkpoint::default(), living, Scope::All, Versions::All);
        let events = [(CREATED, "a"), (DELETED, "old"), (CREATED, "b"), (DELETED, "a"), (CREATED, "a"), (CREATED, "a")];
        for (ms, (action, key)) in (1..).zip(events) {
            let event = Event {
                topic: "tree".into(),
                position: Position::new(ms, 0),
                number: None,
                id: ms.to_string(),
                action: action.into(),
                data: format!(r#"{{"entity_id":"{key}","name":""}}"#),
                meta: Meta::default(),
            };
            recent.take(&kernel::Entry::Event(event).as_seen());
        }
        let grown = |from, to| recent.grown(Position::new(from, 0), Position::new(to, 0))["tree"];
        let from_the_first = [1, 0, 1, 0, 1, 1];
        for (to, grown_by) in (1..).zip(from_the_first) {
            assert_eq!(grown(0, to), grown_by, "up to {to}");
            for from in 1..=to {
                assert_eq!(grown(from, to), grown_by - grown(0, from), "after {from} up to {to}");
            }
        }
    }
}
