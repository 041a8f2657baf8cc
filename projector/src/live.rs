//! Keeps a read model at the head of the log.
//!
//! Of several projectors of one log one works and the others wait; what keeps a late one from writing is the
//! state that each write starts from ([`ReadModel::write`]).

mod fold;
mod renew;

use std::{sync::Arc, time::Duration};

use kernel::Domain;
use runtime::{Commit, CommitError, Entries, Parked, StoreError, Tail, host::role::Role};
use tokio_util::sync::CancellationToken;

use crate::{ModelState, ReadModel};

/// Version of the projection of entities and journals to rows; a read model of another one is made anew.
pub const VERSION: u32 = 1;

/// The name under which the projector takes its role and parks what it can't read.
pub const CONSUMER: &str = "projector";

/// How many entries go into one write.
const PAGE: usize = 1_024;

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
    /// The read model has come to the head, and following was to end there.
    Head,
}

/// How long to follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// For good.
    Told,
    /// Until the read model has come to the head.
    Head,
}

/// One projection: from a log to a read model.
struct Projection {
    domain: Arc<Domain>,
    tail: Tail,
    model: ReadModel,
    stop: CancellationToken,
}

/// Follows the log until told to stop.
///
/// A read model that another [`VERSION`] of the projection made is served until a new generation has caught
/// up, and then replaced. Entries that can't be read are parked, and the others go on.
///
/// # Errors
/// When the log is not the one that the read model was made of, or has lost events (R3).
pub async fn run(domain: Arc<Domain>, tail: Tail, model: ReadModel, stop: CancellationToken) -> Result<(), StoreError> {
    let role = Role::new(tail.engine(), CONSUMER);
    let projection = Projection { domain, tail, model, stop };
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
                    if !std::mem::replace(&mut waiting, true) {
                        tracing::info!(other, "another projector is at work; waiting for it to go");
                    }
                    self.pause().await;
                    continue;
                }
                Ok(None) => {
                    waiting = false;
                    tokio::select! {
                        ended = self.project() => ended,
                        () = role.keep() => Ok(Ending::Fenced),
                    }
                }
                Err(error) => Err(error),
            };
            match ended {
                Ok(Ending::Told) => break,
                Ok(Ending::Fenced | Ending::Head) => {
                    tracing::warn!("another projector has moved the read model; going on from where it stands");
                }
                Err(error) if error.is_transient() => tracing::warn!(%error, "projection waits"),
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
        if state.generation > 0 && state.version != VERSION {
            let ending = self.renew(&state).await?;
            if ending != Ending::Head {
                return Ok(ending);
            }
        }
        self.follow(&self.model, Until::Told).await
    }

    /// Follows the log into `model` from where it stands.
    async fn follow(&self, model: &ReadModel, until: Until) -> Result<Ending, StoreError> {
        let mut state = model.state().await?;
        let patience = if until == Until::Head { Duration::ZERO } else { PATIENCE };
        loop {
            // Told to stop, it stops between writes.
            let page = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(Ending::Told),
                page = self.tail.next(&state.checkpoint, PAGE, patience) => page?,
            };
            if !page.entries.is_empty() {
                match self.write(model, state, &page).await? {
                    Some(written) => state = written,
                    None => return Ok(Ending::Fenced),
                }
            } else if until == Until::Head {
                return Ok(Ending::Head);
            }
        }
    }

    /// Folds a page in; gives where the read model stands then, or nothing when somebody else has moved it.
    async fn write(
        &self,
        model: &ReadModel,
        from: ModelState,
        page: &Entries,
    ) -> Result<Option<ModelState>, StoreError> {
        let steps = fold::steps(&self.domain, page);
        self.park(steps.unreadable).await?;
        let before = model.rows(&fold::keys(&steps.readable)).await?;
        let changes = fold::changes(from, page, steps.readable, &before);
        Ok(model.write(&changes).await?.then_some(changes.to))
    }

    /// Sets entries aside ahead of the write that passes over them: seen twice, an entry is parked once.
    async fn park(&self, park: Vec<Parked>) -> Result<(), StoreError> {
        if park.is_empty() {
            return Ok(());
        }
        for Parked { topic, position, reason, .. } in &park {
            tracing::error!(topic, %position, reason, "event parked");
        }
        match self.tail.engine().commit_one(Commit { park, ..Commit::default() }).await {
            // A commit of nothing but parked entries expects nothing that could be refused.
            Ok(_) | Err(CommitError::Refused(_)) => Ok(()),
            // A history can't keep them; it has been told.
            Err(CommitError::Store(StoreError::ReadOnly(_))) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }
}
