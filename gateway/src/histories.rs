//! History files that somebody has opened here to look at: each a log with its timeline, in memory.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::{Checkpoint, Domain, Entry};
use projector::timeline::{Retention, Timeline};
use runtime::{Engine, StoreError, Tail};
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::{CancellationToken, DropGuard};
use xxhash_rust::xxh3::xxh3_64;

use crate::problem::{Kind, Problem};

/// How many are kept; of more, the one goes that nobody has asked about for the longest time.
const MOST: usize = 4;

/// The histories that are open. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Histories(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Those asked about last stand last.
    open: Mutex<Vec<Opened>>,
    /// Cancelled when the gateway stops.
    stopping: CancellationToken,
    /// One is read at a time: each takes as much memory as it is large, and more.
    reading: Arc<tokio::sync::Mutex<()>>,
}

/// The right to receive a file and to read it; whoever reads it has this, for as long as that takes.
#[derive(Debug)]
pub(crate) struct Turn(#[expect(dead_code, reason = "it is held, and nothing else")] OwnedMutexGuard<()>);

/// An open history. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    /// What it says, in short: the same file has the same, whenever it is opened.
    pub(crate) id: String,
    pub(crate) name: String,
    /// How many events it has.
    pub(crate) events: u64,
    pub(crate) head: Checkpoint,
    pub(crate) engine: Engine,
    pub(crate) timeline: Timeline,
    /// Its timeline is kept for as long as anybody has it.
    _kept: Arc<DropGuard>,
}

impl Histories {
    /// None yet; their timelines are no longer kept when `stopping` is cancelled.
    pub(crate) fn new(stopping: CancellationToken) -> Self {
        let (open, reading) = Default::default();
        Self(Arc::new(Shared { open, stopping, reading }))
    }

    fn open_ones(&self) -> MutexGuard<'_, Vec<Opened>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other file is received or read, up to `most`.
    pub(crate) async fn turn(&self, most: Duration) -> Result<Turn, Problem> {
        let turn = tokio::time::timeout(most, self.0.reading.clone().lock_owned()).await;
        turn.map(Turn).map_err(|_| Problem::unavailable("another history is being read", 1))
    }

    /// Opens the file that these bytes are; one that is open already keeps its name.
    pub(crate) async fn open(
        &self,
        turn: Turn,
        domain: &Arc<Domain>,
        name: String,
        bytes: Vec<u8>,
    ) -> Result<Opened, Problem> {
        let id = format!("{:016x}", xxh3_64(&bytes));
        if let Ok(opened) = self.find(&id) {
            return Ok(opened);
        }
        let reader = (domain.clone(), name.clone());
        // The turn goes with the bytes: they are read to the end, whether or not the client is still there.
        let read = tokio::task::spawn_blocking(move || {
            let (domain, name) = reader;
            (runtime::history::read_bytes(&domain, &name, &bytes), turn)
        });
        let died =
            |error: tokio::task::JoinError| Problem::new(Kind::Internal, format!("reading {name} died: {error}"));
        let unreadable = |error: StoreError| {
            let is_the_files = matches!(error, StoreError::Corrupt { .. });
            if is_the_files { Problem::new(Kind::Refused, error.to_string()) } else { Problem::from(error) }
        };
        let (entries, _turn) = read.await.map_err(died)?;
        let entries = entries.map_err(unreadable)?;
        let opened = self.keep(domain, id, name, entries).await?;
        let mut open = self.open_ones();
        if open.len() >= MOST {
            open.remove(0);
        }
        open.push(opened.clone());
        Ok(opened)
    }

    /// Makes a log of entries, and a timeline that takes them in.
    async fn keep(
        &self,
        domain: &Arc<Domain>,
        id: String,
        name: String,
        entries: Vec<Entry>,
    ) -> Result<Opened, StoreError> {
        let events = entries.len() as u64;
        let engine = Engine::of_history(name.clone(), entries);
        let timeline = Timeline::in_memory(domain.clone(), engine.clone());
        let (tail, following) = Tail::follow(engine.clone()).await?;
        let (keeper, stop, head) = (timeline.clone(), self.0.stopping.child_token(), engine.head().await?);
        let kept = Arc::new(stop.clone().drop_guard());
        tokio::spawn(async move {
            if let Err(error) = keeper.keep(&tail, Retention::Everything, &stop).await {
                tracing::warn!(%error, "answers about a history come from its entries");
            }
            following.abort();
        });
        Ok(Opened { id, name, events, head, engine, timeline, _kept: kept })
    }

    /// The one of this id, which somebody asks about.
    pub(crate) fn find(&self, id: &str) -> Result<Opened, Problem> {
        let mut open = self.open_ones();
        let place = open.iter().position(|opened| opened.id == id).ok_or_else(|| closed(id))?;
        let opened = open.remove(place);
        open.push(opened.clone());
        Ok(opened)
    }

    /// All of them, those asked about last first.
    pub(crate) fn all(&self) -> Vec<Opened> {
        self.open_ones().iter().rev().cloned().collect()
    }

    /// Forgets the one of this id.
    pub(crate) fn close(&self, id: &str) -> Result<(), Problem> {
        let mut open = self.open_ones();
        let place = open.iter().position(|opened| opened.id == id).ok_or_else(|| closed(id))?;
        open.remove(place);
        Ok(())
    }
}

fn closed(id: &str) -> Problem {
    let detail = format!("no history {id} is open here; POST /api/v1/histories opens one");
    Problem::new(Kind::NotFound, detail)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_file_that_nobody_waits_for_any_more_is_read_before_the_next_one() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().max_blocking_threads(1).build();
        runtime.unwrap().block_on(async {
            let (histories, domain) = (Histories::new(CancellationToken::new()), Arc::new(Domain::new("none")));
            let (go, going) = std::sync::mpsc::channel::<()>();
            let busy = tokio::task::spawn_blocking(move || going.recv());
            let turn = histories.turn(Duration::ZERO).await.unwrap();
            let opening = histories.open(turn, &domain, "a".to_owned(), Vec::new());
            assert!(opening.now_or_never().is_none(), "it waits for a thread, and is then dropped");
            let early = histories.turn(Duration::ZERO).await.unwrap_err();
            assert_eq!((early.status().as_u16(), early.detail()), (503, "another history is being read"));
            go.send(()).unwrap();
            busy.await.unwrap().unwrap();
            let turn = histories.turn(Duration::from_secs(30)).await.unwrap();
            assert_eq!(histories.all().len(), 0);
            assert_eq!(histories.open(turn, &domain, "b".to_owned(), Vec::new()).await.unwrap().name, "b");
        });
    }
}
