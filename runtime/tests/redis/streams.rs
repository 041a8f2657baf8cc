//! Other programs in the log's keys.

use std::time::Duration;

use kernel::{Checkpoint, Entry, Intent, Number, Outcome, Position};
use runtime::{Commit, Enqueue, Idempotency, Parked, Refused, Settlement, StoreError};

use super::{Log, append, send};

const EVENT: &[(&str, &[u8])] = &[("event_id", b"f"), ("event_action", b"entity_created"), ("event_data", b"{}")];

async fn entries(log: &Log) -> Vec<Entry> {
    log.engine.read(&Checkpoint::default(), usize::MAX).await.unwrap().entries
}

fn end_of(entry: &Entry) -> Checkpoint {
    Checkpoint { position: entry.position(), number: entry.number().unwrap_or_default(), ..Checkpoint::default() }
}

#[tokio::test]
async fn a_log_begins_after_what_another_program_has_written() {
    let mut log = Log::new().await;
    log.add("order", "1795341904-815177", EVENT).await;
    log.add("cart", "1795341905-1", EVENT).await;
    let head = Checkpoint { position: Position::new(1_795_341_905, 1), ..Checkpoint::default() };
    assert_eq!(log.engine.head().await.unwrap(), head);
    let refused =
        Commit { expect: runtime::Expect { head: Some(Number(1)), ..Default::default() }, ..append(&["cart"]) };
    assert!(log.engine.commit(&[refused]).await.unwrap()[0].is_err());
    assert_eq!(log.engine.head().await.unwrap(), head, "a refused commit begins nothing");

    let mut late = append(&["order"]);
    late.append[0].keep = Some(Position::new(1_795_341_904, 999_999));
    let answers = log.engine.commit(&[late, append(&["order"])]).await.unwrap();
    let position = Position::new(1_795_341_904, 999_999);
    assert_eq!(answers[0], Err(Refused::OutOfOrder { position, last: head.position }));
    assert_eq!(answers[1].as_ref().unwrap().head.number, Number(1));
    let numbers: Vec<_> = entries(&log).await.iter().map(Entry::number).collect();
    assert_eq!(numbers, [None, None, Some(Number(1))]);
}

#[tokio::test]
async fn a_commit_goes_on_after_what_another_program_has_written_since() {
    let mut log = Log::new().await;
    let first = log.commit(&["order"]).await.head;
    let ahead = Position::new(first.position.ms() + 60_000, u64::MAX - 1);
    log.add("cart", &ahead.to_string(), EVENT).await;
    assert_eq!(log.engine.head().await.unwrap(), Checkpoint { position: ahead, ..first.clone() });
    let there = Checkpoint { position: ahead, ..first };
    assert!(log.engine.read(&there, 10).await.unwrap().entries.is_empty(), "the log reaches as far");

    let positions = log.commit(&["order", "cart", "order", "cart"]).await.positions;
    let (ms, end) = (ahead.ms(), u64::MAX);
    let after = |seq| Position::new(ms + 1, seq);
    assert_eq!(positions, [Position::new(ms, end), after(0), after(1), after(2)]);
    assert_eq!(log.engine.read(&there, 10).await.unwrap().entries.len(), 4);
    assert_eq!(entries(&log).await.len(), 6);
}

#[tokio::test]
async fn long_sequence_numbers_lose_nothing() {
    let mut log = Log::new().await;
    let ms = log.commit(&["order"]).await.head.position.ms() + 60_000;
    for seq in [999_999_999_999_998, 9_007_199_254_740_993, 18_446_744_073_709_551_599] {
        log.add("order", &Position::new(ms, seq).to_string(), EVENT).await;
        let positions = log.commit(&["order", "order"]).await.positions;
        assert_eq!(positions, [Position::new(ms, seq + 1), Position::new(ms, seq + 2)]);
    }
}

#[tokio::test]
async fn a_stream_that_is_ahead_though_empty_is_gone_on_from() {
    let mut log = Log::new().await;
    let ahead = Position::new(log.commit(&["order"]).await.head.position.ms() + 60_000, 7);
    log.add("cart", &ahead.to_string(), EVENT).await;
    log.raw("XDEL", "events:cart", &[ahead.to_string().as_bytes()]).await;
    let positions = log.commit(&["order", "cart"]).await.positions;
    assert_eq!(positions, [ahead.successor(), ahead.successor().successor()]);
    let mut late = append(&["order", "cart"]);
    late.append[0].keep = Some(ahead);
    let refused = log.engine.commit(&[late]).await.unwrap().remove(0);
    assert_eq!(refused, Err(Refused::OutOfOrder { position: ahead, last: positions[1] }));
    assert_eq!(entries(&log).await.len(), 3);
}

