//! A page of a topic's rows, by key: the cost is that of what is on the page, not of the topic.

use std::{collections::BTreeMap, sync::Arc};

use kernel::{Position, Row};
use runtime::StoreError;

use super::{
    Timeline, Version, block,
    recent::{self, Recent},
};

/// What stands for a run where a version is not in the file yet: later than every run.
const YOUNG: u32 = u32::MAX;

/// Some rows of a topic as they stood at a position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowPage {
    /// The rows in order of keys, each with its key.
    pub rows: Vec<(String, Row)>,
    /// The key to go on after; nothing where these are the last rows.
    pub next: Option<String>,
}

impl Timeline {
    /// The rows of a topic as they stood at `at` whose keys come after `after`, the first `limit` of them.
    ///
    /// # Errors
    /// When a store failed, or the log has lost events (R3).
    pub async fn page(
        &self,
        topic: &str,
        at: Position,
        after: Option<&str>,
        limit: usize,
    ) -> Result<RowPage, StoreError> {
        let Some(topic) = self.topic(topic) else { return Ok(RowPage::default()) };
        let mut merge = Merge::new(at, after.unwrap_or_default(), limit);
        // There are few readers of the file: who waits for the keeper waits before there is one to hold.
        self.0.is_kept_up_to(at).await;
        let mut ground = self.0.ground(at).await?;
        if at > ground.base.position {
            let young = self.0.kept(&ground.base, at, |recent| recent.after_key(topic.name, &merge.after, at)).await;
            let Some(young) = young else {
                drop(ground);
                return self.page_of_all(topic.name, merge).await;
            };
            young.into_iter().for_each(|(key, row)| merge.put(YOUNG, &key, row));
        }
        let at = at.min(ground.base.position);
        match ground.cut() {
            Some(cut) => cut.page(&topic, at, &mut merge).await?,
            None => merge.settle(None),
        }
        Ok(merge.page())
    }

    /// The same out of all rows, where nobody keeps what the file lacks.
    async fn page_of_all(&self, topic: &'static str, mut merge: Merge) -> Result<RowPage, StoreError> {
        let mut tables = self.tables(&[topic], merge.at).await?;
        for (key, row) in tables.0.remove(topic).unwrap_or_default() {
            if key > merge.after && !merge.is_full() {
                merge.rows.push((key, row.into()));
            }
        }
        Ok(merge.page())
    }
}

impl Recent {
    /// The last versions up to `at` of a topic's rows whose keys come after `after`.
    fn after_key(&self, topic: &str, after: &str, at: Position) -> Vec<(Arc<str>, Option<Row>)> {
        let rows = self.rows(topic).filter(|(key, _)| &***key > after);
        let last = |(key, versions): (&Arc<str>, &[Version])| {
            recent::last_up_to(versions, at).map(|version| (key.clone(), version.row.clone()))
        };
        rows.filter_map(last).collect()
    }
}

/// Rows by key, out of runs that are read in step.
#[derive(Debug)]
pub(super) struct Merge {
    at: Position,
    after: String,
    limit: usize,
    /// What was read of and may have a later version in what was not: the latest run that has the key, and the row.
    pending: BTreeMap<String, (u32, Option<Row>)>,
    /// What is certain, one more than `limit` at most.
    rows: Vec<(String, Row)>,
}

impl Merge {
    fn new(at: Position, after: &str, limit: usize) -> Self {
        Self { at, after: after.to_owned(), limit, pending: BTreeMap::new(), rows: Vec::new() }
    }

    pub(super) fn after(&self) -> &str {
        &self.after
    }

    fn put(&mut self, run: u32, key: &str, row: Option<Row>) {
        match self.pending.get_mut(key) {
            Some(known) if known.0 > run => {}
            Some(known) => *known = (run, row),
            None => {
                self.pending.insert(key.to_owned(), (run, row));
            }
        }
    }

    /// Takes in what a block of a run holds, whose blocks come in order; gives its last key. Nothing when it is no block.
    pub(super) fn put_block(&mut self, run: u32, packed: &[u8]) -> Option<String> {
        let text = block::unpack(packed)?;
        let mut last = "";
        for version in block::versions(&text) {
            let version = version?;
            last = version.key;
            if version.position <= self.at && version.key > &*self.after {
                self.put(run, version.key, version.row.map(Row::from));
            }
        }
        Some(last.to_owned())
    }

    /// Makes rows of everything before the key `bound`: nothing more comes of that.
    pub(super) fn settle(&mut self, bound: Option<&str>) {
        while !self.is_full()
            && let Some(first) = self.pending.first_entry()
            && bound.is_none_or(|bound| &**first.key() < bound)
        {
            let (key, (_, row)) = first.remove_entry();
            self.rows.extend(row.map(|row| (key, row)));
        }
    }

    /// Whether it is known what is on the page, and whether there is more.
    pub(super) const fn is_full(&self) -> bool {
        self.rows.len() > self.limit
    }

    fn page(mut self) -> RowPage {
        let more = self.is_full();
        self.rows.truncate(self.limit);
        let next = self.rows.last().filter(|_| more).map(|(key, _)| key.clone());
        RowPage { rows: self.rows, next }
    }
}
