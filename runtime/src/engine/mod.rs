//! The engines behind one enum: where a log is kept.
//!
//! Every method gives the same answer whatever the engine; `tests/contract.rs` holds them to it. Engines
//! are a closed set (R12): a user adds domains, not stores.

mod memory;
mod moments;
mod notices;
mod numbers;
mod redis;
mod sqlite;

use std::{collections::BTreeMap, path::Path, time::Duration};

use kernel::{Checkpoint, Domain, Entry, Number, Position};

pub use memory::{Chance, Faults, Line, Memory, Simulation};
pub(crate) use redis::check_url;
pub use redis::{Locator, Redis, Shared};
pub use sqlite::Sqlite;

use crate::{
    Claim, CommandRecord, Commit, CommitError, Committed, DeadLetter, Durability, Failing, Listed, Listing, Namespace,
    QueueStatus, Refused, StoreError, StoreUrl, Token, history, queue::LONGEST_LEASE,
};

pub use kernel::DECISIONS;

/// A log, its queues and its checkpoints, wherever they are kept. Clones share it.
#[derive(Clone, Debug)]
pub enum Engine {
    /// This process's memory.
    Memory(Memory),
    /// A history file, held in memory and never written.
    History(Memory),
    /// A Redis or Valkey server.
    Redis(Redis),
    /// A SQLite file.
    Sqlite(Sqlite),
}

/// Some entries of the log in order, and where the log's head was when they were read.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The head at that moment.
    pub head: Checkpoint,
}

/// Waits for the log to grow. One per waiting task: each holds a connection of its own where there is one.
#[derive(Debug)]
pub enum Bell {
    /// In this process.
    Local(notices::Bell),
    /// From Redis.
    Redis(redis::Bell),
    /// From a SQLite file that another process writes.
    Sqlite(sqlite::Bell),
}

/// Claims commands of one service for one worker. One per claiming task.
#[derive(Debug)]
pub enum Claimer {
    /// From memory.
    Memory(memory::Claimer),
    /// From Redis.
    Redis(redis::Claimer),
    /// From a SQLite file.
    Sqlite(sqlite::Claimer),
}

/// Hints that commands have ended; the truth is [`Engine::command`].
#[derive(Debug)]
pub enum Outcomes {
    /// In this process.
    Local(notices::Outcomes),
    /// From Redis.
    Redis(redis::Outcomes),
}

/// What a waiter for outcomes is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Hint {
    /// This command has ended, this way.
    Ended {
        /// The command.
        command: String,
        /// What became of it.
        outcome: kernel::Outcome,
    },
    /// Hints may have been lost: ask for each command that is still waited for.
    Missed,
}

/// The same call on whichever engine it is: memory answers at once, the others when they can.
macro_rules! each {
    ($engine:expr, $call:ident($($argument:expr),*)) => {
        match $engine {
            Engine::Memory(engine) | Engine::History(engine) => {
                let what = || format!(concat!(stringify!($call), "{:?}"), ($(&$argument,)*));
                engine.ask(what, || engine.$call($($argument),*)).await
            }
            Engine::Redis(engine) => engine.$call($($argument),*).await,
            Engine::Sqlite(engine) => engine.$call($($argument),*).await,
        }
    };
}

mod parked;

impl Engine {
    /// Opens the log at `url`, making it when it is missing.
    ///
    /// `topics` are the domain's; topics that the log already holds are read besides.
    ///
    /// # Errors
    /// When the store can't be reached, may not be used as it is configured, or holds something unreadable.
    pub async fn open(url: &StoreUrl, namespace: &Namespace, topics: &[&str]) -> Result<Self, StoreError> {
        Self::open_durable(url, namespace, topics, Durability::default()).await
    }

