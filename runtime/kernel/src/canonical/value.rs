//! Reads one value by the kind of its field, borrowing what it can.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{DeserializeOwned, DeserializeSeed, SeqAccess, Visitor},
};
use serde_json::Number;

use super::{Complaint, Reading};
use crate::{Field, Kind};

/// A field's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'r> {
    Text(Cow<'r, str>),
    Integer(i64),
    Seconds(Number),
    Texts(Texts<'r>),
}

/// Reads the JSON text `raw` as a value of `field`.
///
/// # Errors
/// When it is of the wrong kind; for commands also when it is out of bounds or empty.
pub(super) fn read<'r>(field: &Field, raw: &'r str, reading: Reading) -> Result<Value<'r>, Complaint> {
    let strict = reading.is_strict();
    let value = by_kind(field.kind, raw, reading);
    let value = value.filter(|value| !strict || in_bounds(field.kind, value)).ok_or_else(|| wrong(field, raw))?;
    if strict && !field.may_be_empty && is_empty(&value) {
        return Err(Complaint::of(field.name, format!("{} must not be empty", field.name)));
    }
    Ok(value)
}

fn by_kind<'r>(kind: Kind, raw: &'r str, reading: Reading) -> Option<Value<'r>> {
    match kind {
        Kind::Text | Kind::Reference(_) => read_text(raw).map(Value::Text),
        Kind::Choice(choices) => {
            let text = read_text(raw)?;
            choices.iter().find(|choice| **choice == text).map(|choice| Value::Text(Cow::Borrowed(choice)))
        }
        Kind::Integer { .. } => number(raw, reading).map(Value::Integer),
        Kind::Seconds => number(raw, reading).map(Value::Seconds),
        Kind::References(_) => Texts::read(raw).map(Value::Texts),
    }
}

fn in_bounds(kind: Kind, value: &Value<'_>) -> bool {
    match (kind, value) {
        (Kind::Integer { min }, Value::Integer(number)) => *number >= min,
        (_, Value::Seconds(seconds)) => seconds.as_f64().is_some_and(|seconds| seconds >= 0.0),
        (_, Value::Integer(_) | Value::Text(_) | Value::Texts(_)) => true,
    }
}

fn is_empty(value: &Value<'_>) -> bool {
    match value {
        Value::Text(text) => text.trim().is_empty(),
        Value::Texts(texts) => texts.lacking,
        Value::Integer(_) | Value::Seconds(_) => false,
    }
}

#[cold]
fn wrong(field: &Field, raw: &str) -> Complaint {
    Complaint::of(field.name, format!("{} must be {}, not {}", field.name, field.kind.wanted(), excerpt(raw)))
}

/// A value cut to what fits in a sentence.
fn excerpt(raw: &str) -> Cow<'_, str> {
    const MOST: usize = 60;
    match raw.char_indices().nth(MOST) {
        Some((end, _)) => Cow::Owned(format!("{}…", &raw[..end])),
        None => Cow::Borrowed(raw),
    }
}

/// Reads a JSON string, borrowing it where nothing in it is escaped.
pub(crate) fn read_text(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    // Without a way out of the loop it is done sixteen bytes at a time.
    let escaped = inner.bytes().fold(false, |escaped, byte| escaped | (byte == b'\\'));
    if escaped { serde_json::from_str(raw).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

/// Texts in a JSON list, found good: its JSON text, which is read again where the texts are needed, so that a
/// list that nobody writes is never gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Texts<'r> {
    raw: &'r str,
    /// Whether there is none, or one without a word in it.
    lacking: bool,
}

impl<'r> Texts<'r> {
    fn read(raw: &'r str) -> Option<Self> {
        let (mut any, mut blank) = (false, false);
        each_text(raw, &mut |text| {
            any = true;
            blank |= text.trim().is_empty();
        })?;
        Some(Self { raw, lacking: blank || !any })
    }

    /// Shows each text in turn.
    pub(super) fn each(&self, mut see: impl FnMut(&str)) {
        // The list was read to its end before.
        let _ = each_text(self.raw, &mut see);
    }
}

/// Shows each text of a JSON list; `None` where it is none, perhaps after some.
fn each_text<F: FnMut(&str)>(raw: &str, see: &mut F) -> Option<()> {
    let mut reader = serde_json::Deserializer::from_str(raw);
    reader.deserialize_seq(ListOf(see)).and_then(|()| reader.end()).ok()
}

struct ListOf<'f, F>(&'f mut F);

impl<'de, F: FnMut(&str)> Visitor<'de> for ListOf<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(OneText(self.0))?.is_some() {}
        Ok(())
    }
}

struct OneText<'f, F>(&'f mut F);

impl<'de, F: FnMut(&str)> DeserializeSeed<'de> for OneText<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<F: FnMut(&str)> Visitor<'_> for OneText<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        (self.0)(text);
        Ok(())
    }
}

/// Events may hold numbers as texts.
fn number<N: DeserializeOwned>(raw: &str, reading: Reading) -> Option<N> {
    let inner = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
    serde_json::from_str(inner.filter(|_| !reading.is_strict()).unwrap_or(raw)).ok()
}
