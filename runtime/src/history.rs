//! Histories: logs as files, one `{"stream", "id", "fields"}` a line.
//!
//! The format is what `XRANGE` shows of each stream, so that any Redis tool can make one. Lines may come
//! stream after stream; a reader puts them into log order: by position, and where foreign programs gave the
//! same position in two streams, by topic name.
//!
//! A file is whole, or it is refused with the line that is in the way.

use std::{borrow::Cow, sync::Arc};

use kernel::{Draft, Entry, Event, Junk, Meta, Number, Position};
use serde::{Deserialize, Serialize};

mod reader;

pub use reader::{MOST_IN_LINE, read, read_bytes, read_for};

/// What stands in front of a topic in a stream's name.
const STREAM: &str = "events:";

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
#[serde(deny_unknown_fields)]
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

/// The longest value of a field that is read, in bytes. A longer one, which only another program can have written, is
/// not kept a moment longer than it takes to see that: everybody who follows the log would hold it.
pub const LONGEST_FIELD: usize = 16 << 20;

/// That a field's value is not too long to be read.
pub(crate) fn check_length(name: &str, length: usize) -> Result<(), String> {
    if length <= LONGEST_FIELD {
        return Ok(());
    }
    Err(format!("{name} is {length} bytes long; at most {LONGEST_FIELD} are read"))
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
