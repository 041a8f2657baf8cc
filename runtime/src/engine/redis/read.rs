//! Reading the log: one page of every stream, at one moment, merged.

use std::{collections::BTreeMap, sync::Arc};

use kernel::{Checkpoint, Entry, Epoch, Number, Position};
use redis::{Pipeline, Value};

use super::{Redis, decode, script};
use crate::{Parked, StoreError, engine::Page};

/// How many entries a page has at most, whatever was asked for: the whole of it is held in memory.
const MOST_ENTRIES: usize = 1_000_000;

impl Redis {
    pub(in crate::engine) async fn head(&self) -> Result<Checkpoint, StoreError> {
        let streams: Vec<_> = self.0.topics.all().iter().map(|topic| self.keys().stream(topic)).collect();
        let head: (Option<String>, Option<String>, Option<String>) =
            self.run(&script::HEAD, &self.keys().head, |run| run.arg(&streams)).await?;
        self.read_head(head)
    }

    pub(in crate::engine) async fn read(&self, after: Position, limit: usize) -> Result<Page, StoreError> {
        loop {
            let topics = self.0.topics.all();
            let (mut page, known) = self.read_topics(&topics, after, limit.min(MOST_ENTRIES)).await?;
            if self.0.topics.learn(known) {
                continue;
            }
            // Another program may have written after the last commit; then the log ends later than its head.
            if let Some(last) = page.entries.last() {
                page.head.position = page.head.position.max(last.position());
            } else if page.head.position < after {
                page.head = self.head().await?;
            }
            return Ok(page);
        }
    }

    /// One page of these topics, and the names of all topics that the log holds.
    async fn read_topics(
        &self,
        topics: &[Arc<str>],
        after: Position,
        limit: usize,
    ) -> Result<(Page, Vec<String>), StoreError> {
        let mut cut = Pipeline::with_capacity(topics.len() + 2);
        cut.atomic();
        cut.cmd("HMGET").arg(&self.keys().head).arg("epoch").arg("position").arg("number");
        cut.cmd("SMEMBERS").arg(&self.keys().topics);
        let from = after.successor().to_string();
        for topic in topics {
            cut.cmd("XRANGE").arg(self.keys().stream(topic)).arg(&from).arg("+").arg("COUNT").arg(limit);
        }
        let answers = self.0.bulk.send_all(&cut).await?.pop().unwrap_or_default();
        let Value::Array(answers) = answers.extract_error().map_err(|error| self.fault(&error))? else {
            return Err(self.corrupt(&self.keys().head, "EXEC answered no list"));
        };
        let mut answers = answers.into_iter();
        let head = self.answer(&self.keys().head, answers.next().unwrap_or_default())?;
        let known = self.answer(&self.keys().topics, answers.next().unwrap_or_default())?;
        let pages = topics.iter().zip(answers).map(|(topic, answer)| {
            let entries = decode::entries(topic, answer);
            entries.ok_or_else(|| self.corrupt(&self.keys().stream(topic), "XRANGE answered no entries"))
        });
        let entries = merge(pages.collect::<Result<_, _>>()?, limit);
        Ok((Page { entries, head: self.read_head(head)? }, known))
    }

    fn read_head(
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

    pub(in crate::engine) async fn parked(&self) -> Result<Vec<Parked>, StoreError> {
        let key = &self.keys().parked;
        let all: BTreeMap<String, String> = self.hash(key).await?;
        let read = |(field, json): (String, String)| {
            serde_json::from_str(&json).map_err(|error| self.corrupt(&format!("{key} {field}"), &error.to_string()))
        };
        let mut parked: Vec<Parked> = all.into_iter().map(read).collect::<Result<_, _>>()?;
        parked.sort_by(|a, b| (&a.consumer, a.position).cmp(&(&b.consumer, b.position)));
        Ok(parked)
    }

    async fn hash(&self, key: &str) -> Result<BTreeMap<String, String>, StoreError> {
        let mut all = redis::cmd("HGETALL");
        all.arg(key);
        let all = self.0.ordinary.send(&all).await?;
        self.answer(key, all)
    }
}

/// The first `limit` entries of all pages in log order, or fewer where a page may not reach that far, or more
/// so as not to part equal positions.
fn merge(pages: Vec<Vec<Entry>>, limit: usize) -> Vec<Entry> {
    let horizon = decode::horizon(&pages, limit);
    let mut entries: Vec<_> = pages.into_iter().flatten().filter(|entry| entry.position() <= horizon).collect();
    entries.sort_by(|a, b| (a.position(), a.topic()).cmp(&(b.position(), b.topic())));
    let mut end = entries.len().min(limit);
    while end > 0 && end < entries.len() && entries[end].position() == entries[end - 1].position() {
        end += 1;
    }
    entries.truncate(end);
    entries
}
