//! Logs written line by line, for tests.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

use std::{fmt::Write as _, sync::Arc};

use kernel::Entry;
use projector::timeline::Timeline;
use runtime::{Engine, Namespace, StoreUrl};
use serde_json::{Value, json};
use testkit::bank;

/// A bank's log.
#[derive(Debug, Default)]
pub(crate) struct Log(String);

impl Log {
    /// Adds an event at `position`; where `meta` is null it does not say where it came from.
    pub(crate) fn event(
        &mut self,
        position: &str,
        (topic, action): (&str, &str),
        id: &str,
        data: &Value,
        meta: &Value,
    ) {
        let mut fields = json!({"event_id": id, "event_action": action, "event_data": data.to_string()});
        if !meta.is_null() {
            fields["event_meta"] = json!(meta.to_string());
        }
        let line = json!({"stream": format!("events:{topic}"), "id": position, "fields": fields});
        writeln!(self.0, "{line}").unwrap();
    }

    /// Somebody is told something.
    pub(crate) fn notice(&mut self, position: &str, id: &str, meta: &Value) {
        let data = json!({"recipient": "ann", "text": id});
        self.event(position, ("notice", "notice_sent"), id, &data, meta);
    }

    /// An account is opened or changed.
    pub(crate) fn account(&mut self, position: &str, action: &str, owner: &str, balance: i64) {
        let data = json!({"entity_id": owner, "owner": owner, "balance": balance});
        self.event(position, ("account", action), &format!("{owner} {balance}"), &data, &Value::Null);
    }

    /// Its entries.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        std::fs::write(&path, &self.0).unwrap();
        runtime::history::read(&path).unwrap()
    }

    /// The log with a timeline that has nothing written down.
    pub(crate) async fn timeline(&self) -> Timeline {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        std::fs::write(&path, &self.0).unwrap();
        let engine = Engine::open(&StoreUrl::History(path), &Namespace::default(), &[]).await.unwrap();
        Timeline::in_memory(Arc::new(bank::domain()), engine)
    }
}
