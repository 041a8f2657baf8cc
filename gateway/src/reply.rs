//! Answers: JSON that is mostly text already.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;

use crate::{
    problem::{Kind, Problem},
    served::Stale,
};

/// Header: the command that the request became.
pub(crate) const COMMAND: HeaderName = HeaderName::from_static("retrace-command");
/// Header: the position of the command's last event, or the one that an answer about the past is for.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("retrace-position");
/// Header: `behind` when the read model does not show the write yet.
pub(crate) const READ_MODEL: HeaderName = HeaderName::from_static("retrace-read-model");

/// Header: which version of the projection made the rows, where it is not the program's own.
pub(crate) const STALE: HeaderName = HeaderName::from_static("retrace-stale");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// `{"result": …}` around JSON text.
pub(crate) fn result(json: &str) -> Response {
    let mut body = String::with_capacity(json.len() + 12);
    body.push_str("{\"result\":");
    body.push_str(json);
    body.push('}');
    self::json(StatusCode::OK, body)
}

/// `{"result": …}` around what becomes JSON.
pub(crate) fn serialized(answer: &impl Serialize) -> Result<Response, Problem> {
    let json = serde_json::to_string(answer);
    Ok(result(&json.map_err(|error| Problem::new(Kind::Internal, error.to_string()))?))
}

/// `{"result": [row, …]}` around rows of JSON text.
pub(crate) fn list<'r>(rows: impl Iterator<Item = &'r str> + Clone) -> Response {
    let length = rows.clone().map(|row| row.len() + 1).sum::<usize>();
    let mut body = String::with_capacity(length + 16);
    body.push_str("{\"result\":[");
    for (index, row) in rows.enumerate() {
        if index > 0 {
            body.push(',');
        }
        body.push_str(row);
    }
    body.push_str("]}");
    json(StatusCode::OK, body)
}

/// Says of an answer made of rows that they are stale, if they are.
pub(crate) fn mark(response: &mut Response, stale: Option<Stale>) {
    if let Some(stale) = stale {
        set(response, STALE, &stale.to_string());
    }
}

/// JSON text as it is.
pub(crate) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}

/// Sets a header to a text that is an id or a position; others are left out.
pub(crate) fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
