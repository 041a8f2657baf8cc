//! What clients send may be any bytes: nothing panics, what is taken is what was sent, what is not is said to be wrong.

use axum::http::{HeaderMap, Method, Uri, header};
use serde_json::Value;
use testkit::fuzz::Fuzz;

use crate::{
    body::Members,
    fields::Fields,
    problem::Problem,
    request,
    security::{self, Asked},
    settings::{AccessToken, Scope, Settings},
};

fn fuzz(target: &str) -> Fuzz {
    Fuzz::with(format!("{}/tests/corpus/{target}", env!("CARGO_MANIFEST_DIR")))
}

fn said(problem: &Problem) -> String {
    assert!(!problem.detail().is_empty());
    format!("{} {}", problem.status(), problem.detail())
}

/// How deep a value is nested.
fn depth(value: &Value) -> usize {
    let deepest = |values: &mut dyn Iterator<Item = &Value>| 1 + values.map(depth).max().unwrap_or_default();
    match value {
        Value::Array(list) => deepest(&mut list.iter()),
        Value::Object(fields) => deepest(&mut fields.values()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn check_body(settings: &Settings, input: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(input) else { return "no text".to_owned() };
    let value = serde_json::from_str::<Value>(text).ok();
    let parsed = |member: &str| serde_json::from_str::<Value>(member).ok();
    let way = match Members::read(text, settings) {
        Ok(Members::One(body)) => {
            assert_eq!(parsed(body.get()), value);
            "one".to_owned()
        }
        Ok(Members::Many(members)) => {
            assert!(members.len() <= settings.most_members);
            let members: Option<Vec<_>> = members.iter().map(|member| parsed(member.get())).collect();
            assert_eq!(members.map(Value::Array), value);
            "many".to_owned()
        }
        Err(problem) => {
            match (problem.status().as_u16(), &value) {
                (400, None) => {}
                (413, Some(Value::Array(members))) => assert!(members.len() > settings.most_members),
                (422, Some(value)) => assert!(depth(value) > settings.most_depth),
                (413 | 422, None) => {}
                (status, value) => panic!("{status} for {value:?}"),
            }
            said(&problem)
        }
    };
    let known = ["from", "empty", "topics", "window_ms"];
    let taken = Fields::read(text, settings, "rebuild", &known).and_then(|mut fields| {
        assert!(fields.told().as_object().unwrap().keys().all(|name| known.contains(&&**name)));
        fields.take::<String>("from", "a text")?;
        fields.take::<bool>("empty", "true or false")?;
        fields.take::<Vec<String>>("topics", "a list of texts")?;
        fields.take::<u64>("window_ms", "a whole number")
    });
    match taken {
        Ok(window) => {
            assert_eq!(window, value.unwrap()["window_ms"].as_u64());
            format!("{way}, taken")
        }
        Err(problem) => format!("{way}, {}", said(&problem).split(" must be ").next().unwrap_or_default()),
    }
}

#[test]
fn a_body_is_taken_as_it_was_sent_or_refused() {
    let words =
        ["{", "}", "[", "]", ",", ":", "\"", "\\\"", "\\", "null", "true", "1e400", "\\ud800", "[[[[[[[[", "{}{"];
    let more = ["\"from\":", "\"empty\":true", "\"topics\":[\"a\"]", "\"window_ms\":7", "\"more\":", "\n", "\u{feff}"];
    let settings = Settings { most_depth: 8, most_members: 4, ..Settings::default() };
    fuzz("bodies").words(&words).words(&more).run(|input| check_body(&settings, input));
}

fn check_question(settings: &Settings, input: &[u8]) -> String {
    let mut lines = input.split(|byte| *byte == b'\n');
    let Ok(uri) = Uri::try_from(lines.next().unwrap_or_default()) else { return "no URI".to_owned() };
    let mut headers = HeaderMap::new();
    for name in [header::HOST, header::ORIGIN, header::AUTHORIZATION, header::SEC_WEBSOCKET_PROTOCOL] {
        if let Some(Ok(value)) = lines.next().map(TryInto::try_into) {
            headers.append(name, value);
        }
    }
    let _ = (request::id(&uri), request::traceparent(&headers), request::parameter(&uri, "at"));
    let limit = request::limit(&uri, 7, 100).map_or(0, |limit| limit);
    assert!(limit <= 100);
    let unknown = request::only(&uri, &["at", "limit"]).is_err();
    let ask = |method: &Method, settings: &Settings| {
        security::check(settings, Asked { method, uri: &uri, headers: &headers }).map_err(|problem| said(&problem))
    };
    let (reading, writing) = (ask(&Method::GET, settings), ask(&Method::POST, settings));
    let open = Settings { tokens: Vec::new(), ..settings.clone() };
    if reading.is_ok() {
        assert_eq!(ask(&Method::GET, &open), Ok(()), "no token opens less than one does");
    }
    if writing.is_ok() {
        let given = headers[header::AUTHORIZATION].to_str().unwrap();
        assert!(given.contains("writer") || given.contains("keeper"), "{given}");
        assert!(ask(&Method::POST, &open).is_ok());
    }
    format!("{limit} {unknown} {reading:?} {writing:?}")
}

#[test]
fn a_question_is_let_in_or_refused() {
    let words =
        ["/", "?", "&", "=", "%", "%2f", "%ff", "+", "at=17-3", "limit=5", "token=x", "\n", "Bearer ", "bearer."];
    let more =
        ["localhost", "127.0.0.1:5000", "[::1]", "http://", "/api/v1/queues/", "/assets/", "reader", "writer", "@"];
    let token = |secret: &str, scope| AccessToken::new(secret, [scope]).unwrap();
    let tokens = vec![token("reader", Scope::Read), token("writer", Scope::Command), token("keeper", Scope::Admin)];
    let settings = Settings { tokens, ..Settings::default() };
    fuzz("questions").words(&words).words(&more).run(|input| check_question(&settings, input));
}
