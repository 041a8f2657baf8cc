//! What a person sees first, and what a program reads first.

use std::fmt::Write as _;

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use crate::{gateway::Site, openapi, reply};

const PAGE: &str = include_str!("page.html");

/// Nothing is loaded, run, framed or sent anywhere.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-popups",
);

/// `GET /`
pub(crate) async fn page(State(gateway): State<Site>) -> Response {
    let mut routes = String::new();
    for topic in &gateway.surface.entities {
        link(&mut routes, &format!("/{}", topic.plural));
    }
    for query in &gateway.surface.queries {
        link(&mut routes, query.path);
    }
    let page = PAGE
        .replace("{domain}", &escaped(gateway.domain.name()))
        .replace("{version}", env!("CARGO_PKG_VERSION"))
        .replace("{store}", &escaped(&gateway.engine.url()))
        .replace("{routes}", &routes);
    let mut response = reply::json(StatusCode::OK, page);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// `GET /openapi.json`
pub(crate) async fn openapi(State(gateway): State<Site>) -> Response {
    reply::json(StatusCode::OK, openapi::document(&gateway.domain, &gateway.surface).to_string())
}

fn link(out: &mut String, path: &str) {
    let path = escaped(path);
    let _ = writeln!(out, "<li><a href=\"{path}\">{path}</a></li>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
