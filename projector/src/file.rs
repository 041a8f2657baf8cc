//! SQLite files that are made of a log and can be made again: how they are opened, what they must be, and what
//! their errors mean.

use std::{path::Path, time::Duration};

use runtime::StoreError;
use sqlx::{
    ConnectOptions, Connection, Pool, Sqlite, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

/// What a kind of file is known by, and what is in it.
#[derive(Debug)]
pub(crate) struct Layout {
    /// What it is, for people: `read model`.
    pub(crate) what: &'static str,
    /// What marks the file in its header: four letters, as a number.
    pub(crate) application: i32,
    /// The newest format of the file that this program knows.
    pub(crate) format: i32,
    /// How many bytes a page has.
    pub(crate) page: u32,
    /// The SQL that makes an empty file one of this format.
    pub(crate) schema: &'static str,
    /// What makes the file anew, or brings it up to date.
    pub(crate) remedy: &'static str,
    /// The SQL that brings a file of format 1 up to date, where that can be done.
    pub(crate) upgrade: Option<&'static str>,
}

/// How many readers there are at a time.
const READERS: u32 = 4;

/// How long a connection waits for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// How much of the file a connection keeps in memory: 32 MiB, in the KiB that the pragma takes when negative.
const CACHE: &str = "-32768";

/// The same for each of many that read beside one that writes: they have the file mapped, and keep only what is not in it
/// yet.
const READERS_CACHE: &str = "-4096";

/// How much of the file is read where the system has it in memory, rather than copied page by page: 1 GiB.
const MAPPED: &str = "1073741824";

/// After how many bytes the write-ahead log is moved into the file. A write of rows in no order of keys touches a page
/// for each, and pages that are written again before the move are moved once.
const CHECKPOINT: u32 = 64 << 20;

/// A file: one connection that writes, some that read.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) url: String,
    pub(crate) writer: Pool<Sqlite>,
    pub(crate) readers: Pool<Sqlite>,
}

impl File {
    /// Opens the file, making it when it is missing.
    pub(crate) async fn open(path: &Path, layout: &Layout) -> Result<Self, StoreError> {
        let url = format!("sqlite://{}", path.display());
        let failed = |error| store_error(&url, error);
        // A file that loses its last writes to a power cut only stands further back: rows and checkpoint go
        // together, and the log still has the rest.
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .pragma("cache_size", CACHE)
            .pragma("mmap_size", MAPPED)
            .page_size(layout.page)
            .pragma("wal_autocheckpoint", (CHECKPOINT / layout.page).to_string())
            .disable_statement_logging();
        let writer = pool(1).connect_with(options.clone().create_if_missing(true)).await.map_err(failed)?;
        // Looked at twice: a file that is as it should be is opened without waiting for one that writes.
        let mut connection = writer.acquire().await.map_err(failed)?;
        if !layout.check(&url, &mut connection).await?.is_empty() {
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
            let missing = layout.check(&url, &mut transaction).await?;
            let Layout { application, format, .. } = layout;
            let marks = format!("PRAGMA application_id = {application}; PRAGMA user_version = {format}");
            sqlx::raw_sql(missing).execute(&mut *transaction).await.map_err(failed)?;
            sqlx::raw_sql(sqlx::AssertSqlSafe(marks)).execute(&mut *transaction).await.map_err(failed)?;
            transaction.commit().await.map_err(failed)?;
        }
        drop(connection);
        let readers = pool(READERS)
            .connect_with(options.pragma("cache_size", READERS_CACHE).read_only(true))
            .await
            .map_err(failed)?;
        Ok(Self { url, writer, readers })
    }

    /// Opens the file to read it, beside whoever writes it; one that is not there is not made.
    pub(crate) async fn open_reading(path: &Path, layout: &Layout) -> Result<Self, StoreError> {
        let url = format!("sqlite://{}", path.display());
        if !path.try_exists().unwrap_or(true) {
            return Err(StoreError::Unavailable { url, reason: "there is no such file".to_owned() });
        }
        let failed = |error| store_error(&url, error);
        let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY).pragma("cache_size", CACHE);
        let options = options.read_only(true).create_if_missing(false).disable_statement_logging();
        let readers = pool(READERS).connect_with(options).await.map_err(failed)?;
        let mut connection = readers.acquire().await.map_err(failed)?;
        if !layout.check(&url, &mut connection).await?.is_empty() {
            let reason =
                format!("an older Retrace made it, or one that did not come to the end of that; {}", layout.remedy);
            return Err(StoreError::Unusable { url, reason });
        }
        drop(connection);
        // Whatever would write gets a connection that does not.
        Ok(Self { url, writer: readers.clone(), readers })
    }

    pub(crate) fn corrupt(&self, at: &str, reason: &str) -> StoreError {
        StoreError::Corrupt { url: self.url.clone(), at: at.to_owned(), reason: format!("{reason}; {REMEDY}") }
    }

    pub(crate) fn error(&self, error: sqlx::Error) -> StoreError {
        store_error(&self.url, error)
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .max_lifetime(None)
        .idle_timeout(None)
        .after_release(|connection, _| Box::pin(is_sound(connection)))
}

