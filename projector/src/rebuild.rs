//! Builds a read model anew from the log: a generation beside the served one, swapped in when it has caught up.
//!
//! The log is scanned and folded in memory, and each row that is left is written once. Rows and checkpoint are
//! committed now and then, so that a rebuild that was broken off goes on where it was. Readers see the served
//! generation until the new one stands no further back than it does, and from one answer to the next the new
//! one. The generation that was served is kept, for [`Rebuild::roll_back`].

mod batch;
mod build;
mod plan;
mod swap;
mod table;

use std::{pin::Pin, sync::Arc, time::Duration};

use kernel::{Domain, Position};
use runtime::{Engine, StoreError};
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

pub use plan::{Approval, Phase, Plan, Progress, Report, Unreadables};

use crate::{Hold, ModelState, ReadModel, Stage};
pub(crate) use batch::{Batch, FULL};
use build::Build;
pub(crate) use plan::rate;
pub(crate) use table::{Table, prefix};

/// How often the progress is told to other processes.
const TELL: Duration = Duration::from_millis(500);

/// After how long rows and checkpoint are committed.
pub const COMMIT_AFTER: Duration = Duration::from_secs(10);

/// How much may be in memory and not committed.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of rows in memory; more are written out and forgotten.
    pub memory: usize,
    /// Entries after which rows and checkpoint are committed at the latest, so that an interrupted rebuild goes on
    /// from there; after [`COMMIT_AFTER`] they are in any case.
    pub commit_every: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 2 << 30, commit_every: 10_000_000 }
    }
}

/// A rebuild of one read model from one log.
#[derive(Clone, Debug)]
pub struct Rebuild {
    /// What the events mean.
    pub domain: Arc<Domain>,
    /// The log.
    pub engine: Engine,
    /// The read model.
    pub model: ReadModel,
    /// Whether a projector keeps this read model at the head of the log: it must never serve less than all.
    pub is_followed: bool,
    /// What to build.
    pub plan: Plan,
    /// What becomes of rows that differ from the served ones.
    pub approval: Approval,
    /// What may be in memory.
    pub limits: Limits,
    /// Who rebuilds, for whoever wants to as well: `process 17 on host`.
    pub holder: String,
}

/// Why a rebuild did not happen; the served generation is untouched.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RebuildError {
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody else rebuilds the same read model.
    #[error("read model {place} is being rebuilt by {holder}; wait for it, `retrace status` shows how far it is")]
    Held {
        /// The read model.
        place: String,
        /// Who rebuilds it.
        holder: String,
    },
    /// The result would not be the whole read model, and a projector would carry on from it as if it were.
    #[error(
        "{what} gives a part of the read model, which {place} would serve as if it were the whole; build it elsewhere: retrace rebuild --into sqlite:part.model"
    )]
    Partial {
        /// What was asked for.
        what: &'static str,
        /// The read model.
        place: String,
    },
    /// Readers would go back in time.
    #[error(
        "read model {place} stands at {served} and would go back to {to}; build it elsewhere: retrace rebuild --into sqlite:then.model"
    )]
    Backwards {
        /// The read model.
        place: String,
        /// Where it stands.
        served: Position,
        /// Where the rebuild was to stop.
        to: Position,
    },
    /// There is no such topic.
    #[error("the domain has no topic {topic}; it has {known}")]
    UnknownTopic {
        /// What was asked for.
        topic: String,
        /// The domain's topics.
        known: String,
    },
    /// A stretch of the log that ends before it begins.
    #[error("the rebuild would start at {from} and stop before that, at {to}; exchange the two")]
    Reversed {
        /// Where to start.
        from: Position,
        /// Where to stop.
        to: Position,
    },
    /// There is nothing to go back to.
    #[error(
        "read model {0} keeps no earlier generation to go back to; only the one that the last rebuild replaced is kept"
    )]
    NothingKept(String),
    /// The earlier generation was made by another version of the projection.
    #[error(
        "generation {generation} was made by version {version:08x} of the projection, and this program has {current:08x}; go back with the program that made it"
    )]
    OtherVersion {
        /// The generation.
        generation: u64,
        /// Its version.
        version: u32,
        /// This program's.
        current: u32,
    },
    /// The other topics' rows can't be taken over.
    #[error(
        "read model {0} was made by another version of the projection, so no topic's rows can be taken over; rebuild all topics"
    )]
    Stale(String),
    /// Somebody else has written to the generation, or taken the right to rebuild.
    #[error(
        "the right to rebuild read model {0} was lost, or somebody else has changed it meanwhile; run it again, it goes on"
    )]
    Fenced(String),
    /// The log grows faster than it can be read.
    #[error(
        "the new generation did not catch up with the served one within {0:?}; it is kept, and the next run goes on with it"
    )]
    Outrun(Duration),
    /// It was told to stop.
    #[error("interrupted; everything up to {0} is kept, and the same rebuild goes on from there")]
    Interrupted(Position),
    /// A thread of it died.
    #[error("the rebuild died: {0}; that is a defect, and what is served is untouched")]
    Died(String),
}

