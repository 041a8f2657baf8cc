//! How everything is going, and what the domain is.

use axum::{extract::State, response::Response};
use kernel::{Field, Kind as FieldKind, Topic, TopicKind};
use serde_json::{Value, json};

use crate::{gateway::Site, problem::Problem, reply};

/// `GET /api/v1/status`
pub(crate) async fn status(State(gateway): State<Site>) -> Result<Response, Problem> {
    let engine = &gateway.engine;
    let services = gateway.domain.services();
    let (head, consumers, queues, parked, model) = tokio::try_join!(
        gateway.asked(engine.head()),
        gateway.asked(engine.checkpoints()),
        gateway.asked(engine.queues(&services)),
        gateway.asked(engine.parked_count()),
        gateway.asked(gateway.model.state()),
    )?;
    // A timeline that can't be read is no reason to tell nothing of the rest.
    let timeline = gateway.asked(gateway.timeline.standing()).await;
    let lag = |checkpoint: &kernel::Checkpoint| head.number.0.saturating_sub(checkpoint.number.0);
    let mut consumers = consumers;
    for saga in gateway.domain.sagas() {
        // One that has never run stands before the first event.
        consumers.entry(runtime::host::sagas::consumer(saga.name)).or_default();
    }
    let consumers: Vec<_> = consumers
        .iter()
        .map(|(name, checkpoint)| json!({"consumer": name, "checkpoint": checkpoint, "lag": lag(checkpoint)}))
        .collect();
    let status = json!({
        "domain": gateway.domain.name(),
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": gateway.started.elapsed().as_secs(),
        "store": engine.url(),
        "durability": engine.durability().to_string(),
        "head": head,
        "read_model": {
            "state": model,
            "lag": lag(&model.checkpoint),
            "stale": gateway.served.saw(&model).is_some(),
            "current_version": gateway.served.current(),
        },
        "timeline": match &timeline {
            Ok(standing) => json!({"standing": standing, "lag": lag(&standing.checkpoint)}),
            Err(problem) => json!({"trouble": problem.detail()}),
        },
        "consumers": consumers,
        "queues": queues,
        "parked": parked,
        "trouble": gateway.tail.trouble().map(|trouble| trouble.to_string()),
    });
    Ok(reply::result(&status.to_string()))
}

/// `GET /api/v1/topics`
pub(crate) async fn topics(State(gateway): State<Site>) -> Response {
    let domain = &gateway.domain;
    let topics: Vec<_> = domain.topics().map(topic).collect();
    let queries: Vec<_> =
        domain.queries().iter().map(|query| json!({"path": query.path, "topics": query.topics})).collect();
    let sagas: Vec<_> = domain
        .sagas()
        .iter()
        .map(|saga| json!({"name": saga.name, "triggers": saga.triggers, "reads": saga.reads}))
        .collect();
    let pages: Vec<_> = domain.pages().iter().map(|page| json!({"name": page.name, "title": page.title})).collect();
    let domain = json!({"domain": domain.name(), "topics": topics, "queries": queries, "sagas": sagas, "pages": pages});
    reply::result(&domain.to_string())
}

fn topic(topic: &Topic) -> Value {
    let fields: Vec<_> = topic.fields.iter().map(field).collect();
    let mut described = json!({
        "name": topic.name,
        "plural": topic.plural,
        "service": topic.service,
        "fields": fields,
    });
    match topic.kind {
        TopicKind::Entity => described["kind"] = "entity".into(),
        TopicKind::Journal { action } => {
            described["kind"] = "journal".into();
            described["action"] = action.into();
        }
    }
    described
}

fn field(field: &Field) -> Value {
    let mut described = match field.kind {
        FieldKind::Text => json!({"kind": "text"}),
        FieldKind::Integer { min: i64::MIN } => json!({"kind": "integer"}),
        FieldKind::Integer { min } => json!({"kind": "integer", "min": min}),
        FieldKind::Seconds => json!({"kind": "seconds"}),
        FieldKind::Reference(topic) => json!({"kind": "reference", "topic": topic}),
        FieldKind::References(topic) => json!({"kind": "references", "topic": topic}),
        FieldKind::Choice(choices) => json!({"kind": "choice", "choices": choices}),
    };
    described["name"] = field.name.into();
    described["may_be_empty"] = field.may_be_empty.into();
    described["personal"] = field.personal.into();
    if let Some(initially) = field.initially {
        described["initially"] = serde_json::from_str(initially).unwrap_or_else(|_| initially.into());
    }
    described
}
