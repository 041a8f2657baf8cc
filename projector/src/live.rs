//! Keeps a read model at the head of the log.
//!
//! Of several projectors of one log one works and the others wait; what keeps a late one from writing is the
//! state that each write starts from ([`ReadModel::write`]).

mod fold;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kernel::{Domain, Position};
use runtime::{
    Commit, CommitError, Engine, Entries, Parked, ParkedId, StoreError, Tail, Trouble, fault, host::role::Role,
    parking::MOST_LISTED,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    ModelState, ReadModel,
    rebuild::{Approval, Limits, Plan, Rebuild, RebuildError},
};

/// The name under which the projector takes its role and parks what it can't read.
pub const CONSUMER: &str = "projector";

/// How many entries go into one write.
const PAGE: usize = 1_024;

/// A read model that lacks more events than this, and most of the log, is made anew in bulk.
const FAR: u64 = 50_000;

/// How long to wait for entries before looking around.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause after the store failed, or while another projector writes.
const PAUSE: Duration = Duration::from_millis(500);

/// How following ended, when nothing went wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// It was told to stop.
    Told,
    /// Another projector has moved the read model, or taken over.
    Fenced,
    /// Another generation is served now.
    Swapped,
}

/// One projection: from a log to a read model.
struct Projection {
    domain: Arc<Domain>,
    tail: Tail,
    model: ReadModel,
    stop: CancellationToken,
    trouble: Trouble,
}

/// Follows the log until told to stop.
///
/// A read model that another version of the projection made ([`Domain::projection`]) is served until a new
/// generation has caught up, and then replaced. Entries that can't be read are parked, and the others go on.
///
/// # Errors
/// When the log is not the one that the read model was made of, or has lost events (R3).
pub async fn run(domain: Arc<Domain>, tail: Tail, model: ReadModel, stop: CancellationToken) -> Result<(), StoreError> {
    let role = Role::new(tail.engine(), CONSUMER);
    let projection = Projection { domain, tail, model, stop, trouble: Trouble::new("the projection waits") };
    let result = projection.run(&role).await;
    role.give_up().await;
    result
}

impl Projection {
    async fn run(&self, role: &Role) -> Result<(), StoreError> {
        let mut waiting = false;
        while !self.stop.is_cancelled() {
            let ended = match role.take().await {
                Ok(Some(other)) => {
                    self.trouble.over();
                    if !std::mem::replace(&mut waiting, true) {
                        tracing::info!(other, "another projector is at work; waiting for it to go");
                    }
                    self.pause().await;
                    continue;
                }
                Ok(None) => {
                    waiting = false;
                    tokio::select! {
                        biased;
                        ended = self.project() => ended,
                        () = role.keep() => Ok(Ending::Fenced),
                    }
                }
                Err(error) => Err(error),
            };
            match ended {
                Ok(Ending::Told) => break,
                Ok(Ending::Swapped) => continue,
                Ok(Ending::Fenced) => {
                    tracing::warn!("another projector has moved the read model; going on from where it stands");
                }
                Err(error) if error.is_transient() => self.trouble.failed(&error),
                Err(error) => {
                    tracing::error!(%error, "projection stops; rebuild the read model from the log as it is now");
                    return Err(error);
                }
            }
            self.pause().await;
        }
        Ok(())
    }

    /// Pauses, less long when told to stop.
    async fn pause(&self) {
        let _ = tokio::time::timeout(PAUSE, self.stop.cancelled()).await;
    }

    async fn project(&self) -> Result<Ending, StoreError> {
        let state = self.model.state().await?;
        if state.generation > 0 && state.version != self.domain.projection() {
            tracing::warn!(
                generation = state.generation,
                version = format_args!("{:08x}", state.version),
                current = format_args!("{:08x}", self.domain.projection()),
                "the read model is stale: another version of the projection made it; it is served until a new \
                 generation has caught up"
            );
            return self.renew(&state).await;
        }
        let (number, head) = (state.checkpoint.number.0, self.tail.head().number.0);
        // More of the log is missing than is there, and it is much.
        if head.saturating_sub(number) > FAR.max(number) {
            return self.renew(&state).await;
        }
        self.follow(state).await
    }

