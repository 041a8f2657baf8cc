//! Single places in the log: the events' key begins with the position.

use kernel::{Checkpoint, Entry, Number, Position, Seen};
use sqlx::{Row as _, SqlitePool, sqlite::SqliteRow};

use super::{Sqlite, bulk::signed, chunk::Chunk, failure::Failure, read};
use crate::StoreError;

/// How many positions one query is asked for.
const POSITIONS: usize = 512;

impl Sqlite {
    pub(in crate::engine) async fn last_at(&self, position: Position) -> Result<Checkpoint, StoreError> {
        let head = self.head().await?;
        let last = last(&self.0.readers, position.min(head.position)).await.map_err(self.failed())?;
        let (position, number) = last.unwrap_or_default();
        Ok(Checkpoint { position, number, ..head })
    }

    pub(in crate::engine) async fn entries_before(
        &self,
        before: Position,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        // A commit shows in the file a moment before it does in the head.
        let before = before.min(self.head().await?.position.successor());
        entries_before(&self.0.readers, before, limit).await.map_err(self.failed())
    }

    /// The entries at these positions, which must be in order.
    pub(in crate::engine) async fn entries_at(&self, positions: &[Position]) -> Result<Vec<Entry>, StoreError> {
        // A commit shows in the file a moment before it does in the head.
        let head = self.head().await?.position;
        let end = positions.partition_point(|position| *position <= head);
        entries(&self.0.readers, &positions[..end]).await.map_err(self.failed())
    }
}

async fn last(readers: &SqlitePool, position: Position) -> Result<Option<(Position, Number)>, Failure> {
    let row = sqlx::query(include_str!("last.sql"))
        .bind(signed(position.ms()))
        .bind(signed(position.seq()))
        .fetch_optional(readers)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let part = |index: usize| row.try_get::<i64, _>(index).map(i64::cast_unsigned);
    Ok(Some((Position::new(part(0)?, part(1)?), Number(part(2)?))))
}

async fn entries_before(readers: &SqlitePool, before: Position, limit: usize) -> Result<Vec<Entry>, Failure> {
    let row = sqlx::query(include_str!("back.sql"))
        .bind(signed(before.ms()))
        .bind(signed(before.seq()))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_optional(readers)
        .await?;
    let part = |row: &SqliteRow, index: usize| row.try_get::<i64, _>(index).map(i64::cast_unsigned);
    let first = row.map(|row| Ok::<_, Failure>(Position::new(part(&row, 0)?, part(&row, 1)?))).transpose()?;
    let after = first.unwrap_or_default().predecessor();
    read::entries(readers, after, before.predecessor(), usize::MAX).await
}

async fn entries(readers: &SqlitePool, positions: &[Position]) -> Result<Vec<Entry>, Failure> {
    let mut found = Vec::new();
    let mut parts: Vec<_> = positions.chunks(POSITIONS).rev().collect();
    while let Some(part) = parts.pop() {
        match Chunk::at(readers, part).await {
            Ok(chunk) => found.extend(chunk.entries()?.map(|seen: Seen<'_>| seen.to_entry())),
            Err(failure) if failure.is_too_big() && part.len() > 1 => {
                let (before, after) = part.split_at(part.len() / 2);
                parts.extend([after, before]);
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(found)
}
