//! Reading the log: on connections of its own, so that readers never wait for the writer nor it for them.
//!
//! What stands up to a head never changes, so what is read up to it in many queries is what a snapshot taken at
//! that head would give.

use kernel::{Entry, Position, Seen};
use sqlx::SqlitePool;

use super::{chunk::Chunk, failure::Failure};

/// How many entries one query gives.
const CHUNK: usize = 512;

/// Entries after `after` and up to `head`: `limit` of them, and those at the last one's position besides.
pub(super) async fn entries(
    readers: &SqlitePool,
    after: Position,
    head: Position,
    limit: usize,
) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    let mut reading = Reading { readers, after, until: head, most: Some(CHUNK) };
    while entries.len() < limit
        && let Some(chunk) = reading.next(limit - entries.len()).await?
    {
        entries.extend(chunk.entries()?.map(|seen: Seen<'_>| seen.to_entry()));
    }
    Ok(entries)
}

/// A stretch of the log that is read in as few queries as SQLite has room for: a text of 10^9 bytes each.
pub(super) struct Reading<'r> {
    pub(super) readers: &'r SqlitePool,
    pub(super) after: Position,
    pub(super) until: Position,
    /// How many entries one query gives; nothing for as many as there are.
    pub(super) most: Option<usize>,
}

impl Reading<'_> {
    /// The next entries, at most `limit` and those at the last one's position besides; nothing at the end.
    pub(super) async fn next(&mut self, limit: usize) -> Result<Option<Chunk>, Failure> {
        while self.after < self.until {
            let most = self.most.map(|most| most.min(limit));
            match Chunk::read(self.readers, self.after, self.until, most).await {
                Ok(chunk) => {
                    let full = most.is_some_and(|most| chunk.len() >= most);
                    self.after = chunk.last().filter(|_| full).unwrap_or(self.until);
                    return Ok(Some(chunk));
                }
                Err(failure) if failure.is_too_big() && most != Some(1) => {
                    self.most = Some(most.map_or(CHUNK, |most| most / 2));
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(None)
    }
}
