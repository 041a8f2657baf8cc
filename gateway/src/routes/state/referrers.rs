//! Rows that refer to a row.

use kernel::{Domain, Kind as FieldKind, Position, Topic};
use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::raw;
use crate::{problem::Problem, source::Source};

/// How many rows are looked through at once.
const PAGE: usize = 4_000;

/// A row that refers to another.
#[derive(Debug, Serialize)]
pub(super) struct Referrer {
    topic: &'static str,
    field: &'static str,
    key: String,
    row: Option<Box<RawValue>>,
}

/// How many rows are found, and how many looked through, at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    pub(super) found: usize,
    pub(super) looked_through: usize,
}

/// The first rows as of `at` that refer to a row of `topic`, by topic and key, and whether there may be more.
pub(super) async fn find(
    source: &Source<'_>,
    domain: &Domain,
    (topic, key): (&str, &str),
    at: Position,
    most: Most,
) -> Result<(Vec<Referrer>, bool), Problem> {
    let (mut found, mut left) = (Vec::new(), most.looked_through);
    for referring in domain.topics() {
        let fields = fields(referring, topic);
        let mut after = None::<String>;
        while !fields.is_empty() && found.len() <= most.found {
            if left == 0 {
                return Ok((found, true));
            }
            let page = source.timeline.page(referring.name, at, after.as_deref(), PAGE.min(left));
            let page = source.remembered(page).await?;
            left -= page.rows.len();
            for (of, row) in page.rows {
                for field in refers(&row, &fields, key) {
                    found.push(Referrer { topic: referring.name, field, key: of.clone(), row: raw(&row) });
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    let is_more = found.len() > most.found;
    found.truncate(most.found);
    Ok((found, is_more))
}

/// The fields that refer to rows of `topic`.
fn fields(referring: &Topic, topic: &str) -> Vec<&'static str> {
    let refers = |kind: FieldKind| match kind {
        FieldKind::Reference(to) | FieldKind::References(to) => to == topic,
        FieldKind::Text | FieldKind::Integer { .. } | FieldKind::Seconds | FieldKind::Choice(_) => false,
    };
    referring.fields.iter().filter(|field| refers(field.kind)).map(|field| field.name).collect()
}

/// Those of `fields` that name `key` in a row.
fn refers(row: &str, fields: &[&'static str], key: &str) -> Vec<&'static str> {
    // What is written as it is stands there; few rows need to be read.
    let is_plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if is_plain && !row.contains(key) {
        return Vec::new();
    }
    let Ok(row) = serde_json::from_str::<Value>(row) else { return Vec::new() };
    let names = |field: &&&str| match &row[**field] {
        Value::String(of_it) => of_it == key,
        Value::Array(all) => all.iter().any(|of_it| of_it == key),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    };
    fields.iter().filter(names).copied().collect()
}
