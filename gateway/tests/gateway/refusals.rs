//! Every way to ask wrongly, and what is said about it.

use gateway::Settings;
use hyper::body::Bytes;
use runtime::StoreUrl;

use crate::{
    app::App,
    client::{Answer, raw},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_bodies_are_400_with_the_place() {
    let app = App::start().await;
    let book = format!("/book/{}", app.book("Momo").await);
    let wrong = app.post("/book", "{\"title\":\n \"Momo\",}").await;
    assert_eq!(wrong.problem(), (400, "the body is not JSON: key must be a string at line 2 column 9".into()));
    assert_eq!((wrong.member("line"), wrong.member("column")), (2.into(), 9.into()));
    assert_eq!(
        wrong.body,
        r#"{"error":"the body is not JSON: key must be a string at line 2 column 9","type":"urn:retrace:problem:malformed-request","title":"Malformed request","status":400,"detail":"the body is not JSON: key must be a string at line 2 column 9","line":2,"column":9}"#
    );
    for body in ["", "  \n"] {
        assert_eq!(app.post("/book", body).await.problem(), (400, "the body is empty; expected JSON".into()));
        assert_eq!(app.put(&book, body).await.problem(), (400, "the body is empty; expected JSON".into()));
        assert_eq!(app.post("/books", body).await.problem(), (400, "the body is empty; expected JSON".into()));
    }
    let bad = app.ask("POST", "/book").body(&b"{\"title\":\"\xff\"}"[..]).await_answer().await;
    assert_eq!(bad.problem(), (400, "the body is not UTF-8: byte 10 does not fit".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_the_topic_is_422_and_names_the_field() {
    let app = App::start().await;
    let book = format!("/book/{}", app.book("Momo").await);
    let said = |answer: Answer| (answer.problem(), answer.member("field"));
    for (body, error, field) in [
        (r#"{"copies":1}"#, "title is missing", "title"),
        (r#"{"title":"","copies":1}"#, "title must not be empty", "title"),
        (r#"{"title":"A","copies":-1}"#, "copies must be a whole number of at least 0, not -1", "copies"),
        (r#"{"title":"A","copies":"1"}"#, "copies must be a whole number of at least 0, not \"1\"", "copies"),
        (r#"{"title":"A","copies":1,"x":2}"#, "unknown field x; the fields are title, copies", "x"),
    ] {
        assert_eq!(said(app.post("/book", body).await), ((422, error.into()), field.into()));
        assert_eq!(said(app.put(&book, body).await), ((422, error.into()), field.into()));
    }
    let id = r#"{"title":"A","entity_id":"mine"}"#;
    let assigned = "entity_id is assigned on creation; leave it out";
    assert_eq!(said(app.post("/book", id).await), ((422, assigned.into()), "entity_id".into()));
    assert_eq!(app.put(&book, "[]").await.problem(), (422, "expected the fields of one book, not a list".into()));
    assert_eq!(app.put(&book, r#"{"title":"A"}"#).await.problem(), (422, "copies is missing".into()), "PUT is whole");
    for text in ["3", "\"text\"", "null", "true"] {
        let (status, error) = app.post("/book", text).await.problem();
        assert!(status == 422 && error.starts_with("not a JSON object"), "{error}");
    }
    assert!(app.post("/book", r#"{"title":"A","copies":-1}"#).await.member("member").is_null(), "it was no list");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_domain_says_no() {
    let app = App::start().await;
    let (book, loan) = (app.book("Momo").await, |book: &str| format!(r#"{{"book_id":"{book}","reader":"Gigi"}}"#));
    let refused = app.post("/loan", &loan("nowhere")).await;
    assert_eq!(refused.problem(), (422, "book_id names book nowhere, which does not exist".into()));
    assert_eq!(refused.member("field"), "book_id");
    assert!(refused.member("member").is_null(), "it was no list");
    app.post("/loan", &loan(&book)).await.ids();
    assert_eq!(app.delete(&format!("/book/{book}")).await.problem(), (422, format!("book {book} is lent")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_404_or_null() {
    let app = App::start().await;
    let fields = r#"{"title":"A","copies":1}"#;
    assert_eq!(app.put("/book/none", fields).await.problem(), (404, "there is no book none".into()));
    assert_eq!(app.delete("/book/none").await.problem(), (404, "there is no book none".into()));
    assert_eq!(app.delete("/book/a%20%2Fb").await.problem(), (404, "there is no book a /b".into()));
    for id in ["none", "%ff", "a%2Fb", "100%", "%00", "'; DROP TABLE books; --", "..", "%F0%9F%93%9A"] {
        let path = format!("/book/{}", id.replace(' ', "%20"));
        assert_eq!(app.get(&path).await.said(), (200, r#"{"result":null}"#), "{id}");
    }
    assert_eq!(app.get("/nowhere").await.problem(), (404, "there is nothing at /nowhere".into()));
    for path in ["/book/", "/book/a/b", "/", "/api/v1", "/api/v1/commands/"] {
        assert_eq!(app.ask("GET", path).await_answer().await.status, if path == "/" { 200 } else { 404 }, "{path}");
    }
    assert_eq!(app.post("/nowhere", "{}").await.problem().0, 404);
    assert_eq!(
        app.get("/api/v1/commands/none").await.problem(),
        (404, "there is no command none, or its record has run out".into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_that_a_route_lacks_is_405_and_says_which_there_are() {
    let app = App::start().await;
    for (method, path, allow) in [
        ("PUT", "/books", "GET,HEAD,POST"),
        ("PATCH", "/book/1", "GET,HEAD,PUT,DELETE"),
        ("GET", "/book", "POST"),
        ("POST", "/books/lent", "GET,HEAD"),
        ("BREW", "/metrics", "GET,HEAD"),
        ("OPTIONS", "/book", "POST"),
    ] {
        let answer = app.ask(method, path).await_answer().await;
        assert_eq!(answer.problem(), (405, format!("{method} is not possible at {path}")));
        assert_eq!(answer.header("allow"), allow);
    }
    let head = app.ask("HEAD", "/books").await_answer().await;
    assert_eq!(head.said(), (200, ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_413_however_it_is_sent() {
    let app = App::start().await;
    let large = format!(r#"{{"title":"{}"}}"#, "x".repeat(1 << 20));
    let said = (413, "the body is larger than 1048576 bytes".to_owned());
    assert_eq!(app.post("/book", &large).await.problem(), said);
    assert_eq!(app.post("/books", &large.repeat(8)).await.problem(), said);
    assert_eq!(app.put("/book/1", &large).await.problem(), said);
    let chunks = vec![Bytes::from(vec![b' '; 64 << 10]); 40];
    assert_eq!(app.ask("POST", "/book").chunks(chunks).await_answer().await.problem(), said);

    let fits = format!(r#"{{"title":"{}"}}"#, "x".repeat((1 << 20) - 12));
    assert_eq!(fits.len(), 1 << 20);
    app.post("/book", &fits).await.ids();
    let chunked = fits.as_bytes().chunks(100_000).map(Bytes::copy_from_slice).collect();
    app.ask("POST", "/book").chunks(chunked).await_answer().await.ids();

    let members = |count: usize| format!("[{}]", vec![r#"{"title":"A"}"#; count].join(","));
    assert_eq!(
        app.post("/books", &members(10_001)).await.problem(),
        (413, "the list has more than 10000 members".into())
    );
    assert_eq!(app.post("/book", &members(10_000)).await.ids().len(), 10_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_nesting_is_refused_and_harms_nothing() {
    let app = App::start().await;
    let said = (422, "the body is nested deeper than 64 levels".to_owned());
    for body in ["[".repeat(1 << 20), "{\"a\":".repeat(100_000), format!("{}{}", "[".repeat(65), "]".repeat(65))] {
        assert_eq!(app.post("/book", &body).await.problem(), said);
        assert_eq!(app.put("/book/1", &body).await.problem(), said);
    }
    let fits = format!(r#"{{"title":{}{}}}"#, "[".repeat(63), "]".repeat(63));
    assert_eq!(app.post("/book", &fits).await.problem().0, 422, "a list is no text, but was looked at");
    assert_eq!(app.get("/livez").await.said(), (200, r#"{"alive":true}"#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_parameters_do_not_matter() {
    let app = App::start().await;
    assert_eq!(app.get("/books?page=2&atlas=1").await.said(), (200, r#"{"result":[]}"#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_file_is_read_but_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.jsonl");
    let line = r#"{"stream":"events:book","id":"1700000000-5","fields":{"event_id":"1","event_action":"entity_created","event_data":"{\"entity_id\": \"1\", \"title\": \"Momo\", \"copies\": \"2\"}"}}"#;
    std::fs::write(&path, format!("{line}\n")).unwrap();
    let app = App::alone(&StoreUrl::History(path.clone()), Settings::default()).await;
    app.project();
    app.caught_up().await;
    assert_eq!(app.get("/book/1").await.said(), (200, r#"{"result":{"entity_id":"1","title":"Momo","copies":2}}"#));
    let refused = app.post("/book", r#"{"title":"A"}"#).await;
    let said = format!("history {} is read only; import it into a store to go on from it", path.display());
    assert_eq!(refused.problem(), (409, said));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_and_broken_requests_do_not_stay() {
    let settings = Settings { body_timeout: std::time::Duration::from_millis(200), ..Settings::default() };
    let app = App::start_with(settings).await;
    let slow =
        raw(app.address, b"POST /book HTTP/1.1\r\nhost: localhost\r\ncontent-length: 20\r\n\r\n{\"title\"").await;
    assert!(slow.starts_with("HTTP/1.1 408 ") && slow.contains("the body took longer than 200ms"), "{slow}");
    assert_eq!(raw(app.address, b"GET /books HTTP/1.1\r\nhost: local").await, "", "a head that never ends");
    let nonsense = raw(app.address, b"nonsense\r\n\r\n").await;
    assert!(nonsense.starts_with("HTTP/1.1 400 "), "{nonsense}");
    let chunk =
        raw(app.address, b"POST /book HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n").await;
    assert!(chunk.starts_with("HTTP/1.1 400 ") && chunk.contains("the body broke off"), "{chunk}");
    assert_eq!(app.get("/livez").await.status, 200);
}
