//! What a program reads first.

use axum::{extract::State, http::StatusCode, response::Response};

use crate::{gateway::Site, openapi::document, reply};

/// `GET /openapi.json`
pub(crate) async fn openapi(State(gateway): State<Site>) -> Response {
    reply::json(StatusCode::OK, document(&gateway.domain, &gateway.surface, &gateway.settings).to_string())
}
