//! Opening a file: is it ours, is it whole, does anybody else have it open?

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, Connection as _, Row as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::sync::mpsc;

use super::{
    Inner, Shared, Sqlite,
    failure::Failure,
    known::{self, Known},
    lock::Lock,
    writer::Writer,
};
use crate::{Namespace, StoreError};

/// The version of the tables that this program writes: SQLite's `user_version`.
const FORMAT: i64 = 2;
/// What marks a file as ours: SQLite's `application_id`, "Rtrc".
const APPLICATION: i64 = 0x5274_7263;
/// The first version of SQLite without the WAL-reset bug, which corrupts files.
const LEAST_SQLITE: [u32; 3] = [3, 51, 3];
/// How many requests may wait for the writer before those who ask wait too.
const MOST_REQUESTS: usize = 4_096;
/// How many readings run at a time.
const READERS: u32 = 4;
/// How long SQLite waits for a lock that somebody else's tool has on the file.
const BUSY_FOR: Duration = Duration::from_secs(5);

impl Sqlite {
    /// Opens the log of a namespace in the file at `path`, making it when it is missing.
    ///
    /// Each namespace but the default has a file of its own, `<path>@<namespace>`: one writer and one lock
    /// a namespace, as it is the unit of scale-out.
    ///
    /// # Errors
    /// When another process has the file open, or it can't be used: the error tells why.
    pub(crate) async fn open(path: &Path, namespace: &Namespace) -> Result<Self, StoreError> {
        let (file, url) = file_of(path, namespace);
        let unusable = |reason: String| StoreError::Unusable { url: url.clone(), reason };
        let file = resolve(&file).map_err(unusable)?;
        let lock = Lock::take(&file).map_err(unusable)?;
        let options = options(&file).create_if_missing(true);
        let mut connection = connect(&options, &url).await?;
        let failed = |failure: Failure| failure.of(&url);
        let known = Known::load(&mut connection).await.map_err(failed)?;

        let readers = readers(options);
        let (requests, received) = mpsc::channel(MOST_REQUESTS);
        let shared = Arc::new(Shared::new(url, &known.head));
        let writer = Writer {
            connection,
            readers: readers.clone(),
            requests: received,
            shared: Arc::clone(&shared),
            known,
            is_in_doubt: false,
            purged: None,
            lock,
        };
        tokio::spawn(writer.run());
        Ok(Self(Arc::new(Inner { writer: Some(requests), readers, shared })))
    }

    /// Opens the log of a namespace in the file at `path` to read it, whoever writes it meanwhile.
    ///
    /// # Errors
    /// When there is no such file, or it can't be used: the error tells why.
    pub(crate) async fn open_reading(path: &Path, namespace: &Namespace) -> Result<Self, StoreError> {
        let (file, url) = file_of(path, namespace);
        if !file.try_exists().unwrap_or(true) {
            return Err(StoreError::Unavailable { url, reason: "there is no such file".to_owned() });
        }
        let unusable = |reason: String| StoreError::Unusable { url: url.clone(), reason };
        let readers = readers(options(&resolve(&file).map_err(unusable)?));
        let failed = |error: sqlx::Error| Failure::from(error).of(&url);
        let mut connection = readers.acquire().await.map_err(failed)?;
        match check(&mut connection).await.map_err(failed)?.map_err(unusable)? {
            State::Ours => {}
            State::Older => {
                let reason = format!(
                    "it was written by an older Retrace (format 1, this one reads {FORMAT}); \
                    whatever writes to it, such as `retrace up`, brings it up to date"
                );
                return Err(unusable(reason));
            }
            State::New => return Err(unusable("it is empty; nobody has begun a log in it yet".to_owned())),
        }
        drop(connection);
        let head = known::head(&readers).await.map_err(|failure| failure.of(&url))?;
        let shared = Arc::new(Shared::new(url, &head));
        Ok(Self(Arc::new(Inner { writer: None, readers, shared })))
    }
}

