//! A read model in a SQLite file beside the log's.
//!
//! One connection writes, in transactions that take the write lock at once; readers have snapshots of their
//! own and wait for nobody. Rows go in and out in bulk, as JSON or packed text: a statement or a result row for
//! each would cost more than the row.

mod generations;
mod hold;
mod load;
mod text;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

pub(super) use hold::Lock;
use kernel::{Position, Tables};
use runtime::{Namespace, StoreError, fault};
use sqlx::{Executor, Sqlite, SqliteConnection, Transaction};
use text::{StateRow, integer, json, set_state, state, unpack};
use tokio::{sync::watch, time::Instant};

use super::{Changes, ModelState};
use crate::file::{File, Layout};

/// The slot of the generation that readers see; another generation's slot is its number.
const SERVED: i64 = 0;

/// How many rows are packed into one text.
const PAGE: u16 = 1_000;

/// How often a waiter looks for what another process may have written.
const LOOK: Duration = Duration::from_millis(250);

/// `RTRM` marks the file in its header.
const LAYOUT: Layout = Layout {
    what: "read model",
    application: 0x5254_524D,
    format: 2,
    page: 4_096,
    schema: include_str!("sqlite/schema.sql"),
    remedy: "`retrace up` or `retrace rebuild` brings it up to date",
    upgrade: Some(include_str!("sqlite/upgrade_1.sql")),
};

/// A read model in a SQLite file. Clones share it.
#[derive(Clone, Debug)]
pub struct SqliteModel {
    file: Arc<File>,
    /// The file whose lock is the right to rebuild.
    lock: Arc<Path>,
    /// Which generation this handle reads and writes.
    slot: i64,
    reached: watch::Sender<Position>,
}

impl SqliteModel {
    /// The file that goes with the log at `log`: `shop.db.model`, or `shop.db.<namespace>.model`.
    #[must_use]
    pub fn beside(log: &Path, namespace: &Namespace) -> PathBuf {
        let mut path = log.as_os_str().to_owned();
        if let Some(name) = namespace.name() {
            path.push(".");
            path.push(name);
        }
        path.push(".model");
        path.into()
    }

