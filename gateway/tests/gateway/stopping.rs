//! What happens when the gateway is told to stop (fault matrix, row 23).

use std::time::Duration;

use futures_util::StreamExt as _;
use gateway::Settings;
use runtime::StoreUrl;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    app::{App, fact, within},
    live::connect,
};

const BOOK: &str = r#"{"title":"Momo"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_asked_is_answered_and_what_comes_late_is_turned_away() {
    let mut app = App::alone(&StoreUrl::Memory, Settings::default()).await;
    app.project();
    let mut socket = connect(&app, "/ws").await;
    let asked = tokio::spawn(app.ask("POST", "/book").body(BOOK).await_answer());
    let is_waiting = async || app.engine.queues(&["book-service"]).await.unwrap()[0].waiting == 1;
    fact("the command waits", is_waiting).await;

    app.stop.cancel();
    fact("readiness is false", async || app.get("/readyz").await.status == 503).await;
    let ready = app.get("/readyz").await;
    assert_eq!(ready.said(), (503, r#"{"ready":false,"reasons":["the gateway is stopping"]}"#));
    let late = app.post("/book", BOOK).await;
    assert_eq!(late.problem(), (503, "the gateway is stopping".into()));
    assert_eq!((late.header("retry-after"), late.header("connection")), ("1", "close"));
    let Some(Ok(Message::Close(Some(close)))) = within(socket.next()).await else { panic!("no close") };
    assert_eq!((u16::from(close.code), close.reason.as_str()), (1001, "the gateway is stopping"));

    app.decide();
    let answer = within(asked).await.unwrap();
    assert_eq!((answer.ids().len(), answer.header("connection")), (1, "close"));
    app.stopped().await.unwrap();
    assert!(tokio::net::TcpStream::connect(app.address).await.is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_grace_time_ends() {
    let settings = Settings { grace: Duration::from_millis(100), ..Settings::default() };
    let mut app = App::alone(&StoreUrl::Memory, settings).await;
    let asked = tokio::spawn(app.ask("POST", "/book").body(BOOK).await_answer());
    let is_waiting = async || app.engine.queues(&["book-service"]).await.unwrap()[0].waiting == 1;
    fact("the command waits", is_waiting).await;
    app.stop.cancel();
    app.stopped().await.unwrap();
    assert!(within(asked).await.is_err(), "cut off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_gateway_stops_at_once() {
    let mut app = App::start_with(Settings { grace: Duration::from_secs(3600), ..Settings::default() }).await;
    let idle = tokio::net::TcpStream::connect(app.address).await.unwrap();
    app.get("/books").await;
    app.stop.cancel();
    app.stopped().await.unwrap();
    drop(idle);
}
