//! What must hold of any log and read model, whatever died when.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Digest, Entry, Position};
use runtime::invariants::Rest;
use serde_json::Value;

use super::{Http, Store, until};

/// What `runtime::invariants` finds in a store where nothing is left to do (I2, I3, I5, I6), which a process may have
/// open; nothing can be said of one in a process's memory.
pub fn hold(store: &Store) {
    let Some((url, namespace)) = store.location() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let report = runtime.block_on(async {
        let domain = ordershop::domain();
        let topics: Vec<_> = domain.topics().map(|topic| topic.name).collect();
        let engine = runtime::Engine::open_reading(&url, &namespace, &topics).await.unwrap();
        let report = runtime::invariants::check(&engine, &domain.services(), Rest::Expected).await.unwrap();
        engine.close().await.unwrap();
        report
    });
    assert!(report.is_clean(), "{report}");
}

/// Waits until nothing is left to do, then checks I2 to I6; gives the log's events.
///
/// I2: no event, command or reaction is in the log twice. I3: numbers are contiguous and positions increase. I4: the
/// read model's digest is that of a fresh fold. I5: no checkpoint is ahead of the head or of another epoch. I6:
/// nothing waits, is claimed, or has died.
pub fn at_rest(store: &Store, http: &Http) -> Vec<kernel::Event> {
    let status = until("everything has come to rest", || {
        let status = http.get("/api/v1/status");
        let idle = |queue: &Value| queue["waiting"] == 0 && queue["claimed"] == 0;
        let queues = status["queues"].as_array().unwrap().iter().all(idle);
        let lags = |consumer: &Value| consumer["lag"] != 0;
        let behind = status["consumers"].as_array().unwrap().iter().any(lags) || status["read_model"]["lag"] != 0;
        (queues && !behind && http.get("/api/v1/status")["head"] == status["head"]).then_some(status)
    });
    assert_eq!((&status["parked"], &status["trouble"]), (&Value::from(0), &Value::Null));
    assert!(status["queues"].as_array().unwrap().iter().all(|queue| queue["dead"] == 0), "{status}");
    for consumer in status["consumers"].as_array().unwrap() {
        assert_eq!(consumer["checkpoint"], status["head"], "I5");
    }

    hold(store);
    let events = export(store);
    let mut last = Position::ZERO;
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event.number.map(|number| number.0), Some(index as u64 + 1), "I3: numbers");
        assert!(event.position > last, "I3: {} after {last}", event.position);
        last = event.position;
    }
    assert_eq!(events.iter().map(|event| &event.id).collect::<BTreeSet<_>>().len(), events.len(), "I2");
    assert_eq!(status["head"]["number"], events.len());
    assert_eq!(status["read_model"]["state"]["digest"], fold(&events).to_string(), "I4");
    events
}

/// I1 and I2: what was acknowledged is in the log once, and each command has its one outcome.
pub fn acknowledged(log: &[kernel::Event], http: &Http, ids: &[String], commands: &[String]) {
    let mut created: BTreeMap<&str, usize> = BTreeMap::new();
    let data: Vec<Value> = log.iter().map(|event| serde_json::from_str(&event.data).unwrap()).collect();
    for (event, data) in log.iter().zip(&data) {
        if let (kernel::CREATED, Some(id)) = (event.action.as_str(), data["entity_id"].as_str()) {
            *created.entry(id).or_default() += 1;
        }
    }
    for id in ids {
        assert_eq!(created.get(id.as_str()), Some(&1), "{id}");
    }
    for command in commands {
        let fate = http.try_get(&format!("/api/v1/commands/{command}"));
        assert_eq!(fate.body["result"]["status"], "done", "{}", fate.body);
    }
}

fn export(store: &Store) -> Vec<kernel::Event> {
    let output = store.command(&["export"]).output().unwrap();
    assert!(output.status.success(), "{}", super::process::talk(&output));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    std::fs::write(&path, &output.stdout).unwrap();
    let event = |entry| match entry {
        Entry::Event(event) => event,
        Entry::Junk(junk) => panic!("{junk:?}"),
    };
    runtime::history::read(&path).unwrap().into_iter().map(event).collect()
}

/// The digest of a fold written for this test.
fn fold(events: &[kernel::Event]) -> Digest {
    let domain = ordershop::domain();
    let mut rows: BTreeMap<(&str, String), String> = BTreeMap::new();
    for event in events {
        let Some(topic) = domain.topic(&event.topic) else { continue };
        let data: Value = serde_json::from_str(&event.data).unwrap();
        match (event.action.as_str(), data["entity_id"].as_str()) {
            (kernel::CREATED, Some(id)) => drop(rows.insert((topic.name, id.to_owned()), event.data.clone())),
            (kernel::UPDATED, Some(id)) => {
                if let Some(row) = rows.get_mut(&(topic.name, id.to_owned())) {
                    row.clone_from(&event.data);
                }
            }
            (kernel::DELETED, Some(id)) => drop(rows.remove(&(topic.name, id.to_owned()))),
            (_, None) => {
                let row =
                    serde_json::json!({"event_id": event.id, "event_action": event.action, "event_data": event.data});
                rows.insert((topic.name, event.position.to_string()), row.to_string());
            }
            (action, Some(_)) => panic!("{action}"),
        }
    }
    let mut digest = Digest::default();
    rows.iter().for_each(|((topic, key), row)| digest.add(topic, key, row));
    digest
}
