//! One generation in the making: the log folded in memory, committed to the read model now and then.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use kernel::{Checkpoint, Domain, Epoch, Number, Position};
use runtime::{Engine, Page, Parked, ParkedId, Stretch, fault};
use tokio::{runtime::Handle, sync::watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    COMMIT_AFTER, Limits, Phase, Progress, RebuildError, Unreadables,
    batch::{Batch, FULL, Unread},
    plan::rate,
    table::Table,
};
use crate::{
    Generation, Hold, ModelState, ReadModel,
    live::{self, CONSUMER},
};

/// After how many entries it looks up from the log.
const LOOK_UP: u64 = 4_096;

/// How many entries are folded together while rows have to be looked up first.
const WIDE_BATCH: u64 = 2_048;

/// How many entries that can't be read wait to be set aside; then there is a commit. Where that can't be, because a log
/// in memory is locked while it is scanned, more are counted only.
const MOST_PARKED: usize = 10_000;

/// How many of them are known by name, to tell what was set aside and can be read by now.
const MOST_UNREAD: usize = 100_000;

/// How many of them are shown.
const SHOWN: usize = 10;

/// A generation in the making.
pub(super) struct Build {
    pub(super) engine: Engine,
    /// The generation.
    pub(super) model: ReadModel,
    /// The version of the projection that makes the rows.
    pub(super) version: u32,
    pub(super) limits: Limits,
    pub(super) table: Table,
    /// What has been committed.
    pub(super) state: ModelState,
    /// The last entry that was folded in.
    pub(super) at: Checkpoint,
    /// The log's epoch.
    pub(super) epoch: Epoch,
    /// Whether the read model may hold rows that the table does not.
    pub(super) is_partly_written: bool,
    /// Entries that have been read and not folded.
    pub(super) batch: Batch,
    /// Whether entries that can't be read are set aside in the log, ahead of the commit that passes over them.
    pub(super) parks: bool,
    /// Whether an earlier run has built all of it, and it was held back.
    pub(super) is_complete: bool,
    /// Whether it is served as it stands.
    pub(super) is_final: bool,
    /// Whether the log goes on from where the served generation stands, so that it would be a step back to serve
    /// one that stands before that.
    pub(super) is_after_served: bool,
    /// Whether an earlier run has begun it.
    pub(super) resumed: bool,
    pub(super) unreadable: Unreadables,
    /// Entries that can't be read, to be set aside.
    pub(super) park: Vec<Parked>,
    /// All of them; nothing where they are more than are known by name.
    pub(super) unread: Option<BTreeSet<ParkedId>>,
    pub(super) events: u64,
    /// How many entries there were at the last commit.
    committed: u64,
    /// When that was, since the beginning.
    committed_at: Duration,
    /// After how many entries to look up next.
    look_up_at: u64,
    /// How long each phase has taken, in seconds.
    pub(super) seconds: BTreeMap<Phase, f64>,
    clock: Clock,
    progress: watch::Sender<Progress>,
    stop: CancellationToken,
    stop_with_this: Option<DropGuard>,
    /// The right to rebuild, which nobody else may have while a thread of this one may still write.
    pub(super) right: Option<Arc<Hold>>,
}

/// What a fraction of the way is told by.
struct Clock {
    began: Instant,
    first: Checkpoint,
    last: Checkpoint,
    /// What it is doing, and since when.
    phase: (Phase, Duration),
}

impl Build {
    pub(super) fn new(
        engine: Engine,
        model: ReadModel,
        state: ModelState,
        (domain, limits): (&Domain, Limits),
        (progress, stop): (&watch::Sender<Progress>, &CancellationToken),
    ) -> Self {
        let stop = stop.child_token();
        let at = state.checkpoint.clone();
        Self {
            engine,
            model,
            version: domain.projection(),
            limits,
            table: Table::of(domain),
            at: at.clone(),
            epoch: at.epoch.clone(),
            state,
            is_partly_written: false,
            batch: Batch::new(domain),
            parks: false,
            is_complete: false,
            is_final: false,
            is_after_served: true,
            resumed: false,
            unreadable: Unreadables::default(),
            park: Vec::new(),
            unread: Some(BTreeSet::new()),
            events: 0,
            committed: 0,
            committed_at: Duration::ZERO,
            look_up_at: 0,
            seconds: BTreeMap::new(),
            clock: Clock { began: Instant::now(), first: at.clone(), last: at, phase: Default::default() },
            progress: progress.clone(),
            stop: stop.clone(),
            stop_with_this: Some(stop.drop_guard()),
            right: None,
        }
    }

