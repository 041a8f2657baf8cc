//! Reads JSON objects against a list of fields and writes them in one canonical form.
//!
//! The same reader serves commands (strict: unknown fields, wrong types and broken bounds are named)
//! and events (lenient: numbers may be texts, as old histories have them, unknown fields are passed over,
//! and bounds are not checked, for a fact is a fact).

use std::{borrow::Cow, fmt::Write as _};

use serde::{
    Deserializer,
    de::{DeserializeSeed, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{Field, Kind};

/// The field that names the entity in every event and row.
pub const ENTITY_ID: &str = "entity_id";

/// How forgiving a reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// What the log holds: facts, also those of older programs.
    Event,
    /// What a client wants created: fields left out take their initial value, where they have one.
    Create,
    /// What a client wants an entity replaced with: every field must be there.
    Update,
}

impl Reading {
    const fn is_strict(self) -> bool {
        !matches!(self, Self::Event)
    }
}

/// What is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Complaint {
    /// The field at fault, where it is one field's fault.
    pub field: Option<String>,
    /// A sentence.
    pub message: String,
}

impl Complaint {
    fn whole(message: impl Into<String>) -> Self {
        Self { field: None, message: message.into() }
    }

    fn of(field: &str, message: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), message: message.into() }
    }
}

/// An object's raw values, by field.
pub struct Scanned<'de> {
    /// The value of `entity_id`.
    pub id: Option<&'de RawValue>,
    values: Vec<Option<&'de RawValue>>,
    unknown: Option<String>,
    /// A field that is given twice.
    repeated: Option<&'static str>,
}

impl<'de> Scanned<'de> {
    /// The raw value of the field at `index`.
    #[must_use]
    pub fn value(&self, index: usize) -> Option<&'de RawValue> {
        self.values.get(index).copied().flatten()
    }
}

/// Finds the raw value of each field, allocating nothing per field.
///
/// # Errors
/// When the text is not one JSON object.
pub fn scan<'de>(fields: &[Field], json: &'de str) -> Result<Scanned<'de>, Complaint> {
    let mut reader = serde_json::Deserializer::from_str(json);
    ObjectSeed(fields)
        .deserialize(&mut reader)
        .and_then(|scanned| reader.end().map(|()| scanned))
        .map_err(|error| Complaint::whole(format!("not a JSON object: {error}")))
}

struct ObjectSeed<'f>(&'f [Field]);

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_> {
    type Value = Scanned<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_> {
    type Value = Scanned<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut scanned = Scanned { id: None, values: vec![None; self.0.len()], unknown: None, repeated: None };
        while let Some(name) = map.next_key_seed(NameSeed(self.0))? {
            let value: &'de RawValue = map.next_value()?;
            match name {
                Name::Id => scanned.id = Some(value),
                Name::Field(index) if scanned.values[index].replace(value).is_some() => {
                    scanned.repeated = Some(self.0[index].name);
                }
                Name::Field(_) => {}
                Name::Unknown(name) => scanned.unknown = Some(name),
            }
        }
        Ok(scanned)
    }
}

enum Name {
    Id,
    Field(usize),
    Unknown(String),
}

struct NameSeed<'f>(&'f [Field]);

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = Name;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name, E> {
        if name == ENTITY_ID {
            return Ok(Name::Id);
        }
        Ok(self
            .0
            .iter()
            .position(|field| field.name == name)
            .map_or_else(|| Name::Unknown(name.to_owned()), Name::Field))
    }
}

