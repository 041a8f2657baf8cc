//! Follows a log once per process, for everything in the process that reads it.
//!
//! Without it each saga, view and client would read every event from the store for itself. The tail keeps
//! the newest entries in memory, up to a limit; who has fallen further behind reads from the store.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::{Checkpoint, Entry, Position};
use tokio::{sync::watch, task::JoinHandle, time::Instant};

use crate::{Bell, Engine, Page, StoreError, Trouble};

/// How many entries are kept in memory.
const KEPT: usize = 16_384;

/// How many bytes of event data are kept in memory.
const KEPT_BYTES: usize = 64 << 20;

/// How many entries are read from the store at once.
const PAGE: usize = 4_096;

/// How long one wait for the bell may take; also how soon a lost connection is noticed.
const PATIENCE: Duration = Duration::from_secs(5);

/// The first pause after the store failed, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// The newest entries of a log, followed by one task per process. Clones share it.
#[derive(Clone, Debug)]
pub struct Tail(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    engine: Engine,
    ring: Mutex<Ring>,
    state: watch::Sender<State>,
}

/// Where the follower is.
#[derive(Clone, Debug, Default)]
struct State {
    /// The last position that was read.
    position: Position,
    /// Why nothing comes, for as long as nothing comes.
    trouble: Option<Arc<StoreError>>,
}

#[derive(Debug)]
struct Ring {
    entries: VecDeque<Arc<Entry>>,
    /// Bytes of data in the entries.
    bytes: usize,
    /// What the ring begins after: everything later is in it.
    floor: Checkpoint,
    head: Checkpoint,
}

/// Entries in log order, shared with everybody else who reads them.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    /// The entries.
    pub entries: Vec<Arc<Entry>>,
    /// The log's head when they were read.
    pub head: Checkpoint,
}

impl Tail {
    /// Follows the log from where it stands now, until the task is aborted, or ends because the log can't be
    /// followed any more; whoever reads from the tail then gets the same error.
    ///
    /// # Errors
    /// When the store can't be reached, or events of the log are gone (R3).
    pub async fn follow(engine: Engine) -> Result<(Self, JoinHandle<StoreError>), StoreError> {
        engine.check_whole().await?;
        let head = engine.head().await?;
        let bell = engine.bell().await?;
        let ring = Mutex::new(Ring { entries: VecDeque::new(), bytes: 0, floor: head.clone(), head: head.clone() });
        let state = watch::Sender::new(State { position: head.position, trouble: None });
        let tail = Self(Arc::new(Shared { engine, ring, state }));
        let task = tokio::spawn(tail.clone().run(bell, head));
        Ok((tail, task))
    }

