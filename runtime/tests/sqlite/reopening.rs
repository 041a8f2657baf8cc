//! What is in the file when it is opened again.

use std::{ops::ControlFlow, path::Path, time::Duration};

use kernel::{CREATED, Checkpoint, Draft, Entry, Meta, Number, Outcome, Position, Read};
use runtime::{
    Advance, CommandState, Commit, Engine, Expect, Holder, Idempotency, Parked, Refused, Settlement, StoreError,
    Stretch, Token,
};
use serde_json::json;

use super::{append, draft, enqueue, open, sql};

const LEASE: Duration = Duration::from_secs(600);

async fn refusal(engine: &Engine, commit: Commit) -> Refused {
    match engine.commit_one(commit).await {
        Err(runtime::CommitError::Refused(refused)) => refused,
        other => panic!("not refused: {other:?}"),
    }
}

/// All that can be asked for, as text.
async fn everything(engine: &Engine) -> String {
    let services = ["s", "t"];
    let mut commands = Vec::new();
    for id in ["done", "dead", "held", "waits", "back"] {
        commands.push(engine.command(id).await.unwrap());
    }
    format!(
        "{:#?}",
        (
            engine.head().await.unwrap(),
            engine.read(&Checkpoint::default(), usize::MAX).await.unwrap().entries,
            engine.checkpoints().await.unwrap(),
            engine.parked(None, usize::MAX).await.unwrap(),
            engine.queues(&services).await.unwrap(),
            engine.dead_letters(&services).await.unwrap(),
            commands,
        )
    )
}

fn keyed(id: &str, fingerprint: &str) -> Commit {
    let idempotency = Some(Idempotency { key: "key".into(), fingerprint: fingerprint.into() });
    Commit { enqueue: vec![runtime::Enqueue { idempotency, ..enqueue(id) }], ..Commit::default() }
}

fn token(command: &str) -> Token {
    Token { service: "s".into(), worker: "w".into(), command: command.into() }
}

fn settle(command: &str) -> Commit {
    let outcome = Outcome::Done { result: json!(["id"]), position: None };
    Commit { settle: Some(Settlement { token: token(command), outcome }), ..Commit::default() }
}

fn step(from: &Checkpoint, to: &Checkpoint) -> Commit {
    let advance = Advance {
        consumer: "saga/crm".into(),
        holder: Holder::Taking("somebody".into()),
        from: from.clone(),
        to: to.clone(),
    };
    Commit { advance: Some(advance), ..Commit::default() }
}

/// Brings something of everything into a log.
async fn fill(engine: &Engine) {
    let meta = Meta { handler: Some("crm".into()), as_of: Some(Position::new(7, 1)), ..Meta::default() };
    let odd = Draft { data: "\"\u{0}ü\\u0000\u{1F600}".into(), meta: Some(meta), ..draft("cart", "a \u{0} b") };
    let head = engine.commit_one(append(vec![odd, draft("order", "o")])).await.unwrap().head;
    engine.commit_one(step(&Checkpoint::default(), &head)).await.unwrap();
    let parked = |ms| Parked::now("c", "t", Position::new(ms, 0), "r");
    engine
        .commit_one(Commit { park: vec![parked(10), parked(9), parked(u64::MAX)], ..Commit::default() })
        .await
        .unwrap();
    engine.commit_one(keyed("done", "f")).await.unwrap();
    let ids = ["dead", "held", "back", "waits"];
    engine.commit_one(Commit { enqueue: ids.map(enqueue).into(), ..Commit::default() }).await.unwrap();
    engine.heartbeat("w", LEASE).await.unwrap();
    let claims = engine.claimer("s", "w").await.unwrap().claim(4, LEASE).await.unwrap();
    assert_eq!(claims.len(), 4);
    engine.commit_one(Commit { append: vec![draft("cart", "d")], ..settle("done") }).await.unwrap();
    engine.fail(&token("dead"), "broken", 1).await.unwrap();
    engine.fail(&token("back"), "at first", 3).await.unwrap();
    assert_eq!(engine.hold("projector", "me", LEASE).await.unwrap(), None);
}

