//! Reading a long stretch of the log: cut into pieces, of which some are read ahead on connections of their own.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use kernel::Position;
use sqlx::{Row as _, SqlitePool};
use tokio::{
    runtime::Handle,
    sync::mpsc,
    task::{JoinError, JoinHandle},
};

use super::{Sqlite, bulk::signed, chunk::Chunk, failure::Failure, read::Reading};
use crate::{StoreError, Visit};

/// How many entries the first pieces have, before it is known how large entries are.
const FIRST: usize = 256;
/// How many entries a piece has at most.
const MOST: usize = 4_096;
/// How many bytes it should have: enough to make a query worth its while, little enough for the cache.
const BYTES: usize = 1 << 20;
/// How many pieces are read ahead, besides one that waits until it may be.
const AHEAD: usize = 1;

/// A piece, as soon as it has been read.
type Piece = JoinHandle<Result<Vec<Chunk>, Failure>>;

impl Sqlite {
    /// Shows `visit` all entries after `after` and up to `until`.
    pub(crate) fn scan(
        &self,
        after: Position,
        until: Position,
        visit: Visit<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let died = |_: JoinError| self.0.shared.closed();
        let runtime = Handle::current();
        let (sender, mut pieces) = mpsc::channel(AHEAD);
        let size = Arc::new(AtomicUsize::new(FIRST));
        let cutting = runtime.spawn(cut(self.0.readers.clone(), after, until, Arc::clone(&size), sender));
        while let Some(piece) = pieces.blocking_recv() {
            for chunk in runtime.block_on(piece).map_err(died)?.map_err(self.failed())? {
                for seen in chunk.entries().map_err(self.failed())? {
                    if visit(&seen).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                let each = chunk.size().map_err(self.failed())?.div_ceil(chunk.len().max(1)).max(1);
                size.store((BYTES / each).clamp(1, MOST), Ordering::Relaxed);
            }
        }
        runtime.block_on(cutting).map_err(died)?.map_err(self.failed())?;
        Ok(ControlFlow::Continue(()))
    }
}

/// Cuts the stretch into pieces of about `size` entries and has them read, until nobody takes them any more.
async fn cut(
    readers: SqlitePool,
    mut after: Position,
    until: Position,
    size: Arc<AtomicUsize>,
    pieces: mpsc::Sender<Piece>,
) -> Result<(), Failure> {
    while after < until {
        let end = end(&readers, after, until, size.load(Ordering::Relaxed)).await?;
        let piece = tokio::spawn(read(readers.clone(), after, end));
        if pieces.send(piece).await.is_err() {
            break;
        }
        after = end;
    }
    Ok(())
}

/// Where a piece of so many entries ends that begins after `after`.
async fn end(readers: &SqlitePool, after: Position, until: Position, size: usize) -> Result<Position, Failure> {
    let row = sqlx::query(include_str!("cut.sql"))
        .bind(signed(after.ms()))
        .bind(signed(after.seq()))
        .bind(signed(until.ms()))
        .bind(signed(until.seq()))
        .bind(i64::try_from(size).unwrap_or(i64::MAX))
        .fetch_optional(readers)
        .await?;
    let Some(row) = row else { return Ok(until) };
    let part = |index: usize| row.try_get::<i64, _>(index).map(i64::cast_unsigned);
    Ok(Position::new(part(0)?, part(1)?))
}

/// Reads a piece.
async fn read(readers: SqlitePool, after: Position, until: Position) -> Result<Vec<Chunk>, Failure> {
    let mut chunks = Vec::new();
    let mut reading = Reading { readers: &readers, after, until, most: None };
    while let Some(chunk) = reading.next(usize::MAX).await? {
        chunks.push(chunk);
    }
    Ok(chunks)
}
