use kernel::{Command, Intent, Meta};
use runtime::{Commit, Enqueue, Namespace, Settlement, StoreUrl};

use super::*;

const DEADLINE: Duration = Duration::from_secs(30);

async fn engine() -> Engine {
    Engine::open(&StoreUrl::Memory, &Namespace::default(), &[]).await.unwrap()
}

async fn enqueue(engine: &Engine, id: &str) {
    let intent = Intent::Delete { id: "b".into() };
    let command = Command { id: id.into(), topic: "book".into(), intent, issued_ms: 0, meta: Meta::default() };
    let enqueue = vec![Enqueue { command, service: "s".into(), idempotency: None }];
    engine.commit_one(Commit { enqueue, ..Commit::default() }).await.unwrap();
}

async fn settle(engine: &Engine) -> Outcome {
    let claim = engine.claimer("s", "w").await.unwrap().claim(1, DEADLINE).await.unwrap().remove(0);
    let outcome = Outcome::Done { result: true.into(), position: None };
    let settle = Some(Settlement { token: claim.token, outcome: outcome.clone() });
    engine.commit_one(Commit { settle, ..Commit::default() }).await.unwrap();
    outcome
}

#[tokio::test]
async fn a_hint_completes_everybody_who_waits() {
    let engine = engine().await;
    let waiters = Waiters::new(engine.clone());
    let listening = tokio::spawn(waiters.clone().listen());
    let (first, second) = (waiters.expect("c"), waiters.expect("c"));
    enqueue(&engine, "c").await;
    let outcome = settle(&engine).await;
    waiters.complete("c", &outcome);
    assert_eq!(first.outcome(DEADLINE).await, Some(outcome.clone()));
    assert_eq!(second.outcome(DEADLINE).await, Some(outcome));
    listening.abort();
}

#[tokio::test]
async fn a_lost_hint_is_made_good_by_asking() {
    let engine = engine().await;
    let waiters = Waiters::new(engine.clone());
    // Nobody listens: every hint is lost.
    let looking = tokio::spawn(waiters.clone().look_after());
    let ticket = waiters.expect("c");
    enqueue(&engine, "c").await;
    let outcome = settle(&engine).await;
    assert_eq!(ticket.outcome(DEADLINE).await, Some(outcome));
    looking.abort();
}

#[tokio::test]
async fn a_last_look_is_taken_before_giving_up() {
    let engine = engine().await;
    let waiters = Waiters::new(engine.clone());
    let ticket = waiters.expect("c");
    enqueue(&engine, "c").await;
    let outcome = settle(&engine).await;
    assert_eq!(ticket.outcome(Duration::ZERO).await, Some(outcome));
}

#[tokio::test]
async fn who_gives_up_leaves_nothing_behind() {
    let waiters = Waiters::new(engine().await);
    let (kept, dropped) = (waiters.expect("c"), waiters.expect("c"));
    assert_eq!(waiters.expect("d").outcome(Duration::ZERO).await, None);
    drop(dropped);
    assert_eq!(waiters.waiting().get("c").map(Vec::len), Some(1));
    drop(kept);
    assert!(waiters.waiting().is_empty());
}
