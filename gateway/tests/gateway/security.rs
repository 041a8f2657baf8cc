//! Who may ask, over the wire; `security.rs` of the gateway tests every case.

use gateway::{AccessToken, Scope, Settings};

use crate::{
    app::App,
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
