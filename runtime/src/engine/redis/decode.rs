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

/// The fields of an entry, names and values in turn. Of a name given twice, the last value counts; of several things
/// that are wrong the same is told as in [`crate::wire`], where long stretches are read.
fn fields(fields: Vec<Value>) -> Result<Fields<'static>, String> {
    let (mut id, mut action, mut data, mut number, mut meta) = (None, None, None, None, None);
    let mut fields = fields.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        let (Value::BulkString(name), Value::BulkString(value)) = (name, value) else { continue };
        match name.as_slice() {
            b"event_id" => id = Some(value),
            b"event_action" => action = Some(value),
            b"event_data" => data = Some(value),
            b"event_number" => number = Some(value),
            b"event_meta" => meta = Some(value),
            _ => {}
        }
    }
    let needed = |name: &str, value: Option<Vec<u8>>| text(name, value.ok_or_else(|| format!("{name} is missing"))?);
    Ok(Fields {
        event_id: needed("event_id", id)?,
        event_action: needed("event_action", action)?,
        event_data: needed("event_data", data)?,
        event_number: number.map(number_text).transpose()?,
        event_meta: meta.map(|meta| text("event_meta", meta)).transpose()?,
    })
}

fn text(name: &str, value: Vec<u8>) -> Result<Cow<'static, str>, String> {
    history::check_length(name, value.len())?;
    String::from_utf8(value).map(Cow::Owned).map_err(|error| format!("{name} is no UTF-8: {}", error.utf8_error()))
}

fn number_text(value: Vec<u8>) -> Result<Cow<'static, str>, String> {
    let number = String::from_utf8(value).ok().filter(|text| text.parse::<u64>().is_ok());
    number.map(Cow::Owned).ok_or_else(|| "event_number is no number".to_owned())
}

#[cfg(test)]
mod tests;