#[tokio::test]
async fn a_stream_at_the_end_of_all_positions_takes_no_half_of_a_commit() {
    let mut log = Log::new().await;
    log.commit(&["order"]).await;
    log.add("cart", &Position::MAX.to_string(), EVENT).await;
    let before = entries(&log).await.len();
    let failed = log.engine.commit_one(append(&["order", "order", "cart"])).await;
    assert!(matches!(&failed, Err(runtime::CommitError::Store(StoreError::Unusable { .. }))), "{failed:?}");
    assert_eq!(entries(&log).await.len(), before);
    assert_eq!(log.commit(&["order"]).await.head.number, Number(2));
}

#[tokio::test]
async fn a_change_by_another_program_is_a_change() {
    let mut log = Log::new().await;
    let head = log.commit(&["order"]).await.head.position;
    let changed = head.successor();
    log.add("cart", &changed.to_string(), &[("event_data", b"{\"entity_id\":\"x\"}")]).await;
    let reading = |text| Commit {
        expect: runtime::Expect { reads: vec![kernel::Read::of("cart", text)], ..Default::default() },
        ..append(&["order"])
    };
    let refused = log.engine.commit(&[reading("x")]).await.unwrap().remove(0);
    let stale = Refused::Stale { read: kernel::Read::of("cart", "x"), as_of: Position::ZERO, head: changed };
    assert_eq!(refused, Err(stale));
    assert!(log.engine.commit(&[reading("other")]).await.unwrap()[0].is_ok());
}

#[tokio::test]
async fn junk_is_kept_in_sight_and_read_past() {
    let mut log = Log::new().await;
    log.add("order", "1-1", &[("hello", b"world")]).await;
    log.add("order", "1-2", &[("event_id", b"f"), ("event_action", b"a"), ("event_data", b"\xff{}")]).await;
    log.add("order", "1-3", &[EVENT, &[("event_number", b"many")]].concat()).await;
    log.add("order", "1-4", &[EVENT, &[("event_number", b"4"), ("event_meta", b"{")]].concat()).await;
    log.add("cart", "1-5", EVENT).await;
    let long = vec![b'x'; runtime::history::LONGEST_FIELD + 1];
    log.add("cart", "1-6", &[EVENT, &[("event_data", long.as_slice())]].concat()).await;
    let told: Vec<_> = entries(&log)
        .await
        .into_iter()
        .map(|entry| match entry {
            Entry::Junk(junk) => junk.reason,
            Entry::Event(event) => event.id,
        })
        .collect();
    assert_eq!(
        told[..3],
        [
            "event_id is missing",
            "event_data is no UTF-8: invalid utf-8 sequence of 1 bytes from index 0",
            "event_number is no number",
        ]
    );
    assert!(told[3].starts_with("event_meta can't be read: "), "{told:?}");
    assert_eq!(told[4..], ["f", "event_data is 16777217 bytes long; at most 16777216 are read"]);
    let engine = log.engine.clone();
    let scanning = tokio::task::spawn_blocking(move || {
        let mut scanned = Vec::new();
        // Behind the entry whose number is out of line.
        let after = Checkpoint { position: Position::new(1, 4), ..Checkpoint::default() };
        let stretch = runtime::Stretch { after, until: Position::MAX };
        let scan = engine.scan(&stretch, &mut |seen| {
            scanned.push(seen.to_entry());
            std::ops::ControlFlow::Continue(())
        });
        scan.map(|_| scanned)
    });
    let scanned = scanning.await.unwrap().unwrap();
    assert_eq!(scanned.len(), 2);
    assert!(matches!(&scanned[1], Entry::Junk(junk) if junk.reason == told[5]), "{:?}", scanned[1]);
    let mut own = append(&["cart"]);
    own.append[0].data = String::from_utf8(long).unwrap();
    let refused = log.engine.commit_one(own).await.unwrap_err().to_string();
    assert!(refused.ends_with("event_data is 16777217 bytes long; at most 16777216 are read"), "{refused}");
}

#[tokio::test]
async fn equal_positions_of_other_programs_stay_together() {
    let mut log = Log::new().await;
    for (topic, id) in [("order", "5-5"), ("cart", "5-5"), ("order", "6-6"), ("cart", "7-7")] {
        log.add(topic, id, EVENT).await;
    }
    let page = log.engine.read(&Checkpoint::default(), 1).await.unwrap().entries;
    assert_eq!(page.iter().map(|entry| entry.topic().as_ref()).collect::<Vec<_>>(), ["cart", "order"]);
    let rest = log.engine.read(&end_of(&page[1]), 10).await.unwrap().entries;
    assert_eq!(rest.iter().map(Entry::position).collect::<Vec<_>>(), [Position::new(6, 6), Position::new(7, 7)]);
}

