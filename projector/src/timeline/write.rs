//! Writing the timeline's file: runs at its end, keyframes, and nothing in between.

use kernel::{Checkpoint, Domain, Position, TopicKind};
use runtime::{StoreError, fault};
use sqlx::{QueryBuilder, Sqlite, Transaction};

use super::{
    block::{self, Block, Packed, Packer},
    disk::{self, Disk, State},
    run::Run,
};

/// How many blocks go into one statement.
const STATEMENT: usize = 64;

/// How many rows a topic has after a run.
const TOTAL: &str = "INSERT INTO total (run, topic, rows) VALUES (?, ?, ?)";

impl Disk {
    /// Writes the next run, or nothing when the file does not stand at `from`; tells which.
    pub(super) async fn append(&self, from: &State, run: &Run) -> Result<bool, StoreError> {
        let Some(mut transaction) = self.begin_at(from).await? else { return Ok(false) };
        let State { runs, base, checkpoint, .. } = &run.to;
        let sql = sqlx::query("INSERT INTO run (id, base, until) VALUES (?, ?, ?)").bind(runs).bind(base);
        let sql = sql.bind(disk::bytes(checkpoint.position));
        sql.execute(&mut *transaction).await.map_err(self.failed())?;
        self.put(&mut transaction, *runs, &run.blocks).await?;
        self.put_mentions(&mut transaction, *runs, &run.mentions).await?;
        for (topic, grown) in &run.grown {
            let sql = match from.checkpoint.position {
                Position::ZERO => sqlx::query(TOTAL).bind(*runs).bind(*topic).bind(*grown),
                _ => sqlx::query(include_str!("next_total.sql")).bind(*runs).bind(*topic).bind(*grown).bind(from.runs),
            };
            sql.execute(&mut *transaction).await.map_err(self.failed())?;
        }
        fault::point("timeline.run");
        let is_written = self.commit(transaction, &run.to).await?;
        fault::point("timeline.written");
        Ok(is_written)
    }

    /// Writes a keyframe, all entities as of where the file stands, or nothing when it does not stand at `from`;
    /// tells which.
    pub(super) async fn frame(&self, domain: &Domain, from: &State, to: &State) -> Result<bool, StoreError> {
        let at = from.checkpoint.position;
        let mut cut = self.cut().await?;
        let (mut packer, mut totals) = (Packer::after(from.blocks), Vec::new());
        for topic in domain.topics().filter(|topic| topic.kind == TopicKind::Entity) {
            let rows = cut.rows(topic, at).await?;
            let mut total = 0_i64;
            for (_, version) in rows.rows() {
                packer.push(topic.name, &Packed { before: 0, ..version });
                total += 1;
            }
            totals.push((topic.name, total));
        }
        drop(cut);
        let mut blocks = packer.finish();
        block::compress(&mut blocks);
        let Some(mut transaction) = self.begin_at(from).await? else { return Ok(false) };
        let sql = sqlx::query("INSERT INTO run (id, base, until) VALUES (?1, ?1, ?2)").bind(to.runs);
        sql.bind(disk::bytes(at)).execute(&mut *transaction).await.map_err(self.failed())?;
        self.put(&mut transaction, to.runs, &blocks).await?;
        for (topic, total) in totals {
            let sql = sqlx::query(TOTAL).bind(to.runs).bind(topic).bind(total);
            sql.execute(&mut *transaction).await.map_err(self.failed())?;
        }
        for topic in domain.topics().filter(|topic| topic.kind != TopicKind::Entity) {
            let sql = sqlx::query(include_str!("journal_total.sql")).bind(to.runs).bind(topic.name).bind(from.runs);
            sql.execute(&mut *transaction).await.map_err(self.failed())?;
        }
        self.commit(transaction, to).await
    }

    /// Drops everything, to begin anew with this version of the projection.
    pub(super) async fn wipe(&self, version: u32) -> Result<State, StoreError> {
        let mut transaction = self.begin().await?;
        let last = sqlx::query_as(include_str!("last_numbers.sql")).fetch_one(&mut *transaction).await;
        let (runs, blocks): (i64, i64) = last.map_err(self.failed())?;
        for sql in ["DELETE FROM run", "DELETE FROM block", "DELETE FROM mention", "DELETE FROM total"] {
            sqlx::query(sql).execute(&mut *transaction).await.map_err(self.failed())?;
        }
        // Whoever has read of a run or a block must not meet another under its number. In a damaged file any may stand.
        let sane = |number: i64| u32::try_from(number).ok().filter(|number| *number < u32::MAX / 2).unwrap_or(0);
        let state = State { version, runs: sane(runs), blocks: sane(blocks), ..State::default() };
        self.commit(transaction, &state).await?;
        Ok(state)
    }

