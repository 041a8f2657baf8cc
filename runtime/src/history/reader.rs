//! Reads a history whole, or says which line is in the way.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader, Read as _},
    path::Path,
    sync::Arc,
};

use kernel::{Domain, Entry, Number, Position, SCHEMA};

use super::{Line, STREAM, shared};
use crate::StoreError;

/// How many bytes a line may have at most.
///
/// Far more than an event that a gateway takes, and little enough for a file that is no history not to fill the memory.
pub const MOST_IN_LINE: u64 = 64 << 20;

/// What may be done about a line that is in the way.
const WAY_OUT: &str = "nothing was read; mend the line, or export the log again";

/// How many bytes are read from a file at once.
const BUFFER: usize = 1 << 20;

/// What some programs put in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a history whole, in log order.
///
/// An entry whose number or origin can't be read is junk, as it is in any log.
///
/// # Errors
/// When the file can't be read, or a line is no entry; the error names the line. Nothing is half read.
pub fn read(path: &Path) -> Result<Vec<Entry>, StoreError> {
    read_as(path, None)
}

/// Reads a history whole, in log order, for a domain that must be able to read every event of its topics.
///
/// A log that others write to has to be carried on with, whatever is in it. A file can be mended.
///
/// # Errors
/// As [`read`], and when an entry is junk, its event format is newer than this program, or `domain` can't read it,
/// for one because its topic does not know the action.
pub fn read_for(domain: &Domain, path: &Path) -> Result<Vec<Entry>, StoreError> {
    read_as(path, Some(domain))
}

/// As [`read_for`], of a file's bytes that somebody has sent; errors call it by this name.
///
/// # Errors
/// As [`read_for`].
pub fn read_bytes(domain: &Domain, name: &str, bytes: &[u8]) -> Result<Vec<Entry>, StoreError> {
    read_all(name, bytes, Some(domain))
}

fn read_as(path: &Path, domain: Option<&Domain>) -> Result<Vec<Entry>, StoreError> {
    let url = path.display().to_string();
    let file = File::open(path).map_err(|error| unavailable(&url, &error))?;
    read_all(&url, BufReader::with_capacity(BUFFER, file), domain)
}

fn read_all(url: &str, input: impl BufRead, domain: Option<&Domain>) -> Result<Vec<Entry>, StoreError> {
    let mut reader = Reader::new(input, MOST_IN_LINE, domain);
    let read = reader.read();
    let at = format!("line {}", reader.line);
    read.map_err(|error| match error {
        Broken::Unreadable(error) => unavailable(url, &error),
        Broken::Corrupt(reason) => {
            StoreError::Corrupt { url: url.to_owned(), at, reason: format!("{reason}; {WAY_OUT}") }
        }
    })
}

fn unavailable(url: &str, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable { url: url.to_owned(), reason: error.to_string() }
}

/// Reads lines until there are no more.
pub(super) struct Reader<'d, R> {
    input: R,
    most_in_line: u64,
    /// Who must be able to read all events.
    domain: Option<&'d Domain>,
    /// The number of the line that was read last, from 1.
    pub(super) line: u64,
    /// The last position of each topic, and the line that has it.
    topics: BTreeMap<Arc<str>, (Position, u64)>,
    /// The last event with a number: where it stands, its number, and the line.
    numbered: Option<(Position, Number, u64)>,
}

/// Why there is nothing to be had of a history.
#[derive(Debug)]
pub(super) enum Broken {
    /// The file does not give its bytes.
    Unreadable(std::io::Error),
    /// The line that was read last is not as it should be.
    Corrupt(String),
}

impl From<String> for Broken {
    fn from(reason: String) -> Self {
        Self::Corrupt(reason)
    }
}

impl<'d, R: BufRead> Reader<'d, R> {
    pub(super) const fn new(input: R, most_in_line: u64, domain: Option<&'d Domain>) -> Self {
        Self { input, most_in_line, domain, line: 0, topics: BTreeMap::new(), numbered: None }
    }

