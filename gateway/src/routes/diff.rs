//! What changed between two moments.

use axum::{extract::State, http::Uri, response::Response};
use projector::timeline::RowChange;
use serde::Serialize;
use serde_json::Value;

use crate::{
    gateway::{Shared, Site},
    past::Past,
    problem::{Kind, Problem},
    reply, request,
    source::Source,
};

/// `GET /api/v1/diff?from=&to=[&topic=[&id=]][&log=]`
pub(crate) async fn diff(State(gateway): State<Site>, uri: Uri) -> Result<Response, Problem> {
    request::only(&uri, &["from", "to", "topic", "id", "log"])?;
    let (topic, id) = (request::parameter(&uri, "topic"), request::parameter(&uri, "id"));
    let topics = topics(&gateway, topic.as_deref())?;
    let source = gateway.source(&uri)?;
    let (from, to) = (moment(&source, &uri, "from").await?, moment(&source, &uri, "to").await?);
    let changes = match (topics.as_slice(), id) {
        ([topic], Some(id)) => {
            let (before, after) = (from.row(topic, &id).await?, to.row(topic, &id).await?);
            let change = RowChange { topic, key: id, before, after };
            Some(change).into_iter().filter(|change| change.before != change.after).collect()
        }
        (_, Some(_)) => {
            let detail = "an id is one of a topic; say which, with the parameter topic";
            return Err(Problem::new(Kind::MalformedRequest, detail).field("topic"));
        }
        (topics, None) => source.remembered(source.timeline.changes(from.position(), to.position(), topics)).await?,
    };
    let most = gateway.settings.most_changes;
    let answer = Answer {
        from: from.told(),
        to: to.told(),
        count: changes.len(),
        truncated: changes.len() > most,
        changes: &changes[..changes.len().min(most)],
    };
    reply::serialized(&answer)
}

/// What changed, rows as they are written.
#[derive(Serialize)]
struct Answer<'c> {
    from: Value,
    to: Value,
    /// How many rows changed.
    count: usize,
    /// Whether there are more than are shown.
    truncated: bool,
    changes: &'c [RowChange],
}

/// The topics that are asked about.
fn topics(gateway: &Shared, asked: Option<&str>) -> Result<Vec<&'static str>, Problem> {
    match asked {
        Some(asked) => Ok(vec![gateway.known_topic(asked)?.name]),
        None => Ok(gateway.domain.topics().map(|topic| topic.name).collect()),
    }
}

async fn moment<'s>(source: &'s Source<'s>, uri: &Uri, name: &str) -> Result<Past<'s>, Problem> {
    Past::asked(source, uri, name).await?.ok_or_else(|| {
        let detail = format!("{name} is missing; a difference is one between two positions or times, from and to");
        Problem::new(Kind::MalformedRequest, detail).field(name)
    })
}
