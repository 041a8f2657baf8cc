//! What the server refuses, and how the engine lives through its absence.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use kernel::{Checkpoint, Entry, Number, Position};
use runtime::{CommitError, Engine, Failing, Hint, Namespace, Refused, StoreError, Stretch, Tail};
use testkit::{APPENDING, Fault, Proxy, RedisServer};

use super::{DEADLINE, Log, TOPICS, again, append, raw, send};

async fn open(server: &RedisServer) -> Result<Engine, StoreError> {
    open_url(&server.url()).await
}

async fn open_url(url: &str) -> Result<Engine, StoreError> {
    Engine::open(&url.parse().unwrap(), &Namespace::default(), TOPICS).await
}

fn reason(opened: Result<Engine, StoreError>) -> String {
    match opened {
        Err(StoreError::Unavailable { reason, .. }) => format!("unavailable: {reason}"),
        Err(StoreError::Unusable { reason, .. }) => format!("unusable: {reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_wrong_password_is_said_to_be_one_and_never_shown() {
    let server = RedisServer::start_with(&["--requirepass", "s3cret"]);
    let with = |password: &str| format!("{}?pass={password}", server.url());
    assert_eq!(reason(open(&server).await), "unavailable: it wants a password and the URL has none");
    let refused = open_url(&with("wr0ng")).await;
    assert!(!format!("{refused:?}").contains("wr0ng"), "{refused:?}");
    assert_eq!(reason(refused), "unavailable: it refuses the password");
    let engine = open_url(&with("s3cret")).await.unwrap();
    assert!(!format!("{engine:?} {}", engine.url()).contains("s3cret"), "{engine:?}");
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let nobody = open_url("redis://127.0.0.1:1").await;
    assert!(reason(nobody).starts_with("unavailable: nothing listens there"));
}

#[tokio::test]
async fn a_server_that_breaks_off_the_tls_handshake_is_unavailable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rediss://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let reason = reason(open_url(&url).await);
    assert!(reason.starts_with("unavailable: "), "{reason}");
}

#[tokio::test]
async fn a_replica_is_refused() {
    let server = RedisServer::start_with(&["--replicaof", "127.0.0.1 1"]);
    let expected = "unusable: it is a replica; give the URL of its master, 127.0.0.1:1";
    assert_eq!(reason(open(&server).await), expected);
}

#[tokio::test]
async fn a_server_that_evicts_is_refused() {
    let server = RedisServer::start_with(&["--maxmemory-policy", "allkeys-lru"]);
    let expected = "unusable: its maxmemory-policy allkeys-lru evicts whole streams; set it to noeviction";
    assert_eq!(reason(open(&server).await), expected);
}

#[tokio::test]
async fn forgotten_scripts_are_taught_again() {
    let server = RedisServer::start();
    let mut log = Log::on(&server).await;
    log.commit(&["order"]).await;
    let forget = || async {
        let _: redis::Value = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut raw(&server).await).await.unwrap();
    };
    forget().await;
    let answers = log.engine.commit(&[append(&["order"]), append(&["cart"])]).await.unwrap();
    assert_eq!(answers[1].as_ref().unwrap().head.number, Number(3));
    forget().await;
    assert_eq!(log.engine.queues(&["s"]).await.unwrap()[0].waiting, 0);
    assert_eq!(log.raw("XLEN", "events:order", &[]).await, redis::Value::Int(2));
}

