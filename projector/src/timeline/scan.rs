//! Reading the log because somebody asked: bounded, and broken off when nobody waits any more.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use kernel::Seen;
use runtime::{StoreError, Stretch};

use super::Timeline;

/// How many stretches of the log are read at a time for questions; others wait.
pub(super) const AT_A_TIME: usize = 4;

/// Tells the reading thread that whoever wanted its result has gone.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Timeline {
    /// Shows `visit` a stretch of the log, on a thread of its own, and gives what it made of it.
    ///
    /// Few stretches are read at a time, and one that nobody waits for any more is not read to its end.
    ///
    /// # Errors
    /// When the store failed, or the log has lost events (R3).
    pub async fn scan<T: Send + 'static>(
        &self,
        stretch: Stretch,
        mut made: T,
        mut visit: impl FnMut(&mut T, &Seen<'_>) -> ControlFlow<()> + Send + 'static,
    ) -> Result<T, StoreError> {
        let engine = self.0.engine.clone();
        let url = engine.url();
        let unavailable = |reason: String| StoreError::Unavailable { url, reason };
        let Ok(permit) = self.0.scans.clone().acquire_owned().await else {
            return Err(unavailable("it is being closed".to_owned()));
        };
        let gone = Arc::new(AtomicBool::new(false));
        let waiting = Waiting(gone.clone());
        let scanning = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            engine.scan(&stretch, &mut |seen| {
                if gone.load(Ordering::Relaxed) {
                    return ControlFlow::Break(());
                }
                visit(&mut made, seen)
            })?;
            Ok(made)
        });
        let scanned = scanning.await;
        drop(waiting);
        scanned.map_err(|error| unavailable(format!("reading it died: {error}")))?
    }
}