    /// Drops versions of entities that no question about `before` or later needs; tells from where on they are kept.
    ///
    /// What is kept begins with a keyframe, so somewhat more may be kept than was asked for.
    pub(super) async fn forget(&self, domain: &Domain, before: Position) -> Result<Position, StoreError> {
        let mut transaction = self.begin().await?;
        let state = disk::state_in(&self.file, &mut transaction).await?;
        let sql = "SELECT id, until FROM run WHERE base = id AND until <= ? ORDER BY id DESC LIMIT 1";
        let frame = sqlx::query_as(sql).bind(disk::bytes(before)).fetch_optional(&mut *transaction).await;
        let frame: Option<(u32, Vec<u8>)> = frame.map_err(self.failed())?;
        let frame = frame.and_then(|(frame, until)| Some((frame, disk::read_position(&until)?)));
        let Some((frame, floor)) = frame.filter(|(_, floor)| *floor > state.floor) else { return Ok(state.floor) };
        for topic in domain.topics().filter(|topic| topic.kind == TopicKind::Entity) {
            let sql = sqlx::query("DELETE FROM block WHERE run < ? AND topic = ?").bind(frame).bind(topic.name);
            sql.execute(&mut *transaction).await.map_err(self.failed())?;
        }
        self.commit(transaction, &State { floor, ..state }).await?;
        Ok(floor)
    }

    fn failed(&self) -> impl Fn(sqlx::Error) -> StoreError {
        |error| self.file.error(error)
    }

    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.file.writer.begin_with("BEGIN IMMEDIATE").await.map_err(self.failed())
    }

    /// A transaction in which the file stands at `from`, whatever old versions were dropped; nothing when it does not.
    async fn begin_at(&self, from: &State) -> Result<Option<Transaction<'static, Sqlite>>, StoreError> {
        let mut transaction = self.begin().await?;
        let state = disk::state_in(&self.file, &mut transaction).await?;
        Ok((State { floor: from.floor, ..state } == *from).then_some(transaction))
    }

    /// Commits with this state, but for the floor.
    async fn commit(&self, mut transaction: Transaction<'static, Sqlite>, to: &State) -> Result<bool, StoreError> {
        let State { version, checkpoint, runs, blocks, base, since, floor } = to;
        let Checkpoint { epoch, position, number } = checkpoint;
        let integer = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let set = sqlx::query(include_str!("set_state.sql")).bind(version).bind(&*epoch.0);
        let set = set.bind(disk::bytes(*position)).bind(integer(number.0)).bind(runs).bind(blocks).bind(base);
        let set = set.bind(integer(*since)).bind(disk::bytes(*floor));
        set.execute(&mut *transaction).await.map_err(self.failed())?;
        transaction.commit().await.map_err(self.failed())?;
        Ok(true)
    }

    async fn put(&self, to: &mut Transaction<'_, Sqlite>, run: u32, blocks: &[Block]) -> Result<(), StoreError> {
        for blocks in blocks.chunks(STATEMENT) {
            let mut put =
                QueryBuilder::new("INSERT INTO block (id, run, topic, first_key, first_position, keys, packed) ");
            put.push_values(blocks, |mut row, block| {
                let Block { id, topic, key, position, keys, packed } = block;
                row.push_bind(*id).push_bind(run).push_bind(*topic).push_bind(&**key);
                row.push_bind(disk::bytes(*position)).push_bind(&**keys).push_bind(&**packed);
            });
            let put = put.build().persistent(blocks.len() == STATEMENT);
            put.execute(&mut **to).await.map_err(self.failed())?;
        }
        Ok(())
    }

    async fn put_mentions(
        &self,
        to: &mut Transaction<'_, Sqlite>,
        run: u32,
        parts: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        let parts: Vec<_> = (0u32..).zip(parts).filter(|(_, packed)| !packed.is_empty()).collect();
        if parts.is_empty() {
            return Ok(());
        }
        let mut put = QueryBuilder::new("INSERT INTO mention (part, run, packed) ");
        put.push_values(parts, |mut row, (part, packed)| {
            row.push_bind(part).push_bind(run).push_bind(&**packed);
        });
        let put = put.build().persistent(false);
        put.execute(&mut **to).await.map_err(self.failed()).map(drop)
    }
}
