//! Many entries in one text, and each of them borrowed from it.
//!
//! Handing a row from SQLite's thread to ours costs more than reading it, so a query gives many entries as
//! one text, and each is taken out of it by the lengths that stand in front of it.

use std::{borrow::Cow, ops::Range};

use kernel::{EventRef, Junk, Number, Position, Seen};
use sqlx::{Row as _, SqlitePool, sqlite::SqliteRow};

use super::{bulk::signed, changes::json, failure::Failure};

/// How many bits of a number a length takes where two are packed into one.
const LENGTH_BITS: u32 = 31;

/// Entries in log order.
pub(super) struct Chunk {
    row: SqliteRow,
    places: Vec<Place>,
}

/// One entry: its numbers, and where its texts are.
struct Place {
    position: Position,
    number: Option<Number>,
    topic: Range<usize>,
    id: Range<usize>,
    action: Range<usize>,
    data: Range<usize>,
    meta: Option<Range<usize>>,
}

impl Chunk {
    /// Entries after `after` and up to `until`: all, or `most` and those at the last one's position besides.
    pub(super) async fn read(
        readers: &SqlitePool,
        after: Position,
        until: Position,
        most: Option<usize>,
    ) -> Result<Self, Failure> {
        let row = sqlx::query(concat!(include_str!("text.sql"), include_str!("chunk.sql")))
            .bind(signed(after.ms()))
            .bind(signed(after.seq()))
            .bind(signed(until.ms()))
            .bind(signed(until.seq()))
            .bind(most.map(|most| i64::try_from(most).unwrap_or(i64::MAX)))
            .fetch_one(readers)
            .await?;
        Self::of(row)
    }

    /// All entries at these positions.
    pub(super) async fn at(readers: &SqlitePool, positions: &[Position]) -> Result<Self, Failure> {
        let positions: Vec<_> = positions.iter().map(|position| (position.ms(), position.seq())).collect();
        let query = sqlx::query(concat!(include_str!("text.sql"), include_str!("at.sql")));
        Self::of(query.bind(json(&positions)?).fetch_one(readers).await?)
    }

    /// The entries that a row's text holds.
    fn of(row: SqliteRow) -> Result<Self, Failure> {
        let text = text(&row)?;
        let mut places = Vec::new();
        let mut rest = Rest { text, at: 0 };
        while rest.at < text.len() {
            places.push(rest.place().ok_or_else(|| Failure::corrupt("events", "a page of it can't be taken apart"))?);
        }
        // SQLite promises no order to what gathers rows, though it keeps the one they come in.
        if !places.is_sorted_by(|a, b| a.position < b.position) {
            places.sort_by(|a, b| (a.position, &text[a.topic.clone()]).cmp(&(b.position, &text[b.topic.clone()])));
        }
        Ok(Self { row, places })
    }

    pub(super) const fn len(&self) -> usize {
        self.places.len()
    }

    /// How many bytes it is.
    pub(super) fn size(&self) -> Result<usize, Failure> {
        Ok(text(&self.row)?.len())
    }

    /// Where its last entry stands.
    pub(super) fn last(&self) -> Option<Position> {
        self.places.last().map(|place| place.position)
    }

    pub(super) fn entries(&self) -> Result<impl Iterator<Item = Seen<'_>>, Failure> {
        let text = text(&self.row)?;
        Ok(self.places.iter().map(|place| place.seen(text)))
    }
}

fn text(row: &SqliteRow) -> Result<&[u8], Failure> {
    Ok(row.try_get::<Option<&[u8]>, _>(0)?.unwrap_or_default())
}

impl Place {
    /// The entry; junk where it can't be read.
    fn seen<'t>(&self, text: &'t [u8]) -> Seen<'t> {
        let topic = &text[self.topic.clone()];
        self.event(topic, text).map_or_else(
            |reason| {
                let (topic, position, number) = (String::from_utf8_lossy(topic).into(), self.position, self.number);
                Seen::Junk(Cow::Owned(Junk { topic, position, number, reason }))
            },
            Seen::Event,
        )
    }

    fn event<'t>(&self, topic: &'t [u8], text: &'t [u8]) -> Result<EventRef<'t>, String> {
        let read = |bytes: &'t [u8]| str::from_utf8(bytes).map_err(|error| error.to_string());
        let meta = self.meta.clone().map(|meta| serde_json::from_slice(&text[meta])).transpose();
        Ok(EventRef {
            topic: read(topic)?,
            position: self.position,
            number: self.number,
            id: read(&text[self.id.clone()])?,
            action: read(&text[self.action.clone()])?,
            data: read(&text[self.data.clone()])?,
            meta: meta.map_err(|error| format!("event_meta can't be read: {error}"))?.unwrap_or_default(),
        })
    }
}

/// What is left of a text: entry after entry as `text.sql` writes them.
struct Rest<'t> {
    text: &'t [u8],
    at: usize,
}

impl Rest<'_> {
    /// The next entry; nothing when there is none to be made out.
    fn place(&mut self) -> Option<Place> {
        let (ms, seq) = (self.number()?, self.number()?);
        let position = Position::new(ms.try_into().ok()?, seq.try_into().ok()?);
        let number = u64::try_from(self.number()?).ok().map(Number);
        let [(topic, id), (action, data)] = [unpacked(self.number()?)?, unpacked(self.number()?)?];
        let meta = usize::try_from(self.number()?).ok();
        let [topic, id, action, data] = [self.bytes(topic)?, self.bytes(id)?, self.bytes(action)?, self.bytes(data)?];
        let meta = if let Some(meta) = meta { Some(self.bytes(meta)?) } else { None };
        Some(Place { position, number, topic, id, action, data, meta })
    }

    /// A number and the space behind it.
    fn number(&mut self) -> Option<i64> {
        let rest = &self.text[self.at..];
        let end = rest.iter().position(|byte| *byte == b' ')?;
        self.at += end + 1;
        str::from_utf8(&rest[..end]).ok()?.parse().ok()
    }

    fn bytes(&mut self, length: usize) -> Option<Range<usize>> {
        let bytes = self.at..self.at.checked_add(length)?;
        self.at = bytes.end;
        (bytes.end <= self.text.len()).then_some(bytes)
    }
}

/// Two lengths packed into one number.
fn unpacked(lengths: i64) -> Option<(usize, usize)> {
    let lengths = u64::try_from(lengths).ok()?;
    let low = lengths & ((1 << LENGTH_BITS) - 1);
    Some((low.try_into().ok()?, (lengths >> LENGTH_BITS).try_into().ok()?))
}
