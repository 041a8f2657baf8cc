//! Who may ask, over the wire; `security.rs` of the gateway tests every case.

use std::time::Duration;

use gateway::{AccessToken, Scope, Settings};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    app::{App, within},
    client::{Ask, raw},
};

const BOOK: &str = r#"{"title":"Momo"}"#;

async fn status(ask: Ask) -> u16 {
    let answer = ask.await_answer().await;
    if answer.status >= 400 { answer.problem().0 } else { answer.status }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebound_name_and_a_foreign_page_are_refused() {
    let app = App::start_with(Settings { hosts: vec!["books.example".into()], ..Settings::default() }).await;
    let refused = app.ask("GET", "/books").header("host", "evil.example").await_answer().await;
    assert_eq!(
        refused.problem(),
        (
            403,
            "this gateway does not answer for the host \"evil.example\"; who runs it can allow it with --allow-host"
                .into()
        )
    );
    assert_eq!(status(app.ask("GET", "/nowhere").header("host", "evil.example")).await, 403, "nothing is told");
    assert_eq!(status(app.ask("GET", "/books").header("host", "books.example")).await, 200);
    let none = raw(app.address, b"GET /books HTTP/1.1\r\nconnection: close\r\n\r\n").await;
    assert!(none.starts_with("HTTP/1.1 400 ") && none.contains("one Host header"), "{none}");

    let page = |origin: &str| app.ask("POST", "/book").header("origin", origin).body(BOOK);
    let refused = page("http://evil.example").await_answer().await;
    let said = "pages of the origin \"http://evil.example\" may not change anything here";
    assert_eq!(refused.problem(), (403, said.into()));
    assert_eq!(status(page(&format!("http://{}", app.address))).await, 200);
    assert_eq!(status(page("null")).await, 403);
    assert_eq!(status(app.ask("DELETE", "/book/1").header("origin", "http://localhost:3000")).await, 403);
    assert_eq!(
        status(app.ask("GET", "/ws").header("origin", "http://evil.example").header("upgrade", "websocket")).await,
        403
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_open_what_their_scopes_say() {
    let tokens = vec![
        AccessToken::new("reader", [Scope::Read]).unwrap(),
        AccessToken::new("writer", [Scope::Command]).unwrap(),
        AccessToken::new("keeper", [Scope::Admin]).unwrap(),
    ];
    let app = App::start_with(Settings { tokens, ..Settings::default() }).await;
    let bare = app.get("/books").await;
    assert_eq!(bare.problem(), (401, "the request must carry a token: Authorization: Bearer <token>".into()));
    assert_eq!(bare.header("www-authenticate"), "Bearer");
    let with = |method, path, token: &str| app.ask(method, path).header("authorization", &format!("Bearer {token}"));
    assert_eq!(
        with("GET", "/books", "guess").await_answer().await.problem(),
        (401, "the token is not known here".into())
    );
    let lacking = with("POST", "/book", "reader").body(BOOK).await_answer().await;
    assert_eq!(lacking.problem(), (403, "the token lacks the scope command".into()));
    for (method, path, allowed) in [
        ("GET", "/books", "reader"),
        ("GET", "/api/v1/status", "reader"),
        ("GET", "/api/v1/events", "reader"),
        ("GET", "/api/v1/queues/book-service/dead", "keeper"),
        ("GET", "/api/v1/queues/book-service", "keeper"),
        ("GET", "/api/v1/queues/book-service?state=waiting", "reader"),
        ("GET", "/api/v1/parked", "keeper"),
        ("GET", "/api/v1/replays", "reader"),
        ("GET", "/api/v1/audits", "reader"),
        ("GET", "/api/v1/histories", "reader"),
    ] {
        for token in ["reader", "writer", "keeper"] {
            let expected = if token == allowed { 200 } else { 403 };
            assert_eq!(with(method, path, token).begin().await.status(), expected, "{path} {token}");
        }
    }
    assert_eq!(status(with("POST", "/book", "writer").body(BOOK)).await, 200);
    assert_eq!(status(with("DELETE", "/api/v1/queues/book-service/dead/1", "writer")).await, 403);
    assert_eq!(status(with("DELETE", "/api/v1/queues/book-service/dead/1", "keeper")).await, 404);
    for (method, path) in
        [("POST", "/api/v1/parked/saga%2Fa/book/1-0/retry"), ("DELETE", "/api/v1/parked/saga%2Fa/book/1-0")]
    {
        for (token, expected) in [("reader", 403), ("writer", 403), ("keeper", 404)] {
            assert_eq!(status(with(method, path, token)).await, expected, "{path} {token}");
        }
    }
    for (path, begun) in [("/api/v1/replays", 202), ("/api/v1/audits", 202), ("/api/v1/histories", 200)] {
        for (token, expected) in [("reader", 403), ("writer", 403), ("keeper", begun)] {
            assert_eq!(status(with("POST", path, token)).await, expected, "{path} {token}");
        }
    }
    assert_eq!(status(with("DELETE", "/api/v1/replays", "writer")).await, 403);
    assert_eq!(status(with("DELETE", "/api/v1/histories/1", "writer")).await, 403);
    assert_eq!(status(with("DELETE", "/api/v1/histories/1", "keeper")).await, 404);
    assert_eq!((app.get("/livez").await.status, app.get("/readyz").await.status), (200, 200));
    let said = "a token does not belong in a URL, where it is written down; send it as Authorization: Bearer <token>, \
                or with a WebSocket as the protocol bearer.<token in base64url>";
    for path in ["/books?token=reader", "/ws?after=0-0&access_token=reader", "/?token=reader"] {
        assert_eq!(app.get(path).await.problem(), (400, said.to_owned()), "{path}");
    }
}

/// Sends the beginning of a request, and then a drop of it now and then, until the gateway has had enough; gives what it
/// says.
async fn trickled(app: &App, begin: &[u8], drop: &[u8]) -> String {
    let (mut from, mut to) = TcpStream::connect(app.address).await.unwrap().into_split();
    to.write_all(begin).await.unwrap();
    let mut answer = Vec::new();
    let trickling = async {
        let mut now_and_then = tokio::time::interval(Duration::from_millis(10));
        loop {
            now_and_then.tick().await;
            if to.write_all(drop).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        read = within(from.read_to_end(&mut answer)) => drop_reset(read),
        () = trickling => {}
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Who goes on sending to a connection that is closed may be told so before it has read the answer.
fn drop_reset(read: std::io::Result<usize>) {
    if let Err(error) = read {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sends_drop_by_drop_is_cut_off_and_holds_up_nobody() {
    let settings = Settings { body_timeout: Duration::from_millis(300), most_connections: 65, ..Settings::default() };
    let app = App::start_with(settings).await;
    let head = trickled(&app, b"GET /books HTTP/1.1\r\nhost: localhost\r\n", b"a: b\r\n");
    let body = trickled(&app, b"POST /book HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n{", b" ");
    let (head, body) = tokio::join!(head, body);
    assert_eq!(head, "", "a head that never ends");
    let is_told = body.starts_with("HTTP/1.1 408 ") && body.contains("the body took longer than 300ms");
    assert!(is_told || body.is_empty(), "{body}");
    // All connections but one are taken, and each is given back.
    for _ in 0..2 {
        let slow = (0..64).map(|_| trickled(&app, b"GET /books HTTP/1.1\r\nhost:", b"x"));
        let (cut, answered) = tokio::join!(futures_util::future::join_all(slow), app.get("/livez"));
        assert_eq!((cut.concat(), answered.status), (String::new(), 200));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_can_not_be_taken_for_something_else() {
    let app = App::start().await;
    for path in ["/", "/books", "/nowhere", "/metrics", "/openapi.json"] {
        assert_eq!(app.get(path).await.header("x-content-type-options"), "nosniff", "{path}");
    }
    let page = app.get("/").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self' 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{policy}");
    for outside in ["http://", "https://", "\"//", "style=", "onload="] {
        assert!(!page.body.contains(outside), "{outside}");
    }
}