/// Whether a connection may be used again, once what was asked of it is done. When there is no space, or the disk fails,
/// SQLite ends a transaction by itself; the client crate then takes it for open for ever, and lets no other begin.
async fn is_sound(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if !connection.is_in_transaction() {
        return Ok(true);
    }
    // What was not committed is undone in its turn.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

impl Layout {
    /// That the file is of this kind and of a format that is known here, or empty; gives the SQL that it lacks.
    async fn check(&self, url: &str, connection: &mut SqliteConnection) -> Result<&'static str, StoreError> {
        let failed = |error| store_error(url, error);
        let unusable = |reason: String| Err(StoreError::Unusable { url: url.to_owned(), reason });
        let sql = "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) \
                   FROM pragma_application_id, pragma_user_version";
        let (application, format, things): (i32, i32, i64) =
            sqlx::query_as(sql).fetch_one(connection).await.map_err(failed)?;
        let Self { what, .. } = self;
        match (application == self.application, format, things, self.upgrade) {
            (true, format, ..) if format == self.format => Ok(""),
            (true, 1, 1.., Some(upgrade)) => Ok(upgrade),
            // A program of format 1 that ended while it made the file left marks without tables.
            (true, 0 | 1, 0, _) => Ok(self.schema),
            (false, ..) if (application, format, things) == (0, 0, 0) => Ok(self.schema),
            (true, ..) => unusable(format!(
                "it has format {format} of a newer Retrace, and this one knows up to {}; use the newer one, or \
                 delete the file and let this one make it again from the log",
                self.format
            )),
            (false, ..) => unusable(format!("it is a SQLite file, but no {what} of Retrace; name another file")),
        }
    }
}

/// The way out of a damaged file.
const REMEDY: &str = "delete the file: it is made again from the log";

/// What an error of SQLite means for the file; its primary codes are in <https://sqlite.org/rescode.html>.
fn store_error(url: &str, error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    let primary = code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff);
    let (url, reason) = (url.to_owned(), error.to_string());
    match (primary, error) {
        (Some(26), _) => {
            let reason =
                format!("{reason}; name another file, or, if it was a file of Retrace's beside a log, {REMEDY}");
            StoreError::Corrupt { url, at: "its pages".to_owned(), reason }
        }
        (Some(11), _) => StoreError::Corrupt { url, at: "its pages".to_owned(), reason: format!("{reason}; {REMEDY}") },
        (None, sqlx::Error::ColumnDecode { index, .. }) => {
            StoreError::Corrupt { url, at: index, reason: format!("{reason}; {REMEDY}") }
        }
        (Some(13), _) => StoreError::Full { url, reason },
        (Some(3 | 8 | 14 | 23), _) => StoreError::Unusable { url, reason },
        _ => StoreError::Unavailable { url, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout {
        what: "shelf",
        application: 1,
        format: 1,
        page: 4_096,
        schema: "CREATE TABLE book (title TEXT)",
        remedy: "",
        upgrade: None,
    };

    #[tokio::test]
    async fn a_file_that_was_full_is_written_again_once_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::open(&folder.path().join("shelf"), &LAYOUT).await.unwrap();
        let put = async |bytes: i64| {
            let mut transaction = file.writer.begin_with("BEGIN IMMEDIATE").await?;
            sqlx::query("INSERT INTO book VALUES (zeroblob(?))").bind(bytes).execute(&mut *transaction).await?;
            transaction.commit().await
        };
        put(10).await.unwrap();
        // Of this connection only, and so gone with it.
        sqlx::query("PRAGMA max_page_count = 1").execute(&file.writer).await.unwrap();
        let full = put(1_000_000).await.map_err(|error| file.error(error));
        assert!(matches!(full, Err(StoreError::Full { .. })), "{full:?}");
        put(1_000_000).await.unwrap();
        let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM book").fetch_one(&file.readers).await.unwrap();
        assert_eq!(kept, 2);
    }
}
