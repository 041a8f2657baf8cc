//! History files that are looked at beside the gateway's log: opened, listed and closed.

use axum::{
    extract::{Path, Request, State},
    http::HeaderMap,
    response::Response,
};
use percent_encoding::percent_decode;
use serde_json::{Value, json};

use crate::{body, gateway::Site, histories::Opened, past, problem::Problem, reply};

/// Header: what the file is called, percent-encoded where it is not ASCII.
const NAME: &str = "retrace-name";

/// The longest name, in characters.
const LONGEST: usize = 200;

/// `GET /api/v1/histories`
pub(crate) async fn list(State(gateway): State<Site>) -> Response {
    let open: Vec<_> = gateway.histories.all().iter().map(told).collect();
    reply::result(&Value::from(open).to_string())
}

/// `POST /api/v1/histories`
pub(crate) async fn open(State(gateway): State<Site>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let (settings, name) = (&gateway.settings, name(&parts.headers));
    let turn = gateway.histories.turn(settings.body_timeout).await?;
    let bytes = body::bytes(body, &parts.headers, settings, settings.most_history).await?;
    let opened = gateway.histories.open(turn, &gateway.domain, name, bytes).await?;
    Ok(reply::result(&told(&opened).to_string()))
}

/// `DELETE /api/v1/histories/<id>`
pub(crate) async fn close(State(gateway): State<Site>, Path(id): Path<String>) -> Result<Response, Problem> {
    gateway.histories.close(&id)?;
    Ok(reply::result("true"))
}

fn told(opened: &Opened) -> Value {
    let Opened { id, name, events, head, .. } = opened;
    json!({"id": id, "name": name, "events": events, "head": past::told(head)})
}

/// The name that a request gives its file, fit to be shown in one line.
fn name(headers: &HeaderMap) -> String {
    let given = headers.get(NAME).map(|name| percent_decode(name.as_bytes()).decode_utf8_lossy().into_owned());
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let name: String = given.unwrap_or_default().trim().chars().take(LONGEST).map(shown).collect();
    if name.is_empty() { "a history".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line() {
        let name = |given: &'static str| name(&HeaderMap::from_iter([(NAME.parse().unwrap(), given.parse().unwrap())]));
        assert_eq!(name("shop.jsonl"), "shop.jsonl");
        assert_eq!(name("m%C3%A4rz%202026.jsonl"), "märz 2026.jsonl");
        assert_eq!(name("a%0Ab%1B%FF"), "a\u{fffd}b\u{fffd}\u{fffd}");
        assert_eq!((name(" "), super::name(&HeaderMap::new())), ("a history".into(), "a history".into()));
        assert_eq!(name(Box::leak("x".repeat(300).into_boxed_str())).len(), 200);
    }
}
