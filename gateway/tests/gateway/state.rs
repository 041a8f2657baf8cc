//! Everything as it stood at a moment is what folding the log up to there gives.

use std::collections::BTreeMap;

use gateway::Settings;
use kernel::{CREATED, Checkpoint, DELETED, Domain, Draft, Entry, Event, UPDATED};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use runtime::{Commit, StoreUrl};
use serde_json::{Value, json};

use crate::app::{App, fact};

/// Keys that are hard to write, in JSON and in URLs.
const KEYS: [&str; 9] = ["a", "b/c", "100%", "?x=1&y#z", "\u{1f600} ü", "\"quoted\\\"", "..", "a b+c", "<b>"];

fn draft(topic: &str, action: &str, data: &Value) -> Draft {
    let id = format!("{topic}-{}", next());
    Draft { topic: topic.to_owned(), id, action: action.to_owned(), data: data.to_string(), meta: None, keep: None }
}

/// A number that no other event has.
fn next() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Books come, change and go, loans refer to them, and doors open.
async fn fill(app: &App, rounds: usize) {
    for round in 0..rounds {
        let action = |n: usize| [CREATED, UPDATED, UPDATED, DELETED, CREATED][(round * 7 + n * 3) % 5];
        let (book, other) = (KEYS[round * 5 % 9], KEYS[(round * 2 + 1) % 9]);
        let append = vec![
            draft("book", action(0), &json!({"entity_id": book, "title": format!("Momo {round}"), "copies": round})),
            draft(runtime::engine::DECISIONS, "decided", &json!({})),
            draft(
                "loan",
                action(1),
                &json!({"entity_id": format!("l{}", round % 13), "book_id": other, "reader": "Gigi"}),
            ),
            draft("visit", "door_opened", &json!({"reader": format!("reader {round}")})),
            draft("elsewhere", "entity_created", &json!({"entity_id": "x"})),
        ];
        let append = append.into_iter().take(1 + round % 5).collect();
        app.engine.commit_one(Commit { append, ..Commit::default() }).await.unwrap();
    }
}

type Rows = BTreeMap<&'static str, BTreeMap<String, Value>>;

/// The rows after each entry, by folding.
fn fold(domain: &Domain, entries: &[Entry]) -> Vec<Rows> {
    let mut rows: Rows = domain.topics().map(|topic| (topic.name, BTreeMap::new())).collect();
    let mut all = vec![rows.clone()];
    for entry in entries {
        if let Entry::Event(event) = entry
            && let Some(topic) = domain.topic(&event.topic)
        {
            let keyed = topic.step(event).unwrap();
            let of_topic = rows.get_mut(topic.name).unwrap();
            match keyed.step.onto(of_topic.contains_key(&*keyed.key)) {
                Some(row) => of_topic.insert(keyed.key.to_string(), serde_json::from_str(&row).unwrap()),
                None => of_topic.remove(&*keyed.key),
            };
        }
        all.push(rows.clone());
    }
    all
}

async fn entries(app: &App) -> Vec<Entry> {
    app.engine.read(&Checkpoint::default(), usize::MAX).await.unwrap().entries
}

async fn ask(app: &App, path: &str) -> Value {
    let answer = app.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.member("result")
}

fn escaped(key: &str) -> String {
    utf8_percent_encode(key, NON_ALPHANUMERIC).to_string()
}

/// A topic's rows at a moment, a few at a time.
async fn paged(app: &App, at: &str, topic: &str, limit: usize) -> BTreeMap<String, Value> {
    let (mut rows, mut after) = (BTreeMap::new(), String::new());
    loop {
        let page = ask(app, &format!("/api/v1/state?at={at}&topic={topic}&limit={limit}{after}")).await;
        assert_eq!(page["topic"], topic);
        let of_it = page["rows"].as_array().unwrap();
        assert!(
            of_it.len() <= limit && of_it.is_sorted_by_key(|row| row["key"].as_str().unwrap().to_owned()),
            "{page}"
        );
        rows.extend(of_it.iter().map(|row| (row["key"].as_str().unwrap().to_owned(), row["row"].clone())));
        let Some(next) = page["next"].as_str() else { return rows };
        after = format!("&after={}", escaped(next));
    }
}