impl Rebuild {
    /// Builds and, unless it is to be held for approval, serves the result.
    ///
    /// It is told how far it has come through `progress`, and breaks off when `stop` is cancelled.
    ///
    /// # Errors
    /// When it can't be built or not be served; what is served is then untouched.
    pub async fn run(
        &self,
        progress: &watch::Sender<Progress>,
        stop: &CancellationToken,
    ) -> Result<Report, RebuildError> {
        self.holding(Way::Anew, progress, stop).await
    }

    /// Serves the generation that was served before, once it has caught up.
    ///
    /// # Errors
    /// When there is none, it was made by another version of the projection, or a store failed.
    pub async fn roll_back(
        &self,
        progress: &watch::Sender<Progress>,
        stop: &CancellationToken,
    ) -> Result<Report, RebuildError> {
        self.holding(Way::Back, progress, stop).await
    }

    /// Drops generations that were being built and are not served: interrupted, or held back; with `only`, no other
    /// than that. Tells which.
    ///
    /// # Errors
    /// When somebody rebuilds, or the store failed.
    pub async fn discard(&self, only: Option<u64>) -> Result<Vec<u64>, RebuildError> {
        let held = self.model.hold(&self.holder).await?;
        let hold = held.map_err(|holder| RebuildError::Held { place: self.model.place(), holder })?;
        let mut discarded = Vec::new();
        for generation in self.model.generations().await? {
            let number = generation.state.generation;
            if generation.stage != Stage::Kept && only.is_none_or(|only| only == number) {
                self.model.discard(number).await?;
                discarded.push(number);
            }
        }
        hold.give_up().await;
        Ok(discarded)
    }

    /// Works with the exclusive right to rebuild, telling others how far it has come.
    async fn holding(
        &self,
        way: Way,
        progress: &watch::Sender<Progress>,
        stop: &CancellationToken,
    ) -> Result<Report, RebuildError> {
        progress.send_replace(Progress::default());
        let held = self.model.hold(&self.holder).await?;
        let hold = held.map_err(|holder| RebuildError::Held { place: self.model.place(), holder })?;
        let hold = Arc::new(hold);
        let telling = AbortOnDropHandle::new(tokio::spawn(tell(self.model.clone(), progress.subscribe())));
        // Boxed, because what awaits it is too deep for the compiler to see that it may change threads.
        let work: Pin<Box<dyn Future<Output = _> + Send + '_>> = Box::pin(self.work(way, &hold, progress, stop));
        let result = tokio::select! {
            result = work => result,
            () = hold.lost() => Err(RebuildError::Fenced(self.model.place())),
        };
        drop(telling);
        self.model.tell(None).await;
        // A thread that still writes has it too, and gives it up when it ends.
        if let Some(hold) = Arc::into_inner(hold) {
            hold.give_up().await;
        }
        result
    }

    async fn work(
        &self,
        way: Way,
        hold: &Arc<Hold>,
        progress: &watch::Sender<Progress>,
        stop: &CancellationToken,
    ) -> Result<Report, RebuildError> {
        match way {
            Way::Anew => {
                let served = self.model.state().await?;
                self.check(&served)?;
                let mut build = self.begin(&served, progress, stop).await?;
                build.right = Some(hold.clone());
                self.build(build, &served).await
            }
            Way::Back => {
                let mut build = self.go_back(progress, stop).await?;
                build.right = Some(hold.clone());
                self.catch_up_and_serve(build).await
            }
        }
    }

    /// That the plan makes sense for this read model.
    fn check(&self, served: &ModelState) -> Result<(), RebuildError> {
        let plan = &self.plan;
        if let Some(topic) = plan.topics.iter().find(|topic| self.domain.topic(topic).is_none()) {
            let known: Vec<_> = self.domain.topics().map(|topic| topic.name).collect();
            return Err(RebuildError::UnknownTopic { topic: topic.clone(), known: known.join(", ") });
        }
        if let (Some(from), Some(to)) = (plan.from, plan.to)
            && from > to
        {
            return Err(RebuildError::Reversed { from, to });
        }
        if !self.is_followed {
            return Ok(());
        }
        match plan.to {
            _ if plan.empty => Err(self.partial("a rebuild from nothing")),
            _ if !plan.topics.is_empty() && served.generation == 0 => Err(self.partial("a rebuild of some topics")),
            Some(to) if to < served.checkpoint.position => {
                let (place, served) = (self.model.place(), served.checkpoint.position);
                Err(RebuildError::Backwards { place, served, to })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn partial(&self, what: &'static str) -> RebuildError {
        RebuildError::Partial { what, place: self.model.place() }
    }
}

/// Which generation comes to be served.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// A new one.
    Anew,
    /// The one that was served before.
    Back,
}

/// Tells other processes how far a rebuild has come, for as long as it is at work.
async fn tell(model: ReadModel, progress: watch::Receiver<Progress>) {
    let mut every = tokio::time::interval_at(Instant::now() + TELL, TELL);
    loop {
        every.tick().await;
        let progress = serde_json::to_string(&*progress.borrow()).unwrap_or_default();
        model.tell(Some(&progress)).await;
    }
}