    /// The same, where nothing is acknowledged before it is as durable as asked for.
    ///
    /// # Errors
    /// As [`Engine::open`], and when the store can't promise that.
    pub async fn open_durable(
        url: &StoreUrl,
        namespace: &Namespace,
        topics: &[&str],
        durability: Durability,
    ) -> Result<Self, StoreError> {
        check_durability(url, durability)?;
        match url {
            StoreUrl::Memory => Ok(Self::Memory(Memory::new())),
            StoreUrl::History(path) => Ok(Self::History(Memory::of_history(path)?)),
            StoreUrl::Redis(text) => Ok(Self::Redis(Redis::open(text, url, namespace, topics, durability).await?)),
            StoreUrl::Sqlite(path) => Ok(Self::Sqlite(Sqlite::open(path, namespace).await?)),
        }
    }

    /// Opens a history file for a domain that must be able to read every event of its topics.
    ///
    /// # Errors
    /// As [`history::read_for`].
    pub fn open_history(path: &Path, domain: &Domain) -> Result<Self, StoreError> {
        Ok(Self::of_history(path.display().to_string(), history::read_for(domain, path)?))
    }

    /// The log that the entries of a history are, which are in order, under this name.
    #[must_use]
    pub fn of_history(name: String, entries: Vec<Entry>) -> Self {
        Self::History(Memory::of_entries(name, entries))
    }

    /// Opens the log at `url` to read it, beside whoever has it open already; a log that is missing is not made.
    ///
    /// Only for a SQLite file this differs from [`Engine::open`]: whatever would write to it is refused with
    /// [`StoreError::ReadOnly`], hints at outcomes never come, and a [`Bell`] rings a little later.
    ///
    /// # Errors
    /// When the store can't be reached, is not there, may not be used as it is configured, or holds something
    /// unreadable.
    pub async fn open_reading(url: &StoreUrl, namespace: &Namespace, topics: &[&str]) -> Result<Self, StoreError> {
        match url {
            StoreUrl::Sqlite(path) => Ok(Self::Sqlite(Sqlite::open_reading(path, namespace).await?)),
            StoreUrl::Memory | StoreUrl::History(_) | StoreUrl::Redis(_) => Self::open(url, namespace, topics).await,
        }
    }

