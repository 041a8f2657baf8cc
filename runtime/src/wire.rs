//! What a server answers to `XRANGE`, read in place: nothing is copied and nothing is allocated for a field.
//!
//! The answer is an array of entries in RESP2 (<https://redis.io/docs/latest/develop/reference/protocol-spec/>):
//! `*<entries>`, and for each `*2`, its id as `$<length>`, and `*<fields>` of names and values in turn.
//!
//! The client crate makes a value of its own of every field, which costs six times what the server needs to
//! hand the entry over.

use std::borrow::Cow;

use kernel::{EventRef, Junk, MetaRef, Number, Position, Seen};

use crate::history;

/// Part of a page; a page is shorter than 4 GiB. Nothing stands at 0, where the page's own header is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

/// Where the parts of one entry stand in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    position: Position,
    id: Span,
    action: Span,
    data: Span,
    number: Span,
    meta: Span,
}

/// An answer that is no list of entries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The server refuses to answer, and says why.
    #[error("{0}")]
    Refused(String),
    /// The bytes are not what the protocol says.
    #[error("byte {at} of the answer is not the {wanted} that should stand there")]
    Unexpected {
        /// Where, counted from the answer's first byte.
        at: usize,
        /// What the protocol wants there.
        wanted: &'static str,
    },
    /// The answer is longer than can be kept track of.
    #[error("the answer is longer than 4 GiB")]
    TooLong,
}

/// One answer to `XRANGE`, taken in as it arrives.
#[derive(Debug, Default)]
pub struct Page {
    bytes: Vec<u8>,
    /// How many of the bytes have arrived; the rest is room.
    filled: usize,
    /// How many bytes have been made out.
    read: usize,
    /// How many entries the answer says it has; nothing until that much has arrived.
    announced: Option<usize>,
    places: Vec<Place>,
}

/// How much room there is at least for what arrives at once, in bytes; a small answer costs no more.
const ROOM: usize = 16 << 10;

impl Page {
    /// Forgets what it holds, and keeps the memory for the next answer.
    pub fn clear(&mut self) {
        (self.filled, self.read, self.announced) = (0, 0, None);
        self.places.clear();
    }

    /// Where the next bytes of the answer go; tell [`Page::arrived`] how many came.
    pub fn room(&mut self) -> &mut [u8] {
        if self.bytes.len() < self.filled + ROOM {
            self.bytes.resize((self.filled + ROOM).next_power_of_two(), 0);
        }
        &mut self.bytes[self.filled..]
    }

    /// Makes out what it can of `count` more bytes; tells whether the answer is whole.
    ///
    /// # Errors
    /// When it is no list of entries.
    pub fn arrived(&mut self, count: usize) -> Result<bool, Malformed> {
        self.filled += count;
        if self.filled > u32::MAX as usize {
            return Err(Malformed::TooLong);
        }
        let mut reader = Reader { bytes: &self.bytes[..self.filled], at: self.read };
        let announced = match self.announced {
            Some(announced) => announced,
            None => match reader.header()? {
                Some(announced) => announced,
                None => return Ok(false),
            },
        };
        self.announced = Some(announced);
        self.read = reader.at;
        while self.places.len() < announced {
            let Some(place) = reader.entry()? else { return Ok(false) };
            self.places.push(place);
            self.read = reader.at;
        }
        if self.read < self.filled {
            return Err(Malformed::Unexpected { at: self.read, wanted: "end" });
        }
        Ok(true)
    }

    /// How many entries have been made out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether no entry has been made out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many bytes have arrived.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.filled
    }

    /// Where the entry at `index` stands in the log.
    #[must_use]
    pub fn position(&self, index: usize) -> Option<Position> {
        self.places.get(index).map(|place| place.position)
    }

    /// The entry at `index`, of the stream of `topic`.
    #[must_use]
    pub fn seen<'p>(&'p self, index: usize, topic: &'p str) -> Option<Seen<'p>> {
        let place = self.places.get(index)?;
        let number = self.number(place);
        Some(match self.event(place, topic, number) {
            Ok(event) => Seen::Event(event),
            Err(reason) => junk(place, topic, number.flatten(), reason),
        })
    }

    /// The entry's number if it has one; nothing where what it has is no number.
    fn number(&self, place: &Place) -> Option<Option<Number>> {
        match self.text("event_number", place.number) {
            Err(_) if place.number.end == 0 => Some(None),
            Ok(number) => number.parse().ok().map(|number| Some(Number(number))),
            Err(_) => None,
        }
    }

    fn event<'p>(
        &'p self,
        place: &Place,
        topic: &'p str,
        number: Option<Option<Number>>,
    ) -> Result<EventRef<'p>, String> {
        let id = self.text("event_id", place.id)?;
        let action = self.text("event_action", place.action)?;
        let data = self.text("event_data", place.data)?;
        let number = number.ok_or_else(|| "event_number is no number".to_owned())?;
        let meta = match place.meta.end {
            0 => MetaRef::default(),
            _ => {
                let meta = self.text("event_meta", place.meta)?;
                serde_json::from_str(meta).map_err(|error| format!("event_meta can't be read: {error}"))?
            }
        };
        Ok(EventRef { topic, position: place.position, number, id, action, data, meta })
    }

    fn text(&self, name: &str, span: Span) -> Result<&str, String> {
        if span.end == 0 {
            return Err(format!("{name} is missing"));
        }
        let bytes = &self.bytes[span.start as usize..span.end as usize];
        history::check_length(name, bytes.len())?;
        std::str::from_utf8(bytes).map_err(|error| format!("{name} is no UTF-8: {error}"))
    }
}