/// What a client is told at one position, held against the fold.
async fn is_exact(app: &App, entries: &[Entry], rows: &[Rows], number: usize) {
    let at = format!("%23{number}");
    let state = ask(app, &format!("/api/v1/state?at={at}")).await;
    assert_eq!((&state["at"]["number"], &state["head"]["number"]), (&json!(number), &json!(entries.len())));
    assert_eq!((state.get("rows"), state.get("topic")), (None, None));
    let (before, rows) = (&rows[number.saturating_sub(1)], &rows[number]);
    for (topic, rows) in rows {
        assert_eq!(state["counts"][topic], json!(rows.len()), "{topic} at #{number}");
        for limit in [2, 1_000] {
            assert_eq!(paged(app, &at, topic, limit).await, *rows, "{topic} at #{number}, {limit} at a time");
        }
        for (key, row) in rows {
            let one = ask(app, &format!("/api/v1/state/{topic}/{}?at={at}", escaped(key))).await;
            assert_eq!((&one["row"], &one["key"], one.get("exists_later")), (row, &json!(key), None), "#{number}");
        }
    }
    let mut events = entries[..number].iter().rev().filter_map(|entry| match entry {
        Entry::Event(event) if *event.topic != *runtime::engine::DECISIONS => Some(event),
        Entry::Event(_) | Entry::Junk(_) => None,
    });
    let last: Option<&Event> = events.next();
    assert_eq!(state["event"]["event_id"], last.map_or(Value::Null, |event| json!(event.id)), "#{number}");
    let stands = last.is_some_and(|event| event.number.is_some_and(|of_it| of_it.0 == number as u64));
    if let (true, Some(change)) = (stands, state["change"].as_object()) {
        let key = change["key"].as_str().unwrap();
        let row = |rows: &Rows| rows[change["topic"].as_str().unwrap()].get(key).cloned().unwrap_or_default();
        assert_eq!((&change["before"], &change["after"]), (&row(before), &row(rows)), "#{number}");
    } else if stands {
        assert_eq!(rows, before, "#{number}: {state}");
    }
}

async fn every_moment_is_exact(app: &App) {
    let domain = crate::domain::domain();
    fill(app, 90).await;
    let entries = entries(app).await;
    let rows = fold(&domain, &entries);
    let head = app.engine.head().await.unwrap().position;
    fact("the timeline is kept", async || app.timeline.standing().await.unwrap().checkpoint.position == head).await;
    for number in (0..entries.len()).step_by(7).chain([1, 2, entries.len()]) {
        is_exact(app, &entries, &rows, number).await;
    }
    let now = ask(app, "/api/v1/state?topic=book").await;
    assert_eq!(
        (&now["at"], &now["at"]),
        (&now["head"], &json!({"position": head, "number": entries.len(), "time": head.time().unwrap().to_string()}))
    );
    let before = entries[0].position().predecessor();
    let empty = ask(app, &format!("/api/v1/state?at={before}&topic=book")).await;
    assert_eq!(empty["at"], json!({"position": "0-0", "number": 0, "time": null}));
    assert_eq!(empty["counts"], json!({"book": 0, "loan": 0, "visit": 0}));
    assert_eq!((&empty["rows"], &empty["event"], &empty["change"]), (&json!([]), &Value::Null, &Value::Null));
    referrers_are_found(app, &rows).await;
}

