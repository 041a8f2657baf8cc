//! Single places in the log: every stream is an index of its own.

use kernel::{Checkpoint, Entry, Epoch, Position};
use redis::{Pipeline, Value};

use super::{Redis, script};
use crate::{StoreError, engine::moments::checkpoint_at};

/// How many commands go out at once: their answers are held in memory all together.
const COMMANDS: usize = 1_024;

impl Redis {
    pub(in crate::engine) async fn last_at(&self, position: Position) -> Result<Checkpoint, StoreError> {
        loop {
            let topics = self.0.topics.all();
            let streams: Vec<_> = topics.iter().map(|topic| self.keys().stream(topic)).collect();
            let last = self.run(&script::LAST, &self.keys().head, |run| {
                run.arg(&self.keys().topics).arg(position.to_string()).arg(&streams)
            });
            let (epoch, known, answers): (String, Vec<String>, Vec<Value>) = last.await?;
            if self.0.topics.learn(&topics, known) {
                continue;
            }
            let mut entries = Vec::with_capacity(topics.len());
            for (topic, answer) in topics.iter().zip(answers) {
                entries.extend(self.entries_of(topic, answer)?);
            }
            // Topics come in order, and of equal positions the last one counts (R1).
            let last = entries.iter().max_by_key(|entry| entry.position());
            return Ok(checkpoint_at(last, Checkpoint { epoch: Epoch(epoch), ..Checkpoint::default() }));
        }
    }

    /// The entries at these positions, which must be in order.
    pub(in crate::engine) async fn entries_at(&self, positions: &[Position]) -> Result<Vec<Entry>, StoreError> {
        if positions.is_empty() {
            return Ok(Vec::new());
        }
        // Another process may have begun a topic since.
        self.learn_topics().await?;
        let topics = self.0.topics.all();
        let mut found = Vec::new();
        for part in positions.chunks((COMMANDS / topics.len().max(1)).max(1)) {
            let mut ranges = Pipeline::with_capacity(part.len() * topics.len());
            for position in part {
                for topic in &topics {
                    let at = position.to_string();
                    ranges.cmd("XRANGE").arg(self.keys().stream(topic)).arg(&at).arg(&at);
                }
            }
            let answers = self.without_errors(self.0.bulk.send_all(&ranges).await?)?;
            for (topic, answer) in topics.iter().cycle().zip(answers) {
                found.extend(self.entries_of(topic, answer)?);
            }
        }
        Ok(found)
    }
}