#[tokio::test]
async fn reopening_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let engine = open(&path).await;
    fill(&engine).await;
    let before = everything(&engine).await;
    let head = engine.head().await.unwrap();
    let stood = engine.checkpoint("saga/crm").await.unwrap().unwrap();
    engine.close().await.unwrap();

    let engine = open(&path).await;
    assert_eq!(everything(&engine).await, before);
    assert_eq!(refusal(&engine, keyed("again", "f")).await, Refused::Repeated { first: "done".into() });
    assert_eq!(refusal(&engine, keyed("again", "g")).await, Refused::KeyReused { first: "done".into() });
    assert_eq!(refusal(&engine, settle("done")).await, Refused::Unclaimed { token: token("done") });
    assert_eq!(engine.hold("projector", "you", LEASE).await.unwrap(), Some("me".into()));
    assert_eq!(engine.reap(3).await.unwrap(), [], "the lease lasts");
    let mut late = step(&stood, &head);
    late.advance.as_mut().unwrap().holder = Holder::Holding("somebody".into());
    assert_eq!(refusal(&engine, late).await, Refused::TakenOver { consumer: "saga/crm".into() });
    engine.commit_one(step(&stood, &head)).await.unwrap();
    engine.commit_one(settle("held")).await.unwrap();
    let mut claimer = engine.claimer("s", "w").await.unwrap();
    for expected in [("back", 1), ("waits", 0)] {
        let claims = claimer.claim(4, Duration::ZERO).await.unwrap();
        let claims: Vec<_> = claims.iter().map(|claim| (claim.token.command.as_str(), claim.failed)).collect();
        assert_eq!(claims, [expected]);
    }
    let next = engine.commit_one(append(vec![draft("order", "p")])).await.unwrap();
    assert_eq!((&next.head.epoch, next.head.number), (&head.epoch, head.number.successor()));
    assert!(next.head.position > head.position);
}

#[tokio::test]
async fn a_decision_from_before_reopening_sees_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let engine = open(&path).await;
    let by = |saga: &str, id: &str| {
        let meta = Meta { handler: Some(saga.into()), ..Meta::default() };
        Draft { meta: Some(meta), ..draft("cart", id) }
    };
    let as_of = engine.commit_one(append(vec![draft("cart", "c1")])).await.unwrap().head.position;
    let drafts = vec![by("crm", "ü-c2"), draft("order", "c3"), draft("cart", "c4")];
    engine.commit_one(append(drafts)).await.unwrap();
    engine.close().await.unwrap();

    let engine = open(&path).await;
    let head = engine.commit_one(append(vec![draft("order", "c5")])).await.unwrap().head.position;
    let deciding = |except: Option<&str>, reads: &[(&'static str, &str)]| Commit {
        expect: Expect {
            as_of,
            reads: reads.iter().map(|(topic, text)| Read::of(*topic, text)).collect(),
            except: except.map(str::to_owned),
            head: None,
        },
        ..Commit::default()
    };
    let stale = |topic: &'static str, text: &str| Refused::Stale { read: Read::of(topic, text), as_of, head };
    for unchanged in [
        deciding(None, &[("cart", "c1"), ("order", "c2"), ("cart", "c3"), ("customer", "c4"), ("cart", "c5")]),
        deciding(Some("crm"), &[("cart", "c2")]),
    ] {
        engine.commit_one(unchanged).await.unwrap();
    }
    for (changed, read) in [
        (deciding(None, &[("cart", "ü-c2")]), stale("cart", "ü-c2")),
        (deciding(Some("other"), &[("cart", "c2")]), stale("cart", "c2")),
        (deciding(None, &[("order", "c5"), ("cart", "c4"), ("order", "c3")]), stale("order", "c3")),
        (deciding(None, &[("order", "c5"), ("customer", "c4")]), stale("order", "c5")),
    ] {
        assert_eq!(refusal(&engine, changed).await, read);
    }
}

#[tokio::test]
async fn ended_commands_run_out_but_dead_letters_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let engine = open(&path).await;
    fill(&engine).await;
    engine.commit_one(settle("held")).await.unwrap();
    engine.close().await.unwrap();
    let keyed_only = "UPDATE commands SET expires_ms = expires_ms - 601 * 1000";
    sql(&path, keyed_only).await;

    let engine = open(&path).await;
    engine.heartbeat("w", LEASE).await.unwrap();
    assert!(engine.command("held").await.unwrap().is_none());
    assert!(matches!(engine.command("done").await.unwrap().unwrap().state, CommandState::Ended(Outcome::Done { .. })));
    engine.close().await.unwrap();
    sql(&path, "UPDATE commands SET expires_ms = expires_ms - 24 * 60 * 60 * 1000").await;

    let engine = open(&path).await;
    engine.commit_one(keyed("again", "other")).await.unwrap();
    assert!(engine.command("done").await.unwrap().is_none());
    assert_eq!(engine.dead_letters(&["s"]).await.unwrap().len(), 1);
    assert!(engine.command("waits").await.unwrap().is_some());
}

