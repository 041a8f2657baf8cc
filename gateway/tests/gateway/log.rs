//! The log over HTTP: forwards, backwards and sifted, it is the log.

use gateway::Settings;
use kernel::{Draft, Position};
use runtime::{Commit, StoreUrl};
use serde_json::{Value, json};

use crate::app::App;

fn draft(topic: &str, action: &str, n: usize, data: &str) -> Draft {
    let (topic, action, data) = (topic.to_owned(), action.to_owned(), data.to_owned());
    Draft { topic, id: format!("e{n}"), action, data, meta: None, keep: None }
}

/// A log of books, visits, decisions, and of what no domain here knows; its events as clients see them.
async fn fill(app: &App, rounds: usize) -> Vec<Value> {
    for round in 0..rounds {
        let (book, title) = (format!("b{}", round % 7), format!("Momo \u{1f600} ÄRGER {round}"));
        let data = json!({"entity_id": book, "title": title, "copies": round}).to_string();
        let action = if round < 7 { "entity_created" } else { "entity_updated" };
        let append = vec![
            draft("book", action, 4 * round, &data),
            draft(runtime::engine::DECISIONS, "decided", 4 * round + 1, "{}"),
            draft("visit", "door_opened", 4 * round + 2, r#"{"reader":"Gigi"}"#),
            draft("elsewhere", "entity_moved", 4 * round + 3, "{ \"to\": [1,\n2]}"),
        ];
        app.engine.commit_one(Commit { append, ..Commit::default() }).await.unwrap();
    }
    let all = app.get("/api/v1/log?after=0-0&limit=1000").await.member("result");
    let events = all["events"].as_array().unwrap().clone();
    assert_eq!((all["more"].clone(), events.len()), (json!(false), 3 * rounds));
    events
}

fn positions(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["position"].as_str().unwrap()).collect()
}

/// Pages until there are no more, in log order; `query` sifts them.
async fn pages(app: &App, query: &str, forwards: bool, limit: usize) -> Vec<Value> {
    let (mut pages, mut place) = (Vec::new(), if forwards { "&after=0-0".to_owned() } else { String::new() });
    loop {
        let page = app.get(&format!("/api/v1/log?limit={limit}{query}{place}")).await.member("result");
        let events = page["events"].as_array().unwrap().clone();
        assert!(events.len() <= limit, "{page}");
        pages.push(events);
        if page["more"] == json!(false) {
            break;
        }
        let edge = |name: &str| page[name].as_str().unwrap().to_owned();
        place = if forwards { format!("&after={}", edge("to")) } else { format!("&before={}", edge("from")) };
    }
    if !forwards {
        pages.reverse();
    }
    pages.concat()
}

