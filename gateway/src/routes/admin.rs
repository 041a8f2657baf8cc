//! Queues and dead letters.

use axum::{
    extract::{Path, State},
    response::Response,
};
use runtime::DeadLetter;
use serde_json::{Value, json};

use crate::{
    gateway::Site,
    problem::{Kind, Problem},
    reply,
};

/// `GET /api/v1/queues`
pub(crate) async fn queues(State(gateway): State<Site>) -> Result<Response, Problem> {
    let services = gateway.domain.services();
    let queues = gateway.asked(gateway.engine.queues(&services)).await?;
    Ok(reply::result(&json!(queues).to_string()))
}

/// `GET /api/v1/queues/<service>/dead`
pub(crate) async fn dead(State(gateway): State<Site>, Path(service): Path<String>) -> Result<Response, Problem> {
    let service = known(&gateway, &service)?;
    let letters = gateway.asked(gateway.engine.dead_letters(&[service])).await?;
    let letters: Vec<_> = letters.iter().map(letter).collect();
    Ok(reply::result(&Value::from(letters).to_string()))
}

/// `POST /api/v1/queues/<service>/dead/<command>/requeue`
pub(crate) async fn requeue(
    State(gateway): State<Site>,
    Path((service, command)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let service = known(&gateway, &service)?;
    found(gateway.asked(gateway.engine.requeue(service, &command)).await?, service, &command)
}

/// `DELETE /api/v1/queues/<service>/dead/<command>`
pub(crate) async fn discard(
    State(gateway): State<Site>,
    Path((service, command)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let service = known(&gateway, &service)?;
    found(gateway.asked(gateway.engine.discard(service, &command)).await?, service, &command)
}

pub(super) fn known(gateway: &Site, service: &str) -> Result<&'static str, Problem> {
    let known = gateway.domain.services().into_iter().find(|known| *known == service);
    known.ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no service {service}")))
}

fn found(found: bool, service: &str, command: &str) -> Result<Response, Problem> {
    if found {
        return Ok(reply::result("true"));
    }
    Err(Problem::new(Kind::NotFound, format!("{service} has no dead letter {command}")))
}

fn letter(letter: &DeadLetter) -> Value {
    json!({
        "service": letter.service,
        "command": letter.command,
        "error": letter.error,
        "failed_attempts": letter.failed,
    })
}
