//! Reads of the past, and what changed between two moments.

use runtime::StoreUrl;
use serde_json::{Value, json};

use gateway::Settings;
use kernel::Position;

use crate::{
    app::App,
    client::{Answer, Ask},
};

/// An answer's position, status and body.
fn told(answer: &Answer) -> (&str, u16, &str) {
    (answer.header("retrace-position"), answer.status, &answer.body)
}

fn result(rows: &str) -> String {
    format!(r#"{{"result":{rows}}}"#)
}

/// A book's life: created, replaced, lent, ended; the position of each, and the row while it was there.
struct Life {
    id: String,
    loan: String,
    created: String,
    replaced: String,
    lent: String,
    returned: String,
    ended: String,
}

impl Life {
    async fn of(app: &App) -> Self {
        let position = |answer: &Answer| {
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.header("retrace-position").to_owned()
        };
        let created = app.post("/book", r#"{"title":"Momo"}"#).await;
        let id = created.ids().remove(0);
        let book = format!("/book/{id}");
        let replaced = app.put(&book, r#"{"title":"Momo","copies":3}"#).await;
        let lent = app.post("/loan", &format!(r#"{{"book_id":"{id}","reader":"Gigi"}}"#)).await;
        let loan = lent.ids().remove(0);
        let returned = app.delete(&format!("/loan/{loan}")).await;
        let ended = app.delete(&book).await;
        let [created, replaced, lent, returned, ended] =
            [created, replaced, lent, returned, ended].map(|a| position(&a));
        Self { id, loan, created, replaced, lent, returned, ended }
    }

    fn row(&self, copies: u32) -> String {
        format!(r#"{{"entity_id":"{}","title":"Momo","copies":{copies}}}"#, self.id)
    }
}

async fn rows_are_those_of_then(app: &App) {
    let life = Life::of(app).await;
    let book = format!("/book/{}", life.id);
    let position = |text: &str| text.parse::<Position>().unwrap();
    let before = position(&life.created).predecessor().to_string();
    let between = position(&life.replaced).predecessor().to_string();
    let lent = r#"[{"readers":["Gigi"],"title":"Momo"}]"#;
    let (one, three) = (life.row(1), life.row(3));
    let cases = [
        ("0-0", "0-0", "null", "[]"),
        (&before, "0-0", "null", "[]"),
        (&life.created, &life.created, one.as_str(), "[]"),
        (&between, &life.created, &one, "[]"),
        (&life.replaced, &life.replaced, &three, "[]"),
        (&life.lent, &life.lent, &three, lent),
        (&life.returned, &life.returned, &three, "[]"),
        (&life.ended, &life.ended, "null", "[]"),
        ("now", &life.ended, "null", "[]"),
    ];
    for (at, exactly, row, query) in cases {
        let rows = if row == "null" { "[]".to_owned() } else { format!("[{row}]") };
        for (path, json) in [(book.as_str(), row), ("/books", rows.as_str()), ("/books/lent", query)] {
            let path = format!("{path}?at={at}");
            assert_eq!(told(&app.get(&path).await), (exactly, 200, result(json).as_str()), "{path}");
            let head = app.ask("HEAD", &path).await_answer().await;
            assert_eq!(told(&head), (exactly, 200, ""), "HEAD {path}");
        }
    }
    assert_eq!(
        told(&app.get(&format!("/book/other?at={}", life.ended)).await),
        (&*life.ended, 200, r#"{"result":null}"#)
    );
    assert_eq!(app.get(&book).await.header("retrace-position"), "", "what is served now has no position");
    let time = position(&life.lent).time().unwrap();
    // More may have happened within the same millisecond.
    if position(&life.returned).ms() > position(&life.lent).ms() {
        let offset = time.to_string().replace('Z', "+00:00");
        for at in [time.to_string(), offset.clone(), offset.replace('+', "%2B"), offset.replace('T', "%20")] {
            let answer = app.get(&format!("/books/lent?at={at}")).await;
            assert_eq!(told(&answer), (&*life.lent, 200, result(lent).as_str()), "{at}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_those_of_then_from_the_timeline() {
    rows_are_those_of_then(&App::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_those_of_then_from_the_log_where_nobody_keeps_a_timeline() {
    let app = App::alone(&StoreUrl::Memory, Settings::default()).await;
    app.decide();
    app.project();
    rows_are_those_of_then(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_position_of_a_write_it_is_seen() {
    let app = App::start().await;
    let book = format!("/book/{}", app.book("Momo").await);
    for copies in 0..200 {
        let written = app.put(&book, &format!(r#"{{"title":"Momo","copies":{copies}}}"#)).await;
        let position = written.header("retrace-position");
        let read = app.get(&format!("{book}?at={position}")).await;
        assert_eq!(
            (read.json()["result"]["copies"].clone(), read.header("retrace-position")),
            (json!(copies), position)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_moment_of_the_log_is_said() {
    let app = App::start().await;
    assert_eq!(told(&app.get("/books?at=0-0").await), ("0-0", 200, r#"{"result":[]}"#), "of an empty log");
    let empty = "position 1-0 lies after 0-0, the head of the log, which is empty".to_owned();
    assert_eq!(app.get("/books?at=1-0").await.problem(), (422, empty));
    app.book("Momo").await;
    let head = app.caught_up().await;
    let is = format!("the head of the log ({})", head.time().unwrap());
    for path in ["/books", "/book/1", "/books/lent", "/api/v1/diff?from=0-0"] {
        let mark = if path.contains('?') { "&to" } else { "?at" };
        for (at, status, said) in [
            ("9999999999999-0", 422, format!("position 9999999999999-0 lies after {head}, {is}")),
            ("2999-01-01T00:00:00Z", 422, format!("2999-01-01T00:00:00Z lies after {head}, {is}")),
            ("tomorrow", 422, is.clone()),
            ("", 400, "\"\" is no moment; expected a position like ".to_owned()),
            ("17", 400, "\"17\" is no moment; expected a position like ".to_owned()),
            ("so+on", 400, "\"so on\" is no moment; ".to_owned()),
            ("%ff", 400, "\"\u{fffd}\" is no moment; ".to_owned()),
        ] {
            let answer = app.get(&format!("{path}{mark}={at}")).await;
            let (found, sentence) = answer.problem();
            assert!(found == status && sentence.contains(&said), "{path} {at}: {answer:?}");
            assert_eq!(answer.member("field"), mark[1..], "{path} {at}");
        }
    }
    assert_eq!(app.get("/books?at").await.problem().0, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_difference_is_told_row_by_row_and_field_by_field() {
    let app = App::start().await;
    let life = Life::of(&app).await;
    let ask = async |from: &str, to: &str, more: &str| {
        app.get(&format!("/api/v1/diff?from={from}&to={to}{more}")).await.member("result")
    };
    let cut = |position: &str, number: u64| {
        let time = position.parse::<Position>().unwrap().time().filter(|_| number > 0).map(|time| time.to_string());
        json!({"position": position, "number": number, "time": time})
    };
    let row = |copies: u32| serde_json::from_str::<Value>(&life.row(copies)).unwrap();
    let book = |kind: &str, before: Value, after: Value, fields: Value| json!({"topic": "book", "key": life.id, "kind": kind, "before": before, "after": after, "fields": fields});
    let created = book(
        "created",
        Value::Null,
        row(1),
        json!({
            "entity_id": [null, life.id], "title": [null, "Momo"], "copies": [null, 1],
        }),
    );
    assert_eq!(
        ask("0-0", &life.created, "").await,
        json!({"from": cut("0-0", 0), "to": cut(&life.created, 1), "count": 1, "truncated": false, "changes": [created]})
    );
    let changed = book("changed", row(1), row(3), json!({"copies": [1, 3]}));
    let lent = ask(&life.created, &life.lent, "").await;
    assert_eq!((&lent["to"], &lent["count"], &lent["changes"][0]), (&cut(&life.lent, 3), &json!(2), &changed));
    assert_eq!((&lent["changes"][1]["topic"], &lent["changes"][1]["kind"]), (&json!("loan"), &json!("created")));
    let deleted = ask(&life.lent, &life.ended, "&topic=book").await;
    let gone = json!({"entity_id": [life.id, null], "title": ["Momo", null], "copies": [3, null]});
    assert_eq!(deleted["changes"], json!([book("deleted", row(3), Value::Null, gone)]));
    let back = ask(&life.lent, &life.created, &format!("&topic=book&id={}", life.id)).await;
    assert_eq!(back["changes"], json!([book("changed", row(3), row(1), json!({"copies": [3, 1]}))]));
    let loan = format!("&topic=loan&id={}", life.loan);
    assert_eq!(ask(&life.created, &life.ended, &loan).await["count"], 0, "it came and went");
    assert_eq!(ask(&life.created, &life.ended, "&topic=visit").await["changes"], json!([]));
    let text = app.get(&format!("/api/v1/diff?from=0-0&to={}", life.created)).await.body;
    assert!(
        text.contains(&format!(r#""after":{},"fields":{{"entity_id""#, life.row(1))),
        "fields keep their order: {text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_difference_has_a_limit_and_names_what_it_does_not_know() {
    let app = App::start_with(Settings { most_changes: 2, ..Settings::default() }).await;
    app.post("/book", r#"[{"title":"A"},{"title":"B"},{"title":"C"}]"#).await.ids();
    let all = app.get("/api/v1/diff?from=0-0&to=now").await.member("result");
    let shown = all["changes"].as_array().unwrap().len();
    assert_eq!((&all["count"], &all["truncated"], shown), (&json!(3), &json!(true), 2));
    let ask = async |query: &str| Ask::new(app.address, "GET", &format!("/api/v1/diff?{query}")).await_answer().await;
    for (query, status, said) in [
        ("to=now", 400, "from is missing; a difference is one between two positions or times, from and to"),
        ("from=now", 400, "to is missing; a difference is one between two positions or times, from and to"),
        ("from=0-0&to=now&topic=wood", 404, "the domain has no topic wood; it has book, loan, visit"),
        ("from=0-0&to=now&id=1", 400, "an id is one of a topic; say which, with the parameter topic"),
    ] {
        assert_eq!(ask(query).await.problem(), (status, said.to_owned()), "{query}");
    }
}
