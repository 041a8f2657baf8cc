//! The ceiling of writing: the final rows, written the shortest way there is.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use kernel::Tables;
use projector::ReadModel;
use sqlx::{
    Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{
    super::{super::failure::Failure, scratch::Server},
    Place,
};

/// Rows in one command, and commands sent together.
const COMMAND: (usize, usize) = (1_000, 4);

/// Rows in one statement.
const STATEMENT: usize = 256;

/// The rows that a rebuild ends with.
pub(super) struct Rows(Vec<(String, Vec<(String, String)>)>);

impl Rows {
    /// What the rebuild into Redis has left there.
    pub(super) async fn read(place: &Place<'_>, topics: &[&str]) -> Result<Self, Failure> {
        let model = ReadModel::redis(place.url, &place.namespace).await?;
        let (Tables(tables), _) = model.tables(topics).await?;
        Ok(Self(tables.into_iter().map(|(topic, rows)| (topic, rows.into_iter().collect())).collect()))
    }

    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|(_, rows)| rows.len() as u64).sum()
    }

    pub(super) async fn write_to_redis(&self, server: &Server) -> Result<Duration, Failure> {
        let mut connection = server.connect().await?;
        let failure = |error| server.failure(&error);
        let began = Instant::now();
        for (topic, rows) in &self.0 {
            let key = format!("{}bare:{topic}", server.prefix());
            for rows in rows.chunks(COMMAND.0 * COMMAND.1) {
                let mut pipeline = redis::pipe();
                for rows in rows.chunks(COMMAND.0) {
                    let put = pipeline.cmd("HSET").arg(&key);
                    rows.iter().for_each(|(key, row)| {
                        put.arg(key).arg(row);
                    });
                    put.ignore();
                }
                let _: () = pipeline.query_async(&mut connection).await.map_err(failure)?;
            }
        }
        let took = began.elapsed();
        for (topic, _) in &self.0 {
            let mut unlink = redis::cmd("UNLINK");
            unlink.arg(format!("{}bare:{topic}", server.prefix()));
            unlink.exec_async(&mut connection).await.map_err(failure)?;
        }
        Ok(took)
    }

    pub(super) async fn write_to_sqlite(&self, folder: &Path, run: u64) -> Result<Duration, Failure> {
        let options = SqliteConnectOptions::new()
            .filename(folder.join(format!("bare-{run}.db")))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal);
        let began = Instant::now();
        self.write_to_file(&options).await.map_err(|error| Failure::failed(format!("SQLite: {error}")))?;
        Ok(began.elapsed())
    }

    async fn write_to_file(&self, options: &SqliteConnectOptions) -> Result<(), sqlx::Error> {
        let mut connection = SqliteConnection::connect_with(options).await?;
        let table = "CREATE TABLE rows (topic TEXT, key TEXT, row TEXT, PRIMARY KEY (topic, key)) WITHOUT ROWID";
        sqlx::raw_sql(table).execute(&mut connection).await?;
        let mut transaction = connection.begin().await?;
        for (topic, rows) in &self.0 {
            for rows in rows.chunks(STATEMENT) {
                let values = vec!["(?, ?, ?)"; rows.len()].join(", ");
                let sql = format!("INSERT INTO rows VALUES {values}");
                let mut insert = sqlx::query(sqlx::AssertSqlSafe(sql));
                for (key, row) in rows {
                    insert = insert.bind(topic).bind(key).bind(row);
                }
                insert.execute(&mut *transaction).await?;
            }
        }
        transaction.commit().await?;
        connection.close().await
    }
}
