//! Whatever is wrong with a request, on whatever route: the answer is a problem document (RFC 9457).

use std::collections::BTreeMap;

use gateway::{AccessToken, Scope, Settings};
use http_body_util::BodyExt as _;

use crate::{
    app::{App, within},
    client::{Answer, Ask},
};

/// How often each status was answered.
type Seen = BTreeMap<u16, usize>;

/// The answer's head, and its body where that tells of a problem: other bodies may go on for ever.
async fn status(ask: Ask, seen: &mut Seen, what: &str) -> u16 {
    within(async {
        let response = ask.begin().await;
        let (parts, body) = response.into_parts();
        let status = parts.status.as_u16();
        *seen.entry(status).or_default() += 1;
        if status >= 400 {
            let body = body.collect().await.unwrap().to_bytes();
            let body = String::from_utf8(body.to_vec()).unwrap();
            let answer = Answer { status, headers: parts.headers, body };
            let (_, said) = answer.problem();
            // This domain has a question that it can't answer.
            assert!(status < 500 || (status == 500 && what.ends_with("/broken")), "{what}: {status} {said}");
            assert!(!said.is_empty() && !said.contains('\n'), "{what}: {said:?}");
        }
        status
    })
    .await
}

/// A path of the description with something in the place of its parameters.
fn filled(path: &str, id: &str) -> String {
    let path = path.replace("{service}", "book-service").replace("{topic}", "book");
    path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect::<Vec<_>>().join("/")
}

fn tokens() -> Vec<AccessToken> {
    let token = |secret: &str, scopes: &[Scope]| AccessToken::new(secret, scopes.iter().copied()).unwrap();
    vec![
        token("all", &[Scope::Read, Scope::Command, Scope::Admin]),
        token("reader", &[Scope::Read]),
        token("writer", &[Scope::Command]),
        token("keeper", &[Scope::Admin]),
    ]
}

/// Who asks is looked at before anything else.
async fn who(app: &App, (method, path): (&str, &str), seen: &mut Seen) {
    let what = format!("{method} {path}");
    let ask = || app.ask(method, path).header("authorization", "Bearer all");
    assert_eq!(status(ask().header("host", "evil.example"), seen, &what).await, 403, "{what}");
    if method != "GET" {
        assert_eq!(status(ask().header("origin", "http://evil.example"), seen, &what).await, 403, "{what}");
    }
    let told = app.ask(method, &format!("{path}?token=all"));
    assert_eq!(status(told, seen, &what).await, 400, "{what}");
    if ["/", "/livez", "/readyz"].contains(&path) {
        return;
    }
    assert_eq!(status(app.ask(method, path), seen, &what).await, 401, "{what}");
    let guess = app.ask(method, path).header("authorization", "Bearer guess");
    assert_eq!(status(guess, seen, &what).await, 401, "{what}");
    let mut lacking = 0;
    for token in ["reader", "writer", "keeper"] {
        let ask = app.ask(method, path).header("authorization", &format!("Bearer {token}"));
        lacking += usize::from(status(ask, seen, &what).await == 403);
    }
    assert_eq!(lacking, 2, "one scope opens it: {what}");
}

/// What is asked may be wrong in many ways.
async fn what(app: &App, (method, path): (&str, &str), seen: &mut Seen) {
    let what = format!("{method} {path}");
    let ask = |path: &str| app.ask(method, path).header("authorization", "Bearer all");
    for query in ["at=x", "limit=0", "after=x", "before=x", "at=9999999999999-0", "log=x", "from=1-0&to=x", "%ff=%ff"] {
        status(ask(&format!("{path}?{query}")), seen, &what).await;
    }
    if method == "GET" || method == "DELETE" {
        return;
    }
    let large = format!("{{\"title\":\"{}\"}}", "x".repeat(1 << 20));
    for body in ["", " ", "{", "{}", "7", "[]", "[7]", "{\"x\":1}", "\u{0}", &"[".repeat(65), &large] {
        status(ask(path).body(body.to_owned()), seen, &what).await;
    }
    status(ask(path).body(&b"{\"title\":\"\xff\"}"[..]), seen, &what).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_error_of_every_route_is_a_problem_document() {
    let app = App::start_with(Settings { tokens: tokens(), ..Settings::default() }).await;
    let ask = |method: &str, path: &str| app.ask(method, path).header("authorization", "Bearer all");
    let document = ask("GET", "/openapi.json").await_answer().await.json();
    let mut seen = Seen::new();
    let mut operations = 0;
    for (path, described) in document["paths"].as_object().unwrap() {
        let known = filled(path, "none");
        for method in described.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            operations += 1;
            let method = method.to_uppercase();
            who(&app, (&method, &known), &mut seen).await;
            what(&app, (&method, &known), &mut seen).await;
            // Not everything that stands in a path is text.
            status(ask(&method, &filled(path, "%ff%00")), &mut seen, path).await;
        }
        let brewed = status(ask("BREW", &known), &mut seen, path).await;
        assert_eq!(brewed, 405, "{path}");
    }
    for path in document["paths"].as_object().unwrap().keys() {
        let beyond = format!("{}/v/w/x/y/z", filled(path, "none"));
        assert_eq!(status(ask("GET", &beyond), &mut seen, path).await, 404, "{path}");
    }
    let statuses: Vec<_> = seen.keys().copied().filter(|status| *status >= 400).collect();
    println!("{operations} operations, answers: {seen:?}");
    assert_eq!(statuses, [400, 401, 403, 404, 405, 409, 413, 422, 500]);
}
