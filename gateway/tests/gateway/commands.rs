//! Commands that take long, fail, or are asked about; queues and dead letters.

use std::time::Duration;

use gateway::Settings;
use runtime::StoreUrl;

use crate::app::{App, fact};

const BOOK: &str = r#"{"title":"Momo"}"#;

fn impatient() -> Settings {
    Settings { command_timeout: Duration::from_millis(50), ..Settings::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_without_an_outcome_in_time_is_504_and_can_be_asked_about() {
    let app = App::alone(&StoreUrl::Memory, impatient()).await;
    let late = app.post("/book", BOOK).await;
    let command = late.member("command").as_str().unwrap().to_owned();
    let said = format!("command {command} has no outcome after 50ms; ask for it at /api/v1/commands/{command}");
    assert_eq!(late.problem(), (504, said));
    assert_eq!(late.header("retrace-command"), command);
    let fate = format!("/api/v1/commands/{command}");
    let pending = format!(r#"{{"result":{{"failed_attempts":0,"id":"{command}","status":"pending"}}}}"#);
    assert_eq!(app.get(&fate).await.said(), (200, pending.as_str()));

    app.decide();
    fact("the command is done", async || app.get(&fate).await.json()["result"]["status"] == "done").await;
    let done = app.get(&fate).await.member("result");
    assert_eq!(done["result"].as_array().unwrap().len(), 1);
    assert_eq!(done["position"], app.engine.head().await.unwrap().position.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_commands_than_are_answered_soon_are_turned_away_and_let_in_again() {
    let settings = Settings { most_under_way: 2, ..Settings::default() };
    let app = App::alone(&StoreUrl::Memory, settings).await;
    // Lists are not waited for; their commands are under way all the same.
    let list = format!("[{BOOK}]");
    let taken = [app.post("/books", &list).await, app.post("/books", &list).await];
    assert_eq!(taken.map(|answer| answer.status), [200, 200]);
    let shed = app.post("/book", BOOK).await;
    let said = "2 commands are under way already, more than are answered in good time".to_owned();
    assert_eq!((shed.problem(), shed.header("retry-after")), ((503, said), "1"));
    assert_eq!(app.get("/book/x").await.said(), (200, r#"{"result":null}"#));

    app.decide();
    app.project();
    fact("there is room again", async || app.post("/book", BOOK).await.status == 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gives_up_waiting_leaves_the_command_under_way() {
    let app = App::alone(&StoreUrl::Memory, Settings { most_under_way: 1, ..Settings::default() }).await;
    let request = app.ask("POST", "/book").body(BOOK).await_answer();
    let under_way = async || app.get("/metrics").await.body.contains("\nretrace_commands_under_way 1\n");
    let waiting = tokio::spawn(request);
    fact("the command is under way", under_way).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    fact("the request has ended", async || {
        app.get("/metrics").await.body.contains("\nretrace_http_requests_in_flight 1\n")
    })
    .await;
    assert_eq!(app.post("/book", BOOK).await.status, 503);
    app.decide();
    fact("there is room again", async || app.post("/book", BOOK).await.status == 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_the_read_model_does_not_show_yet_says_so() {
    let settings = Settings { model_timeout: Duration::from_millis(50), ..Settings::default() };
    let app = App::alone(&StoreUrl::Memory, settings).await;
    app.decide();
    let created = app.post("/book", BOOK).await;
    assert_eq!((created.ids().len(), created.header("retrace-read-model")), (1, "behind"));
    assert_eq!(created.header("retrace-position"), app.engine.head().await.unwrap().position.to_string());
    app.project();
    app.caught_up().await;
    assert_eq!(app.put("/book/x", r#"{"title":"A","copies":1}"#).await.header("retrace-read-model"), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_command_says_why_when_asked_about() {
    let app = App::start().await;
    let refused = app.post("/loan", r#"{"book_id":"x","reader":"Gigi"}"#).await;
    let command = refused.member("command").as_str().unwrap().to_owned();
    let fate = app.get(&format!("/api/v1/commands/{command}")).await.member("result");
    assert_eq!((&fate["status"], &fate["field"]), (&"rejected".into(), &"book_id".into()));
    assert_eq!(fate["message"], "book_id names book x, which does not exist");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_fails_every_attempt_is_500_and_a_dead_letter() {
    let app = App::start().await;
    let failed = app.post("/book", r#"{"title":"unspeakable"}"#).await;
    let (status, error) = failed.problem();
    assert!(status == 500 && error.starts_with("the command failed every attempt and was set aside: "), "{error}");
    assert!(error.ends_with(" can't be said"), "{error}");
    let command = failed.member("command").as_str().unwrap().to_owned();
    assert_eq!(app.get(&format!("/api/v1/commands/{command}")).await.json()["result"]["status"], "dead");
    assert_eq!(
        app.get("/api/v1/queues").await.said().1,
        r#"{"result":[{"claimed":0,"dead":1,"service":"book-service","waiting":0},{"claimed":0,"dead":0,"service":"door-service","waiting":0},{"claimed":0,"dead":0,"service":"loan-service","waiting":0}]}"#
    );
    let letters = app.get("/api/v1/queues/book-service/dead").await.member("result");
    assert_eq!(letters[0]["command"]["id"], command.as_str());
    assert_eq!(letters[0]["failed_attempts"], 3);

    let letter = format!("/api/v1/queues/book-service/dead/{command}");
    let requeued = app.post(&format!("{letter}/requeue"), "").await;
    assert_eq!(requeued.said(), (200, r#"{"result":true}"#));
    let is_dead = async || app.get("/api/v1/queues").await.json()["result"][0]["dead"] == 1;
    fact("it has died again", is_dead).await;
    assert_eq!(app.delete(&letter).await.said(), (200, r#"{"result":true}"#));
    assert_eq!(app.delete(&letter).await.problem(), (404, format!("book-service has no dead letter {command}")));
    assert_eq!(app.post(&format!("{letter}/requeue"), "").await.problem().0, 404);
    assert_eq!(
        app.get("/api/v1/queues/no-service/dead").await.problem(),
        (404, "there is no service no-service".into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trace_context_and_correlation_go_with_the_command() {
    let app = App::start().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let created = app.ask("POST", "/book").header("traceparent", trace).body(BOOK).await_answer().await;
    let page = app.engine.read(&kernel::Checkpoint::default(), 1).await.unwrap();
    let kernel::Entry::Event(event) = &page.entries[0] else { panic!("an event") };
    let command = created.header("retrace-command");
    assert_eq!(event.meta.traceparent.as_deref(), Some(trace));
    assert_eq!(event.meta.command.as_deref(), Some(command));
    assert_eq!(event.meta.correlation.as_deref(), Some(command));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_at_once_all_get_their_own_answer() {
    let app = App::start().await;
    let asked = (0..64).map(|client| {
        let app = &app;
        async move {
            for round in 0..8 {
                let title = format!("{client}/{round}");
                let id = app.book(&title).await;
                assert_eq!(app.get(&format!("/book/{id}")).await.json()["result"]["title"], title);
            }
        }
    });
    futures_util::future::join_all(asked).await;
    assert_eq!(app.engine.head().await.unwrap().number.0, 512);
}
