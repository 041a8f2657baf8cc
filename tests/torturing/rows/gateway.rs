//! Row 1: the gateway dies before or after the commit, before the reply.

use serde_json::json;

use crate::{
    common::{Http, Store, invariants},
    torturing::{victim::Victim, world},
};

/// Whether the command was in its queue when the gateway died.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Was {
    Queued,
    NotQueued,
}

#[test]
fn dies_before_the_commit_and_the_retry_is_the_first() {
    dies_and_is_asked_again("gateway.enqueue:1", Was::NotQueued);
}

#[test]
fn dies_after_the_commit_and_the_retry_gets_its_outcome() {
    dies_and_is_asked_again("gateway.enqueued:1", Was::Queued);
}

#[test]
fn dies_with_the_outcome_in_its_hands_and_the_retry_gets_it() {
    dies_and_is_asked_again("gateway.answer:1", Was::Queued);
}

/// Asks, is not answered, asks again with the same key: one event, and the same answer however often.
fn dies_and_is_asked_again(fault: &str, was: Was) {
    let store = Store::redis();
    let _others = store.roles(&["services", "sagas", "projector"]);
    let gateway = |fault| Victim::start(store.command(&["run", "gateway"]).args(["--listen", "127.0.0.1:0"]), fault);
    let ask = |http: &Http| {
        let ann = json!({"name": "Ann", "email": "ann@shop.example"}).to_string();
        http.try_send("POST", "/customer", &ann, &[("idempotency-key", "k1")])
    };
    let first = gateway(Some(fault));
    let unanswered = ask(&first.http());
    assert!(unanswered.is_err() || unanswered.is_ok_and(|answer| answer.body.get("result").is_none()));
    first.dies();

    let second = gateway(None).up();
    let http = second.http();
    if was == Was::NotQueued {
        assert_eq!(http.get("/api/v1/status")["head"]["number"], 0, "nothing had happened");
    }
    let [answer, again] = [ask(&http).unwrap(), ask(&http).unwrap()];
    let told = |answer: &crate::common::http::Answer| {
        let header = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
        (answer.status, answer.body.clone(), header("retrace-command"), header("retrace-position"))
    };
    assert_eq!(told(&answer), told(&again));
    let log = invariants::at_rest(&store, &http);
    let topics: Vec<_> = log.iter().map(|event| &*event.topic).collect();
    assert_eq!(topics, ["customer", "mail"], "one customer, welcomed once");
    let (status, body, command, position) = told(&answer);
    assert_eq!((status, &body["result"][0]), (200, &json!(entity(&log[0]))));
    assert_eq!(log[0].meta.command.as_deref(), Some(&*command));
    assert_eq!(log[0].position.to_string(), position);
    invariants::acknowledged(&log, &http, &[entity(&log[0])], &[command]);
    world::audited(&store);
}

fn entity(event: &kernel::Event) -> String {
    let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
    data["entity_id"].as_str().unwrap().to_owned()
}
