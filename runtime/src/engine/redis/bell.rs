//! Waiting for the log to grow.

use std::time::Duration;

use kernel::Position;
use tokio::time::Instant;

use super::{Redis, connect::Dedicated};
use crate::StoreError;

/// How long one command blocks at most.
pub(super) const BLOCK: Duration = Duration::from_secs(5);

/// Rings when the log grows. Holds a connection of its own.
#[derive(Debug)]
pub struct Bell {
    engine: Redis,
    connection: Dedicated,
}

impl Redis {
    pub(in crate::engine) async fn bell(&self) -> Result<Bell, StoreError> {
        Ok(Bell { engine: self.clone(), connection: Dedicated::to(self.0.server.clone()).await? })
    }
}

impl Bell {
    pub(in crate::engine) async fn wait(&mut self, after: Position, most: Duration) -> Result<(), StoreError> {
        let until = Instant::now() + most;
        loop {
            let left = until.saturating_duration_since(Instant::now()).min(BLOCK);
            if self.ring(after, left).await? || Instant::now() >= until {
                return Ok(());
            }
            // The log may have a new topic since.
            self.engine.learn_topics().await?;
        }
    }

    /// Tells whether there is an entry after `after`, now or within `most`. The entry itself is thrown away:
    /// it is read in its place in the log, together with what other streams hold before it.
    async fn ring(&mut self, after: Position, most: Duration) -> Result<bool, StoreError> {
        let topics = self.engine.0.topics.all();
        let streams: Vec<_> = topics.iter().map(|topic| self.engine.keys().stream(topic)).collect();
        let mut read = redis::cmd("XREAD");
        // To block for 0 ms is to block for ever.
        let ms = u64::try_from(most.as_millis()).unwrap_or(u64::MAX).max(1);
        read.arg("COUNT").arg(1).arg("BLOCK").arg(ms).arg("STREAMS").arg(&streams);
        read.arg(vec![after.to_string(); streams.len()]);
        Ok(self.connection.block(&read, most).await? != redis::Value::Nil)
    }
}
