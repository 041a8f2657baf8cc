//! Histories: logs as files, one `{"stream", "id", "fields"}` a line.
//!
//! The format is what `XRANGE` shows of each stream, so that any Redis tool can make one. Lines may come
//! stream after stream; a reader puts them into log order: by position, and where foreign programs gave the
//! same position in two streams, by topic name.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
    sync::Arc,
};

use kernel::{Draft, Entry, Event, Junk, Meta, Number, Position};
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// What stands in front of a topic in a stream's name.
const STREAM: &str = "events:";

/// How many bytes are read from a file at once.
const BUFFER: usize = 1 << 20;

/// One line of a history.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    stream: Cow<'a, str>,
    id: Position,
    #[serde(borrow)]
    fields: Fields<'a>,
}

/// The fields of a stream entry as the log writes them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Fields<'a> {
    #[serde(borrow)]
    pub(crate) event_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) event_action: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) event_data: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) event_number: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) event_meta: Option<Cow<'a, str>>,
}

/// Reads a history whole, in log order.
///
/// # Errors
/// When the file can't be read, or a line is no entry; the error names the line. Nothing is half read.
pub fn read(path: &Path) -> Result<Vec<Entry>, StoreError> {
    let url = path.display().to_string();
    let unavailable = |error: std::io::Error| StoreError::Unavailable { url: url.clone(), reason: error.to_string() };
    let corrupt =
        |line: usize, reason: String| StoreError::Corrupt { url: url.clone(), at: format!("line {line}"), reason };
    let mut file = BufReader::with_capacity(BUFFER, File::open(path).map_err(unavailable)?);
    let mut topics = BTreeSet::new();
    let mut entries: Vec<Entry> = Vec::new();
    let mut in_order = true;
    let mut line = String::new();
    while file.read_line(&mut line).map_err(unavailable)? > 0 {
        let end = line.strip_suffix('\n').map_or(&*line, |line| line.strip_suffix('\r').unwrap_or(line));
        let entry = read_line(end, &mut topics).map_err(|reason| corrupt(entries.len() + 1, reason))?;
        in_order &= entries.last().is_none_or(|last| place(last) < place(&entry));
        entries.push(entry);
        line.clear();
    }
    if in_order {
        return Ok(entries);
    }
    let mut lines: Vec<_> = entries.into_iter().zip(1..).collect();
    lines.sort_by(|(a, _), (b, _)| place(a).cmp(&place(b)));
    for pair in lines.windows(2) {
        let [(a, first), (b, second)] = pair else { continue };
        if place(a) == place(b) {
            let reason = format!("position {} of topic {} stands in line {first} already", b.position(), b.topic());
            return Err(corrupt(*second, reason));
        }
    }
    Ok(lines.into_iter().map(|(entry, _)| entry).collect())
}

/// Where an entry comes in log order.
fn place(entry: &Entry) -> (Position, &str) {
    (entry.position(), entry.topic())
}

/// Reads one line; topics that have come before are shared.
fn read_line(line: &str, topics: &mut BTreeSet<Arc<str>>) -> Result<Entry, String> {
    let line: Line<'_> = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let (_, topic) = line
        .stream
        .rsplit_once(STREAM)
        .filter(|(_, topic)| !topic.is_empty())
        .ok_or_else(|| format!("stream \"{}\" is not named {STREAM}<topic>", line.stream))?;
    let topic = topics.get(topic).cloned().unwrap_or_else(|| {
        let topic: Arc<str> = topic.into();
        topics.insert(Arc::clone(&topic));
        topic
    });
    Ok(shared(topic, line.id, line.fields))
}

/// The entry that a stream's fields are.
pub(crate) fn entry(topic: &str, position: Position, fields: Fields<'_>) -> Entry {
    shared(topic.into(), position, fields)
}

/// The same, of a topic whose name is shared.
fn shared(topic: Arc<str>, position: Position, fields: Fields<'_>) -> Entry {
    let number = fields.event_number.as_deref().map(str::parse).transpose();
    let meta = fields.event_meta.as_deref().map(serde_json::from_str::<Meta>).transpose();
    let junk = |topic, number: Option<Number>, reason: String| Entry::Junk(Junk { topic, position, number, reason });
    match (number, meta) {
        (Ok(number), Ok(meta)) => Entry::Event(Event {
            topic,
            position,
            number: number.map(Number),
            id: fields.event_id.into_owned(),
            action: fields.event_action.into_owned(),
            data: fields.event_data.into_owned(),
            meta: meta.unwrap_or_default(),
        }),
        (Err(_), _) => junk(topic, None, "event_number is no number".to_owned()),
        (Ok(number), Err(error)) => junk(topic, number.map(Number), format!("event_meta can't be read: {error}")),
    }
}

/// Writes an event as one line, without the line's end.
#[must_use]
pub fn write_line(event: &Event) -> String {
    let meta = (event.meta != Meta::default()).then(|| serde_json::to_string(&event.meta).unwrap_or_default());
    let line = Line {
        stream: format!("{STREAM}{}", event.topic).into(),
        id: event.position,
        fields: Fields {
            event_id: event.id.as_str().into(),
            event_action: event.action.as_str().into(),
            event_data: event.data.as_str().into(),
            event_number: event.number.map(|number| number.to_string().into()),
            event_meta: meta.map(Cow::Owned),
        },
    };
    serde_json::to_string(&line).unwrap_or_default()
}

/// The draft that puts an event into another log as it is, position kept.
#[must_use]
pub fn draft(event: Event) -> Draft {
    Draft {
        topic: event.topic.to_string(),
        id: event.id,
        action: event.action,
        data: event.data,
        meta: (event.meta != Meta::default()).then_some(event.meta),
        keep: Some(event.position),
    }
}

#[cfg(test)]
mod tests;
