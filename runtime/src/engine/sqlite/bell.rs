//! Waiting for a log that another process writes: nobody tells us, so we look.

use std::time::Duration;

use kernel::Position;
use tokio::time::{Instant, sleep};

use super::Sqlite;
use crate::StoreError;

/// How often the file is looked into.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Rings when the log in the file has grown.
#[derive(Debug)]
pub struct Bell {
    engine: Sqlite,
}

impl Bell {
    pub(super) const fn new(engine: Sqlite) -> Self {
        Self { engine }
    }

    pub(in crate::engine) async fn wait(&mut self, after: Position, most: Duration) -> Result<(), StoreError> {
        let until = Instant::now() + most;
        while self.engine.head().await?.position <= after {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            sleep(left.min(LOOK_EVERY)).await;
        }
        Ok(())
    }
}
