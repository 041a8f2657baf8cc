//! What only Redis can do to a log: other programs in the streams, restarts, refusals of the server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "redis/cluster.rs"]
mod cluster;
#[path = "redis/durability.rs"]
mod durability;
#[path = "redis/failover.rs"]
mod failover;
#[path = "redis/load.rs"]
mod load;
#[path = "redis/server.rs"]
mod server;
#[path = "redis/streams.rs"]
mod streams;

use std::time::Duration;

use kernel::{CREATED, Draft, Intent};
use redis::{Value, aio::MultiplexedConnection};
use runtime::{Commit, Engine, Enqueue, StoreError};
use testkit::RedisServer;

const TOPICS: &[&str] = &["cart", "order"];

/// How long anything may take before a test has failed.
const DEADLINE: Duration = Duration::from_secs(90);

/// A log in a namespace of its own on the server that all tests share, and a way past the engine.
struct Log {
    engine: Engine,
    raw: MultiplexedConnection,
    prefix: String,
}

impl Log {
    async fn new() -> Self {
        Self::on(RedisServer::shared()).await
    }

    async fn on(server: &RedisServer) -> Self {
        let namespace: runtime::Namespace = RedisServer::namespace().parse().unwrap();
        let engine = Engine::open(&server.url().parse().unwrap(), &namespace, TOPICS).await.unwrap();
        Self { engine, raw: raw(server).await, prefix: namespace.prefix() }
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Does as another program would; the first argument's key is in the log's namespace.
    async fn raw(&mut self, command: &str, key: &str, arguments: &[&[u8]]) -> Value {
        let mut raw = redis::cmd(command);
        raw.arg(self.key(key));
        for argument in arguments {
            raw.arg(*argument);
        }
        raw.query_async(&mut self.raw).await.unwrap()
    }

    /// Adds what another program might.
    async fn add(&mut self, topic: &str, id: &str, fields: &[(&str, &[u8])]) {
        let mut arguments = vec![id.as_bytes()];
        for (name, value) in fields {
            arguments.extend([name.as_bytes(), *value]);
        }
        self.raw("XADD", &format!("events:{topic}"), &arguments).await;
    }

    async fn commit(&self, topics: &[&str]) -> runtime::Committed {
        self.engine.commit_one(append(topics)).await.unwrap()
    }
}

async fn raw(server: &RedisServer) -> MultiplexedConnection {
    redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
}

fn draft(topic: &str) -> Draft {
    let data = "{\"entity_id\":\"a\"}".to_owned();
    Draft { topic: topic.into(), id: "e".into(), action: CREATED.into(), data, meta: None, keep: None }
}

fn append(topics: &[&str]) -> Commit {
    Commit { append: topics.iter().map(|topic| draft(topic)).collect(), ..Commit::default() }
}

fn send(id: &str) -> Commit {
    let command = testkit::command(id, "cart", Intent::Delete { id: "c".into() });
    Commit { enqueue: vec![Enqueue { command, service: "s".into(), idempotency: None }], ..Commit::default() }
}

/// Tries until the store is there again.
async fn again<T, F: Future<Output = Result<T, StoreError>>>(mut attempt: impl FnMut() -> F) -> T {
    let attempts = async {
        loop {
            match attempt().await {
                Ok(value) => return value,
                Err(error) => assert!(error.is_transient(), "{error}"),
            }
        }
    };
    tokio::time::timeout(DEADLINE, attempts).await.unwrap()
}
