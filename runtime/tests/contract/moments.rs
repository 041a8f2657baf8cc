//! Single places in the log: what an index finds is what walking the log finds.

use kernel::{Checkpoint, Draft, Entry, Epoch, Moment, Number, Position};
use runtime::{Engine, Namespace, StoreUrl, history};
use sqlx::ConnectOptions as _;

use super::{
    log::{append, draft, read_all},
    scan::fill,
};

/// Where the last entry of `log` at or before `position` stands.
fn walked(log: &[Entry], position: Position, epoch: &Epoch) -> Checkpoint {
    let last = log.iter().rfind(|entry| entry.position() <= position);
    Checkpoint {
        epoch: epoch.clone(),
        position: last.map(Entry::position).unwrap_or_default(),
        number: last.and_then(Entry::number).unwrap_or_default(),
    }
}

/// Looks for places in a log: at its entries, beside them and far from them.
async fn compare(engine: &Engine, log: &[Entry]) {
    let head = engine.head().await.unwrap();
    let beside = |at: Position| [at.predecessor(), at, at.successor()];
    let spots: Vec<_> = log.iter().step_by(97).chain(log.last()).map(Entry::position).flat_map(beside).collect();
    for position in spots.iter().chain(&[Position::ZERO, Position::new(3, 0), Position::MAX]) {
        let found = engine.last_at(*position).await.unwrap();
        assert_eq!(found, walked(log, *position, &head.epoch), "at {position}");
    }
    // Backwards, some of them twice, most of them nowhere.
    let mut asked: Vec<_> = log.iter().step_by(2).map(Entry::position).flat_map(beside).chain(spots).collect();
    asked.reverse();
    let expected: Vec<_> = log.iter().filter(|entry| asked.contains(&entry.position())).cloned().collect();
    let found = engine.entries_at(&asked).await.unwrap();
    assert!(found == expected, "{} found, {} expected", found.len(), expected.len());
}

pub(crate) async fn an_empty_log_has_no_places(engine: Engine) {
    for position in [Position::ZERO, Position::new(1_795_341_904_815, 0), Position::MAX] {
        assert_eq!(engine.last_at(position).await.unwrap(), Checkpoint::default());
        assert_eq!(engine.entries_at(&[position, position]).await.unwrap(), []);
    }
    assert_eq!(engine.entries_at(&[]).await.unwrap(), []);
}

pub(crate) async fn places_are_found_as_by_walking_there(engine: Engine) {
    let positions = fill(&engine).await;
    let log: Vec<_> = read_all(&engine).await.into_iter().map(Entry::Event).collect();
    compare(&engine, &log).await;
    let epoch = engine.head().await.unwrap().epoch;
    let at = |position, number| Checkpoint { epoch: epoch.clone(), position, number: Number(number) };
    for (asked, found) in [
        (positions[0].predecessor(), at(Position::ZERO, 0)),
        (positions[0], at(positions[0], 1)),
        (positions[1_234], at(positions[1_234], 1_235)),
        (Position::MAX, at(positions[2_999], 3_000)),
    ] {
        assert_eq!(engine.last_at(asked).await.unwrap(), found);
    }

    // What is appended is found at once, wherever it is in the log.
    let committed = engine.commit_one(append(vec![draft("order", "a"), draft("cart", "b")])).await.unwrap();
    assert_eq!(engine.last_at(Position::MAX).await.unwrap(), committed.head);
    assert_eq!(engine.entries_at(&committed.positions).await.unwrap().len(), 2);

    // The same log as a file.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    let events = read_all(&engine).await;
    std::fs::write(&path, events.iter().map(history::write_line).collect::<Vec<_>>().join("\n")).unwrap();
    let read = Engine::open(&StoreUrl::History(path), &Namespace::default(), &[]).await.unwrap();
    compare(&read, &events.into_iter().map(Entry::Event).collect::<Vec<_>>()).await;
}

/// The log in pages of this many entries, from before `before` backwards.
async fn backwards(engine: &Engine, mut before: Position, limit: usize) -> Vec<Entry> {
    let mut pages = Vec::new();
    loop {
        let page = engine.entries_before(before, limit).await.unwrap();
        let Some(first) = page.first() else { break };
        before = first.position();
        let is_last = page.len() < limit;
        pages.push(page);
        if is_last {
            break;
        }
    }
    pages.into_iter().rev().flatten().collect()
}