#[tokio::test]
async fn a_topic_that_another_process_begins_is_read() {
    let log = Log::new().await;
    let namespace = log.prefix.trim_matches(['{', '}', ':']).parse().unwrap();
    let url = testkit::RedisServer::shared().url().parse().unwrap();
    let other = runtime::Engine::open(&url, &namespace, &["mail"]).await.unwrap();
    other.commit_one(append(&["mail"])).await.unwrap();
    assert_eq!(entries(&log).await.len(), 1);
    let mut bell = log.engine.bell().await.unwrap();
    bell.wait(Position::ZERO, Duration::from_secs(60)).await.unwrap();
}

#[tokio::test]
async fn long_pages_of_unlike_topics_come_whole_and_in_order() {
    let log = Log::new().await;
    for round in 0..40_usize {
        let topics: Vec<_> = (0..50).map(|n| if (round / 10) % 2 == 0 || n == 0 { "order" } else { "cart" }).collect();
        log.commit(&topics).await;
    }
    for limit in [100, 333, 1_999, 5_000] {
        let (mut after, mut last) = (Checkpoint::default(), 0);
        while last < 2_000 {
            let page = log.engine.read(&after, limit).await.unwrap();
            assert_eq!(page.entries.len(), limit.min(2_000 - last), "a page is as long as it may be");
            last += page.entries.len();
            after = Checkpoint { epoch: page.head.epoch, ..end_of(page.entries.last().unwrap()) };
            assert_eq!(after.number.0, last as u64);
        }
    }
}

#[tokio::test]
async fn a_key_of_another_type_fails_the_commit_before_anything_is_written() {
    let mut log = Log::new().await;
    log.raw("SET", "retrace:parked", &[b"mine"]).await;
    let park = Parked::now("c", "t", Position::ZERO, "r");
    let failed = log.engine.commit_one(Commit { park: vec![park], ..append(&["order"]) }).await;
    assert!(matches!(&failed, Err(runtime::CommitError::Store(StoreError::Unusable { .. }))), "{failed:?}");
    assert!(entries(&log).await.is_empty());
    assert_eq!(log.engine.head().await.unwrap(), Checkpoint::default());
}

#[tokio::test]
async fn records_last_as_long_as_they_should() {
    let mut log = Log::new().await;
    let idempotency = Some(Idempotency { key: "i".into(), fingerprint: "f".into() });
    let command = testkit::command("keyed", "cart", Intent::Delete { id: "c".into() });
    let keyed = Enqueue { command, service: "s".into(), idempotency };
    log.engine.commit_one(Commit { enqueue: vec![keyed], ..Commit::default() }).await.unwrap();
    for id in ["plain", "dead"] {
        log.engine.commit_one(send(id)).await.unwrap();
    }
    let claims = log.engine.claimer("s", "w").await.unwrap().claim(9, Duration::ZERO).await.unwrap();
    for claim in &claims[..2] {
        let settle =
            Settlement { token: claim.token.clone(), outcome: Outcome::Done { result: true.into(), position: None } };
        log.engine.commit_one(Commit { settle: Some(settle), ..Commit::default() }).await.unwrap();
    }
    log.engine.fail(&claims[2].token, "e", 1).await.unwrap();
    for (key, seconds) in [
        ("command:keyed", 86_400),
        ("idempotency:i", 86_400),
        ("command:plain", 600),
        ("command:dead", -1),
        ("workers", -1),
    ] {
        let redis::Value::Int(left) = log.raw("TTL", &format!("retrace:{key}"), &[]).await else { panic!("{key}") };
        assert!((seconds - 5..=seconds).contains(&left), "{key} lasts {left} s");
    }
    assert_eq!(log.raw("HEXISTS", "retrace:command:plain", &[b"body"]).await, redis::Value::Int(0));
    log.engine.discard("s", "dead").await.unwrap();
    assert_eq!(log.raw("TTL", "retrace:command:dead", &[]).await, redis::Value::Int(600));
}