    /// Ends what the engine does by itself and gives the store up to others; what is asked later fails.
    ///
    /// # Errors
    /// When the store could not be closed in order.
    pub async fn close(&self) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) | Self::History(_) | Self::Redis(_) => Ok(()),
            Self::Sqlite(engine) => engine.close().await,
        }
    }

    /// How durable what is acknowledged is at least.
    #[must_use]
    pub fn durability(&self) -> Durability {
        match self {
            Self::Memory(_) | Self::History(_) => Durability::Local,
            Self::Redis(engine) => engine.durability(),
            Self::Sqlite(_) => Durability::Fsync,
        }
    }

    /// Where the log is kept, its password masked.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Memory(engine) | Self::History(engine) => engine.url(),
            Self::Redis(engine) => engine.url(),
            Self::Sqlite(engine) => engine.url(),
        }
    }

    /// A name that nobody else has: a worker's, or that of a holder of a role or a consumer.
    #[must_use]
    pub fn unique(&self) -> String {
        match self {
            Self::Memory(engine) | Self::History(engine) => engine.unique(),
            Self::Redis(_) | Self::Sqlite(_) => memory::unique(),
        }
    }

    /// Applies commits in order, each on its own: all of it or nothing (R2). The answers are in the same
    /// order.
    ///
    /// # Errors
    /// When the store failed: which of the commits took effect is then not known.
    pub async fn commit(&self, commits: &[Commit]) -> Result<Vec<Result<Committed, Refused>>, StoreError> {
        match self {
            Self::Memory(engine) => engine.ask(|| Memory::told(commits), || engine.commit(commits)).await,
            Self::History(engine) => Err(StoreError::history(&engine.url())),
            Self::Redis(engine) => engine.commit(commits).await,
            Self::Sqlite(engine) => engine.commit(commits).await,
        }
    }

    /// Applies one commit.
    ///
    /// # Errors
    /// When it was refused, and nothing happened; or when the store failed, and that is not known.
    pub async fn commit_one(&self, commit: Commit) -> Result<Committed, CommitError> {
        match self.commit(std::slice::from_ref(&commit)).await?.pop() {
            Some(answer) => Ok(answer?),
            None => Err(StoreError::Unavailable { url: self.url(), reason: "a commit had no answer".into() }.into()),
        }
    }

    /// Where the log stands.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn head(&self) -> Result<Checkpoint, StoreError> {
        each!(self, head())
    }

    /// Entries after `after`, in log order: at most `limit`, or somewhat more so as not to part entries that
    /// foreign programs gave the same position in different topics (those come in order of topic name).
    ///
    /// With an epoch in `after`, the log must continue from there: same epoch, no number missing (R3), but that
    /// a history may leave some out.
    ///
    /// # Errors
    /// When the store failed, or the log does not continue from `after`.
    pub async fn read(&self, after: &Checkpoint, limit: usize) -> Result<Page, StoreError> {
        let page = self.page(after.position, limit).await?;
        self.check_continues(after, &page.head, &page.entries)?;
        if limit > 0 && page.entries.is_empty() && !self.may_have_gaps() {
            check_complete(after, &page.head)?;
        }
        Ok(page)
    }

    /// R3, as far as the log's head tells without a look at what is in it: it is the log that `after` belongs to,
    /// and has not lost its end.
    ///
    /// # Errors
    /// When the store failed, or the log does not continue from `after`.
    pub async fn continues_from(&self, after: &Checkpoint) -> Result<(), StoreError> {
        check_continues(after, &self.head().await?, [])
    }

    /// R3, as far as counting tells: the log holds as many entries as its head has counted events. What other programs
    /// have written to it can make up for what they have taken out.
    ///
    /// Only Redis is asked: the other stores have no command that any program may trim a log with.
    ///
    /// # Errors
    /// When the store failed, or events are gone.
    pub async fn check_whole(&self) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) | Self::History(_) | Self::Sqlite(_) => Ok(()),
            Self::Redis(engine) => engine.check_whole().await,
        }
    }

    /// Entries after `after` as [`Engine::read`] gives them, whatever is missing among them.
    pub(crate) async fn page(&self, after: Position, limit: usize) -> Result<Page, StoreError> {
        each!(self, read(after, limit))
    }

    /// R3: the entries are what follows `after`, with nothing lost in between.
    pub(crate) fn check_continues<'e>(
        &self,
        after: &Checkpoint,
        head: &Checkpoint,
        entries: impl IntoIterator<Item = &'e Entry>,
    ) -> Result<(), StoreError> {
        if self.may_have_gaps() { check_continues(after, head, []) } else { check_continues(after, head, entries) }
    }

    /// Whether numbers may be missing: a history may hold a part of a log only.
    #[must_use]
    pub const fn may_have_gaps(&self) -> bool {
        matches!(self, Self::History(_))
    }

    /// A bell that rings when the log grows.
    ///
    /// # Errors
    /// When the store can't be reached.
    pub async fn bell(&self) -> Result<Bell, StoreError> {
        match self {
            Self::Memory(engine) | Self::History(engine) => Ok(Bell::Local(engine.bell())),
            Self::Redis(engine) => Ok(Bell::Redis(engine.bell().await?)),
            Self::Sqlite(engine) => Ok(engine.bell()),
        }
    }

    /// A claimer of `service`'s commands for `worker`, whose lease must be kept up with [`Engine::heartbeat`].
    ///
    /// # Errors
    /// When the store can't be reached.
    pub async fn claimer(&self, service: &str, worker: &str) -> Result<Claimer, StoreError> {
        match self {
            Self::Memory(engine) | Self::History(engine) => Ok(Claimer::Memory(engine.claimer(service, worker))),
            Self::Redis(engine) => Ok(Claimer::Redis(engine.claimer(service, worker).await?)),
            Self::Sqlite(engine) => Ok(Claimer::Sqlite(engine.claimer(service, worker))),
        }
    }

    /// Renews a worker's lease: for this long, up to [`LONGEST_LEASE`], it keeps what it has claimed.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn heartbeat(&self, worker: &str, lease: Duration) -> Result<(), StoreError> {
        let lease = lease.min(LONGEST_LEASE);
        each!(self, heartbeat(worker, lease))
    }

    /// Hands back, uncounted, everything that a worker has claimed, and ends its lease.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn release(&self, worker: &str) -> Result<(), StoreError> {
        each!(self, release(worker))
    }

    /// Hands back what workers held whose lease has run out, counting the attempt, and tells which commands
    /// those were.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn reap(&self, most_attempts: u32) -> Result<Vec<(String, Failing)>, StoreError> {
        each!(self, reap(most_attempts))
    }

    /// Ends a failed attempt: back into the queue, or to the dead letters after the last.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn fail(&self, token: &Token, error: &str, most_attempts: u32) -> Result<Failing, StoreError> {
        each!(self, fail(token, error, most_attempts))
    }

    /// What is known of a command; nothing once its record has run out.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn command(&self, id: &str) -> Result<Option<CommandRecord>, StoreError> {
        each!(self, command(id))
    }

    /// Hints at commands that end from now on.
    ///
    /// # Errors
    /// When the store can't be reached.
    pub async fn outcomes(&self) -> Result<Outcomes, StoreError> {
        match self {
            Self::Memory(engine) | Self::History(engine) => Ok(Outcomes::Local(engine.outcomes())),
            Self::Redis(engine) => Ok(Outcomes::Redis(engine.outcomes().await?)),
            Self::Sqlite(engine) => Ok(Outcomes::Local(engine.outcomes())),
        }
    }

    /// How full the queues of `services` are.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn queues(&self, services: &[&str]) -> Result<Vec<QueueStatus>, StoreError> {
        each!(self, queues(services))
    }

    /// Commands of a service that wait, are in workers' hands or are dead letters, a page at a time; nothing is moved.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn listed(&self, service: &str, listing: &Listing) -> Result<Listed, StoreError> {
        each!(self, listed(service, listing))
    }

    /// The dead letters of `services`, oldest first.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn dead_letters(&self, services: &[&str]) -> Result<Vec<DeadLetter>, StoreError> {
        each!(self, dead_letters(services))
    }

    /// Puts a dead letter back into its queue with all its attempts; tells whether there was one.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn requeue(&self, service: &str, command: &str) -> Result<bool, StoreError> {
        each!(self, requeue(service, command))
    }

    /// Drops a dead letter for good; its record still tells that it died. Tells whether there was one.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn discard(&self, service: &str, command: &str) -> Result<bool, StoreError> {
        each!(self, discard(service, command))
    }

    /// Where a consumer stands; nothing before its first step.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn checkpoint(&self, consumer: &str) -> Result<Option<Checkpoint>, StoreError> {
        Ok(self.checkpoints().await?.remove(consumer))
    }

    /// Where each consumer stands.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn checkpoints(&self) -> Result<BTreeMap<String, Checkpoint>, StoreError> {
        each!(self, checkpoints())
    }

    /// Takes or renews a named role for `holder`, for this long, up to [`LONGEST_LEASE`]; tells who else holds it if somebody does.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn hold(&self, role: &str, holder: &str, lease: Duration) -> Result<Option<String>, StoreError> {
        let lease = lease.min(LONGEST_LEASE);
        each!(self, hold(role, holder, lease))
    }

    /// Gives a named role up, if `holder` has it.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn let_go(&self, role: &str, holder: &str) -> Result<(), StoreError> {
        each!(self, let_go(role, holder))
    }
}

