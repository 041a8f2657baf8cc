//! Builds a timeline in bulk: the log is scanned and packed on one thread and written by another.

use std::{ops::ControlFlow, time::Instant};

use kernel::{Checkpoint, Position, Seen};
use runtime::{Engine, StoreError, Stretch};
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    Shared, Timeline,
    disk::State,
    keep::Keeper,
    recent::Recent,
    run::{self, Run},
};
use crate::rebuild::{Phase, Progress, rate};

/// How many runs may wait to be written: as many as are packed while a keyframe is.
const WAITING: usize = 8;

/// After how many entries it looks whether it was told to stop.
const LOOK_UP: u64 = 4_096;

/// Why a timeline was not built.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BuildError {
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another process writes to the same file.
    #[error("timeline {0} was changed by another process meanwhile; run it again, it goes on")]
    Moved(String),
    /// It was told to stop.
    #[error("interrupted; everything up to {0} is kept, and the same goes on from there")]
    Interrupted(Position),
    /// There is no file to build.
    #[error("the timeline of {0} is kept in memory; there is nothing to build")]
    NoFile(String),
    /// A thread of it died.
    #[error("building the timeline died: {0}; that is a defect, and what was written is sound")]
    Died(String),
}

/// How building a timeline went.
#[derive(Clone, Debug, Serialize)]
pub struct Built {
    /// The file.
    pub into: String,
    /// How far it goes now.
    pub checkpoint: Checkpoint,
    /// Entries that were read.
    pub events: u64,
    /// How many runs it has, keyframes among them.
    pub runs: u32,
    /// How many entities exist.
    pub entities: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// How long it took.
    pub seconds: f64,
    /// Entries read a second.
    pub events_per_second: f64,
}

/// What is to be built from where on.
pub(super) struct Building<'s> {
    pub(super) keeper: Keeper,
    pub(super) until: Position,
    pub(super) progress: watch::Sender<Progress>,
    pub(super) stop: &'s CancellationToken,
}

/// A run to be written, and a keyframe after it if it is time.
struct Work {
    from: State,
    run: Run,
    /// Where the file stands with the keyframe.
    frame: Option<State>,
}

impl Timeline {
    /// Builds the timeline up to the log's head, from where it stands, or from nothing with `anew`.
    ///
    /// # Errors
    /// When there is no file, a store failed, or it was told to stop.
    pub async fn build(
        &self,
        way: Way,
        progress: &watch::Sender<Progress>,
        stop: &CancellationToken,
    ) -> Result<Built, BuildError> {
        let Some(disk) = &self.0.disk else { return Err(BuildError::NoFile(self.0.engine.url())) };
        let began = Instant::now();
        if way == Way::Anew {
            disk.wipe(self.0.domain.projection()).await?;
        }
        let keeper = self.0.keeper().await?;
        let building = Building { keeper, until: Position::MAX, progress: progress.clone(), stop };
        let (Keeper { mut state, recent }, events) = self.catch_up(building).await?;
        let mut entities = recent.living.len();
        if recent.entries > 0 {
            let mut run = Run::of(&recent, &state);
            run.compress();
            if !disk.append(&state, &run).await? {
                return Err(BuildError::Moved(disk.file.url.clone()));
            }
            let mut recent = recent;
            recent.drop_sealed(&run);
            (state, entities) = (run.to, recent.living.len());
        }
        let seconds = began.elapsed();
        Ok(Built {
            into: disk.file.url.clone(),
            checkpoint: state.checkpoint,
            events,
            runs: disk.runs().await?,
            entities,
            bytes: disk.bytes().await?,
            seconds: seconds.as_secs_f64(),
            events_per_second: rate(events, seconds),
        })
    }

    /// Reads the log on from where the keeper stands and writes runs; gives the keeper back with what is no run yet,
    /// and how many entries were read.
    pub(super) async fn catch_up(&self, building: Building<'_>) -> Result<(Keeper, u64), BuildError> {
        let Building { keeper, until, progress, stop } = building;
        let head = self.0.engine.head().await?;
        let (sender, packed) = mpsc::channel::<Work>(self.waiting());
        let (to_disk, compressed) = mpsc::channel::<Work>(WAITING);
        let scan = Scan {
            began: Instant::now(),
            first: keeper.state.checkpoint.clone(),
            head,
            least: self.0.run,
            state: keeper.state,
            recent: keeper.recent,
            // Without a file everything stays in memory.
            out: self.0.disk.is_some().then_some(sender),
            events: 0,
            progress,
            stop: stop.clone(),
        };
        let shared = self.clone();
        let scanning = tokio::task::spawn_blocking(move || scan.run(&shared.0, until));
        // What comes later in the row ends when nobody takes what it has made.
        let (squeezed, written) = tokio::join!(squeeze(packed, to_disk), self.write(compressed));
        let scanned = scanning.await.map_err(|error| BuildError::Died(error.to_string()))?;
        written?;
        squeezed?;
        let scan = scanned?;
        if stop.is_cancelled() {
            return Err(BuildError::Interrupted(scan.state.checkpoint.position));
        }
        Ok((Keeper { state: scan.state, recent: scan.recent }, scan.events))
    }

