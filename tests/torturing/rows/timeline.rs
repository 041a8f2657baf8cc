//! Row 6 for the timeline: a run is in it whole, or not at all.

use serde_json::{Value, json};

use crate::{
    common::{Retrace, Store, process::talk, until},
    torturing::victim::Victim,
};

/// Enough for one run and the beginning of another.
const EVENTS: u64 = 9_000;

fn json_of(command: &mut std::process::Command) -> Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", talk(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn its_keeper_dies_while_it_writes_a_run_and_the_past_is_told_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("long.jsonl");
    let line = |n: u64| {
        let id = format!("c{}", n % 700);
        let action = if n < 700 { "entity_created" } else { "entity_updated" };
        let data = json!({"entity_id": id, "name": format!("name {n}"), "email": "a@b"}).to_string();
        let fields = json!({"event_id": format!("e{n}"), "event_action": action, "event_data": data});
        json!({"stream": "events:customer", "id": format!("1795341904-{n}"), "fields": fields}).to_string() + "\n"
    };
    std::fs::write(&history, (0..EVENTS).map(line).collect::<String>()).unwrap();
    let store = Store::sqlite();
    store.import(&history);
    let moments = [100, 699, 5_000, 8_191, 8_500, EVENTS - 1].map(|n| format!("1795341904-{n}"));
    let truth: Vec<_> = moments
        .iter()
        .map(|at| json_of(Retrace::command().args(["at", at, "--json", "--store"]).arg(&history))["digest"].clone())
        .collect();
    let up = |fault| Victim::start(store.command(&["up"]).args(["--listen", "127.0.0.1:0"]), fault);
    let tells_the_truth = |when: &str| {
        for (at, truth) in moments.iter().zip(&truth) {
            assert_eq!(&json_of(&mut store.command(&["at", at, "--json"]))["digest"], truth, "{at}, {when}");
        }
        json_of(&mut store.command(&["status", "--json"]))["timeline"]["standing"]["checkpoint"]["number"].clone()
    };
    up(Some("timeline.run:1")).dies();
    assert_eq!(tells_the_truth("with the run not committed"), 0);
    up(Some("timeline.written:1")).dies();
    let written = tells_the_truth("with the run committed").as_u64().unwrap();
    assert!(written > 0, "the run is there");
    let last = up(None).up();
    let http = last.http();
    until("the timeline has caught up", || (http.get("/api/v1/status")["timeline"]["lag"] == 0).then_some(()));
    assert!(tells_the_truth("while it is kept").as_u64().unwrap() >= written);
}
