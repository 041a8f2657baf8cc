//! What must not stay behind when somebody interrupts: files that hold names as they are.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::cli::{exit, failure::Failure, roles::Signals};

/// Temporary files and folders, taken away by SIGTERM and Ctrl-C before the process ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Leftovers {
    paths: Arc<Mutex<Vec<PathBuf>>>,
    /// Whether a first signal only asks for what is found so far.
    is_shrinking: Arc<AtomicBool>,
    is_stopped: Arc<AtomicBool>,
}

impl Leftovers {
    /// Watches for signals from here on.
    pub(super) fn watched() -> Result<Self, Failure> {
        let leftovers = Self::default();
        let (watching, mut signals) = (leftovers.clone(), Signals::watched()?);
        tokio::spawn(async move {
            loop {
                signals.next().await;
                let is_first = !watching.is_stopped.swap(true, Ordering::SeqCst);
                if !is_first || !watching.is_shrinking.load(Ordering::SeqCst) {
                    watching.end();
                }
            }
        });
        Ok(leftovers)
    }

    /// Takes this away, too.
    pub(super) fn add(&self, path: &Path) {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_owned());
    }

    /// From here on a first signal is no end, but tells to stop with what is found.
    pub(super) fn shrinking(&self) {
        self.is_shrinking.store(true, Ordering::SeqCst);
    }

    /// From here on every signal is the end again.
    pub(super) fn shrunk(&self) {
        self.is_shrinking.store(false, Ordering::SeqCst);
    }

    /// Whether there was a signal.
    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }

    fn end(&self) {
        for path in &*self.paths.lock().unwrap_or_else(PoisonError::into_inner) {
            // What is not there any more need not be taken away.
            let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        }
        talk!("retrace: stopped by a signal; nothing is written");
        std::process::exit(i32::from(exit::FAILED));
    }
}
