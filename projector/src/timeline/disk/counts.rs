//! How many rows each topic has: as of the end of a run it is written down, and what a run does up to a position in it
//! is added.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use kernel::{Domain, Position};
use rayon::prelude::*;
use runtime::StoreError;

use super::{Cut, bytes, read_position};
use crate::timeline::block::{self, Packed};

/// How many runs are remembered that were looked into: who asks for one position asks for its neighbours.
const REMEMBERED: usize = 32;

/// How many rows each topic has; nothing where that is not known.
pub(in crate::timeline) type Counts = BTreeMap<&'static str, Option<u64>>;

/// What a run does to the number of rows: after which position, of which topic, by how many.
#[derive(Debug, Default)]
pub(super) struct Growth {
    topics: Vec<String>,
    steps: Vec<(Position, u16, i8)>,
}

/// What some runs do to the numbers of rows, the last ones asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Known(Arc<Mutex<Runs>>);

/// By the run's number, which is never used again.
type Runs = VecDeque<(u32, Arc<Growth>)>;

impl Known {
    fn get(&self, run: u32) -> Option<Arc<Growth>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(of, _)| *of == run).map(|(_, growth)| growth.clone())
    }

    fn put(&self, run: u32, growth: Arc<Growth>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.truncate(REMEMBERED - 1);
        known.push_front((run, growth));
    }
}

impl Growth {
    /// What the blocks of a run say; nothing when one is no block.
    fn of(blocks: &[(String, Vec<u8>)]) -> Option<Self> {
        let mut topics: Vec<_> = blocks.iter().map(|(topic, _)| topic.clone()).collect();
        topics.dedup();
        let steps: Option<Vec<_>> = blocks.par_iter().map(|(topic, packed)| steps(&topics, topic, packed)).collect();
        let mut steps = steps?.concat();
        steps.sort_unstable();
        Some(Self { topics, steps })
    }

    /// By how many the rows of each topic have grown up to `at`.
    fn up_to(&self, at: Position) -> BTreeMap<&str, i64> {
        let mut grown = BTreeMap::new();
        for (_, topic, by) in self.steps.iter().take_while(|(position, ..)| *position <= at) {
            *grown.entry(self.topics[usize::from(*topic)].as_str()).or_default() += i64::from(*by);
        }
        grown
    }
}

/// What a block of a topic says.
fn steps(topics: &[String], topic: &str, packed: &[u8]) -> Option<Vec<(Position, u16, i8)>> {
    let topic = topics.iter().position(|known| known == topic).and_then(|index| u16::try_from(index).ok())?;
    let text = block::unpack(packed)?;
    let step = |version: Option<Packed<'_>>| {
        let version = version?;
        Some((version.position, topic, version.growth()))
    };
    block::versions(&text).map(step).filter(|step| step.is_none_or(|(.., by)| by != 0)).collect()
}

impl Packed<'_> {
    /// By how many rows its topic grows with it.
    pub(in crate::timeline) fn growth(&self) -> i8 {
        i8::from(self.row.is_some()) - i8::from(self.before != 0)
    }
}

impl Cut {
    /// How many rows each topic has as of `at`, which the file must reach.
    pub(in crate::timeline) async fn counts(&mut self, domain: &Domain, at: Position) -> Result<Counts, StoreError> {
        let sql = "SELECT id, until FROM run WHERE until <= ? ORDER BY until DESC, id DESC LIMIT 1";
        let before = sqlx::query_as(sql).bind(bytes(at)).fetch_optional(&mut *self.transaction).await;
        let before: Option<(u32, Vec<u8>)> = before.map_err(self.failed())?;
        let totals = match &before {
            None => domain.topics().map(|topic| (topic.name.to_owned(), 0)).collect(),
            Some((run, _)) => {
                let sql = sqlx::query_as("SELECT topic, rows FROM total WHERE run = ?").bind(run);
                let totals: Vec<(String, i64)> = sql.fetch_all(&mut *self.transaction).await.map_err(self.failed())?;
                totals
            }
        };
        let mut totals: BTreeMap<String, i64> = totals.into_iter().collect();
        let is_at_end = before.is_some_and(|(_, until)| read_position(&until) == Some(at));
        if !is_at_end && let Some(growth) = self.growth_at(at).await? {
            for (topic, by) in growth.up_to(at) {
                totals.entry(topic.to_owned()).and_modify(|rows| *rows += by);
            }
        }
        let count = |topic: &str| totals.get(topic).and_then(|rows| u64::try_from(*rows).ok());
        Ok(domain.topics().map(|topic| (topic.name, count(topic.name))).collect())
    }

    /// What the run does that a position is in; nothing where that is after the last.
    async fn growth_at(&mut self, at: Position) -> Result<Option<Arc<Growth>>, StoreError> {
        let sql = "SELECT id FROM run WHERE until > ? AND base <> id ORDER BY until, id LIMIT 1";
        let run = sqlx::query_scalar(sql).bind(bytes(at)).fetch_optional(&mut *self.transaction).await;
        let run: Option<u32> = run.map_err(self.failed())?;
        let Some(run) = run else { return Ok(None) };
        if let Some(growth) = self.known.get(run) {
            return Ok(Some(growth));
        }
        let sql = sqlx::query_as("SELECT topic, packed FROM block WHERE run = ? ORDER BY topic").bind(run);
        let blocks: Vec<(String, Vec<u8>)> = sql.fetch_all(&mut *self.transaction).await.map_err(self.failed())?;
        let growth = tokio::task::spawn_blocking(move || Growth::of(&blocks)).await;
        let growth = Arc::new(self.worked(growth)?.ok_or_else(|| Self::corrupt(&self.file))?);
        self.known.put(run, growth.clone());
        Ok(Some(growth))
    }
}
