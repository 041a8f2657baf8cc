//! Generations beside the one served: each has its row of the table of states.

use std::collections::BTreeMap;

use runtime::{StoreError, fault};

use super::{SERVED, SqliteModel, StateRow, integer, state};
use crate::model::{Generation, ModelState, Stage, generations::gives_way};

/// How many rows of a discarded generation are deleted at a time: about a tenth of a second.
const SWEPT: u32 = 20_000;

/// A generation as the table holds it: its state, its stage, its plan.
type GenerationRow = (String, String, i64, String, i64, i64, String, String);

impl SqliteModel {
    pub(in crate::model) async fn generations(&self) -> Result<Vec<Generation>, StoreError> {
        let sql = "SELECT epoch, position, number, digest, version, generation, stage, plan \
                   FROM state WHERE slot > 0 ORDER BY slot";
        let rows: Vec<GenerationRow> = sqlx::query_as(sql).fetch_all(&self.file.readers).await.map_err(self.error())?;
        rows.into_iter().map(|row| self.generation(row)).collect()
    }

    pub(in crate::model) async fn row_counts(&self) -> Result<BTreeMap<u64, u64>, StoreError> {
        let counts: Vec<(i64, i64)> =
            sqlx::query_as(include_str!("row_counts.sql")).fetch_all(&self.file.readers).await.map_err(self.error())?;
        Ok(counts.into_iter().map(|(generation, rows)| (generation.cast_unsigned(), rows.cast_unsigned())).collect())
    }

    fn generation(&self, row: GenerationRow) -> Result<Generation, StoreError> {
        let (epoch, position, number, digest, version, generation, stage, plan) = row;
        let row: StateRow = (epoch, position, number, digest, version, generation);
        let state =
            state(&row).ok_or_else(|| self.file.corrupt("state", &format!("{row:?} is no state of a generation")))?;
        Ok(Generation { state, stage: Stage::of(&stage), plan, torn: false })
    }

    /// Nothing when that generation is the one served.
    pub(in crate::model) async fn begin(&self, generation: u64, plan: &str) -> Result<Option<Self>, StoreError> {
        // What is left of one that had this number would be taken for its rows.
        self.sweep().await?;
        let slot = integer(generation);
        let mut transaction = self.begin_writing().await?;
        let served = self.state_in(&mut *transaction, SERVED).await?;
        if slot == SERVED || served.generation == generation {
            return Ok(None);
        }
        let begun = sqlx::query(include_str!("begin.sql")).bind(slot).bind(plan);
        begun.execute(&mut *transaction).await.map_err(self.error())?;
        transaction.commit().await.map_err(self.error())?;
        Self::of(self.file.clone(), self.lock.clone(), slot).await.map(Some)
    }

    pub(in crate::model) async fn serve(&self, from: &ModelState, to: &ModelState) -> Result<bool, StoreError> {
        let mut transaction = self.begin_writing().await?;
        let served = self.state_in(&mut *transaction, SERVED).await?;
        let built = self.state_in(&mut *transaction, integer(to.generation)).await?;
        if !gives_way(&served, from, to) || built != *to || integer(to.generation) == SERVED {
            return Ok(false);
        }
        let replaced = if served.generation == 0 {
            sqlx::query("DELETE FROM state WHERE slot = 0")
        } else {
            sqlx::query("UPDATE state SET slot = generation, stage = 'kept' WHERE slot = 0")
        };
        replaced.execute(&mut *transaction).await.map_err(self.error())?;
        let built = sqlx::query("UPDATE state SET slot = 0 WHERE slot = ?").bind(integer(to.generation));
        built.execute(&mut *transaction).await.map_err(self.error())?;
        transaction.commit().await.map_err(self.error())?;
        self.reached.send_replace(to.checkpoint.position);
        Ok(true)
    }

    pub(in crate::model) async fn hold_back(&self, generation: u64) -> Result<(), StoreError> {
        let held = sqlx::query("UPDATE state SET stage = 'held' WHERE slot = ? AND slot > 0 AND stage = 'building'");
        held.bind(integer(generation)).execute(&self.file.writer).await.map_err(self.error()).map(drop)
    }

    pub(in crate::model) async fn discard(&self, generation: u64) -> Result<(), StoreError> {
        // No handle finds a slot below 0: what is left of the generation is nobody's, even after a crash.
        let gone = sqlx::query("UPDATE OR REPLACE state SET slot = -slot WHERE slot = ? AND slot <> 0");
        gone.bind(integer(generation)).execute(&self.file.writer).await.map_err(self.error())?;
        fault::point("rebuild.discarding");
        self.sweep().await
    }

    /// Deletes what is left of discarded generations, a little at a time: others write in between.
    async fn sweep(&self) -> Result<(), StoreError> {
        let sql = "SELECT min(slot) FROM state WHERE slot < 0";
        let discarded = || sqlx::query_scalar::<_, Option<i64>>(sql).fetch_one(&self.file.writer);
        while let Some(slot) = discarded().await.map_err(self.error())? {
            let rows = sqlx::query(include_str!("sweep.sql")).bind(-slot).bind(SWEPT);
            let swept = rows.execute(&self.file.writer).await.map_err(self.error())?;
            if swept.rows_affected() < SWEPT.into() {
                let state = sqlx::query("DELETE FROM state WHERE slot = ?").bind(slot);
                state.execute(&self.file.writer).await.map_err(self.error())?;
            }
        }
        Ok(())
    }
}
