//! What the SQLite engine promises besides the contract: a file that lasts, in one process at a time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "sqlite/crash.rs"]
mod crash;
#[path = "sqlite/opening.rs"]
mod opening;
#[path = "sqlite/reading.rs"]
mod reading;
#[path = "sqlite/reopening.rs"]
mod reopening;

use std::path::Path;

use kernel::{CREATED, Draft, Intent};
use runtime::{Commit, Engine, Enqueue, Namespace, StoreError, StoreUrl};

async fn try_open(path: &Path) -> Result<Engine, StoreError> {
    Engine::open(&StoreUrl::Sqlite(path.to_owned()), &Namespace::default(), &[]).await
}

async fn open(path: &Path) -> Engine {
    try_open(path).await.unwrap()
}

/// Another program's connection to the file.
async fn tool(path: &Path) -> sqlx::SqliteConnection {
    use sqlx::ConnectOptions as _;
    sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

async fn sql(path: &Path, sql: &'static str) {
    use sqlx::Connection as _;
    let mut tool = tool(path).await;
    sqlx::raw_sql(sql).execute(&mut tool).await.unwrap();
    tool.close().await.unwrap();
}

fn draft(topic: &str, id: &str) -> Draft {
    let data = format!(r#"{{"entity_id":"{id}"}}"#);
    Draft { topic: topic.into(), id: format!("{topic}-{id}"), action: CREATED.into(), data, meta: None, keep: None }
}

fn append(append: Vec<Draft>) -> Commit {
    Commit { append, ..Commit::default() }
}

fn enqueue(id: &str) -> Enqueue {
    let command = testkit::command(id, "cart", Intent::Delete { id: "c".into() });
    Enqueue { command, service: "s".into(), idempotency: None }
}