#[tokio::test]
async fn a_claim_that_is_given_up_midway_claims_nothing_unseen() {
    let log = Log::new().await;
    let mut claimer = log.engine.claimer("s", "w").await.unwrap();
    let mut claimed = Vec::new();
    for round in 0..60_u64 {
        log.engine.commit_one(send(&format!("{round:02}"))).await.unwrap();
        let claim = claimer.claim(1, Duration::from_secs(60));
        if let Ok(claims) = tokio::time::timeout(Duration::from_micros(round * 10), claim).await {
            claimed.extend(claims.unwrap().into_iter().map(|claim| claim.token.command));
        }
    }
    while claimed.len() < 60 {
        let claims = claimer.claim(7, Duration::from_secs(60)).await.unwrap();
        claimed.extend(claims.into_iter().map(|claim| claim.token.command));
    }
    assert!(claimed.is_sorted_by(|a, b| a < b), "{claimed:?}");
    assert_eq!(log.engine.queues(&["s"]).await.unwrap()[0].claimed, 60);
}

#[tokio::test]
async fn a_worker_that_never_had_a_heartbeat_can_be_swept() {
    let mut log = Log::new().await;
    log.engine.commit_one(send("k")).await.unwrap();
    let claims = log.engine.claimer("s", "w").await.unwrap().claim(1, Duration::ZERO).await.unwrap();
    assert_eq!(claims.len(), 1);
    assert!(matches!(log.raw("ZSCORE", "retrace:workers", &[b"w"]).await, redis::Value::BulkString(_)));
    log.engine.heartbeat("w", Duration::ZERO).await.unwrap();
    assert_eq!(log.engine.reap(9).await.unwrap().len(), 1);
    assert_eq!(log.raw("EXISTS", "retrace:worker:w", &[]).await, redis::Value::Int(0), "nothing is left of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_grows_while_it_is_read_from_a_strangers_entry_has_lost_nothing() {
    let mut log = Log::new().await;
    for _ in 0..200 {
        let head = log.commit(&["order"]).await.head;
        let position = head.position.successor();
        log.add("order", &position.to_string(), EVENT).await;
        let after = Checkpoint { position, ..head };
        let reads = async {
            let mut found = 0;
            while found == 0 {
                found = log.engine.read(&after, 10).await.unwrap().entries.len();
            }
            assert_eq!(found, 1);
        };
        tokio::join!(reads, log.commit(&["order"]));
    }
}

#[tokio::test]
async fn a_command_that_was_written_over_is_listed_as_it_stands() {
    let mut log = Log::new().await;
    for id in ["over", "gone"] {
        log.engine.commit_one(super::send(id)).await.unwrap();
    }
    log.raw("HSET", "retrace:command:over", &[b"body", b"no \xff JSON"]).await;
    log.raw("DEL", "retrace:command:gone", &[]).await;
    let listing = runtime::Listing { only: None, after: None, limit: 9 };
    let commands = log.engine.listed("s", &listing).await.unwrap().commands;
    let bodies: Vec<_> = commands.iter().map(|command| (command.id.as_str(), command.body.as_str())).collect();
    assert_eq!(bodies, [("over", "no \u{fffd} JSON"), ("gone", "")]);
}

#[tokio::test]
async fn what_was_parked_before_it_had_an_order_gets_its_place_in_it() {
    let mut log = Log::new().await;
    for (position, topic, reason) in [("10-9", "order", r#"a \u00e4 \"b\""#), ("9-10", "cart", "s")] {
        let name = format!("saga/a {position}");
        let json = format!(
            "{{\"consumer\":\"saga/a\",\"topic\":\"{topic}\",\"position\":\"{position}\",\"reason\":\"{reason}\"}}"
        );
        log.raw("HSET", "retrace:parked", &[name.as_bytes(), json.as_bytes()]).await;
    }
    let namespace = log.prefix.trim_matches(['{', '}', ':']).parse().unwrap();
    let again = || async {
        let url = testkit::RedisServer::shared().url().parse().unwrap();
        runtime::Engine::open(&url, &namespace, super::TOPICS).await.unwrap()
    };
    let engine = again().await;
    let parked = engine.parked(None, 10).await.unwrap();
    let told: Vec<_> = parked.iter().map(|parked| (parked.id().to_string(), &*parked.reason)).collect();
    let expected = [("cart 9-10 of saga/a", "s"), ("order 10-9 of saga/a", "a \u{e4} \"b\"")];
    assert_eq!(told, expected.map(|(id, reason)| (id.to_owned(), reason)));
    assert!(parked.iter().all(|parked| parked.attempts == 1 && parked.since_ms > 0 && !parked.retry), "{parked:?}");
    assert_eq!(engine.parked_count().await.unwrap(), 2);
    assert_eq!(engine.parked_one(&parked[0].id()).await.unwrap().as_ref(), Some(&parked[0]));
    engine.commit_one(runtime::Parked::dropped(parked[0].id())).await.unwrap();
    assert_eq!(again().await.parked(None, 10).await.unwrap(), parked[1..]);
}