fn junk<'p>(place: &Place, topic: &str, number: Option<Number>, reason: String) -> Seen<'p> {
    Seen::Junk(Cow::Owned(Junk { topic: topic.into(), position: place.position, number, reason }))
}

/// What has arrived, from a place on. Every reading gives nothing where more has to arrive first.
struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

type Read<T> = Result<Option<T>, Malformed>;

macro_rules! arrived {
    ($reading:expr) => {
        match $reading? {
            Some(read) => read,
            None => return Ok(None),
        }
    };
}

impl Reader<'_> {
    /// How many entries the answer has.
    fn header(&mut self) -> Read<usize> {
        if self.bytes.get(self.at) == Some(&b'-') {
            let rest = &self.bytes[self.at + 1..];
            let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
            return Err(Malformed::Refused(String::from_utf8_lossy(&rest[..end]).into_owned()));
        }
        self.count(b'*', "length of a list")
    }

    fn entry(&mut self) -> Read<Place> {
        let start = self.at;
        let parts = arrived!(self.count(b'*', "list of an entry's parts"));
        if parts != 2 {
            return Err(Malformed::Unexpected { at: start, wanted: "list of an entry's two parts" });
        }
        let id = self.at;
        let span = arrived!(self.bulk());
        let wanted = || Malformed::Unexpected { at: id, wanted: "id of an entry" };
        let position = position(self.slice(span)).ok_or_else(wanted)?;
        let none = Span::default();
        let mut place = Place { position, id: none, action: none, data: none, number: none, meta: none };
        let fields = arrived!(self.count(b'*', "list of fields"));
        for _ in 0..fields / 2 {
            let name = arrived!(self.bulk());
            let value = arrived!(self.bulk());
            match self.slice(name) {
                b"event_id" => place.id = value,
                b"event_action" => place.action = value,
                b"event_data" => place.data = value,
                b"event_number" => place.number = value,
                b"event_meta" => place.meta = value,
                _ => {}
            }
        }
        if fields % 2 == 1 {
            arrived!(self.bulk());
        }
        Ok(Some(place))
    }

    /// A line of `mark` and a number.
    fn count(&mut self, mark: u8, wanted: &'static str) -> Read<usize> {
        /// No answer has so many of anything; more digits could overflow.
        const MOST: usize = usize::MAX / 16;
        let unexpected = |at| Err(Malformed::Unexpected { at, wanted });
        match self.bytes.get(self.at) {
            None => return Ok(None),
            Some(found) if *found == mark => {}
            Some(_) => return unexpected(self.at),
        }
        let (mut at, mut count) = (self.at + 1, 0_usize);
        loop {
            match self.bytes.get(at) {
                None => return Ok(None),
                Some(digit @ b'0'..=b'9') if count < MOST => count = count * 10 + usize::from(digit - b'0'),
                Some(b'\r') if at > self.at + 1 => break,
                Some(_) => return unexpected(at),
            }
            at += 1;
        }
        match self.bytes.get(at + 1) {
            None => Ok(None),
            Some(b'\n') => {
                self.at = at + 2;
                Ok(Some(count))
            }
            Some(_) => unexpected(at + 1),
        }
    }

    /// A string of bytes.
    fn bulk(&mut self) -> Read<Span> {
        let length = arrived!(self.count(b'$', "length of a string"));
        let (start, end) = (self.at, self.at.saturating_add(length));
        match self.bytes.get(end..end.saturating_add(2)) {
            // Whoever announces more than a page can hold would be waited for in vain.
            None if end > u32::MAX as usize => Err(Malformed::TooLong),
            None => Ok(None),
            Some(b"\r\n") => {
                self.at = end + 2;
                // Both are below the page's length, which is checked as it arrives.
                Ok(Some(Span { start: start as u32, end: end as u32 }))
            }
            Some(_) => Err(Malformed::Unexpected { at: end, wanted: "end of a string" }),
        }
    }

    fn slice(&self, span: Span) -> &[u8] {
        &self.bytes[span.start as usize..span.end as usize]
    }
}

/// The position that an id is.
fn position(id: &[u8]) -> Option<Position> {
    let mut parts = [0_u64; 2];
    let (mut part, mut digits) = (0, 0);
    for byte in id {
        match byte {
            b'0'..=b'9' => {
                let digit = u64::from(byte - b'0');
                parts[part] = parts[part].checked_mul(10)?.checked_add(digit)?;
                digits += 1;
            }
            b'-' if part == 0 && digits > 0 => (part, digits) = (1, 0),
            _ => return None,
        }
    }
    (part == 1 && digits > 0).then(|| Position::new(parts[0], parts[1]))
}

#[cfg(test)]
mod tests;