/// Writes into the log what only another program would.
async fn write_foreign(path: &Path) {
    sql(
        path,
        r#"INSERT INTO log VALUES ('e');
        INSERT INTO events (ms, seq, topic, number, id, action, data, meta) VALUES
            (5, 1, 'b', NULL, '2', 'a', '{}', NULL), (5, 1, 'a', NULL, '1', 'a', '{}', NULL),
            (5, 1, 'c', NULL, '3', 'a', '{}', 'junk'), (5, 2, 'a', 1, '4', 'a', '{}', '{"handler":"h"}'),
            (6, 0, 'a', 2, '5', 'a', CAST(x'ff' AS TEXT), NULL), (7, 0, 'a', 3, '6', 'a', '', NULL)"#,
    )
    .await;
}

#[tokio::test]
async fn entries_at_one_position_are_never_parted_and_junk_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    open(&path).await.close().await.unwrap();
    write_foreign(&path).await;
    let engine = open(&path).await;
    assert_eq!(engine.head().await.unwrap().number, Number(3));
    for limit in 1..8 {
        let (mut at, mut all) = (Position::ZERO, Vec::new());
        loop {
            let after = Checkpoint { position: at, ..Checkpoint::default() };
            let entries = engine.read(&after, limit).await.unwrap().entries;
            let Some(last) = entries.last() else { break };
            assert!(entries.len() >= limit.min(6 - all.len()));
            at = last.position();
            all.extend(entries);
        }
        let topics: Vec<_> = all.iter().map(|entry| (entry.position().seq(), &**entry.topic())).collect();
        assert_eq!(topics, [(1, "a"), (1, "b"), (1, "c"), (2, "a"), (0, "a"), (0, "a")], "in pages of {limit}");
        let junk: Vec<_> = all.iter().map(|entry| matches!(entry, Entry::Junk(_))).collect();
        assert_eq!(junk, [false, false, true, false, true, false]);
    }
    let all = engine.read(&Checkpoint::default(), 9).await.unwrap().entries;
    let scanning = engine.clone();
    let shown = tokio::task::spawn_blocking(move || {
        let mut shown = Vec::new();
        let stretch = Stretch { after: Checkpoint::default(), until: Position::MAX };
        let ended = scanning.scan(&stretch, &mut |seen| {
            shown.push(seen.to_entry());
            ControlFlow::Continue(())
        });
        ended.map(|_| shown)
    });
    assert_eq!(shown.await.unwrap().unwrap(), all);
    let after = Checkpoint { position: Position::new(5, u64::MAX), ..Checkpoint::default() };
    assert_eq!(engine.read(&after, 9).await.unwrap().entries.len(), 2);
    assert_eq!(engine.read(&after, 0).await.unwrap().entries, []);
}

#[tokio::test]
async fn a_position_that_sqlite_can_not_hold_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder.path().join("log.db")).await;
    let at =
        |seq| append(vec![Draft { keep: Some(Position::new(5, seq)), action: CREATED.into(), ..draft("cart", "c") }]);
    engine.commit_one(at(u64::try_from(i64::MAX).unwrap())).await.unwrap();
    let error = engine.commit(&[at(u64::MAX)]).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Unusable { reason, .. } if reason.contains("5-18446744073709551615")),
        "{error}"
    );
}

#[tokio::test]
async fn a_claim_that_nobody_waited_for_is_given_out_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder.path().join("log.db")).await;
    engine.commit_one(Commit { enqueue: vec![enqueue("k")], ..Commit::default() }).await.unwrap();
    let mut claimer = engine.claimer("s", "w").await.unwrap();
    // Polled once, the request is on its way; dropped then, its answer has nobody to go to.
    let once = futures_util::future::poll_immediate(claimer.claim(1, LEASE)).await;
    assert!(once.is_none());
    let claims = claimer.claim(1, LEASE).await.unwrap();
    assert_eq!(claims[0].token, token("k"));
}

#[tokio::test]
async fn a_command_that_was_written_over_is_listed_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let engine = open(&path).await;
    engine.commit_one(Commit { enqueue: vec![enqueue("over"), enqueue("gone")], ..Commit::default() }).await.unwrap();
    engine.close().await.unwrap();
    sql(&path, "UPDATE commands SET command = 'no JSON' WHERE id = 'over'; DELETE FROM commands WHERE id = 'gone'")
        .await;
    let engine = open(&path).await;
    let listing = runtime::Listing { only: None, after: None, limit: 9 };
    let commands = engine.listed("s", &listing).await.unwrap().commands;
    let bodies: Vec<_> = commands.iter().map(|command| (command.id.as_str(), command.body.as_str())).collect();
    assert_eq!(bodies, [("over", "no JSON"), ("gone", "")]);
}
