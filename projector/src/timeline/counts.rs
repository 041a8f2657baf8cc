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
