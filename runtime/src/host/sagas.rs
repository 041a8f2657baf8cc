//! The saga host: one follower per saga, each event reacted to once (R2, R6, R7).

mod follower;

use std::sync::Arc;

use follower::{Ending, Follower};
use kernel::{Domain, SagaHandler};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Backoff, LEASE, role::Role};
use crate::{StoreError, Tail, Trouble};

/// Why the sagas stopped before they were told to.
#[derive(Debug, thiserror::Error)]
pub enum SagaError {
    /// The log can't be followed.
    #[error("saga {saga} can't go on")]
    Store {
        /// The saga.
        saga: &'static str,
        /// What is wrong with the store.
        #[source]
        source: StoreError,
    },
    /// The saga failed on an event and is declared to stop then.
    #[error("saga {saga} stopped at {position}: {reason}")]
    Stopped {
        /// The saga.
        saga: &'static str,
        /// The event that it failed on.
        position: kernel::Position,
        /// Why.
        reason: String,
    },
    /// A saga's task ended by itself, which is a defect.
    #[error("a saga's task died: {0}")]
    Died(String),
}

/// Runs the domain's sagas until told to stop.
///
/// Of two hosts of one saga one works and the other waits for it to go.
///
/// # Errors
/// When a saga can't go on; the others stop too.
pub async fn run(domain: Arc<Domain>, tail: Tail, stop: CancellationToken) -> Result<(), SagaError> {
    let mut tasks = JoinSet::new();
    for saga in domain.sagas() {
        tasks.spawn(run_one(*saga, domain.clone(), tail.clone(), stop.clone()));
    }
    let mut result = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.unwrap_or_else(|error| Err(SagaError::Died(error.to_string())));
        if let (Ok(()), Err(error)) = (&result, ended) {
            result = Err(error);
            stop.cancel();
        }
    }
    result
}

/// Runs one saga: takes its role, follows the log, and begins again from its checkpoint when interrupted.
async fn run_one(saga: SagaHandler, domain: Arc<Domain>, tail: Tail, stop: CancellationToken) -> Result<(), SagaError> {
    let role = Role::new(tail.engine(), &consumer(saga.name));
    let mut backoff = Backoff::new();
    let trouble = Trouble::new(format!("reactions of saga {} wait", saga.name));
    let mut waiting = false;
    while !stop.is_cancelled() {
        let ended = match role.take().await {
            Ok(Some(other)) => {
                trouble.over();
                if !std::mem::replace(&mut waiting, true) {
                    tracing::info!(saga = saga.name, other, "another process runs this saga; waiting for it to go");
                }
                tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(LEASE / 4) => {}
                }
                continue;
            }
            Ok(None) => {
                waiting = false;
                let follower = Follower::new(saga, domain.clone(), tail.clone());
                let since = tokio::time::Instant::now();
                let ended = tokio::select! {
                    biased;
                    ended = follower.run(&trouble, &stop) => ended,
                    () = role.keep() => Ok(Ending::Fenced),
                };
                if since.elapsed() > LEASE {
                    backoff.reset();
                }
                ended
            }
            Err(error) => Err(SagaError::Store { saga: saga.name, source: error }),
        };
        match ended {
            Ok(Ending::Told) => break,
            Ok(Ending::Fenced) => {
                tracing::warn!(saga = saga.name, "somebody else runs it or has moved its checkpoint; beginning again");
            }
            Err(SagaError::Store { source, .. }) if source.is_transient() => {
                trouble.failed(&source);
            }
            Err(error) => return Err(error),
        }
        backoff.pause(&stop).await;
    }
    role.give_up().await;
    Ok(())
}

/// The name under which a saga's checkpoint is kept.
#[must_use]
pub fn consumer(saga: &str) -> String {
    format!("saga/{saga}")
}
