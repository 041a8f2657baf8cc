//! A topic's runs read in step: of each the block that a page begins in, and further ones only as the page gets there.

use std::collections::VecDeque;

use kernel::{Position, Topic};
use runtime::StoreError;

use super::Cut;
use crate::timeline::page::Merge;

/// How many blocks of a run are read at once where a page goes beyond the first.
const BLOCKS: u32 = 4;

/// A block as the file has it: its first key and position, and what it holds.
type Packed = (String, Vec<u8>, Vec<u8>);

/// How far one run has been read.
struct Cursor {
    run: u32,
    /// Blocks that were not looked into yet.
    ready: VecDeque<Packed>,
    /// What the last block read begins with; nothing once there are no more.
    last: Option<(String, Vec<u8>)>,
    /// The last key of the last block looked into: the next block may go on with it.
    key: String,
}

impl Cursor {
    /// No key before this is in what was not looked into; nothing when that is nothing.
    fn bound(&self) -> Option<&str> {
        let next = self.ready.front().map(|(first, ..)| &**first);
        next.or_else(|| self.last.as_ref().map(|_| &*self.key))
    }
}

impl Cut {
    /// Fills a page with a topic's rows as of `at`, which the file must reach.
    pub(in crate::timeline) async fn page(
        &mut self,
        topic: &Topic,
        at: Position,
        merge: &mut Merge,
    ) -> Result<(), StoreError> {
        let mut cursors = self.cursors(topic, at, merge.after()).await?;
        loop {
            let bound = cursors.iter().filter_map(Cursor::bound).min().map(str::to_owned);
            merge.settle(bound.as_deref());
            let Some(bound) = bound.filter(|_| !merge.is_full()) else { return Ok(()) };
            for cursor in cursors.iter_mut().filter(|cursor| cursor.bound() == Some(&bound)) {
                self.read_on(topic.name, cursor, merge).await?;
            }
        }
    }

    /// Of each run that holds rows as of `at`, the block that a key would be in and the one after it.
    async fn cursors(&mut self, topic: &Topic, at: Position, key: &str) -> Result<Vec<Cursor>, StoreError> {
        let (first, last) = self.runs_of(topic, at).await?;
        let sql = sqlx::query_as(include_str!("page.sql")).bind(topic.name).bind(first).bind(last).bind(key);
        let blocks = sql.fetch_all(&mut *self.transaction).await;
        let blocks: Vec<(u32, String, Vec<u8>, Vec<u8>)> = blocks.map_err(self.failed())?;
        let mut cursors: Vec<Cursor> = Vec::new();
        for (run, first, position, packed) in blocks {
            if cursors.last().is_none_or(|cursor| cursor.run != run) {
                cursors.push(Cursor { run, ready: VecDeque::new(), last: None, key: String::new() });
            }
            let Some(cursor) = cursors.last_mut() else { continue };
            cursor.last = Some((first.clone(), position.clone()));
            cursor.ready.push_back((first, position, packed));
        }
        Ok(cursors)
    }

    /// Looks into the next block of a run, if there is one.
    async fn read_on(&mut self, topic: &str, cursor: &mut Cursor, merge: &mut Merge) -> Result<(), StoreError> {
        if let (true, Some((key, position))) = (cursor.ready.is_empty(), &cursor.last) {
            let sql = sqlx::query_as(include_str!("page_on.sql")).bind(topic).bind(cursor.run).bind(key);
            let blocks = sql.bind(position).bind(BLOCKS).fetch_all(&mut *self.transaction).await;
            let blocks: Vec<Packed> = blocks.map_err(self.failed())?;
            cursor.ready = blocks.into();
            cursor.last = cursor.ready.back().map(|(first, position, _)| (first.clone(), position.clone()));
        }
        let Some((.., packed)) = cursor.ready.pop_front() else { return Ok(()) };
        cursor.key = merge.put_block(cursor.run, &packed).ok_or_else(|| Self::corrupt(&self.file))?;
        Ok(())
    }
}
