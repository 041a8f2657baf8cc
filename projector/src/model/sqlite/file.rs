//! The file of a read model: how it is opened, what it must be, and what its errors mean.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use runtime::StoreError;
use sqlx::{
    ConnectOptions, Connection, Pool, Sqlite, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

/// `RTRM`: what marks the file as a read model of Retrace in its header.
const APPLICATION: i32 = 0x5254_524D;

/// The newest layout of the file that this program knows.
const FORMAT: i32 = 2;

/// How many readers there are at a time.
const READERS: u32 = 4;

/// How long a connection waits for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// How much of the file a connection keeps in memory: 32 MiB, in the KiB that the pragma takes when negative.
const CACHE: &str = "-32768";

/// After how many pages the write-ahead log is moved into the file: 64 MiB. A write of rows in no order of keys
/// touches a page for each, and pages that are written again before the move are moved once.
const CHECKPOINT: &str = "16384";

/// A read model's file: one connection that writes, some that read.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) url: String,
    /// The file whose lock is the right to rebuild.
    pub(super) lock: PathBuf,
    pub(super) writer: Pool<Sqlite>,
    pub(super) readers: Pool<Sqlite>,
}

impl File {
    /// Opens the file, making it when it is missing.
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        let url = format!("sqlite://{}", path.display());
        let failed = |error| store_error(&url, error);
        // A read model that loses its last writes to a power cut only stands further back: rows and state go
        // together, and the log still has the rest.
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .pragma("cache_size", CACHE)
            .pragma("wal_autocheckpoint", CHECKPOINT)
            .disable_statement_logging();
        let writer = pool(1).connect_with(options.clone().create_if_missing(true)).await.map_err(failed)?;
        // Looked at twice: a file that is as it should be is opened without waiting for one that writes.
        let mut connection = writer.acquire().await.map_err(failed)?;
        if !check(&url, &mut connection).await?.is_empty() {
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
            let missing = check(&url, &mut transaction).await?;
            let marks = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}");
            sqlx::raw_sql(missing).execute(&mut *transaction).await.map_err(failed)?;
            sqlx::raw_sql(sqlx::AssertSqlSafe(marks)).execute(&mut *transaction).await.map_err(failed)?;
            transaction.commit().await.map_err(failed)?;
        }
        drop(connection);
        let readers = pool(READERS).connect_with(options.read_only(true)).await.map_err(failed)?;
        Ok(Self { url, lock: lock(path), writer, readers })
    }

    /// Opens the file to read it, beside whoever writes it; one that is not there is not made.
    pub(super) async fn open_reading(path: &Path) -> Result<Self, StoreError> {
        let url = format!("sqlite://{}", path.display());
        if !path.try_exists().unwrap_or(true) {
            return Err(StoreError::Unavailable { url, reason: "there is no such file".to_owned() });
        }
        let failed = |error| store_error(&url, error);
        let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY).pragma("cache_size", CACHE);
        let options = options.read_only(true).create_if_missing(false).disable_statement_logging();
        let readers = pool(READERS).connect_with(options).await.map_err(failed)?;
        let mut connection = readers.acquire().await.map_err(failed)?;
        if !check(&url, &mut connection).await?.is_empty() {
            let reason = "an older Retrace made it, or one that did not come to the end of that; `retrace up` or \
                          `retrace rebuild` brings it up to date";
            return Err(StoreError::Unusable { url, reason: reason.to_owned() });
        }
        drop(connection);
        // Whatever would write gets a connection that does not.
        Ok(Self { url, lock: lock(path), writer: readers.clone(), readers })
    }

    pub(super) fn corrupt(&self, at: &str, reason: &str) -> StoreError {
        StoreError::Corrupt { url: self.url.clone(), at: at.to_owned(), reason: format!("{reason}; {REMEDY}") }
    }

    pub(super) fn error(&self, error: sqlx::Error) -> StoreError {
        store_error(&self.url, error)
    }
}

/// The lock of the file at `path`, by whatever name it was opened.
fn lock(path: &Path) -> PathBuf {
    let mut lock = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).into_os_string();
    lock.push(".rebuild");
    lock.into()
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .max_lifetime(None)
        .idle_timeout(None)
}

/// That the file is a read model of a format that is known here, or empty; gives the SQL that it lacks.
async fn check(url: &str, connection: &mut SqliteConnection) -> Result<&'static str, StoreError> {
    let failed = |error| store_error(url, error);
    let unusable = |reason: String| Err(StoreError::Unusable { url: url.to_owned(), reason });
    let sql = "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) \
               FROM pragma_application_id, pragma_user_version";
    let found = sqlx::query_as(sql).fetch_one(connection).await.map_err(failed)?;
    match found {
        (APPLICATION, FORMAT, _) => Ok(""),
        (APPLICATION, 1, 1..) => Ok(include_str!("upgrade_1.sql")),
        // A program of format 1 that ended while it made the file left marks without tables.
        (0, 0, 0) | (APPLICATION, 0 | 1, 0i64) => Ok(include_str!("schema.sql")),
        (APPLICATION, format, _) => unusable(format!(
            "it has format {format} of a newer Retrace, and this one knows up to {FORMAT}; use the newer one, or \
             delete the file and let this one make it again from the log"
        )),
        _ => unusable("it is a SQLite file, but no read model of Retrace; name another file".to_owned()),
    }
}

/// The way out of a damaged read model.
const REMEDY: &str = "delete the file: it is made again from the log";

/// What an error of SQLite means for the read model; its primary codes are in <https://sqlite.org/rescode.html>.
fn store_error(url: &str, error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    let primary = code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff);
    let (url, reason) = (url.to_owned(), error.to_string());
    match (primary, error) {
        (Some(11 | 26), _) => {
            StoreError::Corrupt { url, at: "its pages".to_owned(), reason: format!("{reason}; {REMEDY}") }
        }
        (None, sqlx::Error::ColumnDecode { index, .. }) => StoreError::Corrupt { url, at: index, reason },
        (Some(13), _) => StoreError::Full { url, reason },
        (Some(3 | 8 | 14 | 23), _) => StoreError::Unusable { url, reason },
        _ => StoreError::Unavailable { url, reason },
    }
}