    /// Has the read model made anew in bulk; what is served is served until then.
    async fn renew(&self, served: &ModelState) -> Result<Ending, StoreError> {
        // A log that the served rows were not made of, or that has lost events, is no ground to build on (R3).
        self.tail.next(&served.checkpoint, 1, Duration::ZERO).await?;
        let rebuild = Rebuild {
            domain: self.domain.clone(),
            engine: self.tail.engine().clone(),
            model: self.model.clone(),
            is_followed: true,
            plan: Plan::default(),
            approval: Approval::NotNeeded,
            limits: Limits::default(),
            holder: crate::holder("projector"),
        };
        match rebuild.run(&watch::Sender::default(), &self.stop).await {
            Ok(report) => {
                tracing::info!(report.generation, position = %report.checkpoint, "the new generation is served");
                Ok(Ending::Swapped)
            }
            Err(RebuildError::Store(error)) => Err(error),
            Err(RebuildError::Interrupted(_)) => Ok(Ending::Told),
            Err(error) => {
                tracing::warn!(%error, "the read model is not made anew for now");
                self.pause().await;
                Ok(Ending::Swapped)
            }
        }
    }

    /// Follows the log into the read model from where it stands.
    async fn follow(&self, mut state: ModelState) -> Result<Ending, StoreError> {
        loop {
            // Told to stop, it stops between writes.
            let page = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(Ending::Told),
                page = self.tail.next(&state.checkpoint, PAGE, PATIENCE) => page?,
            };
            if page.entries.is_empty() {
                self.trouble.over();
                continue;
            }
            let generation = state.generation;
            match self.write(state, &page).await? {
                Some(written) => {
                    state = written;
                    self.trouble.over();
                }
                None if self.model.state().await?.generation != generation => return Ok(Ending::Swapped),
                None => return Ok(Ending::Fenced),
            }
        }
    }

    /// Folds a page in; gives where the read model stands then, or nothing when somebody else has moved it.
    async fn write(&self, from: ModelState, page: &Entries) -> Result<Option<ModelState>, StoreError> {
        let steps = fold::steps(&self.domain, page);
        park(self.tail.engine(), steps.unreadable).await?;
        let before = self.model.rows(&fold::keys(&steps.readable)).await?;
        let changes = fold::changes((from, self.domain.projection()), page, steps.readable, &before);
        fault::point("projector.folded");
        let is_written = self.model.write(&changes).await?;
        fault::point("projector.written");
        Ok(is_written.then_some(changes.to))
    }
}

/// Ends that entries are set aside which rows made of the whole log up to `until` hold: all but what they pass over.
pub(crate) async fn unpark_read(
    engine: &Engine,
    until: Position,
    unread: &BTreeSet<ParkedId>,
) -> Result<(), StoreError> {
    let mut after = ParkedId::before(CONSUMER);
    loop {
        let page: Vec<_> = engine.parked(Some(&after), MOST_LISTED).await?.iter().map(Parked::id).collect();
        let own = page.into_iter().take_while(|id| id.consumer == CONSUMER && id.position <= until);
        let own: Vec<_> = own.collect();
        let Some(last) = own.last() else { return Ok(()) };
        after = last.clone();
        let read = own.into_iter().filter(|id| !unread.contains(id)).map(Parked::dropped);
        // Somebody else may have dropped one meanwhile: then it is gone, which is all there is to do.
        let read: Vec<_> = read.collect();
        engine.commit(&read).await?;
        tracing::info!(entries = read.len(), "entries that can be read by now are set aside no more");
    }
}

/// Sets entries aside ahead of the write that passes over them: seen twice, an entry is parked once.
pub(crate) async fn park(engine: &Engine, park: Vec<Parked>) -> Result<(), StoreError> {
    if park.is_empty() {
        return Ok(());
    }
    let (what, result) = match engine.commit_one(Commit { park: park.clone(), ..Commit::default() }).await {
        // A commit of nothing but parked entries expects nothing that could be refused.
        Ok(_) | Err(CommitError::Refused(_)) => ("event parked", Ok(())),
        Err(CommitError::Store(StoreError::ReadOnly(_))) => {
            ("event passed over; the log is open for reading only and can't keep it aside", Ok(()))
        }
        Err(CommitError::Store(error)) => return Err(error),
    };
    for Parked { topic, position, reason, .. } in &park {
        tracing::error!(topic, %position, reason, "{what}");
    }
    result
}