    /// Entries after `after`, at most about `limit`, waiting for the first up to `most`: none means that
    /// none came in that time.
    ///
    /// # Errors
    /// When the store failed, or the log does not continue from `after` (R3).
    pub async fn next(&self, after: &Checkpoint, limit: usize, most: Duration) -> Result<Entries, StoreError> {
        let until = Instant::now() + most;
        let mut state = self.0.state.subscribe();
        loop {
            let trouble = self.trouble();
            if let Some(lasting) = trouble.as_ref().filter(|trouble| !trouble.is_transient()) {
                return Err(StoreError::clone(lasting));
            }
            let kept = if trouble.is_none() { self.ring().after(after, limit) } else { None };
            let entries = match kept {
                Some(entries) => entries,
                None => shared(self.0.engine.read(after, limit).await?),
            };
            self.check(after, &entries)?;
            if !entries.entries.is_empty() {
                return Ok(entries);
            }
            let lasting = |state: &State| state.trouble.as_ref().is_some_and(|trouble| !trouble.is_transient());
            let grown = state.wait_for(|state| state.position > after.position || lasting(state));
            match tokio::time::timeout_at(until, grown).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(_) => return Ok(entries),
            }
        }
    }

    /// The log's head as far as the tail has read.
    #[must_use]
    pub fn head(&self) -> Checkpoint {
        self.ring().head.clone()
    }

    /// Why nothing comes at the moment, if something is wrong.
    #[must_use]
    pub fn trouble(&self) -> Option<Arc<StoreError>> {
        self.0.state.borrow().trouble.clone()
    }

    /// The log that is followed.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    fn check(&self, after: &Checkpoint, entries: &Entries) -> Result<(), StoreError> {
        self.0.engine.check_continues(after, &entries.head, entries.entries.iter().map(|entry| &**entry))
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(self, mut bell: Bell, mut at: Checkpoint) -> StoreError {
        let mut backoff = BACKOFF.0;
        let failing = Trouble::new("the log can't be followed");
        let mut looked = Instant::now();
        loop {
            match self.step(&mut bell, &mut at, &mut looked).await {
                Ok(()) => {
                    backoff = BACKOFF.0;
                    failing.over();
                }
                Err(error) => {
                    let trouble = Some(Arc::new(error.clone()));
                    self.0.state.send_modify(|state| state.trouble = trouble);
                    if !error.is_transient() {
                        return error;
                    }
                    failing.failed(&error);
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF.1);
                }
            }
        }
    }

    async fn step(&self, bell: &mut Bell, at: &mut Checkpoint, looked: &mut Instant) -> Result<(), StoreError> {
        let page = self.0.engine.read(at, PAGE).await?;
        // What is behind it the tail never reads again; whoever starts next would miss it.
        if looked.elapsed() >= PATIENCE {
            self.0.engine.check_whole().await?;
            *looked = Instant::now();
        }
        let full = page.entries.len() >= PAGE;
        *at = end_of(&page, at);
        self.ring().push(page, at);
        let position = at.position;
        self.0.state.send_if_modified(|state| {
            let changed = state.position != position || state.trouble.is_some();
            *state = State { position, trouble: None };
            changed
        });
        if !full {
            bell.wait(position, PATIENCE).await?;
        }
        Ok(())
    }
}

impl Ring {
    /// What comes after `after`; `None` when some of it has left the ring.
    fn after(&self, after: &Checkpoint, limit: usize) -> Option<Entries> {
        let in_ring = (self.floor.position..=self.head.position).contains(&after.position);
        if !in_ring {
            return None;
        }
        let start = self.entries.partition_point(|entry| entry.position() <= after.position);
        let mut end = self.entries.len().min(start.saturating_add(limit));
        let position = |index: usize| self.entries.get(index).map(|entry| entry.position());
        while end > start && position(end).is_some() && position(end) == position(end - 1) {
            end += 1;
        }
        Some(Entries { entries: self.entries.range(start..end).cloned().collect(), head: self.head.clone() })
    }

    fn push(&mut self, page: Page, at: &Checkpoint) {
        self.bytes += page.entries.iter().map(size).sum::<usize>();
        self.entries.extend(page.entries.into_iter().map(Arc::new));
        while self.entries.len() > KEPT || self.bytes > KEPT_BYTES {
            let Some(gone) = self.entries.pop_front() else { break };
            self.bytes -= size(&gone);
            self.floor.position = gone.position();
        }
        self.head = at.clone();
    }
}

fn size(entry: &Entry) -> usize {
    match entry {
        Entry::Event(event) => event.data.len(),
        Entry::Junk(junk) => junk.reason.len(),
    }
}

/// Where a reader stands that has taken the page in.
fn end_of(page: &Page, before: &Checkpoint) -> Checkpoint {
    Checkpoint {
        epoch: page.head.epoch.clone(),
        position: page.entries.last().map_or(before.position, Entry::position),
        number: page.entries.iter().rev().find_map(Entry::number).unwrap_or(before.number),
    }
}

impl Entries {
    /// Where a reader stands that has taken these entries in, having stood at `before`.
    #[must_use]
    pub fn end(&self, before: &Checkpoint) -> Checkpoint {
        Checkpoint {
            epoch: self.head.epoch.clone(),
            position: self.entries.last().map_or(before.position, |entry| entry.position()),
            number: self.entries.iter().rev().find_map(|entry| entry.number()).unwrap_or(before.number),
        }
    }
}

fn shared(page: Page) -> Entries {
    Entries { entries: page.entries.into_iter().map(Arc::new).collect(), head: page.head }
}