    /// All entries, in log order.
    pub(super) fn read(&mut self) -> Result<Vec<Entry>, Broken> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut in_order = true;
        let mut bytes = Vec::new();
        // Blank lines may end a history, and nothing else.
        let mut blank = None;
        while self.next_line(&mut bytes)? {
            let is_ended = bytes.ends_with(b"\n");
            let line = content(&bytes, self.line)?;
            if line.trim_ascii().is_empty() {
                blank = blank.or(Some(self.line));
                continue;
            }
            if let Some(blank) = blank {
                self.line = blank;
                return Err("the line is blank, and other lines follow".to_owned())?;
            }
            let entry = self.entry(line).map_err(|reason| if is_ended { reason.told() } else { reason.cut(line) })?;
            in_order &= entries.last().is_none_or(|last| place(last) < place(&entry));
            entries.push(entry);
        }
        if in_order { Ok(entries) } else { self.in_order(entries) }
    }

    /// Entries of streams that stand one after the other, an entry a line, in log order.
    fn in_order(&mut self, entries: Vec<Entry>) -> Result<Vec<Entry>, Broken> {
        let mut lines: Vec<_> = (1..).zip(entries).collect();
        lines.sort_by(|(_, a), (_, b)| place(a).cmp(&place(b)));
        if self.domain.is_some() {
            self.numbered = None;
            for (line, entry) in &lines {
                self.line = *line;
                self.count(entry)?;
            }
        }
        Ok(lines.into_iter().map(|(_, entry)| entry).collect())
    }

    /// Reads the next line into `bytes`, its end included; tells whether there was one.
    fn next_line(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Broken> {
        bytes.clear();
        // A line's end does not count.
        let most = self.most_in_line.saturating_add(2);
        let read = (&mut self.input).take(most).read_until(b'\n', bytes).map_err(Broken::Unreadable)?;
        self.line += u64::from(read > 0);
        if read as u64 == most && !bytes.ends_with(b"\n") {
            let most = self.most_in_line;
            return Err(format!("the line is longer than {most} bytes, which is the most"))?;
        }
        Ok(read > 0)
    }

    /// The entry that a line is, which must come after the one before it in its stream.
    fn entry(&mut self, line: &str) -> Result<Entry, Wrong> {
        if !line.trim_ascii_start().starts_with('{') {
            return Err(Wrong::Told("no object; expected {\"stream\": …, \"id\": …, \"fields\": …}".to_owned()));
        }
        let Line { stream, id, fields } = serde_json::from_str(line).map_err(Wrong::Json)?;
        let topic = stream.rsplit_once(STREAM).map(|(_, topic)| topic).filter(|topic| !topic.is_empty());
        let topic = topic.ok_or_else(|| Wrong::Told(format!("stream \"{stream}\" is not named {STREAM}<topic>")))?;
        let topic = self.follow(topic, id).map_err(Wrong::Told)?;
        let Some(domain) = self.domain else { return Ok(shared(topic, id, fields)) };
        if let Some(given) = fields.event_number.as_deref().filter(|given| given.parse::<u64>().is_err()) {
            return Err(Wrong::Told(format!("event_number is \"{given}\", which is no number")));
        }
        let entry = shared(topic, id, fields);
        check(domain, &entry).and_then(|()| self.count(&entry)).map(|()| entry).map_err(Wrong::Told)
    }

    /// Numbers follow positions across all topics (R1); other programs give none.
    fn count(&mut self, entry: &Entry) -> Result<(), String> {
        let (position, Some(number)) = (entry.position(), entry.number()) else { return Ok(()) };
        let last = self.numbered.replace((position, number, self.line));
        match last {
            Some((at, _, line)) if position == at => {
                Err(format!("position {position} stands in line {line} already, of another topic"))
            }
            // A position that goes back begins the next stream.
            Some((at, before, line)) if position > at && number <= before => {
                Err(format!("event {number} comes after event {before}, which stands in line {line}"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The topic, whose stream has come to `position` now.
    fn follow(&mut self, topic: &str, position: Position) -> Result<Arc<str>, String> {
        if position == Position::ZERO {
            return Err(format!("position {position} is before the first event of any log"));
        }
        let known = self.topics.get_key_value(topic);
        let topic = known.map_or_else(|| topic.into(), |(topic, _)| topic.clone());
        match known.map(|(_, last)| *last) {
            Some((last, at)) if position == last => {
                Err(format!("position {position} of topic {topic} stands in line {at} already"))
            }
            Some((last, at)) if position < last => {
                Err(format!("position {position} of topic {topic} goes back behind {last}, which stands in line {at}"))
            }
            Some(_) | None => {
                self.topics.insert(topic.clone(), (position, self.line));
                Ok(topic)
            }
        }
    }
}

/// Whether an entry of a file is an event that this program can read.
fn check(domain: &Domain, entry: &Entry) -> Result<(), String> {
    let event = match entry {
        Entry::Event(event) => event,
        Entry::Junk(junk) => return Err(junk.reason.clone()),
    };
    if let Some(newer) = event.meta.schema.filter(|schema| *schema > SCHEMA) {
        let newer = format!("event format {newer} is newer than {SCHEMA}, the newest known here");
        return Err(format!("{newer}; use the version of this program that wrote it"));
    }
    let Some(topic) = domain.topic(&event.topic) else { return Ok(()) };
    let unreadable = |error| format!("topic {} can't read it: {error}", topic.name);
    topic.touch(&event.as_ref()).map(|_| ()).map_err(unreadable)
}

/// A line's text without its end, and without what stands in front of the first.
fn content(bytes: &[u8], line: u64) -> Result<&str, String> {
    let bytes = if line == 1 { bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes) } else { bytes };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        if error.error_len().is_none() {
            return cut_short(bytes);
        }
        let (at, byte) = (error.valid_up_to(), bytes.get(error.valid_up_to()).copied().unwrap_or_default());
        format!("byte {} is {byte:#04x}, which is no UTF-8", at + 1)
    })?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(text.strip_suffix('\r').unwrap_or(text))
}

/// Why a line is no event.
enum Wrong {
    /// It is not the JSON that it should be.
    Json(serde_json::Error),
    /// Its content is not what it should be.
    Told(String),
}

impl Wrong {
    /// In words.
    fn told(self) -> String {
        match self {
            Self::Told(reason) => reason,
            Self::Json(error) => {
                let (text, place) = (error.to_string(), format!(" at line {} column {}", error.line(), error.column()));
                let text = text.strip_suffix(&place).unwrap_or(&text);
                let what = if error.is_data() { "" } else { "no JSON: " };
                format!("{what}{text} (column {})", error.column())
            }
        }
    }

    /// The same of a line without an end, in which the file may have been cut short.
    fn cut(self, line: &str) -> String {
        match self {
            Self::Json(error) if error.is_eof() => cut_short(line.as_bytes()),
            Self::Json(_) | Self::Told(_) => self.told(),
        }
    }
}

/// That the file ends in the middle of a line.
fn cut_short(line: &[u8]) -> String {
    format!("the file was cut short in the middle of it, after {} bytes", line.len())
}

/// Where an entry comes in log order.
fn place(entry: &Entry) -> (Position, &str) {
    (entry.position(), entry.topic())
}
