//! Reading the log: one page of every stream, at one moment, merged.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use kernel::{Checkpoint, Entry, Epoch, Number, Position};
use redis::{Pipeline, Value};

use super::{Redis, script};
use crate::{StoreError, engine::Page};

/// Up to here it is not worth asking topics for different numbers of entries.
const SMALL: usize = 64;

/// How many entries a page has at most, whatever was asked for: the whole of it is held in memory.
pub(super) const MOST_ENTRIES: usize = 1_000_000;

impl Redis {
    pub(in crate::engine) async fn head(&self) -> Result<Checkpoint, StoreError> {
        let streams: Vec<_> = self.0.topics.all().iter().map(|topic| self.keys().stream(topic)).collect();
        let head: (Option<String>, Option<String>, Option<String>) =
            self.run(&script::HEAD, &self.keys().head, |run| run.arg(&streams)).await?;
        self.read_head(head)
    }

    pub(in crate::engine) async fn read(&self, after: Position, limit: usize) -> Result<Page, StoreError> {
        let limit = limit.min(MOST_ENTRIES);
        let mut page = Page::default();
        loop {
            let topics = self.0.topics.all();
            let from = page.entries.last().map_or(after, Entry::position);
            let cut = self.read_topics(&topics, from, limit - page.entries.len()).await?;
            if self.0.topics.learn(&topics, cut.topics) {
                continue;
            }
            let more = !cut.is_whole && !cut.entries.is_empty();
            page.entries.extend(cut.entries);
            page.head = cut.head;
            if more && page.entries.len() < limit {
                continue;
            }
            // Another program may have written after the last commit; then the log ends later than its head.
            if let Some(last) = page.entries.last() {
                page.head.position = page.head.position.max(last.position());
            } else if page.head.position < after {
                let head = self.head().await?;
                if head.number > page.head.number {
                    // It has grown since: what came is read, before somebody takes it for lost.
                    continue;
                }
                page.head = head;
            }
            return Ok(page);
        }
    }

    /// What these topics hold after a position, at one moment.
    async fn read_topics(&self, topics: &[Arc<str>], after: Position, limit: usize) -> Result<Cut, StoreError> {
        let counts = self.0.shares.counts(topics, limit);
        let mut cut = Pipeline::with_capacity(topics.len() + 2);
        cut.atomic();
        cut.cmd("HMGET").arg(&self.keys().head).arg("epoch").arg("position").arg("number");
        cut.cmd("SMEMBERS").arg(&self.keys().topics);
        let from = after.successor().to_string();
        for (topic, count) in topics.iter().zip(&counts) {
            cut.cmd("XRANGE").arg(self.keys().stream(topic)).arg(&from).arg("+").arg("COUNT").arg(*count);
        }
        let confirm = self.0.confirm.map(|confirm| (confirm, self.keys().confirmed.as_str()));
        let answers = match self.0.bulk.send_transaction(&cut, confirm).await? {
            Some(answers) => answers,
            None => {
                let counts = topics.iter().zip(&counts).map(|(topic, count)| (self.keys().stream(topic), *count));
                let cut = self.run(&script::CUT, &self.keys().head, |run| {
                    run.arg(&self.keys().topics).arg(&from).arg(counts.collect::<Vec<_>>())
                });
                cut.await?
            }
        };
        let Value::Array(answers) = answers else {
            return Err(self.corrupt(&self.keys().head, "the log answered no list"));
        };
        let mut answers = answers.into_iter();
        let head = self.answer(&self.keys().head, answers.next().unwrap_or_default())?;
        let known = self.answer(&self.keys().topics, answers.next().unwrap_or_default())?;
        let pages = topics.iter().zip(answers).map(|(topic, answer)| self.entries_of(topic, answer));
        let (entries, is_whole) = merge(pages.collect::<Result<_, _>>()?, &counts, limit);
        if !is_whole {
            self.0.shares.learn(&entries);
        }
        Ok(Cut { entries, is_whole, head: self.read_head(head)?, topics: known })
    }

