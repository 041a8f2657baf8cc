//! A master dies and its replica takes over: with and without waiting for it.

use std::{collections::BTreeSet, time::Duration};

use runtime::{CommitError, Durability, Engine, Namespace, Settlement, StoreError, Token};
use testkit::{Replicated, Sentinel};

use super::{
    TOPICS, append,
    load::{Load, whole},
    send,
};

/// What replicas and masters of these tests have in common.
const KEPT: [&str; 2] = ["--appendonly", "yes"];

async fn open(url: &str, durability: &str) -> Engine {
    let durability: Durability = durability.parse().unwrap();
    Engine::open_durable(&url.parse().unwrap(), &Namespace::default(), TOPICS, durability).await.unwrap()
}

async fn ids(engine: &Engine) -> BTreeSet<String> {
    whole(engine).await.into_iter().map(|event| event.id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_replica_to_confirm_a_failover_loses_nothing_that_was_acknowledged() {
    let mut pair = Replicated::start(&KEPT);
    let engine = open(&pair.master.url(), "replicated:1").await;
    let load = Load::begin(&engine);
    load.until_more(300).await;
    // What is written from here on only the master has: nobody must be told that it is there.
    pair.cut_off();
    let met = load.troubles() + 4;
    load.until("it is not confirmed", |load| load.troubles() >= met).await;
    pair.master.kill();
    let (taken, settled) = load.break_off();
    pair.promote();
    let found = ids(&open(&pair.replica.url(), "local").await).await;
    let lost: Vec<_> = taken.iter().filter(|id| !found.contains(*id)).collect();
    assert_eq!(lost, Vec::<&String>::new(), "I1: taken");
    let lost: Vec<_> = settled.iter().filter(|id| !found.contains(&format!("done-{id}"))).collect();
    assert_eq!(lost, Vec::<&String>::new(), "I1: settled");
    println!("{} taken and {} settled, all found among {} events", taken.len(), settled.len(), found.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_one_a_failover_that_loses_events_is_noticed() {
    let mut pair = Replicated::start(&KEPT);
    let engine = open(&pair.master.url(), "local").await;
    engine.commit_one(append(&["order", "cart"])).await.unwrap();
    let kept = ids(&engine).await;
    pair.until_caught_up();
    pair.cut_off();
    let checkpoint = engine.commit_one(append(&["order", "cart"])).await.unwrap().head;
    pair.master.kill();
    pair.promote();
    let after = open(&pair.replica.url(), "local").await;
    assert_eq!(ids(&after).await, kept);
    let end = after.head().await.unwrap();
    match after.read(&checkpoint, 10).await {
        Err(StoreError::Diverged { checkpoint: found, reason }) => {
            assert_eq!((found, reason), (checkpoint.clone(), format!("it ends at {end}")));
        }
        other => panic!("{other:?}"),
    }
    // New events get new positions above the old ones, and the loss shows all the same.
    after.commit_one(append(&["order"])).await.unwrap();
    assert!(matches!(after.read(&checkpoint, 10).await, Err(StoreError::Diverged { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_replica_confirms_is_not_acknowledged_by_anything() {
    let pair = Replicated::start(&KEPT);
    let engine = open(&pair.master.url(), "replicated:1").await;
    engine.commit_one(append(&["order"])).await.unwrap();
    engine.commit_one(send("a")).await.unwrap();
    engine.commit_one(send("b")).await.unwrap();
    let mut claimer = engine.claimer("s", "w").await.unwrap();
    assert_eq!(claimer.claim(2, Duration::from_secs(5)).await.unwrap().len(), 2);
    let token = |command: &str| Token { service: "s".into(), worker: "w".into(), command: command.into() };
    pair.replica.freeze();
    let expected = "0 of 1 replicas confirmed what was written within 2 s; whether it lasts is not known";
    let reason = |error: StoreError| {
        let StoreError::Unavailable { reason, .. } = error else { panic!("{error}") };
        reason
    };
    let outcome = kernel::Outcome::Done { result: serde_json::json!(1), position: None };
    let settle = Some(Settlement { token: token("a"), outcome });
    let settled = engine.commit_one(runtime::Commit { settle, ..append(&["order"]) }).await;
    let Err(CommitError::Store(error)) = settled else { panic!("{settled:?}") };
    assert_eq!(reason(error), expected);
    // All at once: they wait together.
    let b = token("b");
    let beginning = kernel::Checkpoint::default();
    let (fail, ask, requeue, discard, read) = tokio::join!(
        engine.fail(&b, "no", 1),
        engine.command("a"),
        engine.requeue("s", "b"),
        engine.discard("s", "b"),
        engine.read(&beginning, 10),
    );
    let errors = [fail.unwrap_err(), ask.unwrap_err(), requeue.unwrap_err(), discard.unwrap_err(), read.unwrap_err()];
    for error in errors {
        assert_eq!(reason(error), expected);
    }
    pair.replica.thaw();
    let ended = super::again(|| engine.command("a")).await.unwrap();
    assert!(matches!(ended.state, runtime::CommandState::Ended(_)), "{ended:?}");
    let repeated = engine.commit_one(runtime::Commit {
        settle: Some(Settlement { token: token("a"), outcome: kernel::Outcome::Dead { error: String::new() } }),
        ..append(&["order"])
    });
    assert!(matches!(repeated.await, Err(CommitError::Refused(_))), "it was done, and is not done again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_is_said_to_be_full_and_is_read_all_the_same() {
    let pair = Replicated::start(&KEPT);
    let engine = open(&pair.master.url(), "replicated:1").await;
    engine.commit_one(send("a")).await.unwrap();
    let head = engine.commit_one(append(&["order"])).await.unwrap().head;
    let mut claimer = engine.claimer("s", "w").await.unwrap();
    assert_eq!(claimer.claim(1, Duration::from_secs(5)).await.unwrap().len(), 1);
    pair.master.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    let taken = engine.commit_one(append(&["order"])).await;
    assert!(matches!(taken, Err(CommitError::Store(StoreError::Full { .. }))), "{taken:?}");
    let page = engine.read(&kernel::Checkpoint::default(), 10).await.unwrap();
    assert_eq!((page.entries.len(), page.head), (1, head));
    let token = Token { service: "s".into(), worker: "w".into(), command: "a".into() };
    let outcome = kernel::Outcome::Dead { error: "no".into() };
    let settle = Some(Settlement { token, outcome: outcome.clone() });
    engine.commit_one(runtime::Commit { settle, ..runtime::Commit::default() }).await.unwrap();
    assert_eq!(engine.command("a").await.unwrap().unwrap().state, runtime::CommandState::Ended(outcome));
    // Somebody has removed it, and the scripts: both are there again.
    pair.master.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    pair.master.ask::<()>(&["DEL", "retrace:confirmed"]);
    pair.master.ask::<()>(&["SCRIPT", "FLUSH"]);
    engine.commit_one(append(&["order"])).await.unwrap();
    assert_eq!(pair.master.ask::<String>(&["GET", "retrace:confirmed"]), "1");
}

#[tokio::test]
async fn hints_that_come_together_are_confirmed_together() {
    let pair = Replicated::start(&KEPT);
    let engine = open(&pair.master.url(), "replicated:1").await;
    let mut outcomes = engine.outcomes().await.unwrap();
    let waits = || {
        let stats: String = pair.master.ask(&["INFO", "commandstats"]);
        let calls = stats.lines().find_map(|line| line.strip_prefix("cmdstat_wait:calls="));
        calls.map_or(0, |calls| calls.split(',').next().unwrap().parse::<u64>().unwrap())
    };
    let before = waits();
    let publish = "for i = 1, 100 do redis.call('PUBLISH', 'retrace:outcomes', '{\"command\":\"' .. i .. '\", \
                   \"position\":null,\"outcome\":{\"status\":\"dead\",\"error\":\"no\"}}') end";
    pair.master.ask::<()>(&["EVAL", publish, "0"]);
    for id in 1..=100 {
        let hint = tokio::time::timeout(super::DEADLINE, outcomes.next()).await.unwrap().unwrap();
        let outcome = kernel::Outcome::Dead { error: "no".into() };
        assert_eq!(hint, runtime::Hint::Ended { command: id.to_string(), outcome });
    }
    let confirmed = waits() - before;
    assert!((1..10).contains(&confirmed), "{confirmed} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_sentinel_everybody_finds_the_new_master_by_himself() {
    let mut pair = Replicated::start(&KEPT);
    let sentinel = Sentinel::watching(&pair.master);
    let engine = open(&sentinel.url(), "replicated:1").await;
    let load = Load::begin(&engine);
    load.until_more(100).await;
    let met = load.troubles();
    pair.master.kill();
    sentinel.until_master_is(&pair.replica);
    load.until("it was unavailable", |load| load.troubles() > met).await;
    // The new master has no replica that could confirm anything, until the old one comes back as one.
    pair.master.restart();
    load.until_more(100).await;
    println!("{} commands, unavailable: {:?}", load.taken(), load.reasons());
    load.end().await;
    let missing = format!("{}x", sentinel.url());
    let stranger = Engine::open(&missing.parse().unwrap(), &Namespace::default(), TOPICS).await;
    let Err(StoreError::Unusable { reason, .. }) = stranger else { panic!("{stranger:?}") };
    assert_eq!(reason, "its sentinels know no master called \"shopx\"");
}