async fn referrers_are_found(app: &App, rows: &[Rows]) {
    for number in (1..rows.len()).step_by(31) {
        for key in KEYS {
            let path = format!("/api/v1/state/book/{}/referrers", escaped(key));
            let found = ask(app, &format!("{path}?at=%23{number}")).await;
            let loans = rows[number]["loan"].iter().filter(|(_, row)| row["book_id"] == key);
            let expected: Vec<_> =
                loans.map(|(of, row)| json!({"topic": "loan", "field": "book_id", "key": of, "row": row})).collect();
            assert_eq!(
                (&found["referrers"], &found["truncated"]),
                (&json!(expected), &json!(false)),
                "{key} #{number}"
            );
            if expected.len() > 1 {
                let one = ask(app, &format!("{path}?at=%23{number}&limit=1")).await;
                assert_eq!((&one["referrers"], &one["truncated"]), (&json!(expected[..1]), &json!(true)), "{key}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_moment_is_what_folding_gives_in_memory() {
    let app = App::alone(&StoreUrl::Memory, Settings::default()).await;
    app.remember();
    every_moment_is_exact(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_moment_is_what_folding_gives_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::alone(&StoreUrl::Sqlite(folder.path().join("log.db")), Settings::default()).await;
    app.remember();
    every_moment_is_exact(&app).await;
    assert!(app.timeline.standing().await.unwrap().bytes > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_not_there_says_whether_it_comes() {
    let app = App::alone(&StoreUrl::Memory, Settings::default()).await;
    app.remember();
    let book =
        |action: &str, key: &str| draft("book", action, &json!({"entity_id": key, "title": "Momo", "copies": 1}));
    let append = vec![
        book(CREATED, "a"),
        book(DELETED, "a"),
        book(CREATED, "b"),
        book(DELETED, "c"),
        book(UPDATED, "c"),
        book(DELETED, "b"),
        book(DELETED, "b"),
    ];
    let positions = app.engine.commit_one(Commit { append, ..Commit::default() }).await.unwrap().positions;
    for (number, key, row, version, later) in [
        (0, "a", false, None, Some(true)),
        (1, "a", true, Some(positions[0]), None),
        (2, "a", false, Some(positions[1]), Some(false)),
        (2, "b", false, None, Some(true)),
        (3, "b", true, Some(positions[2]), None),
        (3, "c", false, None, Some(false)),
        (4, "c", false, None, Some(false)),
        (2, "b", false, None, Some(true)),
        (6, "b", false, Some(positions[5]), Some(false)),
        (7, "b", false, Some(positions[5]), Some(false)),
    ] {
        let one = ask(&app, &format!("/api/v1/state/book/{key}?at=%23{number}")).await;
        assert_eq!((one["row"].is_object(), &one["version"]), (row, &json!(version)), "{key} at #{number}");
        assert_eq!(one.get("exists_later"), later.map(Value::from).as_ref(), "{key} at #{number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_event_is_found_however_many_records_of_the_log_came_after_it() {
    let app = App::alone(&StoreUrl::Memory, Settings::default()).await;
    let mut append = vec![draft("book", CREATED, &json!({"entity_id": "a", "title": "Momo", "copies": 1}))];
    append.extend((0..1_000).map(|_| draft(runtime::engine::DECISIONS, "decided", &json!({}))));
    let id = append[0].id.clone();
    app.engine.commit_one(Commit { append, ..Commit::default() }).await.unwrap();
    for number in [1, 2, 300, 1_001] {
        let state = ask(&app, &format!("/api/v1/state?at=%23{number}")).await;
        assert_eq!((&state["event"]["event_id"], &state["change"]["key"]), (&json!(id), &json!("a")), "#{number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_rows_are_looked_through_for_those_that_refer_to_one() {
    let app = App::alone(&StoreUrl::Memory, Settings { most_referring: 3, ..Settings::default() }).await;
    app.remember();
    let loan =
        |key: &str, book: &str| draft("loan", CREATED, &json!({"entity_id": key, "book_id": book, "reader": "Gigi"}));
    let append = [("a", "b1"), ("b", "b2"), ("c", "b2"), ("d", "b1")].map(|(key, book)| loan(key, book)).into();
    app.engine.commit_one(Commit { append, ..Commit::default() }).await.unwrap();
    for (query, number, keys, truncated) in [
        ("b1?", 3, json!(["a"]), false),
        ("b1?", 4, json!(["a"]), true),
        ("b2?", 4, json!(["b", "c"]), true),
        ("b2?limit=1&", 3, json!(["b"]), true),
        ("b2?limit=2&", 3, json!(["b", "c"]), false),
    ] {
        let (book, rest) = query.split_once('?').unwrap();
        let found = ask(&app, &format!("/api/v1/state/book/{book}/referrers?{rest}at=%23{number}")).await;
        let found_keys: Vec<_> = found["referrers"].as_array().unwrap().iter().map(|of| of["key"].clone()).collect();
        assert_eq!((json!(found_keys), &found["truncated"]), (keys, &json!(truncated)), "{query} #{number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_does_not_know_it_says() {
    let app = App::start().await;
    app.book("Momo").await;
    for (path, status, said) in [
        ("state?from=now", 400, "there is no parameter from here; there are at, topic, after, limit, log"),
        ("state?after=a", 400, "after is a key in a topic; say which, with the parameter topic"),
        ("state?limit=0", 400, "limit is \"0\"; expected a whole number from 1 to 1000"),
        ("state?topic=shelf", 404, "the domain has no topic shelf; it has book, loan, visit"),
        ("state?at=%2399", 422, "there is no event #99 yet; the last one is #1"),
        ("state/shelf/a", 404, "the domain has no topic shelf; it has book, loan, visit"),
        ("state/book/a?topic=book", 400, "there is no parameter topic here; there are at, log"),
        ("state/book/a/referrers?after=a", 400, "there is no parameter after here; there are at, limit, log"),
    ] {
        assert_eq!(app.get(&format!("/api/v1/{path}")).await.problem(), (status, said.to_owned()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_of_rows_are_told_only_where_they_are_known() {
    let app = App::alone(&StoreUrl::Memory, Settings::default()).await;
    fill(&app, 20).await;
    let state = ask(&app, "/api/v1/state?topic=book&limit=1").await;
    assert_eq!(state["counts"], json!({"book": null, "loan": null, "visit": null}));
    assert_eq!((state["rows"].as_array().unwrap().len(), state["next"].is_string()), (1, true));
}
