//! One row's life, and what led to an event and came of it.

use axum::{
    extract::{Path, State},
    http::Uri,
    response::Response,
};
use kernel::Position;
use replay::{
    life::{Part, life},
    trace,
};

use crate::{
    gateway::Site,
    past::Past,
    problem::{Kind, Problem},
    reply, request,
};

/// How many versions an answer has unless more or fewer are asked for.
const LIMIT: usize = 100;

/// `GET /api/v1/history/<topic>/<id>[?after=&at=&limit=&log=]`
pub(crate) async fn history(
    State(gateway): State<Site>,
    Path((topic, id)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    request::only(&uri, &["after", "at", "limit", "log"])?;
    let topic = gateway.known_topic(&topic)?;
    let most = gateway.settings.most_changes;
    let limit = request::limit(&uri, LIMIT.min(most), most)?;
    let source = gateway.source(&uri)?;
    let after = Past::asked(&source, &uri, "after").await?.map_or(Position::ZERO, |past| past.position());
    let until = Past::asked_or_head(&source, &uri, "at").await?.position();
    let part = Part { after, until, limit };
    let life = source.remembered(life(&source.timeline, &gateway.domain, (topic, &id), part)).await?;
    // A page after the last version is empty, but there is a row that it is of.
    if life.chapters.is_empty() && source.remembered(source.timeline.row(topic.name, &id, until)).await?.is_none() {
        let detail = format!("no {} {id} has existed up to {until}", topic.name);
        return Err(Problem::new(Kind::NotFound, detail));
    }
    let mut response = reply::serialized(&life)?;
    reply::set(&mut response, reply::POSITION, &until.to_string());
    Ok(response)
}

/// `GET /api/v1/trace/<event id>[?at=&log=]`
pub(crate) async fn trace(State(gateway): State<Site>, Path(id): Path<String>, uri: Uri) -> Result<Response, Problem> {
    request::only(&uri, &["at", "log"])?;
    let source = gateway.source(&uri)?;
    let until = Past::asked_or_head(&source, &uri, "at").await?.position();
    let found = source.remembered(trace::trace(&source.timeline, &gateway.domain, &id, until)).await?;
    let unknown = || Problem::new(Kind::NotFound, format!("no event of the log has, or names, the id {id}"));
    let mut response = reply::serialized(&found.ok_or_else(unknown)?)?;
    reply::set(&mut response, reply::POSITION, &until.to_string());
    Ok(response)
}
