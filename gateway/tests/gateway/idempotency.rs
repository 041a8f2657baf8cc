//! A repeated request takes effect once (fault matrix, row 1).

use std::time::Duration;

use gateway::Settings;
use runtime::StoreUrl;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    app::{App, fact},
    client::Answer,
};

const BOOK: &str = r#"{"title":"Momo"}"#;

async fn keyed(app: &App, path: &str, key: &str, body: &str) -> Answer {
    app.ask("POST", path).header("idempotency-key", key).body(body.to_owned()).await_answer().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_gets_the_first_outcome() {
    let app = App::start().await;
    let first = keyed(&app, "/book", "k1", BOOK).await;
    let again = keyed(&app, "/book", "k1", BOOK).await;
    assert_eq!(first.said(), again.said());
    for header in ["retrace-command", "retrace-position"] {
        assert_eq!(first.header(header), again.header(header));
    }
    assert_eq!(app.engine.head().await.unwrap().number.0, 1, "one event");
    assert_ne!(keyed(&app, "/book", "k2", BOOK).await.body, first.body);

    let other = app.another(Settings::default()).await;
    assert_eq!(keyed(&other, "/book", "k1", BOOK).await.said(), first.said(), "whichever gateway is asked");

    let refused = keyed(&app, "/loan", "k3", r#"{"book_id":"x","reader":"Gigi"}"#).await;
    let again = keyed(&app, "/loan", "k3", r#"{"book_id":"x","reader":"Gigi"}"#).await;
    assert_eq!((refused.status, refused.said()), (422, again.said()), "a no is an outcome too");

    let submitted = keyed(&app, "/books", "k4", &format!("[{BOOK}]")).await;
    assert_eq!(keyed(&app, "/books", "k4", &format!("[{BOOK}]")).await.said(), submitted.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_request_under_the_same_key_is_422() {
    let app = App::start().await;
    let first = keyed(&app, "/book", "k", BOOK).await;
    let said = format!("the Idempotency-Key was used for another request, command {}", first.header("retrace-command"));
    assert_eq!(keyed(&app, "/book", "k", r#"{"title":"Jim Knopf"}"#).await.problem(), (422, said.clone()));
    assert_eq!(keyed(&app, "/books", "k", &format!("[{BOOK}]")).await.problem(), (422, said.clone()));
    let id = first.ids().remove(0);
    let delete = app.ask("DELETE", &format!("/book/{id}")).header("idempotency-key", "k");
    assert_eq!(delete.await_answer().await.problem(), (422, said));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_whose_request_is_in_progress_is_409_after_the_wait() {
    let settings = Settings { command_timeout: Duration::from_millis(50), ..Settings::default() };
    let app = App::alone(&StoreUrl::Memory, settings).await;
    let first = keyed(&app, "/book", "k", BOOK).await;
    let command = first.member("command").as_str().unwrap().to_owned();
    assert_eq!(first.problem().0, 504);
    let again = keyed(&app, "/book", "k", BOOK).await;
    let said = format!("the request was made before, as command {command}, which is still in progress");
    assert_eq!((again.problem(), again.member("command")), ((409, said), command.clone().into()));

    app.decide();
    app.project();
    let patient = app.another(Settings::default()).await;
    let done = keyed(&patient, "/book", "k", BOOK).await;
    assert_eq!((done.ids().len(), done.header("retrace-command")), (1, command.as_str()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_lost_its_answer_may_ask_again() {
    let app = App::start().await;
    let address = app.address;
    let request = format!(
        "POST /book HTTP/1.1\r\nhost: localhost\r\nidempotency-key: lost\r\ncontent-length: {}\r\n\r\n{BOOK}",
        BOOK.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    fact("its event is in the log", async || app.engine.head().await.unwrap().number.0 == 1).await;
    drop(stream);
    let again = keyed(&app, "/book", "lost", BOOK).await;
    assert_eq!(again.ids().len(), 1);
    assert_eq!(app.engine.head().await.unwrap().number.0, 1, "one event, whoever heard of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_takes_effect() {
    let app = App::start().await;
    let asked = (0..32).map(|_| keyed(&app, "/book", "storm", BOOK));
    let answers = futures_util::future::join_all(asked).await;
    for answer in &answers {
        assert_eq!(answer.said(), answers[0].said());
        answer.ids();
    }
    assert_eq!(app.engine.head().await.unwrap().number.0, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_a_short_visible_text() {
    let app = App::start().await;
    let said = (400, "Idempotency-Key must be 1 to 255 visible ASCII characters".to_owned());
    for key in [String::new(), "k".repeat(256)] {
        assert_eq!(keyed(&app, "/book", &key, BOOK).await.problem(), said);
    }
    keyed(&app, "/book", &"k".repeat(255), BOOK).await.ids();
}
