//! A gateway with everything behind it, in memory, on a port of its own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use gateway::{Gateway, Settings};
use kernel::{Domain, Position};
use projector::{
    ReadModel,
    timeline::{Retention, Timeline},
};
use runtime::{Engine, Namespace, StoreUrl, Tail};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::client::{Answer, Ask};

/// How long a fact may take to come true before its test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A gateway, and what is behind it, for as long as this value lives.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    pub(crate) engine: Engine,
    pub(crate) stop: CancellationToken,
    domain: Arc<Domain>,
    tail: Tail,
    pub(crate) model: ReadModel,
    pub(crate) timeline: Timeline,
    behind: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
}

impl App {
    /// Everything, with default settings.
    pub(crate) async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    /// Everything.
    pub(crate) async fn start_with(settings: Settings) -> Self {
        let app = Self::alone(&StoreUrl::Memory, settings).await;
        app.decide();
        app.project();
        app.remember();
        app
    }

    /// A gateway with no service and no projection behind it.
    pub(crate) async fn alone(url: &StoreUrl, settings: Settings) -> Self {
        Self::of(crate::domain::domain(), url, settings).await
    }

    /// A gateway to a bank, where sagas react, with everything behind it.
    pub(crate) async fn bank() -> Self {
        let app = Self::of(testkit::bank::domain(), &StoreUrl::Memory, Settings::default()).await;
        app.decide();
        app.react();
        app.project();
        app.remember();
        app
    }

    /// A gateway to a domain, with nothing behind it.
    pub(crate) async fn of(domain: Domain, url: &StoreUrl, settings: Settings) -> Self {
        let domain = Arc::new(domain);
        let topics: Vec<_> = domain.topics().map(|topic| topic.name).collect();
        let engine = Engine::open(url, &Namespace::default(), &topics).await.unwrap();
        let model = ReadModel::open(url, &Namespace::default()).await.unwrap();
        let (tail, _) = Tail::follow(engine.clone()).await.unwrap();
        let timeline = timeline(url, &domain, &engine).await;
        let gateway = gateway(&domain, &engine, &tail, &model, &timeline, settings);
        let (stop, behind) = (CancellationToken::new(), CancellationToken::new());
        let (address, serving) = serve(gateway, stop.clone()).await;
        Self { address, engine, stop, domain, tail, model, timeline, behind, serving }
    }

    /// Another gateway over the same log and read model.
    pub(crate) async fn another(&self, settings: Settings) -> Self {
        let (domain, engine, model) = (self.domain.clone(), self.engine.clone(), self.model.clone());
        let (tail, timeline) = (self.tail.clone(), self.timeline.clone());
        let gateway = gateway(&domain, &engine, &tail, &model, &timeline, settings);
        let stop = CancellationToken::new();
        let (address, serving) = serve(gateway, stop.clone()).await;
        Self { address, engine, stop, domain, tail, model, timeline, behind: CancellationToken::new(), serving }
    }

    /// Starts the services.
    pub(crate) fn decide(&self) {
        let services = self.domain.services().into_iter().map(str::to_owned).collect();
        let (domain, tail, stop) = (self.domain.clone(), self.tail.clone(), self.behind.clone());
        tokio::spawn(runtime::host::services::run(domain, tail, services, stop));
    }

    /// Starts the sagas.
    pub(crate) fn react(&self) {
        tokio::spawn(runtime::host::sagas::run(self.domain.clone(), self.tail.clone(), self.behind.clone()));
    }

    /// Starts the projection.
    pub(crate) fn project(&self) {
        let (domain, tail, model) = (self.domain.clone(), self.tail.clone(), self.model.clone());
        tokio::spawn(projector::live::run(domain, tail, model, self.behind.clone()));
    }

    /// Starts to keep the timeline.
    pub(crate) fn remember(&self) {
        let (timeline, tail, stop) = (self.timeline.clone(), self.tail.clone(), self.behind.clone());
        tokio::spawn(async move { timeline.keep(&tail, Retention::Everything, &stop).await });
    }

    /// A request to this gateway.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask {
        Ask::new(self.address, method, path)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).await_answer().await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path).body(body.to_owned()).await_answer().await
    }

    pub(crate) async fn put(&self, path: &str, body: &str) -> Answer {
        self.ask("PUT", path).body(body.to_owned()).await_answer().await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path).await_answer().await
    }

    /// Creates a book and gives its id.
    pub(crate) async fn book(&self, title: &str) -> String {
        self.post("/book", &serde_json::json!({"title": title}).to_string()).await.ids().remove(0)
    }

    /// Waits until the read model has reached the log's head.
    pub(crate) async fn caught_up(&self) -> Position {
        let head = self.engine.head().await.unwrap().position;
        assert!(self.model.reached(head, DEADLINE).await.unwrap(), "the read model stays behind {head}");
        head
    }

    /// Waits until the gateway has stopped.
    pub(crate) async fn stopped(&mut self) -> std::io::Result<()> {
        within(&mut self.serving).await.unwrap()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.stop.cancel();
        self.behind.cancel();
    }
}

/// Beside a log in a file, in a file of short runs.
async fn timeline(url: &StoreUrl, domain: &Arc<Domain>, engine: &Engine) -> Timeline {
    match url {
        StoreUrl::Sqlite(path) => {
            let path = path.with_extension("timeline");
            Timeline::open(domain.clone(), engine.clone(), &path).await.unwrap().with_runs_of(20)
        }
        StoreUrl::Memory | StoreUrl::History(_) | StoreUrl::Redis(_) => {
            Timeline::in_memory(domain.clone(), engine.clone())
        }
    }
}

fn gateway(
    domain: &Arc<Domain>,
    engine: &Engine,
    tail: &Tail,
    model: &ReadModel,
    timeline: &Timeline,
    settings: Settings,
) -> Gateway {
    let (engine, tail, model) = (engine.clone(), tail.clone(), model.clone());
    Gateway::new(domain.clone(), engine, tail, model, timeline.clone(), settings).unwrap()
}

async fn serve(gateway: Gateway, stop: CancellationToken) -> (SocketAddr, JoinHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (address, tokio::spawn(gateway::serve(listener, gateway, stop)))
}

/// What the future gives, within the deadline.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("nothing within {DEADLINE:?}"))
}

/// Waits until a fact is true.
pub(crate) async fn fact(what: &str, mut is_true: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_true().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.unwrap_or_else(|_| panic!("not within {DEADLINE:?}: {what}"));
}
