//! What changed between two moments.
//!
//! Two moments that are near each other differ in what the runs between them touched; each version names the
//! block of the one before it, so that the rows as they were are looked up where they are. Of two that are far apart, all rows
//! are compared.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use kernel::{Position, Row, Tables};
use runtime::StoreError;

use super::{
    Timeline, Version,
    disk::Cut,
    recent::{self, Recent, last_up_to},
};

/// Over how many runs it is looked what each touched, rather than all rows compared.
const NEAR: u32 = 8;

/// A row that is not the same at two moments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    /// The topic.
    pub topic: &'static str,
    /// The row's key.
    pub key: String,
    /// The row at the first moment; nothing where there was none.
    pub before: Option<Row>,
    /// The row at the second moment; nothing where there is none.
    pub after: Option<Row>,
}

/// A row as it was at the first moment.
#[derive(Clone, Debug)]
pub(super) enum Before {
    /// It is known.
    Known(Option<Row>),
    /// It is the last version in this block; none for 0.
    In(u32),
}

/// Rows that were touched between two moments, each with how it was before and how it is after.
pub(super) type Touched = BTreeMap<(&'static str, String), (Before, Option<Row>)>;

impl Timeline {
    /// The rows of these topics that are not the same at `from` and at `to`, by topic and key.
    ///
    /// # Errors
    /// When a store failed, or the log has lost events (R3).
    pub async fn changes(&self, from: Position, to: Position, topics: &[&str]) -> Result<Vec<RowChange>, StoreError> {
        let mut names: Vec<_> = topics.iter().filter_map(|topic| self.topic(topic)).map(|topic| topic.name).collect();
        names.sort_unstable();
        names.dedup();
        if from > to {
            let changes = Box::pin(self.changes(to, from, topics)).await?;
            let turned = |change| {
                let RowChange { topic, key, before, after } = change;
                RowChange { topic, key, before: after, after: before }
            };
            return Ok(changes.into_iter().map(turned).collect());
        }
        match self.touched(from, to, &names).await? {
            Some(changes) => Ok(changes),
            None => {
                let [before, after] = [self.tables(&names, from).await?, self.tables(&names, to).await?];
                Ok(names.into_iter().flat_map(|topic| compare(topic, &before, &after)).collect())
            }
        }
    }

    /// The same by what was touched in between; nothing when that is much, or was not written down.
    async fn touched(
        &self,
        from: Position,
        to: Position,
        topics: &[&'static str],
    ) -> Result<Option<Vec<RowChange>>, StoreError> {
        // There are few readers of the file: who waits for the keeper waits before there is one to hold.
        self.0.is_kept_up_to(to).await;
        let mut ground = self.0.ground(from).await?;
        let base = ground.base.position;
        let Some(cut) = ground.cut() else { return Ok(None) };
        let mut touched = Touched::new();
        if from < base {
            for topic in topics {
                if !cut.touched(topic, (from, to.min(base)), NEAR, &mut touched).await? {
                    return Ok(None);
                }
            }
        }
        if to > base {
            let read = |recent: &Recent| recent.touched((from, to), topics, &mut touched);
            if self.0.kept(&ground.base, to, read).await.is_none() {
                return Ok(None);
            }
        }
        let Some(cut) = ground.cut() else { return Ok(None) };
        resolve(cut, from, touched).await.map(Some)
    }
}

impl Recent {
    /// Adds what was touched after `from`, up to and at `to`, to what was touched before that.
    fn touched(&self, (from, to): (Position, Position), topics: &[&'static str], touched: &mut Touched) {
        for topic in topics {
            for (key, versions) in self.rows(topic) {
                let after = last_up_to(versions, to).filter(|version| version.position > from);
                let Some(Version { row, .. }) = after else { continue };
                let known = touched.entry((topic, key.to_string())).or_insert_with(|| {
                    let before = last_up_to(versions, from).map(|version| Before::Known(version.row.clone()));
                    let before =
                        before.unwrap_or_else(|| Before::In(self.living.block(recent::name(topic, key)).unwrap_or(0)));
                    (before, None)
                });
                known.1.clone_from(row);
            }
        }
    }
}

/// Looks up how the rows were before, and leaves out those that are as they were.
async fn resolve(cut: &mut Cut, from: Position, touched: Touched) -> Result<Vec<RowChange>, StoreError> {
    let mut wanted: BTreeMap<&'static str, HashSet<(u32, String)>> = BTreeMap::new();
    for ((topic, key), (before, _)) in &touched {
        if let Before::In(block @ 1..) = before {
            wanted.entry(topic).or_default().insert((*block, key.clone()));
        }
    }
    let mut found = BTreeMap::new();
    for (topic, wanted) in wanted {
        found.insert(topic, cut.in_blocks(wanted, from).await?);
    }
    let mut changes = Vec::with_capacity(touched.len());
    for ((topic, key), (before, after)) in touched {
        let before = match before {
            Before::Known(row) => row,
            Before::In(0) => None,
            Before::In(block) => match found.get_mut(topic).and_then(|found| found.remove(&(block, key.clone()))) {
                Some(row) => row,
                // The block was dropped; a keyframe has it.
                None => {
                    let at = from.min(cut.state.checkpoint.position);
                    cut.last(topic, &key, at).await?.and_then(|version| version.row)
                }
            },
        };
        if before != after {
            changes.push(RowChange { topic, key, before, after });
        }
    }
    Ok(changes)
}

/// The rows of a topic that are not the same.
fn compare(topic: &'static str, before: &Tables, after: &Tables) -> Vec<RowChange> {
    fn row<'t>(tables: &'t Tables, topic: &str, key: &str) -> Option<&'t str> {
        tables.0.get(topic)?.get(key).map(String::as_str)
    }
    let keys: BTreeSet<_> = before.rows(topic).chain(after.rows(topic)).map(|(key, _)| key).collect();
    let rows = keys.into_iter().map(|key| (key, row(before, topic, key), row(after, topic, key)));
    let changed = rows.filter(|(_, before, after)| before != after);
    let change = |(key, before, after): (&str, Option<&str>, Option<&str>)| RowChange {
        topic,
        key: key.to_owned(),
        before: before.map(Row::from),
        after: after.map(Row::from),
    };
    changed.map(change).collect()
}
