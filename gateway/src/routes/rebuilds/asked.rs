//! What the body of a request for a rebuild asks for.

use axum::{body::HttpBody as _, extract::Request};
use kernel::{Moment, Position};
use projector::rebuild::{Approval, Plan};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    body::{self, Members},
    gateway::Shared,
    problem::{Kind, Problem},
};

/// The fields of the body.
const FIELDS: [&str; 5] = ["from", "to", "empty", "topics", "approval"];

/// A rebuild that somebody wants.
pub(super) struct Asked {
    pub(super) plan: Plan,
    pub(super) approval: Approval,
}

impl Asked {
    /// Reads a request; one without a body wants everything anew.
    pub(super) async fn of(gateway: &Shared, request: Request) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let mut fields = Map::new();
        if !body.is_end_stream() {
            let (text, _room) = body::text(body, &parts.headers, &gateway.settings, &gateway.room).await?;
            fields = object(Members::read(&text, &gateway.settings)?)?;
        }
        if let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
            let detail = format!("unknown field {unknown}; the fields are {}", FIELDS.join(", "));
            return Err(Problem::new(Kind::Refused, detail).field(unknown));
        }
        let from = position(gateway, &mut fields, "from").await?;
        let to = position(gateway, &mut fields, "to").await?;
        let empty = field(&mut fields, "empty", "true or false")?.unwrap_or_default();
        let topics = field(&mut fields, "topics", "a list of texts")?.unwrap_or_default();
        let approval = field(&mut fields, "approval", "not_needed, needed or given")?.unwrap_or_default();
        if approval != Approval::NotNeeded && (to.is_some() || empty) {
            let detail = "rows are compared over the whole log; leave out approval, or to and empty";
            return Err(Problem::new(Kind::Refused, detail).field("approval"));
        }
        Ok(Self { plan: Plan { from, to, empty, topics }, approval })
    }
}

fn object(body: Members) -> Result<Map<String, Value>, Problem> {
    let refused = || Problem::new(Kind::Refused, "expected the fields of one rebuild");
    match body {
        Members::One(body) => serde_json::from_str(body.get()).map_err(|_| refused()),
        Members::Many(_) => Err(refused()),
    }
}

/// A field's value; nothing where it is missing or null.
fn field<T: DeserializeOwned>(
    fields: &mut Map<String, Value>,
    name: &str,
    expected: &str,
) -> Result<Option<T>, Problem> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let wrong = |_| Problem::new(Kind::Refused, format!("{name} must be {expected}, not {value}")).field(name);
            T::deserialize(&value).map(Some).map_err(wrong)
        }
    }
}

/// The position that a field's moment stands for.
async fn position(
    gateway: &Shared,
    fields: &mut Map<String, Value>,
    name: &'static str,
) -> Result<Option<Position>, Problem> {
    let text: Option<String> = field(fields, name, "a position or a time, as text")?;
    let Some(text) = text else { return Ok(None) };
    let malformed = |error| Problem::new(Kind::Refused, format!("{name}: {error}")).field(name);
    let moment: Moment = text.parse().map_err(malformed)?;
    let position = gateway.asked(gateway.engine.position_at(moment)).await;
    position.map(Some).map_err(|problem| problem.field(name))
}