impl Bell {
    /// Returns when the log has grown beyond `after`, or after `most` at the latest.
    ///
    /// # Errors
    /// When the store can't be reached.
    pub async fn wait(&mut self, after: kernel::Position, most: Duration) -> Result<(), StoreError> {
        match self {
            Self::Local(bell) => {
                bell.wait(after, most).await;
                Ok(())
            }
            Self::Redis(bell) => bell.wait(after, most).await,
            Self::Sqlite(bell) => bell.wait(after, most).await,
        }
    }
}

impl Claimer {
    /// Claims up to `limit` commands, oldest first; waits for the first one up to `most`.
    ///
    /// A command whose attempt has failed is claimed alone: if it is what its worker died of, no other of its service
    /// dies with it again.
    ///
    /// # Errors
    /// When the store can't be reached.
    pub async fn claim(&mut self, limit: usize, most: Duration) -> Result<Vec<Claim>, StoreError> {
        match self {
            Self::Memory(claimer) => claimer.claim(limit, most).await,
            Self::Redis(claimer) => claimer.claim(limit, most).await,
            Self::Sqlite(claimer) => claimer.claim(limit, most).await,
        }
    }
}

impl Outcomes {
    /// The next hint. Keeps what it has when the future is dropped.
    ///
    /// # Errors
    /// When the store can't be reached.
    pub async fn next(&mut self) -> Result<Hint, StoreError> {
        match self {
            Self::Local(outcomes) => Ok(outcomes.next().await),
            Self::Redis(outcomes) => outcomes.next().await,
        }
    }
}

