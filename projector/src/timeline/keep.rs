//! Keeps a timeline at the head of the log.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use kernel::{Entry, Moment, Number, Position, TopicKind};
use runtime::{Entries, StoreError, Tail, Trouble};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Shared, Timeline,
    build::{BuildError, Building},
    disk::{Disk, State},
    recent::{self, Living, Recent, Scope, Versions},
    run::{self, Run},
};

/// How many entries are taken in at once.
const PAGE: usize = 1_024;

/// A timeline that lacks more events than this is built in bulk.
const FAR: u64 = 20_000;

/// How long to wait for entries before looking around.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause after a store failed, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// What becomes of old versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retention {
    /// They are kept.
    #[default]
    Everything,
    /// Those that no question about the last so much time needs are dropped; what is asked of earlier times is
    /// answered from the log, which takes longer.
    Last(SignedDuration),
}

/// What a keeper knows of its file, besides what is in memory.
pub(super) struct Keeper {
    /// Where the file stands.
    pub(super) state: State,
    /// What is not in it yet.
    pub(super) recent: Recent,
}

/// Takes the keeper's memory from the answers when it is dropped, however the keeper ends.
struct Kept<'s>(&'s Shared);

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.0.withdraw();
    }
}

impl Timeline {
    /// Follows the log until told to stop. Of several that keep one timeline in one process, one does and the others
    /// wait.
    ///
    /// A timeline that another version of the projection made is made anew. Answers come from the log meanwhile.
    ///
    /// # Errors
    /// When the log is not the one that the timeline was made of, or has lost events (R3).
    pub async fn keep(&self, tail: &Tail, retention: Retention, stop: &CancellationToken) -> Result<(), StoreError> {
        let only = self.0.keeping.lock();
        let _only = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            only = only => only,
        };
        let mut pause = PAUSE.0;
        let trouble = Trouble::new("the timeline waits");
        while !stop.is_cancelled() {
            let began = Instant::now();
            let kept = Kept(&self.0);
            let ended = self.follow(tail, retention, &trouble, stop).await;
            drop(kept);
            match ended {
                Ok(()) | Err(BuildError::Interrupted(_)) => {}
                Err(BuildError::Moved(place)) => tracing::info!(place, "another process keeps the timeline too"),
                Err(BuildError::Store(error)) if !error.is_transient() => {
                    tracing::error!(%error, "the timeline stops; `retrace rebuild --timeline` makes it anew from the log as it is");
                    return Err(error);
                }
                Err(error) => trouble.failed(&error),
            }
            // To begin again is to read all that exists: the longer nothing comes of it, the less often.
            pause = if began.elapsed() > PAUSE.1 { PAUSE.0 } else { (pause * 2).min(PAUSE.1) };
            let _ = tokio::time::timeout(pause, stop.cancelled()).await;
        }
        Ok(())
    }

    async fn follow(
        &self,
        tail: &Tail,
        retention: Retention,
        trouble: &Trouble,
        stop: &CancellationToken,
    ) -> Result<(), BuildError> {
        let shared = &self.0;
        let mut keeper = shared.keeper().await?;
        let (number, head) = (keeper.state.checkpoint.number, tail.head());
        // Where numbers are not known, it may be far.
        if head.number.0.saturating_sub(number.0) > FAR || number == Number::ZERO {
            let building = Building { keeper, until: Position::MAX, progress: watch::Sender::default(), stop };
            keeper = self.catch_up(building).await?.0;
        }
        let Keeper { mut state, recent } = keeper;
        let mut at = recent.at.clone();
        shared.publish(recent);
        self.forget(retention).await?;
        loop {
            // Told to stop, it stops between writes.
            let page = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                page = tail.next(&at, PAGE, PATIENCE) => page?,
            };
            if page.entries.is_empty() {
                trouble.over();
                continue;
            }
            at = page.end(&at);
            if shared.take(&page)
                && let Some(disk) = &shared.disk
            {
                let base = state.base;
                state = self.seal(disk, state).await?;
                trouble.over();
                if state.base != base {
                    self.forget(retention).await?;
                }
            }
        }
    }

    /// Writes what is in memory to the file, and a keyframe when it is time; gives where the file stands then.
    async fn seal(&self, disk: &Disk, from: State) -> Result<State, BuildError> {
        let (this, at) = (self.clone(), from.clone());
        let packed = tokio::task::spawn_blocking(move || {
            let mut run = this.0.recent().as_ref().map(|recent| Run::of(recent, &at));
            run.iter_mut().for_each(Run::compress);
            run
        });
        let Some(run) = packed.await.map_err(|error| BuildError::Died(error.to_string()))? else { return Ok(from) };
        if !disk.append(&from, &run).await? {
            return Err(BuildError::Moved(disk.file.url.clone()));
        }
        let mut state = run.to.clone();
        let frame = self.0.recent_mut().as_mut().and_then(|recent| {
            recent.drop_sealed(&run);
            state.is_frame_due(&recent.living, self.0.run).then(|| state.framed(&recent.living))
        });
        if let Some(frame) = frame {
            if !disk.frame(&self.0.domain, &state, &frame).await? {
                return Err(BuildError::Moved(disk.file.url.clone()));
            }
            state = frame;
        }
        Ok(state)
    }

    /// Drops what is older than it has to be.
    async fn forget(&self, retention: Retention) -> Result<(), BuildError> {
        let (Retention::Last(span), Some(disk)) = (retention, &self.0.disk) else { return Ok(()) };
        let Ok(since) = Timestamp::now().checked_sub(span) else { return Ok(()) };
        let since = self.0.engine.position_at(Moment::Time(since)).await?;
        let floor = disk.forget(&self.0.domain, since).await?;
        tracing::debug!(%floor, "old versions were dropped");
        Ok(())
    }
}

