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

/// The first `most` rows as of `at` that refer to a row of `topic`, by topic and key.
pub(super) async fn find(
    source: &Source<'_>,
    domain: &Domain,
    (topic, key): (&str, &str),
    at: Position,
    most: usize,
) -> Result<Vec<Referrer>, Problem> {
    let mut found = Vec::new();
    for referring in domain.topics() {
        let fields = fields(referring, topic);
        let mut after = None::<String>;
        while !fields.is_empty() && found.len() < most {
            let page = source.timeline.page(referring.name, at, after.as_deref(), PAGE);
            let page = source.remembered(page).await?;
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
    found.truncate(most);
    Ok(found)
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