    /// Reads up to `head` from here on.
    pub(super) fn head_for(&mut self, head: &Checkpoint) {
        self.epoch = head.epoch.clone();
        self.clock.first = self.at.clone();
        self.clock.last = head.clone();
    }

    /// Scans the log up to `until` and commits.
    pub(super) async fn read(mut self, until: Position) -> Result<Self, RebuildError> {
        self.check_stop()?;
        self.show(Phase::Read);
        // It stays with whoever waits: when they are dropped, the thread is to stop.
        let stop_with_this = self.stop_with_this.take();
        let reading = tokio::task::spawn_blocking(move || {
            self.scan(until)?;
            Handle::current().block_on(self.commit())?;
            Ok(self)
        });
        let read = reading.await.unwrap_or_else(|error| Err(RebuildError::Died(error.to_string())))?;
        Ok(Self { stop_with_this, ..read })
    }

    fn scan(&mut self, until: Position) -> Result<(), RebuildError> {
        let stretch = Stretch { after: self.at.clone(), until };
        let handle = Handle::current();
        let engine = self.engine.clone();
        let mut result = Ok(());
        let every = self.limits.commit_every;
        engine.scan(&stretch, &mut |seen| {
            let most = if self.is_partly_written { WIDE_BATCH } else { FULL }.min(every);
            // Entries at one position go into one batch: no checkpoint can stand between them.
            if self.batch.is_full(most) && seen.position() > self.batch.position {
                result = self.turn(&handle);
                if result.is_err() {
                    return ControlFlow::Break(());
                }
            }
            self.batch.take(seen);
            ControlFlow::Continue(())
        })?;
        result?;
        handle.block_on(self.settle())
    }

    /// Folds the batch, and looks up from the log now and then.
    fn turn(&mut self, handle: &Handle) -> Result<(), RebuildError> {
        if self.is_partly_written {
            handle.block_on(self.settle())?;
        } else {
            self.fold();
        }
        if self.events >= self.look_up_at || self.table.bytes() > self.limits.memory {
            handle.block_on(self.look_up())
        } else {
            Ok(())
        }
    }

    /// Takes in a page that has been read otherwise, and commits.
    pub(super) async fn follow(&mut self, page: &Page) -> Result<(), RebuildError> {
        self.epoch = page.head.epoch.clone();
        page.entries.iter().for_each(|entry| self.batch.take(&entry.as_seen()));
        self.commit().await
    }

    /// Folds what waits, over rows that are looked up for all of it at once where the table may not have them.
    async fn settle(&mut self) -> Result<(), RebuildError> {
        if self.is_partly_written {
            let lacking = self.table.lacking(&self.batch);
            let keys: Vec<_> = lacking.iter().map(|(topic, key)| (*topic, &**key)).collect();
            let found = self.model.rows(&keys).await?;
            for (topic, key) in keys {
                self.table.learn(topic, key, found.get(&(topic.to_owned(), key.to_owned())).map(String::as_str));
            }
        }
        self.fold();
        Ok(())
    }

    fn fold(&mut self) {
        if self.batch.events == 0 {
            return;
        }
        self.table.fold(&self.batch);
        self.events += self.batch.events;
        self.at.position = self.batch.position;
        self.at.number = self.batch.number.unwrap_or(self.at.number);
        for Unread { topic, position, reason } in std::mem::take(&mut self.batch.unread) {
            self.unreadable.count += 1;
            if self.unreadable.first.len() < SHOWN {
                self.unreadable.first.push((topic.clone(), position, reason.clone()));
            }
            let parked = Parked::now(CONSUMER, &topic, position, &reason);
            self.unread = self.unread.take().filter(|unread| unread.len() < MOST_UNREAD);
            if let Some(unread) = &mut self.unread {
                unread.insert(parked.id());
            }
            if self.can_park() || self.park.len() < MOST_PARKED {
                self.park.push(parked);
            }
        }
        self.batch.clear();
    }

    /// Looks up from the log: is it time to stop, to commit, to tell how far it has come?
    async fn look_up(&mut self) -> Result<(), RebuildError> {
        self.look_up_at = self.events + LOOK_UP.min(self.limits.commit_every);
        if self.stop.is_cancelled() {
            // What was read so far is not read again.
            self.commit().await?;
        }
        self.check_stop()?;
        self.show(Phase::Read);
        let is_full = self.table.bytes() > self.limits.memory;
        let is_late = self.clock.began.elapsed() >= self.committed_at + COMMIT_AFTER;
        let is_behind = self.can_park() && self.park.len() >= MOST_PARKED;
        let is_due = self.events >= self.committed + self.limits.commit_every || is_late || is_full || is_behind;
        if is_due {
            self.commit().await?;
            if is_full {
                self.table.forget();
                self.is_partly_written = true;
            }
        }
        Ok(())
    }

