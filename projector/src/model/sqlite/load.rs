//! Bulk writes into a generation that is not served.

use std::sync::LazyLock;

use runtime::{StoreError, fault};
use sqlx::{AssertSqlSafe, Sqlite, Transaction};

use super::{SERVED, SqliteModel, integer, text::set_state};
use crate::model::{Change, ModelState};

/// Rows in one statement.
const STATEMENT: usize = 500;

static PUT: LazyLock<String> = LazyLock::new(|| put(STATEMENT));

impl SqliteModel {
    pub(in crate::model) async fn load(
        &self,
        from: &ModelState,
        to: &ModelState,
        rows: &[Change],
    ) -> Result<bool, StoreError> {
        if self.slot == SERVED || self.slot != integer(from.generation) {
            return Ok(false);
        }
        let mut transaction = self.begin_writing().await?;
        if self.state_in(&mut *transaction, self.slot).await? != *from {
            return Ok(false);
        }
        let puts: Vec<_> = rows.iter().filter(|change| change.row.is_some()).collect();
        for puts in puts.chunk_by(|a, b| a.topic == b.topic) {
            for puts in puts.chunks(STATEMENT) {
                self.put(&mut transaction, puts).await?;
            }
        }
        let deleted = rows.iter().filter(|change| change.row.is_none());
        let deletes: Vec<_> = deleted.map(|change| (change.topic, &*change.key)).collect();
        self.delete(&mut transaction, self.slot, &deletes).await?;
        fault::point("rebuild.loading");
        set_state(&mut transaction, self.slot, to).await.map_err(self.error())?;
        transaction.commit().await.map_err(self.error())?;
        self.reached.send_replace(to.checkpoint.position);
        Ok(true)
    }

    /// Writes some rows of one topic.
    async fn put(&self, transaction: &mut Transaction<'_, Sqlite>, puts: &[&Change]) -> Result<(), StoreError> {
        let Some(Change { topic, .. }) = puts.first() else { return Ok(()) };
        let statement = if puts.len() == STATEMENT {
            sqlx::query(PUT.as_str())
        } else {
            sqlx::query(AssertSqlSafe(put(puts.len()))).persistent(false)
        };
        let mut statement = statement.bind(self.slot).bind(topic);
        for change in puts {
            // Shared, not copied.
            statement = statement.bind(change.key.clone()).bind(change.row.clone());
        }
        statement.execute(&mut **transaction).await.map_err(self.error()).map(drop)
    }
}

/// The statement that writes `rows` rows; its parameters are the generation, the topic, and each row's key and row.
fn put(rows: usize) -> String {
    // Numbered parameters would be looked up by their names, one by one.
    let values = vec!["(?, ?)"; rows].join(", ");
    format!(
        "INSERT INTO rows (generation, topic, key, row) SELECT ?, ?, column1, column2 FROM (VALUES {values}) \
         WHERE true ON CONFLICT DO UPDATE SET row = excluded.row"
    )
}
