//! A row's fields with aliases and times in place of identifiers and clocks.

use kernel::{ENTITY_ID, Kind, Position, Topic};
use projector::field_changes::{fields, members};
use serde_json::Value;

use super::aliases::Aliases;

/// All fields of a row, its own identifier left out.
pub(super) fn all(topic: &Topic, row: &str, aliases: &mut Aliases, start: Position) -> String {
    let fields = members(Some(row)).into_iter().filter(|(name, _)| name != ENTITY_ID);
    let told = fields.map(|(name, value)| {
        let value = shown(topic, &name, &value, aliases, start);
        format!("{name}: {value}")
    });
    told.collect::<Vec<_>>().join(", ")
}

/// The fields that are others now.
pub(super) fn changed(topic: &Topic, before: &str, after: &str, aliases: &mut Aliases, start: Position) -> String {
    let told = fields(Some(before), Some(after)).into_iter().map(|change| {
        let mut value = |value: Option<Value>| match value {
            Some(value) => shown(topic, &change.field, &value, aliases, start),
            None => "nothing".to_owned(),
        };
        let (before, after) = (value(change.before), value(change.after));
        format!("{}: {before} → {after}", change.field)
    });
    let told: Vec<_> = told.collect();
    if told.is_empty() { "as it was".to_owned() } else { told.join(", ") }
}

/// The identifiers that a row refers to, with their topics.
pub(super) fn references(topic: &Topic, row: &str, mut see: impl FnMut(&'static str, &str)) {
    for (name, value) in members(Some(row)) {
        let Some(target) = topic.fields.iter().find(|field| field.name == name).and_then(|field| target(field.kind))
        else {
            continue;
        };
        let ids = value.as_array().map_or(std::slice::from_ref(&value), Vec::as_slice);
        ids.iter().filter_map(Value::as_str).for_each(|id| see(target, id));
    }
}

const fn target(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Reference(topic) | Kind::References(topic) => Some(topic),
        Kind::Text | Kind::Integer { .. } | Kind::Seconds | Kind::Choice(_) => None,
    }
}

fn shown(topic: &Topic, name: &str, value: &Value, aliases: &mut Aliases, start: Position) -> String {
    let kind = topic.fields.iter().find(|field| field.name == name).map(|field| field.kind);
    match (kind, value) {
        (Some(Kind::Reference(target)), Value::String(id)) => aliases.of(target, id),
        (Some(Kind::References(target)), Value::Array(ids)) => {
            let ids = ids.iter().filter_map(Value::as_str).map(|id| aliases.of(target, id));
            format!("[{}]", ids.collect::<Vec<_>>().join(", "))
        }
        (Some(Kind::Seconds), Value::Number(seconds)) => match seconds.as_f64() {
            Some(seconds) if seconds != 0.0 => since(start, (seconds * 1e6).round() as i128),
            Some(_) | None => "0".to_owned(),
        },
        (_, Value::String(text)) => Value::from(aliases.within(text)).to_string(),
        (_, other) => other.to_string(),
    }
}

/// A time as what it is from the first event on: `+1.204s`.
pub(super) fn since(start: Position, micros: i128) -> String {
    let from = micros - i128::from(start.unix_micros());
    let sign = if from < 0 { '-' } else { '+' };
    let millis = from.unsigned_abs() / 1_000;
    format!("{sign}{}.{:03}s", millis / 1_000, millis % 1_000)
}