    pub(super) fn read_head(
        &self,
        (epoch, position, number): (Option<String>, Option<String>, Option<String>),
    ) -> Result<Checkpoint, StoreError> {
        let unreadable = || self.corrupt(&self.keys().head, "it is no head of a log");
        let position = position.map_or(Ok(Position::ZERO), |position| position.parse().map_err(|_| unreadable()))?;
        let number = number.map_or(Ok(0), |number| number.parse().map_err(|_| unreadable()))?;
        Ok(Checkpoint { epoch: Epoch(epoch.unwrap_or_default()), position, number: Number(number) })
    }

    pub(in crate::engine) async fn checkpoints(&self) -> Result<BTreeMap<String, Checkpoint>, StoreError> {
        let key = &self.keys().checkpoints;
        let all: BTreeMap<String, String> = self.hash(key).await?;
        let read = |(consumer, json): (String, String)| {
            let unreadable = |error: serde_json::Error| self.corrupt(&format!("{key} {consumer}"), &error.to_string());
            Ok((consumer.clone(), serde_json::from_str(&json).map_err(unreadable)?))
        };
        all.into_iter().map(read).collect()
    }

    async fn hash(&self, key: &str) -> Result<BTreeMap<String, String>, StoreError> {
        let mut all = redis::cmd("HGETALL");
        all.arg(key);
        let all = self.0.ordinary.send(&all).await?;
        self.answer(key, all)
    }
}

/// What some topics held at one moment.
struct Cut {
    entries: Vec<Entry>,
    /// Whether there was nothing after these entries.
    is_whole: bool,
    head: Checkpoint,
    /// All topics that the log has noted.
    topics: Vec<String>,
}

/// The first `limit` entries of all pages in log order, or fewer where a page does not reach that far, or more
/// so as not to part equal positions; and whether that is all there is.
///
/// A page that holds as many entries as were asked for may go on after its last.
fn merge(pages: Vec<Vec<Entry>>, counts: &[usize], limit: usize) -> (Vec<Entry>, bool) {
    let full = pages.iter().zip(counts).filter(|(page, count)| page.len() >= **count);
    let horizon = full.filter_map(|(page, _)| page.last().map(Entry::position)).min();
    let mut entries: Vec<_> = pages.into_iter().flatten().collect();
    let all = entries.len();
    if let Some(horizon) = horizon {
        entries.retain(|entry| entry.position() <= horizon);
    }
    entries.sort_by(|a, b| (a.position(), a.topic()).cmp(&(b.position(), b.topic())));
    let mut end = entries.len().min(limit);
    while end > 0 && end < entries.len() && entries[end].position() == entries[end - 1].position() {
        end += 1;
    }
    entries.truncate(end);
    let is_whole = horizon.is_none() && entries.len() == all;
    (entries, is_whole)
}

/// How much of the log each topic has been lately.
///
/// One page of the log is one page of every topic, most of which would be thrown away if each were asked for
/// as many entries as the whole may hold.
#[derive(Debug, Default)]
pub(super) struct Shares(Mutex<BTreeMap<Arc<str>, f64>>);

impl Shares {
    /// How many entries to ask each topic for, so that `limit` of all come together, more or less.
    pub(super) fn counts(&self, topics: &[Arc<str>], limit: usize) -> Vec<usize> {
        let shares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let even = limit.div_ceil(topics.len().max(1));
        let count = |topic| {
            let share = if shares.is_empty() { 1.0 / topics.len() as f64 } else { *shares.get(topic).unwrap_or(&0.0) };
            // A quarter more, and what a topic that has just begun may need.
            ((share * limit as f64 * 1.25) as usize + even / 4 + 1).min(limit)
        };
        topics.iter().map(|topic| if limit <= SMALL { limit } else { count(topic) }).collect()
    }

    fn learn(&self, entries: &[Entry]) {
        if entries.len() <= SMALL {
            return;
        }
        let mut shares = BTreeMap::new();
        for entry in entries {
            *shares.entry(entry.topic().clone()).or_insert(0.0) += 1.0 / entries.len() as f64;
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = shares;
    }
}
