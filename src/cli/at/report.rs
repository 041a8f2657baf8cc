//! How things stood at a moment, for people and for programs.

use std::collections::BTreeMap;

use kernel::{Digest, Tables, Topic};
use projector::field_changes::members;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::cli::{
    absence::Absence,
    cut::{Cut, Origin, Told},
    words::{counted, out, rows},
};

/// All topics.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    cut: Told,
    /// Of all rows.
    digest: Digest,
    /// How many rows each topic has.
    rows: BTreeMap<String, u64>,
}

/// One topic.
#[derive(Serialize)]
struct OfTopic<'t> {
    #[serde(flatten)]
    cut: Told,
    topic: &'t str,
    /// Of the topic's rows.
    digest: Digest,
    rows: Vec<Keyed<'t>>,
}

/// A row by its key, which the rows of a journal do not hold.
#[derive(Serialize)]
struct Keyed<'t> {
    key: &'t str,
    row: Option<&'t RawValue>,
}

/// One row.
#[derive(Serialize)]
struct OfRow<'t> {
    #[serde(flatten)]
    cut: Told,
    topic: &'t str,
    key: &'t str,
    /// Nothing where there is none.
    row: Option<&'t RawValue>,
    /// What made it as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<&'t Origin>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    absence: Option<&'t Absence>,
}

/// Prints how many rows there were, and their digest.
pub(super) fn whole(cut: &Cut, tables: &Tables, json: bool) {
    let counts = tables.0.iter().map(|(topic, rows)| (topic.clone(), rows.len() as u64)).collect();
    let whole = Whole { cut: cut.told(), digest: digest(tables), rows: counts };
    if json {
        return document(&whole);
    }
    let name = |name: &str, value: &str| out(&format!("  {name:<12}{value}\n"));
    out(&format!("everything {}\n", cut.words()));
    name("rows", &rows(&whole.rows));
    name("digest", &whole.digest.to_string());
    if !whole.rows.values().all(|count| *count == 0) {
        talk!("for rows, add a topic to the command; for one row, topic/id");
    }
}

/// Prints a topic's rows, one a line.
pub(super) fn topic(cut: &Cut, topic: &Topic, tables: &Tables, json: bool) {
    let name = topic.name;
    let keyed: Vec<_> = tables.rows(name).map(|(key, row)| Keyed { key, row: raw(row) }).collect();
    if json {
        return document(&OfTopic { cut: cut.told(), topic: name, digest: digest(tables), rows: keyed });
    }
    talk!("{name} {}: {}", cut.words(), counted(keyed.len() as u64, "row", "rows"));
    let lines: String = tables.rows(name).map(|(_, row)| format!("{row}\n")).collect();
    out(&lines);
}

/// Prints a row, field by field.
pub(super) fn row(cut: &Cut, (topic, key): (&str, &str), row: &str, since: &Origin, json: bool) {
    if json {
        let (row, since) = (raw(row), Some(since));
        return document(&OfRow { cut: cut.told(), topic, key, row, since, absence: None });
    }
    let fields = members(Some(row));
    let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max("since".len()) + 2;
    let mut text = format!("{topic} {key} {}\n", cut.words());
    text.push_str(&format!("  {:<width$}{} at {}\n", "since", since.action(), since.words()));
    for (name, value) in fields {
        text.push_str(&format!("  {name:<width$}{value}\n"));
    }
    out(&text);
}

/// Prints why there is no row, for programs.
pub(super) fn absence(cut: &Cut, (topic, key): (&str, &str), absence: &Absence) {
    document(&OfRow { cut: cut.told(), topic, key, row: None, since: None, absence: Some(absence) });
}

fn digest(tables: &Tables) -> Digest {
    let mut digest = Digest::default();
    for (topic, rows) in &tables.0 {
        rows.iter().for_each(|(key, row)| digest.add(topic, key, row));
    }
    digest
}

/// A row as it is written.
fn raw(row: &str) -> Option<&RawValue> {
    serde_json::from_str(row).ok()
}

fn document(document: &impl Serialize) {
    out(&format!("{}\n", serde_json::to_string(document).unwrap_or_default()));
}
