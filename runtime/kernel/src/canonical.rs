//! Reads JSON objects against a list of fields and writes them in one canonical form.
//!
//! The same reader serves commands (strict: unknown fields, wrong types and broken bounds are named)
//! and events (lenient: numbers may be texts, as old histories have them, unknown fields are passed over,
//! and bounds are not checked, for a fact is a fact).

mod glance;
mod object;
mod value;
mod write;

pub(crate) use glance::glance;
pub use object::{Scanned, scan};
pub(crate) use value::read_text;
pub(crate) use write::push_text;

use crate::Field;
use value::Value;

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

/// Checks that every field can be read, writing nothing.
///
/// # Errors
/// As [`write()`].
pub fn check(fields: &[Field], scanned: &Scanned<'_>, reading: Reading) -> Result<(), Complaint> {
    each(fields, scanned, reading, |_, _| ())
}

/// Writes the object in canonical form: `entity_id` if given, then every field in declared order.
///
/// # Errors
/// When a field is missing or its value is of the wrong kind; for commands also when a field is unknown,
/// out of bounds or empty.
pub fn write(fields: &[Field], scanned: &Scanned<'_>, id: Option<&str>, reading: Reading) -> Result<String, Complaint> {
    let mut out = String::with_capacity(96);
    write_into(&mut out, fields, scanned, id, reading)?;
    Ok(out)
}

/// As [`write()`], at the end of `out`; after an error `out` is as it was.
///
/// # Errors
/// As [`write()`].
pub fn write_into(
    out: &mut String,
    fields: &[Field],
    scanned: &Scanned<'_>,
    id: Option<&str>,
    reading: Reading,
) -> Result<(), Complaint> {
    let start = out.len();
    out.push('{');
    if let Some(id) = id {
        write::push_key(out, start, ENTITY_ID);
        push_text(out, id);
    }
    let written = each(fields, scanned, reading, |field, value| {
        write::push_key(out, start, field.name);
        write::push_value(out, &value);
    });
    match written {
        Ok(()) => out.push('}'),
        Err(_) => out.truncate(start),
    }
    written
}

/// Reads every field in declared order: what checks and what writes see the same values.
fn each<'s>(
    fields: &[Field],
    scanned: &Scanned<'s>,
    reading: Reading,
    mut see: impl FnMut(&Field, Value<'s>),
) -> Result<(), Complaint> {
    if reading.is_strict() {
        refuse_surplus(fields, scanned)?;
    }
    for (index, field) in fields.iter().enumerate() {
        let initially = field.initially.filter(|_| reading != Reading::Update);
        let raw = scanned.value(index).or(initially);
        let raw = raw.ok_or_else(|| Complaint::of(field.name, format!("{} is missing", field.name)))?;
        see(field, value::read(field, raw, reading)?);
    }
    Ok(())
}

fn refuse_surplus(fields: &[Field], scanned: &Scanned<'_>) -> Result<(), Complaint> {
    if let Some(name) = &scanned.unknown {
        let known: Vec<_> = fields.iter().map(|field| field.name).collect();
        return Err(Complaint::of(name, format!("unknown field {name}; the fields are {}", known.join(", "))));
    }
    match scanned.repeated {
        Some(name) => Err(Complaint::of(name, format!("{name} is given twice"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