#[tokio::test]
async fn a_full_server_takes_nothing_and_says_so() {
    let server = RedisServer::start();
    let mut log = Log::on(&server).await;
    let before = log.commit(&["order"]).await.head;
    let most = async |bytes: &str, raw: &mut redis::aio::MultiplexedConnection| {
        let set = redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes).query_async::<()>(raw).await;
        set.unwrap();
    };
    most("1", &mut log.raw).await;
    match log.engine.commit_one(append(&["order", "cart"])).await {
        Err(CommitError::Store(StoreError::Full { reason, .. })) => {
            assert_eq!(reason, "its memory is full (maxmemory)");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(log.engine.head().await.unwrap(), before);
    assert_eq!(log.engine.read(&Checkpoint::default(), 10).await.unwrap().entries.len(), 1);
    most("0", &mut log.raw).await;
    assert_eq!(log.commit(&["order", "cart"]).await.head.number, Number(3));
}

#[tokio::test]
async fn a_flushed_server_has_diverged_from_every_checkpoint() {
    let server = RedisServer::start();
    let mut log = Log::on(&server).await;
    log.commit(&["order"]).await;
    let checkpoint = log.commit(&["order"]).await.head;
    let _: redis::Value = redis::cmd("FLUSHALL").query_async(&mut log.raw).await.unwrap();
    let diverged = |read: Result<_, StoreError>| matches!(read, Err(StoreError::Diverged { .. }));
    assert!(diverged(log.engine.read(&checkpoint, 10).await));
    for _ in 0..3 {
        assert_ne!(log.commit(&["order"]).await.head.epoch, checkpoint.epoch);
        assert!(diverged(log.engine.read(&checkpoint, 10).await));
    }
    let members = log.raw("SMEMBERS", "retrace:topics", &[]).await;
    assert_eq!(redis::from_redis_value::<Vec<String>>(members).unwrap(), ["order"], "topics are noted anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_server_is_found_again_by_everyone() {
    let mut server = RedisServer::start_with(APPENDING);
    let log = Log::on(&server).await;
    let engine = log.engine.clone();
    let head = log.commit(&["order"]).await.head;
    let mut bell = engine.bell().await.unwrap();
    let mut claimer = engine.claimer("s", "w").await.unwrap();
    let mut outcomes = engine.outcomes().await.unwrap();
    let ringing = tokio::spawn(async move {
        let rung = bell.wait(head.position, DEADLINE).await;
        (bell, rung)
    });
    let claiming = tokio::spawn(async move {
        let claimed = claimer.claim(1, DEADLINE).await;
        (claimer, claimed)
    });

    server.kill();
    let (mut bell, rung) = ringing.await.unwrap();
    let (mut claimer, claimed) = claiming.await.unwrap();
    assert!(rung.is_err_and(|error| error.is_transient()) && claimed.is_err_and(|error| error.is_transient()));
    let lost = engine.commit_one(append(&["order"])).await;
    assert!(matches!(&lost, Err(CommitError::Store(error)) if error.is_transient()), "{lost:?}");
    assert!(outcomes.next().await.is_err());
    server.restart_with(APPENDING);

    assert_eq!(again(|| engine.head()).await, head);
    engine.commit_one(append(&["cart"])).await.unwrap();
    engine.commit_one(send("k")).await.unwrap();
    tokio::time::timeout(DEADLINE, async {
        while bell.wait(head.position, DEADLINE).await.is_err() {}
        while !claimer.claim(1, DEADLINE).await.is_ok_and(|claims| claims.len() == 1) {}
    })
    .await
    .unwrap();
    let next = tokio::time::timeout(DEADLINE, outcomes.next()).await.unwrap();
    assert_eq!(next.unwrap(), Hint::Missed, "what ended meanwhile has to be asked for");
    assert_eq!(engine.read(&head, 10).await.unwrap().entries.len(), 1);
}

#[tokio::test]
async fn a_given_up_wait_does_not_hold_up_the_next() {
    let log = Log::new().await;
    let mut bell = log.engine.bell().await.unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(5), bell.wait(Position::ZERO, DEADLINE)).await;
    assert!(given_up.is_err());
    log.commit(&["order"]).await;
    let begun = tokio::time::Instant::now();
    bell.wait(Position::ZERO, DEADLINE).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

fn diverged<T: std::fmt::Debug>(read: Result<T, StoreError>) -> String {
    match read {
        Err(StoreError::Diverged { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

/// What a scan of the whole log ends with.
async fn scan(engine: &Engine) -> Result<Checkpoint, StoreError> {
    let engine = engine.clone();
    let stretch = Stretch { after: Checkpoint::default(), until: Position::MAX };
    tokio::task::spawn_blocking(move || engine.scan(&stretch, &mut |_| ControlFlow::Continue(()))).await.unwrap()
}

#[tokio::test]
async fn who_begins_at_the_beginning_finds_that_it_is_gone() {
    let mut log = Log::new().await;
    log.commit(&["order", "cart"]).await;
    log.commit(&["order"]).await;
    log.engine.check_whole().await.unwrap();
    log.raw("XTRIM", "events:order", &[b"MAXLEN", b"1"]).await;
    let start = Checkpoint::default();
    let reason = diverged(log.engine.read(&start, 10).await);
    assert!(reason.starts_with("event 1 is missing: ") && reason.ends_with(" is event 2"), "{reason}");
    assert_eq!(diverged(scan(&log.engine).await), reason);
    let gone = "1 of its 3 events was taken out of it: a stream was trimmed or deleted";
    assert_eq!(diverged(log.engine.check_whole().await), gone);
    assert_eq!(diverged(Tail::follow(log.engine.clone()).await), gone);

    log.raw("DEL", "events:order", &[]).await;
    log.raw("DEL", "events:cart", &[]).await;
    for read in [log.engine.read(&start, 10).await.map(drop), scan(&log.engine).await.map(drop)] {
        assert_eq!(diverged(read), "events 1 to 3 are missing");
    }
    let gone = "3 of its 3 events were taken out of it: a stream was trimmed or deleted";
    assert_eq!(diverged(log.engine.check_whole().await), gone);
}

#[tokio::test]
async fn a_follower_at_the_head_hears_that_what_lies_behind_it_is_gone() {
    let mut log = Log::new().await;
    log.commit(&["order", "cart"]).await;
    let (tail, following) = Tail::follow(log.engine.clone()).await.unwrap();
    log.raw("XTRIM", "events:cart", &[b"MAXLEN", b"0"]).await;
    let gone = "1 of its 2 events was taken out of it: a stream was trimmed or deleted";
    let ended = tokio::time::timeout(DEADLINE, following).await.unwrap().unwrap();
    assert_eq!(diverged::<()>(Err(ended)), gone);
    assert_eq!(diverged(tail.next(&tail.head(), 1, DEADLINE).await), gone);
}

#[tokio::test]
async fn a_stranger_an_hour_ahead_stops_the_clock_and_not_the_order() {
    const HOUR: u64 = 3_600_000;
    let mut log = Log::new().await;
    let first = log.commit(&["order"]).await.positions[0];
    let ahead = Position::new(first.ms() + HOUR, 0);
    let fields: [(&str, &[u8]); 3] =
        [("event_id", b"f"), ("event_action", b"entity_created"), ("event_data", b"{\"entity_id\":\"f\"}")];
    log.add("order", &ahead.to_string(), &fields).await;
    let after = log.commit(&["cart", "order"]).await.positions;
    assert_eq!(after, [ahead.successor(), ahead.successor().successor()]);

    // What is ours to place is held against the server's clock, wherever the log has got to.
    let mut placed = append(&["cart"]);
    let position = Position::new(ahead.ms() + 1, 0);
    placed.append[0].keep = Some(position);
    match log.engine.commit_one(placed).await {
        Err(CommitError::Refused(Refused::AheadOfClock { position: refused, now_ms })) => {
            assert_eq!(refused, position);
            assert!((first.ms()..first.ms() + HOUR / 2).contains(&now_ms), "{now_ms}");
        }
        other => panic!("{other:?}"),
    }
    let entries = log.engine.read(&Checkpoint::default(), 10).await.unwrap().entries;
    let told: Vec<_> = entries.iter().map(|entry| (entry.position(), entry.number())).collect();
    let number = |number| Some(Number(number));
    assert_eq!(told, [(first, number(1)), (ahead, None), (after[0], number(2)), (after[1], number(3))]);
    assert_eq!(scan(&log.engine).await.unwrap().number, Number(3));
    let orders = entries.iter().filter(|entry| &**entry.topic() == "order").map(Entry::position);
    assert_eq!(orders.collect::<Vec<_>>(), [first, ahead, after[1]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_swallows_everything_is_given_up_by_everyone() {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.socket());
    let (direct, through) = (open(&server).await.unwrap(), open_url(&proxy.url()).await.unwrap());
    let head = direct.commit_one(append(&["order"])).await.unwrap().head;
    let mut bell = through.bell().await.unwrap();
    let mut claimer = through.claimer("s", "w").await.unwrap();
    let mut outcomes = through.outcomes().await.unwrap();
    assert_eq!(through.head().await.unwrap(), head);
    proxy.set(Fault::HalfOpen);
    let all = async {
        tokio::join!(
            bell.wait(head.position, Duration::from_secs(1)),
            claimer.claim(1, Duration::from_secs(1)),
            outcomes.next(),
            through.head(),
        )
    };
    let (rung, claimed, hinted, asked) = tokio::time::timeout(DEADLINE, all).await.unwrap();
    for failed in [rung.err(), claimed.err(), hinted.err(), asked.err()] {
        assert!(failed.as_ref().is_some_and(StoreError::is_transient), "{failed:?}");
    }
    proxy.set(Fault::None);
    direct.commit_one(append(&["cart"])).await.unwrap();
    direct.commit_one(send("k")).await.unwrap();
    bell.wait(head.position, DEADLINE).await.unwrap();
    assert_eq!(claimer.claim(1, DEADLINE).await.unwrap().len(), 1);
    assert_eq!(outcomes.next().await.unwrap(), Hint::Missed);
    assert_eq!(again(|| through.head()).await.number, Number(2));
}

/// The server's clock, in seconds of the Unix epoch.
fn server_s(server: &RedisServer) -> i64 {
    server.answer("TIME").lines().nth(2).and_then(|seconds| seconds.parse().ok()).unwrap_or(i64::MAX / 2)
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

#[tokio::test]
async fn a_clock_that_goes_back_or_forward_an_hour_keeps_the_order() {
    const HOUR: u64 = 3_600_000;
    let Some((server, clock)) = RedisServer::with_clock() else { return };
    let log = Log::on(&server).await;
    let first = log.commit(&["order"]).await.positions[0];
    log.engine.commit_one(send("k")).await.unwrap();
    log.engine.heartbeat("w", Duration::from_secs(60)).await.unwrap();
    let claims = log.engine.claimer("s", "w").await.unwrap().claim(1, DEADLINE).await.unwrap();
    assert_eq!(claims.len(), 1);

    let set = |offset: &str| {
        clock.set(offset);
        // It looks at the file at its next turn.
        let (offset, until) = (offset.parse::<i64>().unwrap(), Instant::now() + DEADLINE);
        while (server_s(&server) - now_s() - offset).abs() > 60 {
            assert!(Instant::now() < until, "the server's clock is never {offset} s off");
        }
    };
    set("-3600");
    assert_eq!(log.commit(&["cart", "order"]).await.positions, [first.successor(), first.successor().successor()]);
    let mut placed = append(&["cart"]);
    placed.append[0].keep = Some(Position::new(first.ms() + 1, 0));
    let refused = log.engine.commit_one(placed).await;
    let Err(CommitError::Refused(Refused::AheadOfClock { now_ms, .. })) = refused else { panic!("{refused:?}") };
    assert!(now_ms < first.ms() - HOUR / 2, "{now_ms}");
    // A lease that would last an hour longer than any may be is one of another clock: the dead keep nothing by it, and
    // the living take their commands again.
    assert_eq!(log.engine.reap(3).await.unwrap(), [("k".to_owned(), Failing::Requeued)]);
    log.engine.heartbeat("w", Duration::from_secs(60)).await.unwrap();
    let claims = log.engine.claimer("s", "w").await.unwrap().claim(1, DEADLINE).await.unwrap();
    assert_eq!(claims.len(), 1);
    assert_eq!(log.engine.reap(3).await.unwrap(), [], "nobody's lease has run out");

    set("+3600");
    let ahead = log.commit(&["order"]).await.positions[0];
    assert!(ahead.ms() > first.ms() + HOUR / 2, "{ahead}");
    let handed_back = log.engine.reap(3).await.unwrap();
    assert_eq!(handed_back.len(), 1, "the lease has run out by this clock: {handed_back:?}");

    set("+0");
    assert_eq!(log.commit(&["cart"]).await.positions, [ahead.successor()]);
    let entries = log.engine.read(&Checkpoint::default(), 10).await.unwrap().entries;
    let numbers: Vec<_> = entries.iter().map(Entry::number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5].map(|number| Some(Number(number))));
    assert!(entries.is_sorted_by(|a, b| a.position() < b.position()));
    log.engine.check_whole().await.unwrap();
}
