//! Live events over WebSocket and server-sent events.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use gateway::Settings;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpSocket, TcpStream},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async, tungstenite::Message};

use crate::app::{App, fact, within};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) async fn connect(app: &App, path: &str) -> Socket {
    within(connect_async(format!("ws://{}{path}", app.address))).await.unwrap().0
}

/// A client whose operating system takes little on its behalf.
async fn connect_narrow(app: &App, path: &str) -> Socket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    let stream = within(socket.connect(app.address)).await.unwrap();
    let stream = MaybeTlsStream::Plain(stream);
    within(client_async(format!("ws://{}{path}", app.address), stream)).await.unwrap().0
}

/// The next event; nothing once the connection has ended.
pub(crate) async fn event(socket: &mut Socket) -> Option<Value> {
    loop {
        match within(socket.next()).await {
            Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(_) | Err(_)) | None => return None,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_as_they_happen() {
    let app = App::start().await;
    app.book("before").await;
    let mut socket = connect(&app, "/ws").await;
    let created = app.post("/book", r#"{"title":"Momo"}"#).await;
    let id = created.ids().remove(0);
    let shown = event(&mut socket).await.unwrap();
    let position = created.header("retrace-position");
    assert_eq!(shown["action"], "book_created");
    assert_eq!(shown["data"], serde_json::json!({"entity_id": id, "title": "Momo", "copies": 1}));
    assert_eq!((&shown["topic"], &shown["position"]), (&"book".into(), &position.into()));
    assert_eq!(shown["command"], created.header("retrace-command"));
    assert!(shown["event_id"].is_string() && shown["cause"].is_null() && shown["handler"].is_null(), "{shown}");
    let ms = position.split_once('-').unwrap().0.parse::<f64>().unwrap();
    assert!((shown["ts"].as_f64().unwrap() - ms / 1e3).abs() < 1e-6, "{shown}");

    app.put(&format!("/book/{id}"), r#"{"title":"Momo","copies":2}"#).await;
    assert_eq!(event(&mut socket).await.unwrap()["action"], "book_updated");
    app.delete(&format!("/book/{id}")).await;
    let deleted = event(&mut socket).await.unwrap();
    assert_eq!((&deleted["action"], &deleted["data"]["copies"]), (&"book_deleted".into(), &2.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_actions_keep_their_name_and_the_logs_own_records_stay_inside() {
    let app = App::start().await;
    let draft = |topic: &str, action: &str, data: &str| kernel::Draft {
        topic: topic.into(),
        id: format!("{topic} {action}"),
        action: action.into(),
        data: data.into(),
        meta: None,
        keep: None,
    };
    let append = vec![
        draft("visit", "door_opened", r#"{"reader": "Gigi"}"#),
        draft(runtime::engine::DECISIONS, "decided", "{}"),
        draft("elsewhere", "entity_moved", "{\n \"to\":\r\n 1}"),
        draft("book", "entity_created", r#"{"entity_id":"b","title":"Momo","copies":"7"}"#),
    ];
    app.engine.commit_one(runtime::Commit { append, ..runtime::Commit::default() }).await.unwrap();
    let mut socket = connect(&app, "/ws?after=0-0").await;
    let shown = [event(&mut socket).await, event(&mut socket).await, event(&mut socket).await];
    let shown = shown.map(|shown| (shown.as_ref().unwrap()["action"].clone(), shown.unwrap()["data"].clone()));
    assert_eq!(
        shown,
        [
            ("door_opened".into(), serde_json::json!({"reader": "Gigi"})),
            ("elsewhere_moved".into(), serde_json::json!({"to": 1})),
            ("book_created".into(), serde_json::json!({"entity_id": "b", "title": "Momo", "copies": 7})),
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_is_none_is_refused_before_the_upgrade() {
    let app = App::start().await;
    let head = app.book("Momo").await;
    let head = (head, app.engine.head().await.unwrap().position).1;
    for path in ["/ws", "/api/v1/events"] {
        let ask = |after: &str| {
            let ask = app.ask("GET", &format!("{path}?after={after}"));
            ask.header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
                .await_answer()
        };
        let malformed =
            "after: \"soon\" is not a position; expected two whole numbers joined by a dash, like 1795341904815-0";
        assert_eq!(ask("soon").await.problem(), (400, malformed.into()), "{path}");
        let ahead =
            format!("position 9999999999999-0 lies after {head}, the head of the log ({})", head.time().unwrap());
        assert_eq!(ask("9999999999999-0").await.problem(), (422, ahead), "{path}");
    }
    let plain = app.get("/ws").await;
    assert_eq!(plain.problem().0, 400, "{plain:?}");
    let last = app.ask("GET", "/api/v1/events").header("last-event-id", "soon").await_answer().await;
    assert_eq!(last.problem().0, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reconnects_misses_nothing_and_gets_nothing_twice() {
    const BOOKS: usize = 400;
    let app = App::start().await;
    let write = async {
        let writers = (0..8).map(|writer| {
            let app = &app;
            async move {
                for round in 0..BOOKS / 8 {
                    app.book(&format!("{writer}/{round}")).await;
                }
            }
        });
        futures_util::future::join_all(writers).await;
    };
    let follow = async {
        let (mut seen, mut after, mut connections) = (Vec::new(), "0-0".to_owned(), 0);
        while seen.len() < BOOKS {
            let mut socket = connect(&app, &format!("/ws?after={after}")).await;
            connections += 1;
            // Each connection is broken off after a few events, wherever that is.
            for _ in 0..(connections % 13) + 1 {
                if seen.len() == BOOKS {
                    break;
                }
                let shown = event(&mut socket).await.unwrap();
                after = shown["position"].as_str().unwrap().to_owned();
                seen.push(shown["data"]["title"].as_str().unwrap().to_owned());
            }
        }
        seen
    };
    let ((), seen) = tokio::join!(write, follow);
    assert_eq!(seen.len(), BOOKS);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), BOOKS, "each once");
    let page = app.engine.read(&kernel::Checkpoint::default(), BOOKS + 1).await.unwrap();
    let logged = page.entries.iter().map(|entry| match entry {
        kernel::Entry::Event(event) => serde_json::from_str::<Value>(&event.data).unwrap()["title"].clone(),
        kernel::Entry::Junk(junk) => panic!("{junk:?}"),
    });
    assert!(logged.eq(seen.iter().map(|title| Value::from(title.as_str()))), "in log order");
}

/// Server-sent events as they come, text by text.
async fn sse_until(app: &App, headers: &[(&str, &str)], path: &str, last: &str) -> String {
    let ask = headers.iter().fold(app.ask("GET", path), |ask, (name, value)| ask.header(name, value));
    within(async {
        let mut response = ask.begin().await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut text = String::new();
        while !text.contains(last) {
            let frame = response.body_mut().frame().await.unwrap().unwrap();
            text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
        text
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_sent_events_are_the_same_and_resume_by_id() {
    let app = App::start().await;
    for title in ["A", "B", "C"] {
        app.book(title).await;
    }
    let all = sse_until(&app, &[], "/api/v1/events?after=0-0", "\"title\":\"C\"").await;
    let blocks: Vec<_> = all.split("\n\n").collect();
    assert_eq!(blocks[0], "retry: 1000");
    let lines: Vec<_> = blocks[1].lines().collect();
    let data: Value = serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(lines[0], format!("id: {}", data["position"].as_str().unwrap()));
    assert_eq!(lines[1], "event: book_created");
    assert_eq!(data["data"]["title"], "A");

    let first = lines[0].strip_prefix("id: ").unwrap();
    for (headers, path) in [
        (vec![("last-event-id", first)], "/api/v1/events"),
        (vec![("last-event-id", first)], "/api/v1/events?after=0-0"),
        (vec![], &*format!("/api/v1/events?after={first}")),
    ] {
        let rest = sse_until(&app, &headers, path, "\"title\":\"C\"").await;
        assert!(!rest.contains("\"title\":\"A\"") && rest.contains("\"title\":\"B\""), "{rest}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_takes_nothing_is_let_go_and_may_come_back() {
    // More than what the operating system holds for the two ends.
    const BOOKS: usize = 10;
    let settings = Settings { stall: Duration::from_millis(200), ..Settings::default() };
    let app = App::start_with(settings).await;
    let mut slow = connect_narrow(&app, "/ws").await;
    let clients = async |count: u32| {
        let line = format!("retrace_live_clients{{kind=\"websocket\"}} {count}");
        app.get("/metrics").await.body.lines().any(|found| found == line)
    };
    assert!(clients(1).await);
    let title = "x".repeat(1_000_000);
    for book in 0..BOOKS {
        app.book(&format!("{book} {title}")).await;
    }
    fact("it is let go", async || clients(0).await).await;
    let (mut seen, mut after) = (0, "0-0".to_owned());
    while let Some(shown) = event(&mut slow).await {
        if shown["error"] == "lagging" {
            continue;
        }
        seen += 1;
        after = shown["position"].as_str().unwrap().to_owned();
    }
    assert!(seen < BOOKS, "what it did not take was not kept for it");
    let mut again = connect(&app, &format!("/ws?after={after}")).await;
    for book in seen..BOOKS {
        let shown = event(&mut again).await.unwrap();
        assert!(shown["data"]["title"].as_str().unwrap().starts_with(&format!("{book} ")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_are_pinged_and_those_that_answer_stay() {
    let app = App::start_with(Settings { ping: Duration::from_millis(500), ..Settings::default() }).await;
    let mut socket = connect(&app, "/ws").await;
    for _ in 0..4 {
        let Some(Ok(Message::Ping(_))) = within(socket.next()).await else { panic!("no ping") };
    }
    app.book("Momo").await;
    assert_eq!(event(&mut socket).await.unwrap()["action"], "book_created");

    let mut silent = connect(&app, "/ws").await;
    fact("the silent one is let go", async || {
        // The other one answers pings only while it is read.
        let _ = tokio::time::timeout(Duration::from_millis(1), socket.next()).await;
        app.get("/metrics").await.body.contains("retrace_live_clients{kind=\"websocket\"} 1")
    })
    .await;
    // It hears from where it may go on, and why it is let go.
    let after = app.engine.head().await.unwrap().position;
    let mut said = Vec::new();
    // Past the protocol, which would answer the pings first and fail.
    let MaybeTlsStream::Plain(stream) = silent.get_mut() else { unreachable!() };
    within(stream.read_to_end(&mut said)).await.unwrap();
    let said = String::from_utf8_lossy(&said);
    let lagging = format!("{{\"after\":\"{after}\",\"error\":\"lagging\"}}");
    let (_, parting) = said.split_once(&lagging).unwrap_or_else(|| panic!("{said:?}"));
    assert!(parting.ends_with("lagging"), "{parting:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_a_limit_to_clients_and_to_what_they_may_say() {
    let app = App::start_with(Settings { most_live: 1, ..Settings::default() }).await;
    let mut socket = connect(&app, "/ws").await;
    let full = app.get("/api/v1/events").await;
    assert_eq!(full.problem(), (503, "1 clients follow the events already".into()));
    assert_eq!(full.header("retry-after"), "5");
    socket.send(Message::text("hello")).await.unwrap();
    app.book("Momo").await;
    assert_eq!(event(&mut socket).await.unwrap()["action"], "book_created", "a word does no harm");
    socket.send(Message::text("x".repeat(100_000))).await.unwrap();
    let last = event(&mut socket).await.unwrap();
    assert_eq!((&last["error"], &last["after"]), (&"too long".into(), &app.caught_up().await.to_string().into()));
    assert_eq!(last["detail"], "a message may have 4096 bytes; there is nothing to say here");
    let Some(Ok(Message::Close(Some(frame)))) = within(socket.next()).await else { panic!("a speech ends it") };
    assert_eq!((u16::from(frame.code), &*frame.reason), (1009, "too long"));
    let is_free = async || app.ask("GET", "/api/v1/events").begin().await.status() == 200;
    fact("there is room again", is_free).await;
}