    /// Opens the read model in the file at `path`, making it when it is missing.
    ///
    /// # Errors
    /// When the file can't be opened, is damaged, is something else, or is of a newer format.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::of(File::open(path, &LAYOUT).await?.into(), lock(path), SERVED).await
    }

    /// Opens the read model in the file at `path` to read it; what would write fails.
    ///
    /// # Errors
    /// When there is no such file, it can't be opened, is damaged, is something else, or is of another format.
    pub async fn open_reading(path: &Path) -> Result<Self, StoreError> {
        Self::of(File::open_reading(path, &LAYOUT).await?.into(), lock(path), SERVED).await
    }

    async fn of(file: Arc<File>, lock: Arc<Path>, slot: i64) -> Result<Self, StoreError> {
        let model = Self { file, lock, slot, reached: watch::Sender::default() };
        model.reached.send_replace(model.state().await?.checkpoint.position);
        Ok(model)
    }

    pub(super) fn place(&self) -> &str {
        &self.file.url
    }

    fn error(&self) -> impl Fn(sqlx::Error) -> StoreError {
        |error| self.file.error(error)
    }

    pub(super) async fn row(&self, topic: &str, key: &str) -> Result<Option<String>, StoreError> {
        let row = sqlx::query_scalar(include_str!("sqlite/row.sql")).bind(self.slot).bind(topic).bind(key);
        row.fetch_optional(&self.file.readers).await.map_err(self.error())
    }

    pub(super) async fn rows(
        &self,
        keys: &[(&'static str, &str)],
    ) -> Result<BTreeMap<(String, String), String>, StoreError> {
        let rows = sqlx::query_as(include_str!("sqlite/rows.sql")).bind(self.slot).bind(json(keys));
        let rows: Vec<(String, String, String)> = rows.fetch_all(&self.file.readers).await.map_err(self.error())?;
        Ok(rows.into_iter().map(|(topic, key, row)| ((topic, key), row)).collect())
    }

    pub(super) async fn tables(&self, topics: &[&str]) -> Result<(Tables, ModelState), StoreError> {
        let mut cut = self.file.readers.begin().await.map_err(self.error())?;
        let state = self.state_in(&mut *cut, self.slot).await?;
        let mut tables = Tables::default();
        for topic in topics {
            let table = self.table(&mut cut, &state, topic).await?;
            tables.0.insert((*topic).to_owned(), table);
        }
        Ok((tables, state))
    }

    async fn table(
        &self,
        cut: &mut SqliteConnection,
        state: &ModelState,
        topic: &str,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let mut rows = Vec::new();
        loop {
            let after = rows.last().map_or("", |(key, _): &(String, String)| key.as_str());
            let page = sqlx::query_as(include_str!("sqlite/page.sql"));
            let page = page.bind(integer(state.generation)).bind(topic).bind(after).bind(PAGE);
            let (lengths, packed): (Option<String>, Option<String>) =
                page.fetch_one(&mut *cut).await.map_err(self.error())?;
            let known = rows.len();
            if let (Some(lengths), Some(packed)) = (lengths, packed) {
                unpack(&lengths, &packed, &mut rows)
                    .ok_or_else(|| self.file.corrupt(topic, "its rows are not as long as they say"))?;
            }
            if rows.len() < known + usize::from(PAGE) {
                return Ok(rows.into_iter().collect());
            }
        }
    }

    pub(super) async fn state(&self) -> Result<ModelState, StoreError> {
        self.state_in(&self.file.readers, self.slot).await
    }

    async fn state_in<'e>(
        &self,
        at: impl Executor<'e, Database = Sqlite>,
        slot: i64,
    ) -> Result<ModelState, StoreError> {
        let sql = "SELECT epoch, position, number, digest, version, generation FROM state WHERE slot = ?";
        let row: Option<StateRow> = sqlx::query_as(sql).bind(slot).fetch_optional(at).await.map_err(self.error())?;
        let Some(row) = row else { return Ok(ModelState::default()) };
        state(&row).ok_or_else(|| self.file.corrupt("state", &format!("{row:?} is no state of a read model")))
    }

    pub(super) async fn reached(&self, position: Position, most: Duration) -> Result<bool, StoreError> {
        let until = Instant::now() + most;
        let mut reached = self.reached.subscribe();
        loop {
            let look = until.min(Instant::now() + LOOK);
            if tokio::time::timeout_at(look, reached.wait_for(|at| *at >= position)).await.is_ok() {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            self.reached.send_replace(self.state().await?.checkpoint.position);
        }
    }

    pub(super) async fn write(&self, changes: &Changes) -> Result<bool, StoreError> {
        let mut transaction = self.begin_writing().await?;
        if self.state_in(&mut *transaction, self.slot).await? != changes.from {
            return Ok(false);
        }
        let puts = changes.rows.iter().filter_map(|change| Some((change.topic, &*change.key, change.row.as_deref()?)));
        let puts: Vec<_> = puts.collect();
        let deleted = changes.rows.iter().filter(|change| change.row.is_none());
        let deletes: Vec<_> = deleted.map(|change| (change.topic, &*change.key)).collect();
        let generation = integer(changes.to.generation);
        if !puts.is_empty() {
            let put = sqlx::query(include_str!("sqlite/put.sql")).bind(generation).bind(json(&puts));
            put.execute(&mut *transaction).await.map_err(self.error())?;
        }
        self.delete(&mut transaction, generation, &deletes).await?;
        set_state(&mut transaction, self.slot, &changes.to).await.map_err(self.error())?;
        fault::point("projector.uncommitted");
        transaction.commit().await.map_err(self.error())?;
        self.reached.send_replace(changes.to.checkpoint.position);
        Ok(true)
    }

    async fn delete(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        generation: i64,
        keys: &[(&str, &str)],
    ) -> Result<(), StoreError> {
        if !keys.is_empty() {
            let delete = sqlx::query(include_str!("sqlite/delete.sql")).bind(generation).bind(json(keys));
            delete.execute(&mut **transaction).await.map_err(self.error())?;
        }
        Ok(())
    }

    async fn begin_writing(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.file.writer.begin_with("BEGIN IMMEDIATE").await.map_err(self.error())
    }
}

/// The lock of the file at `path`, by whatever name it was opened.
fn lock(path: &Path) -> Arc<Path> {
    let mut lock = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).into_os_string();
    lock.push(".rebuild");
    PathBuf::from(lock).into()
}
