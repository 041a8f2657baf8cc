//! Stores that die, come back, and have lost something, under the processes of a shop.

mod behind;
mod lost;
mod restarts;
mod taken_out;

use std::process::Output;

use crate::common::{Http, Process, Store, process::talk, until};
use serde_json::Value;

/// What each process that can't go on says in the end.
const WAY_OUT: &str = "`retrace audit` tells what is missing; where that is its end, `retrace rebuild` makes the read model \
                       anew from what is left, and where it is anything before, only a backup brings it back";

/// Every role in a process of its own; the gateway is the last.
fn roles(store: &Store) -> [Process; 4] {
    ["services", "sagas", "projector", "gateway"].map(|role| store.roles(&[role]))
}

/// Waits until everybody has come to the head of the log; gives the status then.
fn rest(http: &Http) -> Value {
    until("everybody has come to the head", || {
        let status = http.get("/api/v1/status");
        let there = |lag: &Value| lag["lag"] == 0;
        let consumers = status["consumers"].as_array().unwrap().iter().all(there);
        let idle = |queue: &Value| queue["waiting"] == 0 && queue["claimed"] == 0;
        let queues = status["queues"].as_array().unwrap().iter().all(idle);
        (consumers && queues && there(&status["read_model"])).then_some(status)
    })
}

/// A checkpoint as people are told it.
fn told(checkpoint: &Value) -> String {
    let checkpoint: kernel::Checkpoint = serde_json::from_value(checkpoint.clone()).unwrap();
    checkpoint.to_string()
}

fn run(store: &Store, args: &[&str]) -> Output {
    store.command(args).output().unwrap()
}

/// It ends with 2, and says this on either of its outputs.
#[track_caller]
fn differs(output: &Output, sentence: &str) {
    let (shown, talk) = (String::from_utf8_lossy(&output.stdout), talk(output));
    assert_eq!(output.status.code(), Some(2), "{shown}{talk}");
    assert!(shown.contains(sentence) || talk.contains(sentence), "{sentence:?} is not said: {shown}{talk}");
}

/// Each process has ended with 2 by itself, and its last word is that the log does not go on from where it stands.
#[track_caller]
fn all_diverged(processes: [Process; 4], reason: &str) {
    for process in processes {
        let role = process.said.last().unwrap().clone();
        let (code, word) = process.ended_saying();
        assert_eq!(code, Some(2), "{role}: {word}");
        assert!(word.starts_with("retrace: ") && word.contains("the log does not continue from "), "{role}: {word}");
        assert!(word.ends_with(&format!("{reason}; {WAY_OUT}")), "{role}: {word}");
    }
}
