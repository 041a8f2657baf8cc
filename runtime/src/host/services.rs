//! The service host: claims commands, decides them on a view that follows the log, and commits.

mod worker;

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use kernel::{Checkpoint, Domain, Position, View};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;
use worker::Worker;

use super::{Backoff, LEASE, MOST_ATTEMPTS, PATIENCE, persist};
use crate::{Engine, StoreError, Tail, Trouble, fault};

/// How many entries the view takes in at once.
const PAGE: usize = 1_024;

/// A view of everything, shared by a process's workers.
#[derive(Clone, Debug)]
struct SharedView {
    view: Arc<RwLock<View>>,
    position: watch::Receiver<Position>,
}

impl SharedView {
    fn read(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when the view has reached `position`, or after `most`.
    async fn reach(&mut self, position: Position, most: Duration) {
        let _ = tokio::time::timeout(most, self.position.wait_for(|at| *at >= position)).await;
    }
}

/// Runs the services named, until told to stop; then what is claimed is finished or handed back.
///
/// # Errors
/// When the log can't be read, or is not the one that was being followed.
pub async fn run(
    domain: Arc<Domain>,
    tail: Tail,
    services: Vec<String>,
    stop: CancellationToken,
) -> Result<(), StoreError> {
    let (sender, position) = watch::channel(Position::ZERO);
    let view = SharedView { view: Arc::new(RwLock::new(View::new(domain.topics()))), position };
    let name = tail.engine().unique();
    fault::point("worker.begins");
    let Some(head) = persist("services", &stop, || tail.engine().head()).await? else { return Ok(()) };
    let head = head.position;
    let Some(()) = persist("services", &stop, || tail.engine().heartbeat(&name, LEASE)).await? else { return Ok(()) };
    let mut tasks = JoinSet::new();
    tasks.spawn(follow(view.clone(), sender, tail.clone(), stop.clone()));
    tasks.spawn(keep_lease(tail.engine().clone(), name.clone(), stop.clone()));
    for service in services {
        let worker = Worker::new(domain.clone(), tail.engine().clone(), view.clone(), name.clone(), service);
        tasks.spawn(worker.run(head, stop.clone()));
    }
    let mut result = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.unwrap_or_else(|error| {
            Err(StoreError::Unavailable { url: tail.engine().url(), reason: format!("a service task died: {error}") })
        });
        if let (Ok(()), Err(error)) = (&result, ended) {
            result = Err(error);
            stop.cancel();
        }
    }
    if let Err(error) = tail.engine().release(&name).await {
        tracing::warn!(%error, "claims could not be handed back; the reaper will");
    }
    result
}

/// Keeps the view at the head of the log.
async fn follow(
    shared: SharedView,
    position: watch::Sender<Position>,
    tail: Tail,
    stop: CancellationToken,
) -> Result<(), StoreError> {
    let mut at = Checkpoint::default();
    let mut backoff = Backoff::new();
    loop {
        let page = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            page = tail.next(&at, PAGE, PATIENCE) => page,
        };
        match page {
            Ok(page) => {
                backoff.reset();
                let mut view = shared.view.write().unwrap_or_else(PoisonError::into_inner);
                for entry in &page.entries {
                    // The projector sets it aside for everybody, once.
                    if let Err(unreadable) = view.apply(entry) {
                        tracing::debug!(position = %entry.position(), topic = %entry.topic(), %unreadable, "entry passed over");
                    }
                }
                drop(view);
                at = page.end(&at);
                position.send_replace(at.position);
            }
            Err(error) if error.is_transient() => {
                if backoff.pause(&stop).await {
                    return Ok(());
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// Renews the workers' lease, and hands back what workers that died held.
async fn keep_lease(engine: Engine, worker: String, stop: CancellationToken) -> Result<(), StoreError> {
    let mut beat = tokio::time::interval(LEASE / 6);
    let lease = Trouble::new(format!("the lease of {worker} can't be renewed"));
    let reaper = Trouble::new("workers that stopped answering can't be looked for");
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            _ = beat.tick() => {}
        }
        // Together: over a slow network one after the other would take longer than the lease lasts.
        let (renewed, reaped) = tokio::join!(engine.heartbeat(&worker, LEASE), engine.reap(MOST_ATTEMPTS));
        match renewed {
            Ok(()) => lease.over(),
            Err(error) => lease.failed(&error),
        }
        match reaped {
            Ok(reaped) => {
                reaper.over();
                if !reaped.is_empty() {
                    fault::point("reaper.handed_back");
                }
                for (command, failing) in &reaped {
                    tracing::warn!(command, ?failing, "taken back from a worker that stopped answering");
                }
            }
            Err(error) => reaper.failed(&error),
        }
    }
}