    /// Whether what can't be read is set aside as it goes: a log in memory is locked while it is scanned, and gone with
    /// whoever could go on with this.
    const fn can_park(&self) -> bool {
        self.parks && !matches!(self.engine, Engine::Memory(_))
    }

    /// That nobody has told it to stop.
    pub(super) fn check_stop(&self) -> Result<(), RebuildError> {
        if self.stop.is_cancelled() {
            return Err(RebuildError::Interrupted(self.state.checkpoint.position));
        }
        Ok(())
    }

    /// Writes what has changed, with the checkpoint.
    pub(super) async fn commit(&mut self) -> Result<(), RebuildError> {
        self.settle().await?;
        self.show(Phase::Write);
        let (changes, digest) = self.table.changes();
        // Where the number is not known, the position alone must do.
        let is_counted = self.at.number > Number::ZERO || self.at.position == Position::ZERO;
        let epoch = if is_counted { self.epoch.clone() } else { Epoch::default() };
        let checkpoint = Checkpoint { epoch, ..self.at.clone() };
        let ModelState { generation, .. } = self.state;
        let to = ModelState { checkpoint, digest, version: self.version, generation };
        if self.can_park() {
            live::park(&self.engine, std::mem::take(&mut self.park)).await?;
        }
        if to != self.state && !self.model.load(&self.state, &to, &changes).await? {
            return Err(RebuildError::Fenced(self.model.place()));
        }
        fault::point("rebuild.loaded");
        self.at = to.checkpoint.clone();
        self.state = to;
        (self.committed, self.committed_at) = (self.events, self.clock.began.elapsed());
        Ok(())
    }

    /// Takes rows in that an earlier run has written.
    ///
    /// Where it was broken off while it wrote, some may be of a later event than the checkpoint says. They come
    /// right when the events since the checkpoint are applied again, for what an event makes of a row depends
    /// on nothing but whether there is one; only their digest must be counted anew.
    pub(super) async fn take_over(&mut self, begun: &Generation) -> Result<(), RebuildError> {
        let topics = self.table.topics();
        let (tables, _) = self.model.tables(&topics).await?;
        for (topic, rows) in &tables.0 {
            rows.iter().for_each(|(key, row)| self.table.restore(topic, key, row));
        }
        if begun.torn {
            let to = ModelState { digest: self.table.digest(), ..self.state.clone() };
            if !self.model.mend(&self.state, &to).await? {
                return Err(RebuildError::Fenced(self.model.place()));
            }
            self.state = to;
        }
        if self.table.bytes() > self.limits.memory {
            self.table.forget();
            self.is_partly_written = true;
        }
        Ok(())
    }

    /// Tells how far it has come.
    pub(super) fn show(&mut self, phase: Phase) {
        let elapsed = self.clock.began.elapsed();
        let (before, since) = std::mem::replace(&mut self.clock.phase, (phase, elapsed));
        *self.seconds.entry(before).or_default() += (elapsed - since).as_secs_f64();
        let fraction = if phase == Phase::Done { 1.0 } else { self.clock.fraction(&self.at) };
        let seconds = elapsed.as_secs_f64();
        let left = (fraction > 0.0).then(|| seconds * (1.0 - fraction) / fraction);
        self.progress.send_replace(Progress {
            generation: self.state.generation,
            phase,
            events: self.events,
            fraction,
            position: self.at.position,
            seconds,
            events_per_second: rate(self.events, elapsed),
            seconds_left: left,
        });
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.clock.began.elapsed()
    }
}

impl Clock {
    /// How much of the way lies behind `at`: by numbers where the log has them, by time otherwise.
    fn fraction(&self, at: &Checkpoint) -> f64 {
        let way = |from: u64, at: u64, to: u64| {
            let whole = to.saturating_sub(from);
            if whole == 0 { 1.0 } else { at.saturating_sub(from).min(whole) as f64 / whole as f64 }
        };
        let (first, last) = (&self.first, &self.last);
        if at.number > Number::ZERO && last.number > first.number {
            way(first.number.0, at.number.0, last.number.0)
        } else {
            // Before the first entry of a log is 1970, from where there is no telling.
            0.0_f64.max(way(first.position.ms(), at.position.ms(), last.position.ms()))
        }
    }
}
