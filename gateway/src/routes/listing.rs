//! What is in one service's queue.

use axum::{
    extract::{Path, State},
    http::Uri,
    response::Response,
};
use jiff::Timestamp;
use kernel::{Command, Intent};
use runtime::{Listing, Queued, Standing};
use serde_json::{Value, json};

use super::admin::known;
use crate::{
    gateway::Site,
    problem::{Kind, Problem},
    reply, request,
};

/// How many commands an answer has unless more or fewer are asked for.
const LIMIT: usize = 50;

/// `GET /api/v1/queues/<service>[?state=&after=&limit=]`
pub(crate) async fn queue(
    State(gateway): State<Site>,
    Path(service): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    request::only(&uri, &["state", "after", "limit"])?;
    let service = known(&gateway, &service)?;
    let most = gateway.settings.most_changes;
    let only = request::parameter(&uri, "state").map(|state| standing(&state)).transpose()?;
    let limit = request::limit(&uri, LIMIT.min(most), most)?;
    let listing = Listing { only, after: request::parameter(&uri, "after"), limit };
    let listed = gateway.asked(gateway.engine.listed(service, &listing)).await?;
    let status = listed.status;
    let answer = json!({
        "service": status.service,
        "waiting": status.waiting,
        "claimed": status.claimed,
        "dead": status.dead,
        "commands": listed.commands.iter().map(told).collect::<Vec<_>>(),
        "next": listed.commands.last().filter(|_| listed.more).map(|last| &last.id),
    });
    Ok(reply::result(&answer.to_string()))
}

/// Whether a request of this path and these parameters may be answered with dead letters.
pub(crate) fn may_show_dead(uri: &Uri) -> bool {
    !matches!(request::parameter(uri, "state").as_deref(), Some("waiting" | "claimed"))
}

fn standing(name: &str) -> Result<Standing, Problem> {
    Standing::ALL.into_iter().find(|standing| json!(standing) == name).ok_or_else(|| {
        let detail = format!("state is \"{name}\"; expected waiting, claimed or dead");
        Problem::new(Kind::MalformedRequest, detail).field("state")
    })
}

/// A command for programs; one that can't be read with its text as it stands.
fn told(queued: &Queued) -> Value {
    let Queued { id, standing, body, failed, error, worker, lease_ends_ms } = queued;
    let mut told = json!({"state": standing, "id": id, "attempts": failed});
    match serde_json::from_str::<Command>(body) {
        Ok(command) => {
            let (intent, data) = asked(&command.intent);
            told["topic"] = command.topic.into();
            told["intent"] = intent.into();
            told["data"] = data;
            told["since"] = time(command.issued_ms);
            for (name, of) in [("cause", command.meta.cause), ("handler", command.meta.handler)] {
                if let Some(of) = of {
                    told[name] = of.into();
                }
            }
        }
        Err(unreadable) => {
            told["text"] = body.as_str().into();
            told["unreadable"] = unreadable.to_string().into();
        }
    }
    if let Some(error) = error {
        told["error"] = error.as_str().into();
    }
    if let Some(worker) = worker {
        told["worker"] = worker.as_str().into();
        told["lease_ends"] = lease_ends_ms.map_or(Value::Null, time);
    }
    told
}

/// What a command asks for, in one word, and of what.
fn asked(intent: &Intent) -> (&'static str, Value) {
    let value = |raw: &serde_json::value::RawValue| serde_json::from_str(raw.get()).unwrap_or_default();
    match intent {
        Intent::Create(entities) => ("create", entities.iter().map(|entity| value(entity)).collect()),
        Intent::Update { id, fields } => ("update", json!({"id": id, "fields": value(fields)})),
        Intent::Delete { id } => ("delete", json!({"id": id})),
        Intent::Record(fact) => ("record", value(fact)),
    }
}

/// A time in Unix milliseconds, as RFC 3339; null where that can't tell it.
pub(super) fn time(ms: u64) -> Value {
    let time = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or(Value::Null, |time| time.to_string().into())
}
