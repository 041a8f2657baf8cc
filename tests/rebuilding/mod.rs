//! `retrace rebuild` as a process, what it leaves behind, and a fold of the shop's histories of the test's own.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of this")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use kernel::{Digest, Position};
use projector::{ModelState, ReadModel};
use serde_json::{Value, json};
use testkit::RedisServer;

use crate::common::{Retrace, process::talk};

/// Rows by topic and key.
pub type Rows = BTreeMap<String, BTreeMap<String, String>>;

/// The topics, with their fields in order; those that hold numbers are marked.
const TOPICS: [(&str, &[&str]); 7] = [
    ("customer", &["name", "email"]),
    ("product", &["name", "#price"]),
    ("inventory", &["product_id", "#amount"]),
    ("cart", &["customer_id", "product_ids"]),
    ("order", &["cart_id", "status"]),
    ("billing", &["order_id", "#amount"]),
    ("shipping", &["order_id", "#delivered"]),
];

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("{name}.jsonl"))
}

/// A history of so many events in which customers come, are renamed and go, of so many keys; where it is.
pub fn renamed_customers(folder: &Path, events: u64, keys: u64) -> PathBuf {
    let line = |n: u64| {
        let id = format!("c{}", n * 7_919 % keys);
        let action = match n % 7 {
            3 => "entity_deleted",
            n if n % 2 == 0 => "entity_created",
            _ => "entity_updated",
        };
        let data = json!({ "entity_id": id, "name": format!("name {n}"), "email": "a@b" }).to_string();
        let fields = json!({ "event_id": format!("e{n}"), "event_action": action, "event_data": data });
        json!({ "stream": "events:customer", "id": position(n), "fields": fields }).to_string() + "\n"
    };
    let path = folder.join("long.jsonl");
    fs::write(&path, (0..events).map(line).collect::<String>()).unwrap();
    path
}

/// Where its n-th event is.
pub fn position(event: u64) -> Position {
    Position::new(1_795_341_904, event)
}

/// A history's lines in log order: position, topic and fields.
pub fn lines(history: &Path) -> Vec<(Position, String, Value)> {
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let position = line["id"].as_str().unwrap().parse().unwrap();
        let topic = line["stream"].as_str().unwrap().strip_prefix("events:").unwrap().to_owned();
        (position, topic, line["fields"].clone())
    };
    let mut lines: Vec<_> = fs::read_to_string(history).unwrap().lines().map(line).collect();
    lines.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    lines
}

/// The rows that a history's lines make, written out as the shop's read model has them.
pub fn fold(lines: &[(Position, String, Value)]) -> Rows {
    let names = TOPICS.iter().map(|(topic, _)| *topic).chain(["mail"]);
    let mut rows: Rows = names.map(|topic| (topic.to_owned(), BTreeMap::new())).collect();
    for (position, topic, fields) in lines {
        let table = rows.get_mut(topic).unwrap();
        if topic == "mail" {
            table.insert(position.to_string(), fields.to_string());
            continue;
        }
        let data: Value = serde_json::from_str(fields["event_data"].as_str().unwrap()).unwrap();
        let id = data["entity_id"].as_str().unwrap();
        match fields["event_action"].as_str().unwrap() {
            "entity_created" => drop(table.insert(id.to_owned(), row(topic, id, &data))),
            "entity_updated" => drop(table.get_mut(id).map(|old| *old = row(topic, id, &data))),
            "entity_deleted" => drop(table.remove(id)),
            other => panic!("{other}"),
        }
    }
    rows
}

/// An entity's fields in the order of its topic, numbers that are written as texts as numbers.
fn row(topic: &str, id: &str, data: &Value) -> String {
    let (_, fields) = TOPICS.iter().find(|(name, _)| *name == topic).unwrap();
    let mut row = format!("{{\"entity_id\":\"{id}\"");
    for field in *fields {
        let name = field.trim_start_matches('#');
        let value = match data[name].as_str().filter(|_| name != *field) {
            Some(number) => serde_json::from_str::<serde_json::Number>(number).unwrap().into(),
            None => data[name].clone(),
        };
        row.push_str(&format!(",\"{name}\":{value}"));
    }
    row + "}"
}

pub fn digest(rows: &Rows) -> Digest {
    let mut digest = Digest::default();
    for (topic, rows) in rows {
        rows.iter().for_each(|(key, row)| digest.add(topic, key, row));
    }
    digest
}

pub fn counts(rows: &Rows) -> Value {
    rows.iter().map(|(topic, rows)| (topic.clone(), Value::from(rows.len()))).collect()
}

/// `retrace rebuild` with these arguments; what a Redis without a file of its own is warned of is left out.
pub fn command(args: &[&str]) -> Command {
    let mut command = Retrace::command();
    command.arg("rebuild").args(args).env("RETRACE_LOG", "error").stdin(Stdio::null());
    command
}

/// The same, run to its end.
pub fn rebuild(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

/// What it tells as JSON when all goes well.
#[track_caller]
pub fn report(args: &[&str]) -> Value {
    let output = rebuild(&[args, &["--json"]].concat());
    assert!(output.status.success(), "{args:?}: {}", talk(&output));
    assert_eq!(talk(&output), "", "{args:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A place to build in, and the arguments that name it.
pub enum Sink {
    Sqlite(tempfile::TempDir),
    Redis(String),
}

impl Sink {
    pub fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub fn redis(namespace: &str) -> Self {
        Self::Redis(namespace.to_owned())
    }

    pub fn file(&self) -> PathBuf {
        match self {
            Self::Sqlite(folder) => folder.path().join("shop.model"),
            Self::Redis(_) => panic!("no file"),
        }
    }

    pub fn args(&self) -> Vec<String> {
        match self {
            Self::Sqlite(_) => vec!["--into".to_owned(), format!("sqlite:{}", self.file().display())],
            Self::Redis(namespace) => {
                ["--into", &RedisServer::shared().url(), "--namespace", namespace].map(str::to_owned).to_vec()
            }
        }
    }

    pub async fn open(&self) -> ReadModel {
        match self {
            Self::Sqlite(_) => ReadModel::sqlite(&self.file()).await.unwrap(),
            Self::Redis(namespace) => {
                let url = RedisServer::shared().url().parse().unwrap();
                ReadModel::redis(&url, &namespace.parse().unwrap()).await.unwrap()
            }
        }
    }
}

/// The served rows, whose digest must be theirs.
pub async fn whole(model: &ReadModel) -> (Rows, ModelState) {
    let topics: Vec<_> = TOPICS.iter().map(|(topic, _)| *topic).chain(["mail"]).collect();
    let (tables, state) = model.tables(&topics).await.unwrap();
    assert_eq!(digest(&tables.0), state.digest, "the digest is that of the rows");
    (tables.0, state)
}
