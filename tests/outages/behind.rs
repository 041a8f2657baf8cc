//! A projector that was away while the log grew.

use std::time::Instant;

use kernel::{CREATED, Draft, UPDATED};
use runtime::{Commit, Engine, Namespace};
use serde_json::{Value, json};
use testkit::RedisServer;

use super::run;
use crate::common::{Store, until};

/// How many events the log has when the projector goes.
const BEFORE: u64 = 20_000;

/// How many rows they are about.
const ROWS: u64 = 4_000;

/// How many events go into one commit, and how many commits into one call.
const TOGETHER: (u64, u64) = (100, 10);

/// By how many events the log grows without it: enough for a rebuild to be quicker than to follow.
fn more() -> u64 {
    if crate::common::long() { 1_000_000 } else { 60_000 }
}

/// Appends events `from` to `to`, and tells how many that was a second.
async fn append(engine: &Engine, from: u64, to: u64) -> f64 {
    let draft = |n: u64| {
        let action = if n < ROWS { CREATED } else { UPDATED };
        let data = json!({"entity_id": format!("p{}", n % ROWS), "name": format!("pen {n}"), "price": n}).to_string();
        Draft { topic: "product".into(), id: format!("e{n}"), action: action.into(), data, meta: None, keep: None }
    };
    let commit = |first: u64| Commit { append: (first..first + TOGETHER.0).map(draft).collect(), ..Commit::default() };
    let began = Instant::now();
    for call in (from..to).step_by(usize::try_from(TOGETHER.0 * TOGETHER.1).unwrap()) {
        let commits: Vec<_> = (0..TOGETHER.1).map(|n| commit(call + n * TOGETHER.0)).collect();
        assert!(engine.commit(&commits).await.unwrap().iter().all(Result::is_ok));
    }
    (to - from) as f64 / began.elapsed().as_secs_f64()
}

fn digest(output: &std::process::Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", crate::common::process::talk(output));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["digest"].clone()
}

#[test]
fn a_projector_far_behind_slows_nobody_down_and_catches_up_by_a_rebuild() {
    let tokio = tokio::runtime::Runtime::new().unwrap();
    let server = RedisServer::start();
    let store = Store::Url(server.url());
    let projector = store.roles(&["projector"]);
    let gateway = store.roles(&["gateway"]);
    let http = gateway.http();
    let url = server.url().parse().unwrap();
    let engine = tokio.block_on(Engine::open(&url, &Namespace::default(), &["product"])).unwrap();
    let followed = tokio.block_on(append(&engine, 0, BEFORE));
    let caught_up = until("the projector is there", || {
        let status = http.get("/api/v1/status");
        (status["read_model"]["lag"] == 0).then_some(status)
    });
    assert_eq!(caught_up["read_model"]["state"]["generation"], 1);
    assert!(projector.stop().success());

    let more = more();
    let alone = tokio.block_on(append(&engine, BEFORE, BEFORE + more));
    println!(
        "appended {followed:.0} events/s with the projector at work and {alone:.0}/s while it lagged by up to {more}: \
         {:.2} of that",
        alone / followed
    );
    let status = http.get("/api/v1/status");
    assert_eq!((&status["head"]["number"], &status["read_model"]["lag"]), (&(BEFORE + more).into(), &more.into()));
    let metrics = http.try_get("/metrics").body;
    let line = format!("retrace_read_model_lag_events {more}");
    assert!(metrics.as_str().unwrap().lines().any(|found| found == line), "{metrics}");
    let shown = run(&store, &["status", "--json"]);
    assert_eq!(serde_json::from_slice::<Value>(&shown.stdout).unwrap()["read_model"]["lag"], more);
    let reason = format!("the read model is {more} events behind; more than 10000 is too many");
    let ready = http.try_get("/readyz");
    assert_eq!((ready.status, ready.body), (503, json!({"ready": false, "reasons": [reason]})));

    let began = Instant::now();
    let projector = store.roles(&["projector"]);
    let status = until("it has caught up", || {
        let status = http.get("/api/v1/status");
        (status["read_model"]["lag"] == 0).then_some(status)
    });
    println!("caught up by {:.0} events/s, its start included", more as f64 / began.elapsed().as_secs_f64());
    // A rebuild makes a generation of its own; who follows stays in the one that there was.
    let state = &status["read_model"]["state"];
    assert_eq!(state["generation"], 2);
    assert_eq!(http.try_get("/readyz").status, 200);
    assert_eq!(state["digest"], digest(&run(&store, &["rebuild", "--into", "memory", "--json"])));
    assert_eq!(run(&store, &["audit"]).status.code(), Some(0));
    assert!(projector.stop().success());
}
