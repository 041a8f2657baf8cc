//! From what the server answers to entries of the log, and from values to the JSON that it keeps.

use std::{borrow::Cow, sync::Arc};

use kernel::{Entry, Junk, Number};
use redis::Value;
use serde::Serialize;

use crate::history::{self, Fields};

/// The JSON of a value whose keys are all texts, which is always possible.
pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The entries that `XRANGE` answered for a topic's stream; nothing when that is no list of entries.
pub(super) fn entries(topic: &Arc<str>, answer: Value) -> Option<Vec<Entry>> {
    if answer == Value::Nil {
        return Some(Vec::new());
    }
    let Value::Array(entries) = answer else { return None };
    entries.into_iter().map(|entry| self::entry(topic, entry)).collect()
}

fn entry(topic: &Arc<str>, entry: Value) -> Option<Entry> {
    let Value::Array(parts) = entry else { return None };
    let [Value::BulkString(id), Value::Array(fields)] = <[Value; 2]>::try_from(parts).ok()? else { return None };
    let position = std::str::from_utf8(&id).ok()?.parse().ok()?;
    // Whatever else is wrong with it, an entry that is numbered is counted.
    let number = self::number(&fields);
    Some(self::fields(fields).map_or_else(
        |reason| Entry::Junk(Junk { topic: topic.clone(), position, number, reason }),
        |fields| history::entry(topic, position, fields),
    ))
}

/// The number that an entry has, if it has one.
fn number(fields: &[Value]) -> Option<Number> {
    let named = |pair: &&[Value]| matches!(&pair[0], Value::BulkString(name) if name == b"event_number");
    let pair = fields.chunks_exact(2).rfind(named)?;
    let Value::BulkString(value) = &pair[1] else { return None };
    std::str::from_utf8(value).ok()?.parse().ok().map(Number)
}

/// The fields of an entry, names and values in turn. Of a name given twice, the last value counts.
fn fields(fields: Vec<Value>) -> Result<Fields<'static>, String> {
    let (mut id, mut action, mut data, mut number, mut meta) = (None, None, None, None, None);
    let mut fields = fields.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        let (Value::BulkString(name), Value::BulkString(value)) = (name, value) else { continue };
        match name.as_slice() {
            b"event_id" => id = Some(text("event_id", value)?),
            b"event_action" => action = Some(text("event_action", value)?),
            b"event_data" => data = Some(text("event_data", value)?),
            b"event_number" => number = Some(text("event_number", value)?),
            b"event_meta" => meta = Some(text("event_meta", value)?),
            _ => {}
        }
    }
    let missing = |name: &str| format!("{name} is missing");
    Ok(Fields {
        event_id: id.ok_or_else(|| missing("event_id"))?,
        event_action: action.ok_or_else(|| missing("event_action"))?,
        event_data: data.ok_or_else(|| missing("event_data"))?,
        event_number: number,
        event_meta: meta,
    })
}

fn text(name: &str, value: Vec<u8>) -> Result<Cow<'static, str>, String> {
    history::check_length(name, value.len())?;
    String::from_utf8(value).map(Cow::Owned).map_err(|error| format!("{name} is no UTF-8: {}", error.utf8_error()))
}
