//! Somebody takes events out of the log behind everybody's back: trims a stream, deletes one, empties the server.

use testkit::RedisServer;

use super::{WAY_OUT, all_diverged, differs, rest, roles, run, told};
use crate::common::{Process, Store, process::talk};
use crate::load::welcomed;

/// A shop at rest with two customers, who were welcomed: four events.
fn shop() -> (RedisServer, Store, [Process; 4], serde_json::Value) {
    let server = RedisServer::start();
    let store = Store::Url(server.url());
    let processes = roles(&store);
    let http = processes[3].http();
    welcomed(http, "ann");
    welcomed(http, "bob");
    let head = rest(http)["head"].clone();
    assert_eq!(head["number"], 4);
    (server, store, processes, head)
}

/// What a role says that is started on a log with a hole.
#[track_caller]
fn none_starts(store: &Store, head: &serde_json::Value, reason: &str) {
    for role in ["services", "sagas", "projector", "gateway"] {
        let output = run(store, &["run", role, "--listen", "127.0.0.1:0"]);
        let sentence = format!("retrace: the log does not continue from {}: {reason}; {WAY_OUT}\n", told(head));
        assert_eq!(output.status.code(), Some(2), "{role}: {}", talk(&output));
        // Before that it warns of a server that keeps everything in memory.
        assert!(talk(&output).ends_with(&sentence), "{role}: {}", talk(&output));
    }
}

#[test]
fn an_emptied_server_stops_everybody_though_nothing_new_is_written() {
    let (server, store, processes, head) = shop();
    server.flush();
    let reason = format!("{}: it is empty; it has been deleted, or its store emptied", told(&head));
    all_diverged(processes, &reason);
    // There is nothing left that could tell of it: it begins again, in another epoch.
    let processes = roles(&store);
    welcomed(processes[3].http(), "cleo");
    assert_ne!(rest(processes[3].http())["head"]["epoch"], head["epoch"]);
}

#[test]
fn a_trimmed_stream_stops_everybody_and_every_command_says_so() {
    let (server, store, processes, head) = shop();
    assert_eq!(server.answer("XTRIM events:customer MAXLEN 1"), ":1\r\n");
    let gone = "1 of its 4 events was taken out of it: a stream was trimmed or deleted";
    all_diverged(processes, gone);
    none_starts(&store, &head, gone);
    differs(&run(&store, &["status"]), &format!("DIVERGED: {gone}; see `retrace audit`"));
    differs(&run(&store, &["audit"]), "event 1 is missing, before ");
    differs(&run(&store, &["rebuild"]), "event 1 is missing: ");
    differs(&run(&store, &["rebuild", "--into", "memory"]), "event 1 is missing: ");
}

#[test]
fn a_deleted_stream_stops_everybody_and_every_command_says_so() {
    let (server, store, processes, head) = shop();
    assert_eq!(server.answer("DEL events:customer"), ":1\r\n");
    let gone = "2 of its 4 events were taken out of it: a stream was trimmed or deleted";
    all_diverged(processes, gone);
    none_starts(&store, &head, gone);
    differs(&run(&store, &["status"]), &format!("DIVERGED: {gone}; see `retrace audit`"));
    differs(&run(&store, &["audit"]), "event 1 is missing, before ");
    differs(&run(&store, &["rebuild"]), "event 1 is missing: ");
    // With nothing left at all, the head still tells how much there was.
    assert_eq!(server.answer("DEL events:mail"), ":1\r\n");
    differs(&run(&store, &["rebuild"]), "events 1 to 4 are missing");
    differs(&run(&store, &["audit"]), "events 1 to 4 are missing, after 0-0, where the log ends");
}

#[test]
fn a_hole_behind_a_projector_that_was_away_is_no_shorter_way() {
    let (server, store, processes, head) = shop();
    let [services, sagas, projector, gateway] = processes;
    assert!(projector.stop().success());
    let http = gateway.http();
    for name in ["cleo", "dora", "emil"] {
        let body = serde_json::json!([{"name": name, "email": "x@shop.example"}]);
        assert_eq!(http.send("POST", "/customers", &body.to_string()).status, 200);
    }
    crate::common::until("all are in the log", || {
        let status = http.get("/api/v1/status");
        (status["head"]["number"] == 10 && status["consumers"].as_array().unwrap().iter().all(|c| c["lag"] == 0))
            .then_some(())
    });
    drop((services, sagas));
    // As many as a stranger adds, so that counting tells nothing.
    assert_eq!(server.answer("XTRIM events:mail MAXLEN 2"), ":3\r\n");
    for n in 0..3 {
        assert!(server.answer(&format!("XADD events:product 1795341904-{n} note none")).starts_with('$'));
    }
    let mut command = store.command(&["run", "projector"]);
    let (code, word) = Process::start(&mut command).ended_saying();
    assert_eq!(code, Some(2), "{word}");
    let from = format!("retrace: projector stopped: the log does not continue from {}: event ", told(&head));
    assert!(word.starts_with(&from) && word.contains(" is missing: ") && word.ends_with(WAY_OUT), "{word}");
}