async fn app() -> App {
    App::alone(&StoreUrl::Memory, Settings::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_the_log_in_both_directions() {
    let app = app().await;
    assert_eq!(
        app.get("/api/v1/log").await.member("result"),
        json!({"events": [], "from": null, "to": null, "more": false, "head": {"position": "0-0", "number": 0, "time": null}})
    );
    let events = fill(&app, 40).await;
    let numbers: Vec<_> = events.iter().map(|event| event["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers[..6], [1, 3, 4, 5, 7, 8]);
    let seen = |event: &Value, name: &str| event[name].clone();
    assert_eq!([seen(&events[0], "key"), seen(&events[0], "action")], [json!("b0"), json!("book_created")]);
    assert_eq!([seen(&events[1], "key"), seen(&events[1], "topic")], [seen(&events[1], "position"), json!("visit")]);
    assert_eq!([seen(&events[2], "key"), seen(&events[2], "data")], [Value::Null, json!({"to": [1, 2]})]);
    for limit in [1, 7, 119, 120, 1000] {
        for forwards in [true, false] {
            assert_eq!(pages(&app, "", forwards, limit).await, events, "{limit} {forwards}");
        }
    }
    let last = app.get("/api/v1/log?limit=2").await.member("result");
    assert_eq!(positions(last["events"].as_array().unwrap()), positions(&events[118..]));
    assert_eq!((&last["head"]["number"], &last["more"]), (&json!(160), &json!(true)));
    assert_eq!((&last["from"], &last["to"]), (&events[118]["position"], &events[119]["position"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_goes_on_from_any_moment() {
    let app = app().await;
    let events = fill(&app, 10).await;
    let sixth = events[5]["position"].as_str().unwrap();
    for (query, expected) in [
        (format!("after={sixth}&limit=2"), &events[6..8]),
        (format!("before={sixth}&limit=2"), &events[3..5]),
        ("after=%238&limit=2".to_owned(), &events[6..8]),
        ("before=%238&limit=2".to_owned(), &events[3..5]),
        ("before=now&limit=1".to_owned(), &events[29..]),
        ("after=now".to_owned(), &[]),
        ("before=%230".to_owned(), &[]),
    ] {
        let page = app.get(&format!("/api/v1/log?{query}")).await.member("result");
        assert_eq!(page["events"], json!(expected), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wanted_is_found_and_nothing_else() {
    let app = app().await;
    let events = fill(&app, 40).await;
    let has = |event: &Value, text: &str| event.to_string().to_lowercase().contains(text);
    let topic = |event: &Value, topic: &str| event["topic"] == topic;
    type Wanted<'w> = &'w dyn Fn(&Value) -> bool;
    let cases: [(&str, Wanted<'_>); 8] = [
        ("&topic=book", &|event| topic(event, "book")),
        ("&topic=book,elsewhere", &|event| topic(event, "book") || topic(event, "elsewhere")),
        ("&topic=nowhere", &|_| false),
        ("&entity=b3", &|event| event["key"] == "b3"),
        ("&entity=b3&topic=visit", &|_| false),
        ("&text=%C3%A4rger%201", &|event| has(event, "ärger 1")),
        ("&text=BOOK_up", &|event| event["action"] == "book_updated"),
        ("&text=E7&topic=visit", &|event| topic(event, "visit") && has(event, "\"e7")),
    ];
    for (query, is_wanted) in cases {
        let expected: Vec<_> = events.iter().filter(|event| is_wanted(event)).cloned().collect();
        for (forwards, limit) in [(true, 1), (false, 3), (true, 1000), (false, 1000)] {
            assert_eq!(pages(&app, query, forwards, limit).await, expected, "{query} {forwards} {limit}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_is_sought_in_what_clients_see_however_it_is_stored() {
    let app = app().await;
    let append = vec![
        draft("book", "entity_created", 0, r#"{"title": "\u00c4rger", "copies": 1, "entity_id": "b"}"#),
        draft("elsewhere", "entity_moved", 1, r#"{"to": "\u00c4rger"}"#),
        draft("elsewhere", "entity_moved", 2, r#""say \"\u00e4rger\"""#),
    ];
    app.engine.commit_one(Commit { append, ..Commit::default() }).await.unwrap();
    for (text, expected) in [
        ("%C3%A4rger", json!(["e0", "e1", "e2"])),
        ("u00c4", json!(["e1"])),
        ("%22copies%22:1", json!(["e0"])),
        ("%22to%22:%22%C3%A4", json!(["e1"])),
        ("say%20%22%C3%A4", json!(["e2"])),
    ] {
        let page = app.get(&format!("/api/v1/log?text={text}")).await.member("result");
        let ids: Vec<_> = page["events"].as_array().unwrap().iter().map(|event| event["event_id"].clone()).collect();
        assert_eq!(json!(ids), expected, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_has_limits_and_says_what_it_does_not_know() {
    let app = app().await;
    let large = "x".repeat(700_000);
    for n in 0..20 {
        let append = vec![draft("elsewhere", "entity_moved", n, &json!({"to": large}).to_string())];
        app.engine.commit_one(Commit { append, ..Commit::default() }).await.unwrap();
    }
    let page = app.get("/api/v1/log?after=0-0").await.member("result");
    assert_eq!((page["events"].as_array().unwrap().len(), &page["more"]), (12, &json!(true)));
    for (query, status, said) in [
        ("at=now", 400, "there is no parameter at here; there are after, before, limit, topic, entity, text, log"),
        ("after=now&before=now", 400, "after and before can't be asked for together; a page goes one way"),
        ("limit=1001", 400, "limit is \"1001\"; expected a whole number from 1 to 1000"),
        ("after=%23999", 422, "there is no event #999 yet; the last one is #20"),
    ] {
        assert_eq!(app.get(&format!("/api/v1/log?{query}")).await.problem(), (status, said.to_owned()), "{query}");
    }
    let many: Vec<_> = (0..60_000).map(|n| draft("visit", "door_opened", n, "{}")).collect();
    app.engine.commit_one(Commit { append: many, ..Commit::default() }).await.unwrap();
    let page = app.get("/api/v1/log?text=nothing").await.member("result");
    let from: Position = page["from"].as_str().unwrap().parse().unwrap();
    let looked =
        app.engine.read(&kernel::Checkpoint { position: from, ..Default::default() }, usize::MAX).await.unwrap();
    assert_eq!((looked.entries.len(), &page["more"], &page["events"]), (49_999, &json!(true), &json!([])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_through_large_entries_ends_early_and_goes_on_from_there() {
    let app = app().await;
    let large = json!({"to": "x".repeat(1 << 20)}).to_string();
    for n in 0..70 {
        let append = vec![draft("elsewhere", "entity_moved", n, &large)];
        app.engine.commit_one(Commit { append, ..Commit::default() }).await.unwrap();
    }
    let number = async |page: &Value, edge: &str| {
        let past = app.get(&format!("/api/v1/state?at={}", page[edge].as_str().unwrap())).await.member("result");
        past["at"]["number"].as_u64().unwrap()
    };
    for (query, edges, further) in
        [("after=0-0", (1, 64), ("after", "to", (65, 70))), ("before=now", (7, 70), ("before", "from", (1, 6)))]
    {
        let page = app.get(&format!("/api/v1/log?topic=nowhere&{query}")).await.member("result");
        assert_eq!((number(&page, "from").await, number(&page, "to").await), edges, "{query}");
        assert_eq!((&page["events"], &page["more"]), (&json!([]), &json!(true)), "{query}");
        let (direction, edge, edges) = further;
        let on = format!("/api/v1/log?topic=nowhere&{direction}={}", page[edge].as_str().unwrap());
        let page = app.get(&on).await.member("result");
        assert_eq!((number(&page, "from").await, number(&page, "to").await), edges, "{query}");
        assert_eq!(page["more"], json!(false), "{query}");
    }
}
