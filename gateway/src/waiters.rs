//! Requests that wait for their commands' outcomes.
//!
//! One task listens for all of them. What it hears are hints that may get lost, so a second task asks the
//! store itself about every command that has been waited for longer than a moment.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use kernel::Outcome;
use runtime::{CommandState, Engine, Hint, Trouble};
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, timeout},
};

/// How often the store is asked about commands that have been waited for at least this long.
const LOOK: Duration = Duration::from_secs(1);

/// How many commands are asked about at once.
const ASKED: usize = 16;

/// The pause before listening again after the store broke off.
const PAUSE: Duration = Duration::from_millis(200);

/// Who waits for which command. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Waiters(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    engine: Engine,
    waiting: Mutex<HashMap<String, Vec<Waiter>>>,
    tickets: AtomicU64,
    look: Notify,
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    since: Instant,
    outcome: oneshot::Sender<Outcome>,
}

/// A request's place among the waiters, given up when dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    command: String,
    ticket: u64,
    outcome: oneshot::Receiver<Outcome>,
    waiters: Waiters,
}

impl Waiters {
    pub(crate) fn new(engine: Engine) -> Self {
        let (waiting, tickets, look) = (Mutex::default(), AtomicU64::new(0), Notify::new());
        Self(Arc::new(Shared { engine, waiting, tickets, look }))
    }

    /// Waits for a command from now on: call this before the command is enqueued.
    pub(crate) fn expect(&self, command: &str) -> Ticket {
        let (sender, receiver) = oneshot::channel();
        let ticket = self.0.tickets.fetch_add(1, Ordering::Relaxed);
        let waiter = Waiter { ticket, since: Instant::now(), outcome: sender };
        self.waiting().entry(command.to_owned()).or_default().push(waiter);
        Ticket { command: command.to_owned(), ticket, outcome: receiver, waiters: self.clone() }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, Vec<Waiter>>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn complete(&self, command: &str, outcome: &Outcome) {
        let waiters = self.waiting().remove(command).unwrap_or_default();
        for waiter in waiters {
            // Whoever has stopped waiting does not mind.
            let _ = waiter.outcome.send(outcome.clone());
        }
    }

    /// Listens for outcomes until the task is aborted.
    pub(crate) async fn listen(self) {
        let trouble = Trouble::new("outcomes are not heard of");
        loop {
            if let Err(error) = self.listen_once(&trouble).await {
                trouble.failed(&error);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn listen_once(&self, trouble: &Trouble) -> Result<(), runtime::StoreError> {
        let mut outcomes = self.0.engine.outcomes().await?;
        trouble.over();
        self.0.look.notify_one();
        loop {
            match outcomes.next().await? {
                Hint::Ended { command, outcome } => self.complete(&command, &outcome),
                Hint::Missed => self.0.look.notify_one(),
            }
        }
    }

    /// Asks about commands that are still waited for until the task is aborted: now and then about those
    /// that have taken long, and about all of them when hints may have been lost.
    pub(crate) async fn look_after(self) {
        loop {
            let least = tokio::select! {
                () = self.0.look.notified() => Duration::ZERO,
                () = tokio::time::sleep(LOOK) => LOOK,
            };
            let long = |waiters: &Vec<Waiter>| waiters.iter().any(|waiter| waiter.since.elapsed() >= least);
            let commands: Vec<_> =
                self.waiting().iter().filter(|(_, waiters)| long(waiters)).map(|(id, _)| id.clone()).collect();
            stream::iter(commands).for_each_concurrent(ASKED, |command| self.ask(command)).await;
        }
    }

    async fn ask(&self, command: String) {
        match timeout(LOOK, self.0.engine.command(&command)).await {
            Ok(Ok(Some(record))) => {
                if let CommandState::Ended(outcome) = record.state {
                    self.complete(&command, &outcome);
                }
            }
            Ok(Ok(None)) | Err(_) => {}
            Ok(Err(error)) => tracing::debug!(%error, command, "its outcome could not be asked for"),
        }
    }
}

impl Ticket {
    /// The command's outcome, if it comes within `most`.
    pub(crate) async fn outcome(mut self, most: Duration) -> Option<Outcome> {
        if let Ok(Ok(outcome)) = timeout(most, &mut self.outcome).await {
            return Some(outcome);
        }
        // A last look: the hint may have been lost since the store was asked.
        self.waiters.ask(self.command.clone()).await;
        self.outcome.try_recv().ok()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut waiting = self.waiters.waiting();
        if let Some(waiters) = waiting.get_mut(&self.command) {
            waiters.retain(|waiter| waiter.ticket != self.ticket);
            if waiters.is_empty() {
                waiting.remove(&self.command);
            }
        }
    }
}

#[cfg(test)]
mod tests;
