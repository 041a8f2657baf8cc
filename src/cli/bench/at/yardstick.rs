//! The yardstick: the rows as they are now in a table of SQLite, asked for by key and all at once.

use std::{path::Path, time::Instant};

use kernel::{Chance, Position};
use projector::timeline::Timeline;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::super::super::{failure::Failure, latencies::Latencies};

/// How long SQLite takes for rows of the present.
pub(super) struct Yardstick {
    pub(super) row: Latencies,
    pub(super) all: Latencies,
}

impl Yardstick {
    pub(super) async fn measure(
        folder: &Path,
        timeline: &Timeline,
        topic: &str,
        samples: u64,
    ) -> Result<Self, Failure> {
        let failed = |error: sqlx::Error| Failure::failed(format!("the yardstick: {error}"));
        let options = SqliteConnectOptions::new().filename(folder.join("yardstick.db")).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.map_err(failed)?;
        let table = "CREATE TABLE rows (key TEXT PRIMARY KEY, row TEXT NOT NULL) STRICT, WITHOUT ROWID";
        sqlx::query(table).execute(&mut connection).await.map_err(failed)?;
        let head = timeline.engine().head().await?.position;
        let tables = timeline.tables(&[topic], head.min(Position::MAX)).await?;
        let rows: Vec<_> = tables.rows(topic).collect();
        let json = serde_json::to_string(&rows).unwrap_or_default();
        let fill = "INSERT INTO rows SELECT value ->> 0, value ->> 1 FROM json_each(?)";
        sqlx::query(fill).bind(json).execute(&mut connection).await.map_err(failed)?;
        let mut chance = Chance::new(7, 0);
        let (mut row, mut all) = <(Latencies, Latencies)>::default();
        for _ in 0..samples {
            let key = chance.pick(&rows).map(|(key, _)| *key).unwrap_or_default();
            let began = Instant::now();
            let query = sqlx::query_scalar::<_, String>("SELECT row FROM rows WHERE key = ?").bind(key);
            query.fetch_optional(&mut connection).await.map_err(failed)?;
            row.add(began.elapsed());
        }
        for _ in 0..samples / 100 + 1 {
            let began = Instant::now();
            let query = sqlx::query_as::<_, (String, String)>("SELECT key, row FROM rows ORDER BY key");
            query.fetch_all(&mut connection).await.map_err(failed)?;
            all.add(began.elapsed());
        }
        connection.close().await.map_err(failed)?;
        Ok(Self { row, all })
    }
}
