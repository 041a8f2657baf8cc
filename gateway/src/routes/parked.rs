//! What consumers could not process and have set aside.

use axum::{
    extract::{Path, State},
    http::Uri,
    response::Response,
};
use kernel::Position;
use projector::parked::{self, ParkedError};
use runtime::{Parked, ParkedId, parking::MOST_LISTED};
use serde_json::{Value, json};

use super::listing::time;
use crate::{
    gateway::Site,
    problem::{Kind, Problem},
    reply, request,
};

/// How many entries an answer has unless more or fewer are asked for.
const LIMIT: usize = 50;

/// `GET /api/v1/parked[?after=&limit=]`
pub(crate) async fn list(State(gateway): State<Site>, uri: Uri) -> Result<Response, Problem> {
    request::only(&uri, &["after", "limit"])?;
    let limit = request::limit(&uri, LIMIT, MOST_LISTED - 1)?;
    let after = request::parameter(&uri, "after").map(|after| after.parse::<ParkedId>()).transpose();
    let after =
        after.map_err(|error| Problem::new(Kind::MalformedRequest, format!("after: {error}")).field("after"))?;
    let engine = &gateway.engine;
    let (count, mut entries) = tokio::try_join!(
        gateway.asked(engine.parked_count()),
        // One more than is told, to know whether there is one.
        gateway.asked(engine.parked(after.as_ref(), limit + 1)),
    )?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let answer = json!({
        "count": count,
        "entries": entries.iter().map(told).collect::<Vec<_>>(),
        "next": entries.last().filter(|_| more).map(|last| last.id().name()),
    });
    Ok(reply::result(&answer.to_string()))
}

/// `POST /api/v1/parked/<consumer>/<topic>/<position>/retry`
pub(crate) async fn retry(State(gateway): State<Site>, Path(path): Path<Named>) -> Result<Response, Problem> {
    let id = id(path)?;
    acted(&gateway, parked::retry(&gateway.domain, &gateway.engine, &id)).await
}

/// `DELETE /api/v1/parked/<consumer>/<topic>/<position>`
pub(crate) async fn discard(State(gateway): State<Site>, Path(path): Path<Named>) -> Result<Response, Problem> {
    let id = id(path)?;
    acted(&gateway, parked::discard(&gateway.engine, &id)).await
}

/// Consumer, topic and position.
type Named = (String, String, String);

fn id((consumer, topic, position): Named) -> Result<ParkedId, Problem> {
    let malformed = |_| Problem::new(Kind::MalformedRequest, format!("\"{position}\" is no position; expected 1-0"));
    let position: Position = position.parse().map_err(malformed)?;
    Ok(ParkedId { consumer, position, topic })
}

async fn acted(gateway: &Site, act: impl Future<Output = Result<(), ParkedError>>) -> Result<Response, Problem> {
    // What the store refuses is told apart from what can't be done.
    let outcome = async {
        match act.await {
            Err(ParkedError::Store(error)) => Err(error),
            other => Ok(other),
        }
    };
    match gateway.asked(outcome).await? {
        Ok(()) => Ok(reply::result("true")),
        Err(error @ ParkedError::NotParked(_)) => Err(Problem::new(Kind::NotFound, error.to_string())),
        Err(error) => Err(Problem::new(Kind::Conflict, error.to_string())),
    }
}

/// An entry for programs.
fn told(parked: &Parked) -> Value {
    let Parked { consumer, topic, position, reason, attempts, since_ms, retry } = parked;
    json!({
        "consumer": consumer,
        "topic": topic,
        "position": position,
        "reason": reason,
        "attempts": attempts,
        "since": time(*since_ms),
        "retry": retry,
    })
}