pub(crate) async fn numbers_are_found_wherever_they_are(engine: Engine) {
    let zero = Moment::Number(Number::ZERO);
    assert_eq!(engine.position_at(zero).await.unwrap(), Position::ZERO);
    let refusal = engine.position_at(Moment::Number(Number(1))).await.unwrap_err().to_string();
    assert_eq!(refusal, "there is no event #1 yet; the log is empty");

    // Some years ago, some alone in their millisecond, some hundreds in one.
    let old =
        |n: u64| Draft { keep: Some(Position::new(1_500_000_000_000 + n * n, n)), ..draft("cart", &n.to_string()) };
    let mut positions = engine.commit_one(append((0..100).map(old).collect())).await.unwrap().positions;
    positions.extend(fill(&engine).await);
    for n in 0..40 {
        let commit = append(vec![draft("order", &n.to_string())]);
        positions.extend(engine.commit_one(commit).await.unwrap().positions);
    }
    let last = *positions.last().unwrap();
    for gap in [1, 100, 2_000] {
        let ms = positions.last().unwrap().ms() + gap;
        let kept = |n: u64| Draft { keep: Some(Position::new(ms + n, 7)), ..draft("cart", &format!("{gap}-{n}")) };
        positions.extend(engine.commit_one(append((0..70).map(kept).collect())).await.unwrap().positions);
    }
    assert!(last < *positions.last().unwrap());
    let epoch = engine.head().await.unwrap().epoch;
    let numbers = (1..).zip(&positions).filter(|(number, _)| number % 61 == 0 || *number > 2_950 || *number < 5);
    for (number, position) in numbers {
        let found = engine.numbered(Number(number)).await.unwrap();
        assert_eq!(found, Checkpoint { epoch: epoch.clone(), position: *position, number: Number(number) });
        assert_eq!(engine.position_at(Moment::Number(Number(number))).await.unwrap(), *position);
    }
    assert_eq!(engine.numbered(Number::ZERO).await.unwrap(), Checkpoint { epoch, ..Checkpoint::default() });
    let refusal = engine.position_at(Moment::Number(Number(9_999))).await.unwrap_err().to_string();
    assert_eq!(refusal, format!("there is no event #9999 yet; the last one is #{}", positions.len()));
}

pub(crate) async fn pages_backwards_are_the_log_from_its_end(engine: Engine) {
    assert_eq!(engine.entries_before(Position::MAX, 7).await.unwrap(), []);
    let positions = fill(&engine).await;
    // A topic that has had the log to itself for a while.
    let order = |n: u32| draft("order", &n.to_string());
    engine.commit_one(append((0..300).map(order).collect())).await.unwrap();
    let log: Vec<_> = read_all(&engine).await.into_iter().map(Entry::Event).collect();
    assert!(backwards(&engine, Position::MAX, 7).await == log);
    for limit in [64, 65, 200, 500, 1_000_000] {
        assert!(backwards(&engine, Position::MAX, limit).await == log, "{limit}");
    }
    assert_eq!(engine.entries_before(positions[10], 3).await.unwrap(), log[7..10]);
    assert_eq!(engine.entries_before(positions[10].successor(), 3).await.unwrap(), log[8..11]);
    assert_eq!(engine.entries_before(positions[0], 3).await.unwrap(), []);
    assert_eq!(engine.entries_before(Position::MAX, 0).await.unwrap(), []);
}

/// What other programs wrote: topic, position, number and meta. What has no readable meta is junk.
const FOREIGN: [(&str, &str, Option<u64>, Option<&str>); 8] = [
    ("order", "1795341904-815177", None, None),
    ("cart", "1795341904-815177", None, None),
    ("order", "1795341906-6", None, Some("{")),
    ("customer", "1795341907-7", Some(5), None),
    ("cart", "1795341907-7", Some(4), Some("{")),
    ("order", "1795341908-8", None, None),
    ("cart", "1795341908-8", Some(7), None),
    ("cart", "1795341909-9", Some(8), Some("nonsense")),
];

/// Holds an engine to what stands in [`FOREIGN`].
async fn look_into_foreign(engine: &Engine) {
    let epoch = engine.head().await.unwrap().epoch;
    for (asked, found, number) in [
        ("1795341904-815176", "0-0", 0),
        ("1795341904-815177", "1795341904-815177", 0),
        ("1795341906-0", "1795341904-815177", 0),
        ("1795341906-6", "1795341906-6", 0),
        ("1795341907-7", "1795341907-7", 5),
        ("1795341908-7", "1795341907-7", 5),
        ("1795341908-8", "1795341908-8", 0),
        ("1795341904815-0", "1795341909-9", 8),
    ] {
        let found = Checkpoint { epoch: epoch.clone(), position: found.parse().unwrap(), number: Number(number) };
        assert_eq!(engine.last_at(asked.parse().unwrap()).await.unwrap(), found, "{} at {asked}", engine.url());
    }
    // Entries at one position stay together; a number that is missing is the event before it.
    let all = engine.entries_at(&FOREIGN.map(|(_, position, ..)| position.parse().unwrap())).await.unwrap();
    for limit in 1..=9 {
        assert_eq!(backwards(engine, Position::MAX, limit).await, all, "{limit} at a time in {}", engine.url());
    }
    let before = engine.entries_before(Position::new(1_795_341_909, 0), 1).await.unwrap();
    assert_eq!(before, all[5..7]);

    let mut asked: Vec<Position> = (1_795_341_900..1_795_342_500).map(|second| Position::new(second, 7)).collect();
    for position in ["1795341908-8", "1795341906-6", "1795341904-815177", "1795341908-8"] {
        asked.insert(17, position.parse().unwrap());
    }
    let found = engine.entries_at(&asked).await.unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|entry| match entry {
            Entry::Event(event) => format!("{} {} {:?}", event.topic, event.position, event.number.map(|n| n.0)),
            Entry::Junk(junk) => format!("{} {} {:?} junk", junk.topic, junk.position, junk.number.map(|n| n.0)),
        })
        .collect();
    assert_eq!(
        found,
        [
            "cart 1795341904-815177 None",
            "order 1795341904-815177 None",
            "order 1795341906-6 None junk",
            "cart 1795341907-7 Some(4) junk",
            "customer 1795341907-7 Some(5)",
            "cart 1795341908-8 Some(7)",
            "order 1795341908-8 None",
        ],
        "{}",
        engine.url()
    );
}