    /// A log in memory is locked while it is shown: who waited there for the writer would have all wait who ask it for
    /// anything, and the writer for a thread of theirs. It is in memory anyway, and so may the runs be.
    fn waiting(&self) -> usize {
        match self.0.engine {
            Engine::Memory(_) | Engine::History(_) => Semaphore::MAX_PERMITS,
            Engine::Redis(_) | Engine::Sqlite(_) => WAITING,
        }
    }

    /// Writes runs, and keyframes after those that have one, until there are no more.
    async fn write(&self, mut work: mpsc::Receiver<Work>) -> Result<(), BuildError> {
        let Some(disk) = &self.0.disk else { return Ok(()) };
        while let Some(Work { from, run, frame }) = work.recv().await {
            let mut is_written = disk.append(&from, &run).await?;
            if let Some(frame) = frame {
                is_written = is_written && disk.frame(&self.0.domain, &run.to, &frame).await?;
            }
            if !is_written {
                return Err(BuildError::Moved(disk.file.url.clone()));
            }
        }
        Ok(())
    }
}

/// Compresses runs on their way to the file, while the one before is written.
async fn squeeze(mut packed: mpsc::Receiver<Work>, to_disk: mpsc::Sender<Work>) -> Result<(), BuildError> {
    while let Some(mut work) = packed.recv().await {
        let compressing = tokio::task::spawn_blocking(move || {
            work.run.compress();
            work
        });
        let work = compressing.await.map_err(|error| BuildError::Died(error.to_string()))?;
        if to_disk.send(work).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Where a build begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Where the timeline stands.
    Onward,
    /// From nothing: what there is is dropped.
    Anew,
}

/// The log on its way into runs.
struct Scan {
    began: Instant,
    first: Checkpoint,
    head: Checkpoint,
    /// How many entries make a run, at the least.
    least: u64,
    /// Where the file will stand when all that was packed is written.
    state: State,
    recent: Recent,
    out: Option<mpsc::Sender<Work>>,
    events: u64,
    progress: watch::Sender<Progress>,
    stop: CancellationToken,
}

impl Scan {
    fn run(mut self, shared: &Shared, until: Position) -> Result<Self, StoreError> {
        let stretch = Stretch { after: self.state.checkpoint.clone(), until };
        let end = shared.engine.scan(&stretch, &mut |seen| self.take(seen))?;
        if !self.stop.is_cancelled() {
            self.recent.at = end;
        }
        self.out = None;
        Ok(self)
    }

    fn take(&mut self, seen: &Seen<'_>) -> ControlFlow<()> {
        // Entries at one position go into one run: nothing can stand between them.
        if run::is_due(&self.recent, self.least) && seen.position() > self.recent.at.position && !self.turn() {
            return ControlFlow::Break(());
        }
        if self.events.is_multiple_of(LOOK_UP) && self.stop.is_cancelled() {
            return ControlFlow::Break(());
        }
        self.events += 1;
        self.recent.take(seen);
        ControlFlow::Continue(())
    }

    /// Hands what is in memory over to be written; tells whether somebody takes it.
    fn turn(&mut self) -> bool {
        let Some(out) = &self.out else { return true };
        self.tell();
        self.recent.at.epoch = self.head.epoch.clone();
        let run = Run::of(&self.recent, &self.state);
        self.recent.drop_sealed(&run);
        let from = std::mem::replace(&mut self.state, run.to.clone());
        let living = &self.recent.living;
        let frame = self.state.is_frame_due(living, self.least).then(|| self.state.framed(living));
        self.state = frame.clone().unwrap_or_else(|| self.state.clone());
        out.blocking_send(Work { from, run, frame }).is_ok()
    }

    fn tell(&self) {
        let elapsed = self.began.elapsed();
        let (number, seconds) = (self.recent.at.number.0, elapsed.as_secs_f64());
        let whole = self.head.number.0.saturating_sub(self.first.number.0);
        let fraction = if whole == 0 { 0.0 } else { self.events.min(whole) as f64 / whole as f64 };
        let left = (fraction > 0.0 && number > 0).then(|| seconds * (1.0 - fraction) / fraction);
        self.progress.send_replace(Progress {
            generation: 0,
            phase: Phase::Read,
            events: self.events,
            fraction,
            position: self.recent.at.position,
            seconds,
            events_per_second: rate(self.events, elapsed),
            seconds_left: left,
        });
    }
}
