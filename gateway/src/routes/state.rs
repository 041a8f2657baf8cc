//! Everything as it stood at a moment: a topic page by page, one row, and what refers to it.

mod referrers;
mod step;

use std::collections::BTreeMap;

use axum::{
    extract::{Path, State},
    http::Uri,
    response::Response,
};
use kernel::Position;
use projector::timeline::RowPage;
use serde::Serialize;
use serde_json::{Value, value::RawValue};

use crate::{
    gateway::Site,
    past::Past,
    problem::{Kind, Problem},
    reply, request,
};

use referrers::{Most, Referrer};
use step::Step;

/// How many rows an answer has unless more or fewer are asked for.
const LIMIT: usize = 50;

/// How many rows an answer has at most.
const MOST: usize = 1_000;

/// `GET /api/v1/state[?at=][&topic=[&after=]][&limit=][&log=]`
pub(crate) async fn state(State(gateway): State<Site>, uri: Uri) -> Result<Response, Problem> {
    request::only(&uri, &["at", "topic", "after", "limit", "log"])?;
    let source = gateway.source(&uri)?;
    let limit = request::limit(&uri, LIMIT, MOST)?;
    let topic = request::parameter(&uri, "topic").map(|topic| gateway.known_topic(&topic)).transpose()?;
    let after = request::parameter(&uri, "after");
    if topic.is_none() && after.is_some() {
        let detail = "after is a key in a topic; say which, with the parameter topic";
        return Err(Problem::new(Kind::MalformedRequest, detail).field("topic"));
    }
    let (at, head) = (Past::asked_or_head(&source, &uri, "at").await?, Past::head(&source).await?);
    let position = at.position();
    let rows = async {
        let Some(topic) = topic else { return Ok(None) };
        let page = source.timeline.page(topic.name, position, after.as_deref(), limit);
        source.remembered(page).await.map(|page| Some((topic.name, page)))
    };
    let (step, counts, rows) = tokio::try_join!(
        Step::at(&source, &gateway.domain, position),
        source.remembered(source.timeline.counts(position)),
        rows,
    )?;
    let rows = rows.map(|(topic, RowPage { rows, next })| {
        let rows = rows.into_iter().map(|(key, row)| Keyed { row: raw(&row), key }).collect();
        Rows { topic, rows, next }
    });
    marked(&at, &Whole { at: at.told(), head: head.told(), step, counts, rows })
}

/// All topics at a moment.
#[derive(Serialize)]
struct Whole {
    at: Value,
    head: Value,
    #[serde(flatten)]
    step: Step,
    counts: BTreeMap<&'static str, Option<u64>>,
    #[serde(flatten)]
    rows: Option<Rows>,
}

/// Some rows of a topic, by key.
#[derive(Serialize)]
struct Rows {
    topic: &'static str,
    rows: Vec<Keyed>,
    /// The key to go on after.
    next: Option<String>,
}

#[derive(Serialize)]
struct Keyed {
    key: String,
    row: Option<Box<RawValue>>,
}

/// `GET /api/v1/state/<topic>/<key>[?at=][&log=]`
pub(crate) async fn row(
    State(gateway): State<Site>,
    Path((topic, key)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    request::only(&uri, &["at", "log"])?;
    let topic = gateway.known_topic(&topic)?.name;
    let source = gateway.source(&uri)?;
    let (at, head) = (Past::asked_or_head(&source, &uri, "at").await?, Past::head(&source).await?);
    let version = source.remembered(source.timeline.row(topic, &key, at.position())).await?;
    let (row, version) = version.map_or((None, None), |version| (version.row, Some(version.position)));
    let exists_later = match &row {
        Some(_) => None,
        None => {
            // Nothing comes of nothing: whatever happens to it later, it is there first.
            let last = source.remembered(source.timeline.row(topic, &key, head.position())).await?;
            Some(last.is_some_and(|last| last.position > at.position()))
        }
    };
    let row = row.as_deref().and_then(raw);
    marked(&at, &One { at: at.told(), head: head.told(), topic, key: &key, row, version, exists_later })
}

/// One row at a moment.
#[derive(Serialize)]
struct One<'k> {
    at: Value,
    head: Value,
    topic: &'static str,
    key: &'k str,
    row: Option<Box<RawValue>>,
    /// The event that made it so.
    version: Option<Position>,
    /// Of a row that is not there: whether it ever comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    exists_later: Option<bool>,
}

/// `GET /api/v1/state/<topic>/<key>/referrers[?at=][&limit=][&log=]`
pub(crate) async fn referrers(
    State(gateway): State<Site>,
    Path((topic, key)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    request::only(&uri, &["at", "limit", "log"])?;
    let topic = gateway.known_topic(&topic)?.name;
    let limit = request::limit(&uri, LIMIT, MOST)?;
    let source = gateway.source(&uri)?;
    let at = Past::asked_or_head(&source, &uri, "at").await?;
    let most = Most { found: limit, looked_through: gateway.settings.most_referring };
    let (referrers, truncated) = referrers::find(&source, &gateway.domain, (topic, &key), at.position(), most).await?;
    marked(&at, &Found { at: at.told(), referrers, truncated })
}

/// What refers to a row at a moment.
#[derive(Serialize)]
struct Found {
    at: Value,
    referrers: Vec<Referrer>,
    /// Whether there are, or may be, more than are shown.
    truncated: bool,
}

/// A row as it is written.
fn raw(row: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(row.to_owned()).ok()
}

fn marked(at: &Past<'_>, answer: &impl Serialize) -> Result<Response, Problem> {
    Ok(at.mark(reply::serialized(answer)?))
}