impl Shared {
    /// A keeper of the file as it stands: begun anew where another version of the projection made it.
    pub(super) async fn keeper(&self) -> Result<Keeper, StoreError> {
        let (mut state, mut living) = (State::default(), Living::default());
        if let Some(disk) = &self.disk {
            let version = self.domain.projection();
            state = disk.state().await?;
            if state.version != version {
                if state.runs > 0 {
                    let current = format!("{version:08x}");
                    tracing::warn!(current, "another version of the projection made the timeline; it is made anew");
                }
                state = disk.wipe(version).await?;
            }
            let mut cut = disk.cut().await?;
            for topic in self.domain.topics().filter(|topic| topic.kind == TopicKind::Entity) {
                let rows = cut.rows(topic, state.checkpoint.position).await?;
                rows.rows().for_each(|(block, row)| living.set(recent::name(topic.name, row.key), Some(block)));
            }
        }
        let recent = Recent::new(&self.domain, state.checkpoint.clone(), living, Scope::All, Versions::All);
        Ok(Keeper { state, recent })
    }

    /// Lets answers come from what the keeper has in memory.
    fn publish(&self, recent: Recent) {
        let at = recent.at.position;
        *self.recent_mut() = Some(recent);
        self.kept.send_replace(Some(at));
    }

    /// Has answers come from the file and the log: nobody keeps this any more.
    fn withdraw(&self) {
        self.kept.send_replace(None);
        *self.recent_mut() = None;
    }

    /// Takes a page in; tells whether it is time to write a run.
    fn take(&self, page: &Entries) -> bool {
        let mut held = self.recent_mut();
        let Some(recent) = &mut *held else { return false };
        page.entries.iter().for_each(|entry| recent.take(&Entry::as_seen(entry)));
        recent.at = page.end(&recent.at);
        let (at, is_due) = (recent.at.position, run::is_due(recent, self.run));
        drop(held);
        self.kept.send_replace(Some(at));
        is_due
    }
}