/// The file that holds a namespace's log, and how it is called.
fn file_of(path: &Path, namespace: &Namespace) -> (PathBuf, String) {
    let mut file = path.as_os_str().to_owned();
    if let Some(name) = namespace.name() {
        file.push("@");
        file.push(name);
    }
    let file = PathBuf::from(file);
    let url = format!("sqlite://{}", file.display());
    (file, url)
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(file).foreign_keys(false).busy_timeout(BUSY_FOR).disable_statement_logging()
}

/// Connections that only read.
fn readers(options: SqliteConnectOptions) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .test_before_acquire(false)
        .after_release(|connection, _| Box::pin(is_sound(connection)))
        .connect_lazy_with(options.read_only(true).create_if_missing(false))
}

/// Whether a connection may be used again: when the disk fails, SQLite ends a reading by itself, and the client crate
/// takes it for open for ever.
async fn is_sound(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if !connection.is_in_transaction() {
        return Ok(true);
    }
    // A reading that was broken off ends in its turn.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// The one name of the file, so that it has one lock; makes the folder that it is in.
fn resolve(path: &Path) -> Result<PathBuf, String> {
    if path.is_dir() {
        return Err("it is a folder, not a database file".to_owned());
    }
    if let Ok(file) = fs::canonicalize(path) {
        return Ok(file);
    }
    let name = path.file_name().ok_or_else(|| "it names no file".to_owned())?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let folder = fs::create_dir_all(folder).and_then(|()| fs::canonicalize(folder));
    folder.map(|folder| folder.join(name)).map_err(|error| format!("its folder can't be made: {error}"))
}

/// The connection that writes, to a file that is ours.
async fn connect(options: &SqliteConnectOptions, url: &str) -> Result<SqliteConnection, StoreError> {
    let failed = |error: sqlx::Error| Failure::from(error).of(url);
    let mut connection = options.connect().await.map_err(failed)?;
    let state = check(&mut connection).await.map_err(failed)?.map_err(|reason| {
        let url = url.to_owned();
        StoreError::Unusable { url, reason }
    })?;
    if state == State::Older {
        sqlx::raw_sql(include_str!("upgrade.sql")).execute(&mut connection).await.map_err(failed)?;
    }
    if state == State::New {
        sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut connection).await.map_err(failed)?;
        let made = concat!("BEGIN IMMEDIATE;\n", include_str!("schema.sql"), "\nCOMMIT;");
        sqlx::raw_sql(made).execute(&mut connection).await.map_err(failed)?;
    }
    sqlx::raw_sql(include_str!("pragmas.sql")).execute(&mut connection).await.map_err(failed)?;
    Ok(connection)
}

/// What a file that can be used holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Our tables.
    Ours,
    /// Our tables as they were in format 1.
    Older,
    /// Nothing.
    New,
}

/// Looks whether the file can be used; a sentence tells why not.
async fn check(connection: &mut SqliteConnection) -> Result<Result<State, String>, sqlx::Error> {
    let row = sqlx::query(include_str!("check.sql")).fetch_one(&mut *connection).await?;
    let (version, application, format): (String, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let tables: i64 = row.try_get(3)?;
    let parts: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    if parts.as_slice() < LEAST_SQLITE.as_slice() {
        let [major, minor, patch] = LEAST_SQLITE;
        return Ok(Err(format!(
            "SQLite {version} can corrupt files; {major}.{minor}.{patch} or later is needed, which Retrace brings along"
        )));
    }
    match (application, format, tables) {
        (APPLICATION, FORMAT, _) => Ok(Ok(State::Ours)),
        (APPLICATION, 1, _) => Ok(Ok(State::Older)),
        (APPLICATION, newer, _) if newer > FORMAT => {
            Ok(Err(format!("it was written by a newer Retrace (format {newer}, this one knows {FORMAT})")))
        }
        (APPLICATION, older, _) => Ok(Err(format!("its format is {older}, which no Retrace has written"))),
        (0, 0, 0) => Ok(Ok(State::New)),
        _ => Ok(Err("it is another program's database".to_owned())),
    }
}