/// Writes the object in canonical form: `entity_id` if given, then every field in declared order.
///
/// # Errors
/// When a field is missing or its value is of the wrong kind; for commands also when a field is unknown,
/// out of bounds or empty.
pub fn write(fields: &[Field], scanned: &Scanned<'_>, id: Option<&str>, reading: Reading) -> Result<String, Complaint> {
    if let (true, Some(name)) = (reading.is_strict(), &scanned.unknown) {
        let known: Vec<_> = fields.iter().map(|field| field.name).collect();
        return Err(Complaint::of(name, format!("unknown field {name}; the fields are {}", known.join(", "))));
    }
    if let (true, Some(name)) = (reading.is_strict(), scanned.repeated) {
        return Err(Complaint::of(name, format!("{name} is given twice")));
    }
    let mut out = String::with_capacity(96);
    out.push('{');
    if let Some(id) = id {
        push_key(&mut out, ENTITY_ID);
        push_text(&mut out, id);
    }
    for (field, raw) in fields.iter().zip(&scanned.values) {
        let initially = field.initially.filter(|_| reading != Reading::Update);
        let raw = raw.map(RawValue::get).or(initially);
        let raw = raw.ok_or_else(|| Complaint::of(field.name, format!("{} is missing", field.name)))?;
        push_key(&mut out, field.name);
        push_value(&mut out, field, raw, reading)?;
    }
    out.push('}');
    Ok(out)
}

fn push_key(out: &mut String, name: &str) {
    if out.len() > 1 {
        out.push(',');
    }
    let _ = write!(out, "\"{name}\":");
}

/// Writes `text` as a JSON string, as `serde_json` does.
fn push_text(out: &mut String, text: &str) {
    match serde_json::to_string(text) {
        Ok(json) => out.push_str(&json),
        Err(_) => out.push_str("\"\""),
    }
}

/// Reads a JSON string, borrowing it where nothing in it is escaped.
pub fn read_text(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(raw).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

fn push_value(out: &mut String, field: &Field, raw: &str, reading: Reading) -> Result<(), Complaint> {
    let wrong =
        || Complaint::of(field.name, format!("{} must be {}, not {}", field.name, field.kind.wanted(), excerpt(raw)));
    let strict = reading.is_strict();
    let check_empty = |empty: bool| {
        let refuse = strict && empty && !field.may_be_empty;
        if refuse { Err(Complaint::of(field.name, format!("{} must not be empty", field.name))) } else { Ok(()) }
    };
    match field.kind {
        Kind::Text | Kind::Reference(_) => {
            let text = read_text(raw).ok_or_else(wrong)?;
            check_empty(text.trim().is_empty())?;
            push_text(out, &text);
        }
        Kind::Choice(choices) => {
            let text = read_text(raw).ok_or_else(wrong)?;
            let known = choices.iter().find(|choice| **choice == text).ok_or_else(wrong)?;
            push_text(out, known);
        }
        Kind::Integer { min } => {
            let number = integer(raw, reading).ok_or_else(wrong)?;
            if strict && number < min {
                return Err(wrong());
            }
            let _ = write!(out, "{number}");
        }
        Kind::Seconds => {
            let seconds = seconds(raw, reading).ok_or_else(wrong)?;
            if strict && seconds.as_f64().is_none_or(|seconds| seconds < 0.0) {
                return Err(wrong());
            }
            let _ = write!(out, "{seconds}");
        }
        Kind::References(_) => {
            let ids: Vec<Cow<'_, str>> = serde_json::from_str(raw).map_err(|_| wrong())?;
            check_empty(ids.is_empty() || ids.iter().any(|id| id.trim().is_empty()))?;
            out.push_str(&serde_json::to_string(&ids).map_err(|_| wrong())?);
        }
    }
    Ok(())
}

/// A value cut to what fits in a sentence.
fn excerpt(raw: &str) -> Cow<'_, str> {
    const MOST: usize = 60;
    match raw.char_indices().nth(MOST) {
        Some((end, _)) => Cow::Owned(format!("{}…", &raw[..end])),
        None => Cow::Borrowed(raw),
    }
}

/// The text inside quotes where events hold numbers as texts; otherwise the text itself.
fn unquoted(raw: &str, reading: Reading) -> &str {
    let inner = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
    inner.filter(|_| reading == Reading::Event).unwrap_or(raw)
}

fn integer(raw: &str, reading: Reading) -> Option<i64> {
    serde_json::from_str(unquoted(raw, reading)).ok()
}

fn seconds(raw: &str, reading: Reading) -> Option<serde_json::Number> {
    serde_json::from_str(unquoted(raw, reading)).ok()
}

#[cfg(test)]
mod tests;
