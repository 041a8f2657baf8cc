//! Reading the log: on connections of its own, so that readers never wait for the writer nor it for them.
//!
//! Handing a row from SQLite's thread to ours costs more than reading it, so a query gives many entries as
//! one text, and each is taken out of it by the lengths that stand in front of it.

use std::sync::Arc;

use kernel::{Entry, Event, Junk, Meta, Number, Position};
use sqlx::{Row as _, SqlitePool};

use super::{bulk::signed, failure::Failure};

/// How many entries one query gives; fewer where they are so large that SQLite has no room for the text, 10^9
/// bytes.
const CHUNK: usize = 512;

/// Entries after `after` and up to `head`: `limit` of them, and those at the last one's position besides.
///
/// What stands up to a head never changes, so this is what a snapshot taken at that head would give.
pub(super) async fn entries(
    readers: &SqlitePool,
    after: Position,
    head: Position,
    limit: usize,
) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    if after >= head {
        return Ok(entries);
    }
    let mut size = CHUNK;
    while entries.len() < limit {
        let most = size.min(limit - entries.len());
        match chunk(readers, &mut entries, after, head, most).await {
            Ok(count) if count < most => return Ok(entries),
            Ok(_) => {}
            Err(failure) if failure.is_too_big() && most > 1 => size = most / 2,
            Err(failure) => return Err(failure),
        }
    }
    let last = entries.last().map(Entry::position);
    if let Some(last) = last.filter(|last| *last < head) {
        while chunk(readers, &mut entries, after, last, CHUNK).await? == CHUNK {}
    }
    Ok(entries)
}

/// Reads on after the last of `entries`, or after `after`, at most up to `until`; tells how many came.
async fn chunk(
    readers: &SqlitePool,
    entries: &mut Vec<Entry>,
    after: Position,
    until: Position,
    most: usize,
) -> Result<usize, Failure> {
    let (position, topic) = entries.last().map_or((after, None), |last| (last.position(), Some(&**last.topic())));
    let row = sqlx::query(include_str!("chunk.sql"))
        .bind(signed(position.ms()))
        .bind(signed(position.seq()))
        .bind(topic)
        .bind(signed(until.ms()))
        .bind(signed(until.seq()))
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .fetch_one(readers)
        .await?;
    let Some(text) = row.try_get::<Option<&[u8]>, _>(0)? else { return Ok(0) };
    let before = entries.len();
    let mut text = Text(text);
    while !text.0.is_empty() {
        let topic = entries.last().map(Entry::topic);
        let entry = text.entry(topic).ok_or_else(|| Failure::corrupt("events", "a page of it can't be taken apart"))?;
        entries.push(entry);
    }
    // SQLite promises no order to what gathers rows, though it keeps the one they come in.
    let order = |entry: &Entry| (entry.position(), Arc::clone(entry.topic()));
    if !entries[before..].is_sorted_by(|a, b| a.position() < b.position()) {
        entries[before..].sort_by_cached_key(order);
    }
    Ok(entries.len() - before)
}

/// What is left of a chunk: entry after entry as `chunk.sql` writes them.
struct Text<'t>(&'t [u8]);

impl<'t> Text<'t> {
    /// The next entry; nothing when there is none to be made out. Most share the topic of the one before.
    fn entry(&mut self, before: Option<&Arc<str>>) -> Option<Entry> {
        let (ms, seq) = (self.number()?, self.number()?);
        let position = Position::new(ms.try_into().ok()?, seq.try_into().ok()?);
        let number = u64::try_from(self.number()?).ok().map(Number);
        let [topic, id, action, data, meta] =
            [self.number()?, self.number()?, self.number()?, self.number()?, self.number()?];
        let topic = self.bytes(topic)?;
        let [id, action, data] = [self.bytes(id)?, self.bytes(action)?, self.bytes(data)?];
        let meta = if meta < 0 { None } else { Some(self.bytes(meta)?) };
        let topic = match before {
            Some(before) if before.as_bytes() == topic => Arc::clone(before),
            _ => String::from_utf8_lossy(topic).into(),
        };
        let text = |bytes: &[u8]| str::from_utf8(bytes).map(str::to_owned).map_err(|error| error.to_string());
        let event = text(id).and_then(|id| Ok((id, text(action)?, text(data)?, read_meta(meta)?)));
        Some(match event {
            Ok((id, action, data, meta)) => Entry::Event(Event { topic, position, number, id, action, data, meta }),
            Err(reason) => Entry::Junk(Junk { topic, position, number, reason }),
        })
    }

    /// A number and the space behind it.
    fn number(&mut self) -> Option<i64> {
        let end = self.0.iter().position(|byte| *byte == b' ')?;
        let (number, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        str::from_utf8(number).ok()?.parse().ok()
    }

    fn bytes(&mut self, length: i64) -> Option<&'t [u8]> {
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }
}

fn read_meta(json: Option<&[u8]>) -> Result<Meta, String> {
    let meta = json.map(serde_json::from_slice).transpose();
    meta.map(Option::unwrap_or_default).map_err(|error| format!("event_meta can't be read: {error}"))
}
