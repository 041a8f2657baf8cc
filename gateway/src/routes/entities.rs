//! Entities: read from the read model, or from the timeline as they were, and changed by commands.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::Uri,
    response::Response,
};
use kernel::{Intent, Topic};
use serde_json::value::RawValue;

use crate::{
    body::{self, Members},
    gateway::Site,
    past::Past,
    problem::{Kind, Problem},
    reply,
    request::{self, Fingerprint},
    submission::Submission,
};

/// One topic's part of the gateway.
#[derive(Clone)]
pub(crate) struct Scope {
    gateway: Site,
    topic: Arc<Topic>,
}

impl Scope {
    pub(crate) fn new(gateway: &Site, topic: &Arc<Topic>) -> Self {
        Self { gateway: gateway.clone(), topic: topic.clone() }
    }
}

/// `GET /<plural>`
pub(crate) async fn list(State(scope): State<Scope>, uri: Uri) -> Result<Response, Problem> {
    let name = scope.topic.name;
    if let Some(past) = Past::asked(&scope.gateway.own_log(), &uri, "at").await? {
        let tables = past.tables(&[name]).await?;
        let rows: Vec<_> = tables.rows(name).map(|(_, row)| row).collect();
        return Ok(past.mark(reply::list(rows.iter().copied())));
    }
    let (tables, state) = scope.gateway.asked(scope.gateway.model.tables(&[name])).await?;
    let rows: Vec<_> = tables.rows(name).map(|(_, row)| row).collect();
    let mut response = reply::list(rows.iter().copied());
    reply::mark(&mut response, scope.gateway.served.saw(&state));
    Ok(response)
}

/// `GET /<singular>/<id>`
pub(crate) async fn one(State(scope): State<Scope>, uri: Uri) -> Result<Response, Problem> {
    let id = request::id(&uri);
    if let Some(past) = Past::asked(&scope.gateway.own_log(), &uri, "at").await? {
        let row = past.row(scope.topic.name, &id).await?;
        return Ok(past.mark(reply::result(row.as_deref().unwrap_or("null"))));
    }
    let row = scope.gateway.asked(scope.gateway.model.row(scope.topic.name, &id)).await?;
    scope.gateway.mark(reply::result(row.as_deref().unwrap_or("null"))).await
}

/// `POST /<singular>`: creates what is given and waits.
pub(crate) async fn create(State(scope): State<Scope>, request: Request) -> Result<Response, Problem> {
    let (gateway, topic) = (&scope.gateway, &scope.topic);
    let received = Received::of(gateway, request).await?;
    match Members::read(&received.body, &gateway.settings)? {
        Members::One(member) => {
            topic.admit_new(Some("-"), member.get())?;
            let created = gateway.perform(received.rest.submission(topic, Intent::Create(vec![member])));
            // A client that sent no list has no use for a place in one.
            created.await.map_err(|problem| problem.member(None))
        }
        Members::Many(members) => {
            check_new(topic, &members)?;
            gateway.perform(received.rest.submission(topic, Intent::Create(members))).await
        }
    }
}

/// `POST /<plural>`: creates a list and does not wait.
pub(crate) async fn submit(State(scope): State<Scope>, request: Request) -> Result<Response, Problem> {
    let (gateway, topic) = (&scope.gateway, &scope.topic);
    let received = Received::of(gateway, request).await?;
    match Members::read(&received.body, &gateway.settings)? {
        Members::One(_) => {
            let detail = format!("expected a list; POST /{} takes one {}", topic.name, topic.name);
            Err(Problem::new(Kind::Refused, detail))
        }
        Members::Many(members) => {
            check_new(topic, &members)?;
            gateway.submit(received.rest.submission(topic, Intent::Create(members))).await
        }
    }
}

/// `PUT /<singular>/<id>`
pub(crate) async fn replace(State(scope): State<Scope>, request: Request) -> Result<Response, Problem> {
    let (gateway, topic) = (&scope.gateway, &scope.topic);
    let id = request::id(request.uri());
    let received = Received::of(gateway, request).await?;
    let Members::One(fields) = Members::read(&received.body, &gateway.settings)? else {
        return Err(Problem::new(Kind::Refused, format!("expected the fields of one {}, not a list", topic.name)));
    };
    topic.admit_update(&id, fields.get())?;
    gateway.perform(received.rest.submission(topic, Intent::Update { id, fields })).await
}

/// `DELETE /<singular>/<id>`
pub(crate) async fn end(State(scope): State<Scope>, request: Request) -> Result<Response, Problem> {
    let id = request::id(request.uri());
    let rest = Rest::of(&request, "")?;
    scope.gateway.perform(rest.submission(&scope.topic, Intent::Delete { id })).await
}

/// Shape errors are told at once, without asking the service.
fn check_new(topic: &Topic, members: &[Box<RawValue>]) -> Result<(), Problem> {
    if members.is_empty() {
        let detail = format!("a list of {} to create must not be empty", topic.plural);
        return Err(Problem::new(Kind::Refused, detail));
    }
    let check = |(index, member): (usize, &RawValue)| {
        let admitted = topic.admit_new(Some("-"), member.get());
        admitted.map(drop).map_err(|complaint| Problem::from(complaint).member(Some(index)))
    };
    members.iter().map(AsRef::as_ref).enumerate().try_for_each(check)
}

/// A request that has been read.
struct Received {
    body: String,
    rest: Rest,
}

/// What a request carries besides its body.
struct Rest {
    bytes: usize,
    idempotency: Option<runtime::Idempotency>,
    traceparent: Option<String>,
}

impl Received {
    async fn of(gateway: &Site, request: Request) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let (body, _room) = body::text(body, &parts.headers, &gateway.settings, &gateway.room).await?;
        let rest = Rest::of(&Request::from_parts(parts, ()), &body)?;
        Ok(Self { body, rest })
    }
}

impl Rest {
    fn of<B>(request: &axum::http::Request<B>, body: &str) -> Result<Self, Problem> {
        let fingerprint = Fingerprint::of(request.method().as_str(), request.uri().path(), body);
        let idempotency = request::idempotency(request.headers(), fingerprint)?;
        Ok(Self { bytes: body.len(), idempotency, traceparent: request::traceparent(request.headers()) })
    }

    fn submission(self, topic: &Topic, intent: Intent) -> Submission<'_> {
        let Self { bytes, idempotency, traceparent } = self;
        Submission { topic, intent, bytes, idempotency, traceparent }
    }
}