#[tokio::test]
async fn a_foreign_history_is_looked_into() {
    let line = |(topic, id, number, meta): (&str, &str, Option<u64>, Option<&str>)| {
        let mut fields = serde_json::json!({"event_id": "e", "event_action": "a", "event_data": "{}"});
        if let Some(number) = number {
            fields["event_number"] = number.to_string().into();
        }
        if let Some(meta) = meta {
            fields["event_meta"] = meta.into();
        }
        serde_json::json!({"stream": format!("events:{topic}"), "id": id, "fields": fields}).to_string()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foreign.jsonl");
    std::fs::write(&path, FOREIGN.map(line).join("\n")).unwrap();
    let engine = Engine::open(&StoreUrl::History(path), &Namespace::default(), &[]).await.unwrap();
    look_into_foreign(&engine).await;
    for (number, position) in
        [(3, "0-0"), (4, "1795341907-7"), (5, "1795341907-7"), (6, "1795341907-7"), (7, "1795341908-8")]
    {
        let position: Position = position.parse().unwrap();
        assert_eq!(engine.position_at(Moment::Number(Number(number))).await.unwrap(), position, "#{number}");
    }
}

#[tokio::test]
async fn foreign_streams_are_looked_into() {
    let server = testkit::RedisServer::shared();
    let namespace: Namespace = testkit::RedisServer::namespace().parse().unwrap();
    // Nothing that these engines are told or have read names the topics: the log does.
    let url = server.url().parse().unwrap();
    let engine = Engine::open(&url, &namespace, &[]).await.unwrap();
    let other = Engine::open(&url, &namespace, &[]).await.unwrap();
    let mut raw = redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    for (topic, id, number, meta) in FOREIGN {
        let prefix = namespace.prefix();
        let mut add = redis::cmd("XADD");
        add.arg(format!("{prefix}events:{topic}")).arg(id).arg("event_id").arg("e").arg("event_action").arg("a");
        add.arg("event_data").arg("{}");
        for (name, value) in [("event_number", number.map(|n| n.to_string())), ("event_meta", meta.map(str::to_owned))]
        {
            if let Some(value) = value {
                add.arg(name).arg(value);
            }
        }
        add.exec_async(&mut raw).await.unwrap();
        redis::cmd("SADD").arg(format!("{prefix}retrace:topics")).arg(topic).exec_async(&mut raw).await.unwrap();
    }
    look_into_foreign(&engine).await;
    let refusal = engine.position_at(Moment::Number(Number(3))).await.unwrap_err().to_string();
    let url = engine.url();
    let way_out =
        "its events have no numbers, as they don't where another program wrote them; give a position or a time";
    assert_eq!(refusal, format!("there is no event #3 in {url}: {way_out}"));
    // What is committed behind them has numbers.
    let first = engine.commit_one(append(vec![draft("order", "a"), draft("cart", "b")])).await.unwrap().positions;
    for (number, position) in [(0, Position::ZERO), (1, first[0]), (2, first[1])] {
        assert_eq!(engine.position_at(Moment::Number(Number(number))).await.unwrap(), position, "#{number}");
    }
    assert_eq!(other.entries_at(&[Position::new(1_795_341_907, 7)]).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_foreign_file_is_looked_into() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let url = StoreUrl::Sqlite(path.clone());
    Engine::open(&url, &Namespace::default(), &[]).await.unwrap().close().await.unwrap();
    let mut tool = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    for (topic, id, number, meta) in FOREIGN {
        let position: Position = id.parse().unwrap();
        sqlx::query("INSERT INTO events VALUES (?, ?, ?, ?, 'e', 'a', '{}', ?)")
            .bind(position.ms().cast_signed())
            .bind(position.seq().cast_signed())
            .bind(topic)
            .bind(number.map(u64::cast_signed))
            .bind(meta)
            .execute(&mut tool)
            .await
            .unwrap();
    }
    sqlx::Connection::close(tool).await.unwrap();
    look_into_foreign(&Engine::open(&url, &Namespace::default(), &[]).await.unwrap()).await;
    look_into_foreign(&Engine::open_reading(&url, &Namespace::default(), &[]).await.unwrap()).await;
}