/// Refuses what a store of this kind can't promise, whatever its state.
fn check_durability(url: &StoreUrl, durability: Durability) -> Result<(), StoreError> {
    let refused = |why: &str| {
        let reason = format!("--durability {durability} {why}");
        Err(StoreError::Unusable { url: url.to_string(), reason })
    };
    match (url, durability) {
        (StoreUrl::Redis(_), _) | (_, Durability::Local) | (StoreUrl::Sqlite(_), Durability::Fsync) => Ok(()),
        (StoreUrl::Sqlite(_), Durability::Replicated(_)) => {
            refused("needs replicas, and a SQLite file has none; choose fsync, or a Redis store")
        }
        (StoreUrl::Memory, _) => refused("needs a store that lasts, and memory ends with its process; choose local"),
        (StoreUrl::History(_), _) => refused("needs a store that is written, and a history is not; choose local"),
    }
}

/// R3: the entries are what follows `after`, with nothing lost in between or behind.
pub(crate) fn check_continues<'e>(
    after: &Checkpoint,
    head: &Checkpoint,
    entries: impl IntoIterator<Item = &'e Entry>,
) -> Result<(), StoreError> {
    let diverged = |reason: String| Err(StoreError::Diverged { checkpoint: after.clone(), reason });
    let known = !after.epoch.0.is_empty();
    if known && after.epoch != head.epoch {
        if head.epoch.0.is_empty() {
            return diverged("it is empty; it has been deleted, or its store emptied".to_owned());
        }
        return diverged(format!("it was begun again: its epoch is \"{}\", not \"{}\"", head.epoch, after.epoch));
    }
    if known && (after.position > head.position || after.number > head.number) {
        return diverged(format!("it ends at {head}"));
    }
    // Whoever has read nothing yet knows with what a log begins that is not another program's.
    let begins = after.position == Position::ZERO && !head.epoch.0.is_empty();
    let mut last = (known || begins).then_some(after.number);
    for entry in entries {
        let Some(number) = entry.number() else { continue };
        if let Some(expected) = last.map(Number::successor).filter(|expected| *expected != number) {
            return diverged(format!("event {expected} is missing: {} is event {number}", entry.position()));
        }
        last = Some(number);
    }
    Ok(())
}

/// R3: nothing comes after `after` only if it stands where the log ends.
fn check_complete(after: &Checkpoint, head: &Checkpoint) -> Result<(), StoreError> {
    let known = !after.epoch.0.is_empty() || after.position == Position::ZERO;
    if !known || after.number >= head.number {
        return Ok(());
    }
    let reason = format!("events {} to {} are missing", after.number.successor(), head.number);
    Err(StoreError::Diverged { checkpoint: after.clone(), reason })
}
