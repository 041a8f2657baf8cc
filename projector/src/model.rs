//! Where a read model is kept, behind one enum.
//!
//! Readers see one generation, the served one. [`ReadModel::begin`] starts another beside it, which is written
//! like any read model and seen by nobody until [`ReadModel::serve`] puts it in the served one's place.

/// The same call on whatever kind the read model is of.
macro_rules! each {
    ($model:expr, $inner:ident => $call:expr) => {
        match $model {
            ReadModel::Memory($inner) => $inner.ask(stringify!($call), || $call).await,
            ReadModel::Redis($inner) => $call.await,
            ReadModel::Sqlite($inner) => $call.await,
        }
    };
}

mod generations;
mod hold;
mod memory;
mod redis;
mod sqlite;

use std::{collections::BTreeMap, path::Path, time::Duration};

use kernel::{Checkpoint, Digest, Position, Tables};
use runtime::{Namespace, StoreError, StoreUrl};
use serde::{Deserialize, Serialize};

pub use generations::{Generation, Stage};
pub use hold::Hold;
pub use memory::MemoryModel;
pub use redis::RedisModel;
pub use sqlite::SqliteModel;

/// A read model, wherever it is kept. Clones share it.
#[derive(Clone, Debug)]
pub enum ReadModel {
    /// In this process's memory.
    Memory(MemoryModel),
    /// Hashes in Redis or Valkey.
    Redis(RedisModel),
    /// A SQLite file.
    Sqlite(SqliteModel),
}

/// What a read model is made of and how far it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelState {
    /// Where in the log its rows stand.
    pub checkpoint: Checkpoint,
    /// The digest of its rows (R9).
    pub digest: Digest,
    /// Version of the projection that made the rows.
    pub version: u32,
    /// Which build of the read model this is, counted from 1.
    pub generation: u64,
}

/// Rows to write with the checkpoint that they bring the read model to.
#[derive(Clone, Debug)]
pub struct Changes {
    /// Where the read model must stand for the write to go through.
    pub from: ModelState,
    /// Where it stands afterwards.
    pub to: ModelState,
    /// What changes, each row at most once.
    pub rows: Vec<Change>,
}

/// One row's change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The topic.
    pub topic: &'static str,
    /// The row's key.
    pub key: std::sync::Arc<str>,
    /// The row; `None` deletes it.
    pub row: Option<kernel::Row>,
}

impl ReadModel {
    /// Opens the read model that goes with the log at `url`: hashes beside it on Redis, a file beside it
    /// (`<file>.model`) for SQLite, memory for the rest.
    ///
    /// # Errors
    /// When the store can't be reached or may not be used.
    pub async fn open(url: &StoreUrl, namespace: &Namespace) -> Result<Self, StoreError> {
        match url {
            StoreUrl::Memory | StoreUrl::History(_) => Ok(Self::Memory(MemoryModel::new())),
            StoreUrl::Redis(_) => Self::redis(url, namespace).await,
            StoreUrl::Sqlite(log) => Self::sqlite(&SqliteModel::beside(log, namespace)).await,
        }
    }

    /// Opens the read model that goes with the log at `url` to read it, beside whoever keeps it up; nothing where
    /// a log has none, in memory or as a history, and where its file was not made yet.
    ///
    /// # Errors
    /// When the store can't be reached or may not be used.
    pub async fn open_reading(url: &StoreUrl, namespace: &Namespace) -> Result<Option<Self>, StoreError> {
        match url {
            StoreUrl::Memory | StoreUrl::History(_) => Ok(None),
            StoreUrl::Redis(_) => Self::redis(url, namespace).await.map(Some),
            StoreUrl::Sqlite(log) => {
                let file = SqliteModel::beside(log, namespace);
                if file.try_exists().unwrap_or(true) { Self::sqlite_reading(&file).await.map(Some) } else { Ok(None) }
            }
        }
    }

    /// Opens the read model of `namespace` on a Redis server.
    ///
    /// # Errors
    /// When `url` is no Redis server's, or the server can't be reached or may not be used.
    pub async fn redis(url: &StoreUrl, namespace: &Namespace) -> Result<Self, StoreError> {
        let StoreUrl::Redis(address) = url else {
            let reason = "a read model in Redis was asked for; name a server, redis://…".to_owned();
            return Err(StoreError::Unusable { url: url.to_string(), reason });
        };
        Ok(Self::Redis(RedisModel::open(address, &url.to_string(), namespace).await?))
    }

    /// Opens the read model in the SQLite file at `path`, making it when it is missing.
    ///
    /// # Errors
    /// When the file can't be opened, is damaged, is something else, or is of a newer format.
    pub async fn sqlite(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::Sqlite(SqliteModel::open(path).await?))
    }

    /// Opens the read model in the SQLite file at `path` to read it; what would write to it fails.
    ///
    /// # Errors
    /// When there is no such file, it can't be opened, is damaged, is something else, or is of another format.
    pub async fn sqlite_reading(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::Sqlite(SqliteModel::open_reading(path).await?))
    }

    /// Where it is kept, for people to read: a password is masked.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Memory(_) => StoreUrl::Memory.to_string(),
            Self::Redis(model) => model.place(),
            Self::Sqlite(model) => model.place().to_owned(),
        }
    }

    /// One row; nothing where there is none.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn row(&self, topic: &str, key: &str) -> Result<Option<String>, StoreError> {
        each!(self, model => model.row(topic, key))
    }

    /// All rows of some topics, and the state they belong to: one cut.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn tables(&self, topics: &[&str]) -> Result<(Tables, ModelState), StoreError> {
        each!(self, model => model.tables(topics))
    }

    /// The rows with these keys, by topic and key; those that do not exist are left out.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn rows(&self, keys: &[(&'static str, &str)]) -> Result<BTreeMap<(String, String), String>, StoreError> {
        each!(self, model => model.rows(keys))
    }

    /// How far it has come.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn state(&self) -> Result<ModelState, StoreError> {
        each!(self, model => model.state())
    }

    /// Waits until it has reached `position`, up to `most`; tells whether it has.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn reached(&self, position: Position, most: Duration) -> Result<bool, StoreError> {
        match self {
            Self::Memory(model) => Ok(model.reached(position, most).await),
            Self::Redis(model) => model.reached(position, most).await,
            Self::Sqlite(model) => model.reached(position, most).await,
        }
    }

    /// Writes rows and checkpoint together, or nothing when the model does not stand at `changes.from`; tells
    /// which (a late projector is fenced).
    ///
    /// # Errors
    /// When the store failed: whether anything was written is then not known.
    pub async fn write(&self, changes: &Changes) -> Result<bool, StoreError> {
        each!(self, model => model.write(changes))
    }
}
