//! Logs that have lost their end behind somebody who had read it: an append-only file cut off, an older file brought
//! back.

use std::{fs, path::Path};

use testkit::{APPENDING, RedisServer};

use super::{WAY_OUT, all_diverged, differs, rest, roles, run, told};
use crate::common::{Process, Store, process::talk, shop::customer};
use crate::load::welcomed;

#[test]
fn a_log_whose_end_was_lost_stops_everybody_who_had_read_it() {
    let mut server = RedisServer::start_with(APPENDING);
    let store = Store::Url(server.url());
    let processes = roles(&store);
    let http = processes[3].http().clone();
    welcomed(&http, "ann");
    let before = rest(&http);
    let kept = server.appended();
    welcomed(&http, "bob");
    let after = rest(&http);
    assert_eq!((&before["head"]["number"], &after["head"]["number"]), (&2.into(), &4.into()));
    assert_eq!(before["head"]["epoch"], after["head"]["epoch"]);

    server.kill();
    // In the middle of a command, as a power failure would.
    server.cut_appended(kept + 7);
    server.restart_with(APPENDING);
    let lost = format!("{}: it ends at {}", told(&after["head"]), told(&before["head"]));
    all_diverged(processes, &lost);

    // What else was kept there went back with the log.
    let processes = roles(&store);
    let http = processes[3].http();
    assert_eq!(rest(http)["head"], before["head"]);
    let customers = http.get("/customers");
    assert_eq!((customers.as_array().unwrap().len(), &customers[0]["name"]), (1, &"ann".into()));
    assert_eq!(run(&store, &["audit"]).status.code(), Some(0));
    welcomed(http, "cleo");
    assert_eq!(rest(http)["head"]["number"], 4);
}

/// Copies the files of a folder.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// A shop's files, of which the log is a copy from before `bob` came, and the read model is not.
fn with_older_log() -> (Store, serde_json::Value, serde_json::Value) {
    let (store, copied) = (Store::sqlite(), tempfile::tempdir().unwrap());
    let Store::Sqlite(folder) = &store else { unreachable!() };
    let up = store.up();
    welcomed(up.http(), "ann");
    let before = rest(up.http());
    assert!(up.stop().success());
    copy(folder.path(), copied.path());
    let up = store.up();
    welcomed(up.http(), "bob");
    let after = rest(up.http());
    assert!(up.stop().success());
    fs::copy(copied.path().join("ordershop.db"), folder.path().join("ordershop.db")).unwrap();
    (store, before["head"].clone(), after["head"].clone())
}

#[test]
fn an_older_log_under_a_newer_read_model_is_refused_until_that_is_made_anew() {
    let (store, before, after) = with_older_log();
    let Store::Sqlite(folder) = &store else { unreachable!() };
    let model = folder.path().join("ordershop.db.model");
    assert!(model.is_file(), "{:?}", fs::read_dir(folder.path()).unwrap().collect::<Vec<_>>());
    let lost = format!("the log does not continue from {}: it ends at {}", told(&after), told(&before));
    let up = run(&store, &["up", "--listen", "127.0.0.1:0"]);
    assert_eq!(up.status.code(), Some(2));
    assert_eq!(talk(&up), format!("retrace: sqlite://{}: {lost}; {WAY_OUT}\n", model.display()));

    let ahead = format!("stands at {}, ahead of the log, which ends at {}", told(&after), told(&before));
    differs(&run(&store, &["status"]), &format!("DIVERGED: it {ahead}; see `retrace audit`"));
    differs(&run(&store, &["audit"]), &ahead);

    let rebuilt = run(&store, &["rebuild"]);
    assert_eq!(rebuilt.status.code(), Some(0), "{}", talk(&rebuilt));
    for command in ["status", "audit"] {
        assert_eq!(run(&store, &[command]).status.code(), Some(0), "{command}");
    }
    let up = store.up();
    assert_eq!(up.http().get("/customers").as_array().unwrap().len(), 1, "bob is lost, and nobody says otherwise");
    customer(up.http(), "cleo");
    assert_eq!(rest(up.http())["read_model"]["state"]["generation"], 2);
    assert!(up.stop().success());
}

#[test]
fn a_gateway_whose_read_model_is_ahead_of_the_log_is_not_ready_and_says_why() {
    let server = RedisServer::start();
    let store = Store::Url(server.url());
    let processes: [Process; 4] = roles(&store);
    let http = processes[3].http().clone();
    welcomed(&http, "ann");
    let head = rest(&http)["head"].clone();
    assert_eq!(http.try_get("/readyz").status, 200);
    // As when somebody brings back a copy of the read model that belongs to a longer log.
    assert_eq!(server.answer("HSET retrace:model number 9"), ":0\r\n");
    let answer = http.try_get("/readyz");
    let mut there = head.clone();
    there["number"] = 9.into();
    let reason = format!(
        "the read model stands at {}, ahead of the log, which ends at {}; `retrace rebuild` makes it anew",
        told(&there),
        told(&head)
    );
    assert_eq!((answer.status, answer.body), (503, serde_json::json!({"ready": false, "reasons": [reason]})));
    // The one that writes it finds that somebody else has, and then that the log does not go on from there.
    let [services, sagas, projector, gateway] = processes;
    customer(&http, "bob");
    let (code, word) = projector.ended_saying();
    assert_eq!(code, Some(2), "{word}");
    assert!(word.contains("projector stopped: the log does not continue from ") && word.ends_with(WAY_OUT), "{word}");
    drop((services, sagas, gateway));
}
