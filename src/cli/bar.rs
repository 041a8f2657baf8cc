//! How far something has come, on one line of a terminal that is written over.

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use tokio::{sync::watch, task::JoinHandle};

/// How often the line is written.
const EVERY: Duration = Duration::from_millis(100);

/// A line that tells how far something has come; nothing where nobody looks.
pub(super) struct Bar(Option<JoinHandle<()>>);

impl Bar {
    pub(super) fn show<P: Send + Sync + 'static>(progress: watch::Receiver<P>, line: fn(&P) -> String) -> Self {
        let is_seen = std::io::stderr().is_terminal();
        Self(is_seen.then(|| {
            tokio::spawn(async move {
                let mut every = tokio::time::interval(EVERY);
                loop {
                    every.tick().await;
                    let line = line(&progress.borrow());
                    // A line that wraps could not be written over.
                    let line: String = line.chars().take(width().saturating_sub(1)).collect();
                    // A terminal that is gone is no reason to stop.
                    let _ = write!(std::io::stderr(), "\r\x1b[2K{line}");
                }
            })
        }))
    }

    /// Takes the line away again.
    pub(super) async fn clear(self) {
        if let Some(task) = self.0 {
            task.abort();
            let _ = task.await;
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}

/// How many columns the terminal has.
pub(super) fn width() -> usize {
    terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(width, _)| usize::from(width.0))
}
