//! Notifications inside one process, for the engines that live in one.

use std::time::Duration;

use kernel::{Outcome, Position};
use tokio::sync::{broadcast, watch};

use super::Hint;

/// How many outcomes a slow waiter may fall behind before it is told to ask for itself.
const OUTCOMES_KEPT: usize = 16_384;

/// Who wants to know what happens to a log.
#[derive(Debug)]
pub(super) struct Notices {
    head: watch::Sender<Position>,
    queued: watch::Sender<u64>,
    outcomes: broadcast::Sender<Hint>,
}

impl Notices {
    pub(super) fn new(head: Position) -> Self {
        Self::keeping(OUTCOMES_KEPT, head)
    }

    /// Keeps so many outcomes for slow waiters; there is room for them from the start.
    pub(super) fn keeping(outcomes: usize, head: Position) -> Self {
        Self {
            head: watch::Sender::new(head),
            queued: watch::Sender::new(0),
            outcomes: broadcast::Sender::new(outcomes),
        }
    }

    /// The log's head is here now.
    pub(super) fn grown(&self, head: Position) {
        self.head.send_if_modified(|last| std::mem::replace(last, head) != head);
    }

    /// Some queue has a command more.
    pub(super) fn queued(&self) {
        self.queued.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// A command has ended.
    pub(super) fn ended(&self, command: &str, outcome: &Outcome) {
        // Nobody listening is fine: the command's record holds the truth.
        let _ = self.outcomes.send(Hint::Ended { command: command.to_owned(), outcome: outcome.clone() });
    }

    pub(super) fn bell(&self) -> Bell {
        Bell(self.head.subscribe())
    }

    pub(super) fn queue(&self) -> Queue {
        Queue(self.queued.subscribe())
    }

    pub(super) fn outcomes(&self) -> Outcomes {
        Outcomes(self.outcomes.subscribe())
    }
}

/// Rings when the log grows.
#[derive(Debug)]
pub struct Bell(watch::Receiver<Position>);

impl Bell {
    pub(super) async fn wait(&mut self, after: Position, most: Duration) {
        let _ = tokio::time::timeout(most, self.0.wait_for(|head| *head > after)).await;
    }
}

/// Tells when something was enqueued.
#[derive(Debug)]
pub(super) struct Queue(watch::Receiver<u64>);

impl Queue {
    /// Forgets what was enqueued so far: look into the queue after this.
    pub(super) fn mark(&mut self) {
        self.0.mark_unchanged();
    }

    /// Returns when something was enqueued since the mark.
    pub(super) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Hints at ended commands.
#[derive(Debug)]
pub struct Outcomes(broadcast::Receiver<Hint>);

impl Outcomes {
    pub(super) async fn next(&mut self) -> Hint {
        match self.0.recv().await {
            Ok(hint) => hint,
            Err(broadcast::error::RecvError::Lagged(_)) => Hint::Missed,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
