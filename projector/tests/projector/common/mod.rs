//! A small domain, a read model of each kind, and waiting for facts.
#![allow(
    dead_code,
    unused_macros,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests; not each uses everything"
)]

pub mod contract;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use kernel::{Digest, Domain, Draft, Entity, Field, Journal, Tables, Topic};
use projector::{ModelState, ReadModel, live};
use runtime::{Commit, Engine, Namespace, StoreError, StoreUrl, Tail};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use testkit::RedisServer;
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

/// The longest that a test waits for anything.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The topics of the domain, in order.
pub const TOPICS: [&str; 3] = ["leaf", "note", "tree"];

#[derive(Serialize, Deserialize)]
pub struct Tree {
    entity_id: String,
    name: String,
}

impl Entity for Tree {
    const TOPIC: &'static str = "tree";

    fn topic() -> Topic {
        Topic::entity(Self::TOPIC, "trees", "forest", vec![Field::text("name").or_empty()])
    }
}

#[derive(Serialize, Deserialize)]
pub struct Leaf {
    entity_id: String,
    name: String,
}

impl Entity for Leaf {
    const TOPIC: &'static str = "leaf";

    fn topic() -> Topic {
        Topic::entity(Self::TOPIC, "leaves", "forest", vec![Field::text("name").or_empty()])
    }
}

#[derive(Serialize, Deserialize)]
pub struct Note {
    text: String,
}

impl Journal for Note {
    const TOPIC: &'static str = "note";

    fn topic() -> Topic {
        Topic::journal(Self::TOPIC, "notes", "forest", "noted", vec![Field::text("text").or_empty()])
    }
}

pub fn domain() -> Arc<Domain> {
    Arc::new(Domain::new("forest").entity::<Tree>().entity::<Leaf>().journal::<Note>())
}

/// An event about a tree or a leaf.
pub fn event(topic: &str, action: &str, id: &str, name: &str) -> Draft {
    let data = serde_json::json!({ "entity_id": id, "name": name }).to_string();
    draft(topic, action, data)
}

pub fn draft(topic: &str, action: &str, data: String) -> Draft {
    let count = unique();
    Draft { topic: topic.into(), id: format!("e-{count}"), action: action.into(), data, meta: None, keep: None }
}

pub async fn append(engine: &Engine, drafts: Vec<Draft>) -> kernel::Position {
    engine.commit_one(Commit { append: drafts, ..Commit::default() }).await.unwrap().head.position
}

fn unique() -> u32 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

/// Where a read model is kept, so that it can be opened again, as another process would.
pub enum Place {
    Memory(ReadModel),
    Stored { url: StoreUrl, namespace: Namespace, folder: Option<TempDir> },
}

impl Place {
    pub fn memory() -> Self {
        Self::Memory(ReadModel::Memory(projector::model::MemoryModel::new()))
    }

    pub fn redis() -> Self {
        Self::on(RedisServer::shared())
    }

    pub fn on(server: &RedisServer) -> Self {
        let namespace = format!("t{}", unique()).parse().unwrap();
        Self::Stored { url: server.url().parse().unwrap(), namespace, folder: None }
    }

    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().join("log.db"));
        Self::Stored { url, namespace: Namespace::default(), folder: Some(folder) }
    }

    /// Each kind.
    pub fn all() -> [Self; 3] {
        [Self::memory(), Self::redis(), Self::sqlite()]
    }

    pub async fn open(&self) -> ReadModel {
        self.try_open().await.unwrap()
    }

    pub async fn try_open(&self) -> Result<ReadModel, StoreError> {
        match self {
            Self::Memory(model) => Ok(model.clone()),
            Self::Stored { url, namespace, .. } => ReadModel::open(url, namespace).await,
        }
    }

    /// The model's file, where it is one.
    pub fn file(&self) -> PathBuf {
        match self {
            Self::Stored { folder: Some(folder), .. } => folder.path().join("log.db.model"),
            Self::Stored { .. } | Self::Memory(_) => panic!("no file"),
        }
    }
}

/// A projector at work.
pub struct Projector {
    pub stop: CancellationToken,
    pub task: JoinHandle<Result<(), StoreError>>,
    follower: JoinHandle<StoreError>,
    engine: Engine,
}

impl Projector {
    pub async fn start(engine: &Engine, model: &ReadModel) -> Self {
        let (tail, follower) = Tail::follow(engine.clone()).await.unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(live::run(domain(), tail, model.clone(), stop.clone()));
        Self { stop, task, follower, engine: engine.clone() }
    }

    /// Ends it wherever it is, as a crash would, except that its role is free at once.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
        self.follower.abort();
        let (engine, lease) = (&self.engine, Duration::from_millis(1));
        until("the role is free", async || engine.hold(live::CONSUMER, "test", lease).await.unwrap().is_none()).await;
        engine.let_go(live::CONSUMER, "test").await.unwrap();
    }

    /// Tells it to stop and waits until it has.
    pub async fn stop(self) -> Result<(), StoreError> {
        self.stop.cancel();
        self.ended().await
    }

    /// Waits until it has ended by itself.
    pub async fn ended(self) -> Result<(), StoreError> {
        let ended = within(self.task).await.unwrap();
        self.follower.abort();
        ended
    }
}

/// The future's value, unless it takes too long.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("within the deadline")
}

/// Takes up to three series of times: in one of them half must have taken less than `most`. A machine may be busy with
/// something else for a while; what is slow by itself is so each time.
pub async fn half_take_less_than(most: Duration, mut series: impl AsyncFnMut() -> Vec<Duration>) {
    let mut medians = Vec::new();
    while medians.len() < 3 {
        let mut times = series().await;
        times.sort_unstable();
        let median = times[times.len() / 2];
        if median < most {
            return;
        }
        medians.push(median);
    }
    panic!("half took more than {most:?}, three times: {medians:?}");
}

/// Waits until something is so.
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !so().await {
        assert!(Instant::now() < deadline, "{what}: not within {DEADLINE:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Waits until the model has reached the log's head.
pub async fn caught_up(engine: &Engine, model: &ReadModel) {
    let head = engine.head().await.unwrap().position;
    assert!(model.reached(head, DEADLINE).await.unwrap(), "{head} not reached within {DEADLINE:?}");
}

/// The digest of rows, counted afresh.
pub fn digest(tables: &Tables) -> Digest {
    let mut digest = Digest::default();
    for (topic, rows) in &tables.0 {
        rows.iter().for_each(|(key, row)| digest.add(topic, key, row));
    }
    digest
}

/// The model's rows and state, its digest checked.
pub async fn whole(model: &ReadModel) -> (Tables, ModelState) {
    let (tables, state) = model.tables(&TOPICS).await.unwrap();
    assert_eq!(digest(&tables), state.digest, "the digest is that of the rows");
    (tables, state)
}
