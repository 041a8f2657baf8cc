//! The fate of a command.

use axum::{extract::State, http::Uri, response::Response};
use kernel::Outcome;
use runtime::{CommandRecord, CommandState};
use serde_json::{Value, json};

use crate::{
    gateway::Site,
    problem::{Kind, Problem},
    reply, request,
};

/// `GET /api/v1/commands/<id>`
pub(crate) async fn one(State(gateway): State<Site>, uri: Uri) -> Result<Response, Problem> {
    let id = request::id(&uri);
    let record = gateway.asked(gateway.engine.command(&id)).await?;
    let unknown = || Problem::new(Kind::NotFound, format!("there is no command {id}, or its record has run out"));
    Ok(reply::result(&fate(&record.ok_or_else(unknown)?).to_string()))
}

/// A command's record as clients see it.
fn fate(record: &CommandRecord) -> Value {
    let mut fate = match &record.state {
        CommandState::Pending => json!({"status": "pending"}),
        CommandState::Ended(Outcome::Done { result, position }) => {
            json!({"status": "done", "result": result, "position": position})
        }
        CommandState::Ended(Outcome::Rejected(rejection)) => {
            let mut rejected = json!(rejection);
            rejected["status"] = "rejected".into();
            rejected
        }
        CommandState::Ended(Outcome::Dead { error }) => json!({"status": "dead", "error": error}),
    };
    fate["id"] = record.id.as_str().into();
    fate["failed_attempts"] = record.failed.into();
    if let Some(error) = &record.error {
        fate["last_error"] = error.as_str().into();
    }
    fate
}
