//! One gateway: what its routes share.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Instant,
};

use axum::response::Response;
use kernel::Domain;
use projector::{ReadModel, timeline::Timeline};
use runtime::{Engine, StoreError, Tail};
use tokio::{
    sync::Semaphore,
    task::{AbortHandle, JoinHandle},
};
use tokio_util::sync::CancellationToken;

use crate::{
    admission::Admission,
    counts::{self, Counts},
    histories::Histories,
    intake::Intake,
    metrics::Metrics,
    problem::Problem,
    rebuilds::{Rebuilds, Watcher},
    reply,
    served::Served,
    settings::Settings,
    surface::{Surface, Unroutable},
    waiters::Waiters,
    work::Work,
};

/// The HTTP, WebSocket and SSE surface of a domain. Clones share it.
#[derive(Clone, Debug)]
pub struct Gateway(pub(crate) Site);

/// What every route gets to see of its gateway. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Site(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Shared,
    tasks: [AbortHandle; 4],
}

/// What the routes share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) domain: Arc<Domain>,
    pub(crate) surface: Surface,
    pub(crate) engine: Engine,
    pub(crate) tail: Tail,
    pub(crate) model: ReadModel,
    /// The rows as they stood at any position.
    pub(crate) timeline: Timeline,
    pub(crate) settings: Settings,
    pub(crate) waiters: Waiters,
    pub(crate) intake: Intake,
    /// Room for commands.
    pub(crate) admission: Admission,
    pub(crate) metrics: Metrics,
    pub(crate) rebuilds: Rebuilds,
    pub(crate) replays: Work,
    pub(crate) audits: Work,
    pub(crate) histories: Histories,
    /// Which version of the projection made the rows.
    pub(crate) served: Arc<Served>,
    /// How many rows there are.
    pub(crate) counts: Counts,
    /// Room for request bodies, in bytes.
    pub(crate) room: Semaphore,
    /// Room for clients of live events.
    pub(crate) live: Arc<Semaphore>,
    /// Requests whose answer has not begun.
    pub(crate) in_flight: AtomicU64,
    /// Cancelled when the gateway was told to stop.
    pub(crate) stopping: CancellationToken,
    pub(crate) started: Instant,
}

impl Gateway {
    /// A gateway to a domain's log, read model and timeline; must be called within a Tokio runtime.
    ///
    /// `tail` follows the log of `engine`. The services, sagas and the projection run elsewhere, in this
    /// process or in others; so does whoever keeps the timeline.
    ///
    /// # Errors
    /// When the domain's names can't all be routes.
    pub fn new(
        domain: Arc<Domain>,
        engine: Engine,
        tail: Tail,
        model: ReadModel,
        timeline: Timeline,
        settings: Settings,
    ) -> Result<Self, Unroutable> {
        let surface = Surface::of(&domain)?;
        let waiters = Waiters::new(engine.clone());
        let (intake, emptying) = Intake::new(engine.clone(), settings.most_under_way);
        let stopping = CancellationToken::new();
        let rebuilds = Rebuilds::new(stopping.clone());
        let served = Arc::new(Served::new(domain.projection()));
        let watcher = Watcher { rebuilds: rebuilds.clone(), model: model.clone(), served: served.clone() };
        let tasks = [
            tokio::spawn(emptying),
            tokio::spawn(waiters.clone().listen()),
            tokio::spawn(waiters.clone().look_after()),
            tokio::spawn(watcher.run()),
        ];
        let shared = Shared {
            domain,
            surface,
            engine,
            tail,
            model,
            timeline,
            waiters,
            intake,
            admission: Admission::new(settings.patience, settings.most_under_way),
            metrics: Metrics::default(),
            rebuilds,
            replays: Work::new("replay", "/api/v1/replays", stopping.clone()),
            histories: Histories::new(stopping.clone()),
            audits: Work::new("audit", "/api/v1/audits", stopping.clone()),
            served,
            counts: Counts::new(counts::KEPT),
            room: Semaphore::new(settings.most_bodies.min(Semaphore::MAX_PERMITS)),
            live: Arc::new(Semaphore::new(settings.most_live)),
            in_flight: AtomicU64::new(0),
            stopping,
            started: Instant::now(),
            settings,
        };
        let tasks = tasks.map(|task: JoinHandle<()>| task.abort_handle());
        Ok(Self(Site(Arc::new(Inner { shared, tasks }))))
    }
}

impl std::ops::Deref for Site {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0.shared
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A rebuild that nobody waits for any more still ends in order.
        self.shared.stopping.cancel();
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Shared {
    /// What the store answers, unless it takes too long.
    pub(crate) async fn asked<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, Problem> {
        self.asked_of(&self.engine, call).await
    }

    /// What a log answers, unless it takes too long.
    pub(crate) async fn asked_of<T>(
        &self,
        engine: &Engine,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Problem> {
        let most = self.settings.store_timeout;
        match tokio::time::timeout(most, call).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Problem::silent(&engine.url(), most)),
        }
    }

    /// Marks an answer made of served rows, if another version of the projection made them.
    pub(crate) async fn mark(&self, mut response: Response) -> Result<Response, Problem> {
        let stale = match self.served.last() {
            Some(stale) => stale,
            None => self.served.saw(&self.asked(self.model.state()).await?),
        };
        reply::mark(&mut response, stale);
        Ok(response)
    }
}
