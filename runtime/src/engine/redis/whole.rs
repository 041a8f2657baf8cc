//! Whether events were taken out of the log behind everybody's back.

use redis::Value;

use super::{Redis, script};
use crate::StoreError;

impl Redis {
    /// Counts: streams tell their length at no cost.
    pub(in crate::engine) async fn check_whole(&self) -> Result<(), StoreError> {
        let topics: Vec<String> = self.0.topics.all().iter().map(ToString::to_string).collect();
        let counted = self.run(&script::HELD, &self.keys().head, |run| {
            run.arg(&self.keys().topics).arg(self.keys().stream("")).arg(&topics)
        });
        let (head, held): (Value, u64) = counted.await?;
        let head = self.read_head(self.answer(&self.keys().head, head)?)?;
        let events = head.number.0;
        if held >= events {
            return Ok(());
        }
        let (gone, were) = (events - held, if events - held == 1 { "was" } else { "were" });
        let reason = format!("{gone} of its {events} events {were} taken out of it: a stream was trimmed or deleted");
        Err(StoreError::Diverged { checkpoint: head, reason })
    }
}
