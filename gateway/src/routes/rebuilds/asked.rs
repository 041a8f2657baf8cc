//! What the body of a request for a rebuild asks for.

use axum::extract::Request;
use kernel::{Moment, Position};
use projector::rebuild::{Approval, Plan};

use crate::{
    fields::Fields,
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
        let mut fields = Fields::of(gateway, request, "rebuild", &FIELDS).await?;
        let from = position(gateway, &mut fields, "from").await?;
        let to = position(gateway, &mut fields, "to").await?;
        let empty = fields.take("empty", "true or false")?.unwrap_or_default();
        let topics = fields.take("topics", "a list of texts")?.unwrap_or_default();
        let approval = fields.take("approval", "not_needed, needed or given")?.unwrap_or_default();
        if approval != Approval::NotNeeded && (to.is_some() || empty) {
            let detail = "rows are compared over the whole log; leave out approval, or to and empty";
            return Err(Problem::new(Kind::Refused, detail).field("approval"));
        }
        Ok(Self { plan: Plan { from, to, empty, topics }, approval })
    }
}

/// The position that a field's moment stands for.
async fn position(gateway: &Shared, fields: &mut Fields, name: &'static str) -> Result<Option<Position>, Problem> {
    let text: Option<String> = fields.take(name, "a position or a time, as text")?;
    let Some(text) = text else { return Ok(None) };
    let malformed = |error| Problem::new(Kind::Refused, format!("{name}: {error}")).field(name);
    let moment: Moment = text.parse().map_err(malformed)?;
    let position = gateway.asked(gateway.engine.position_at(moment)).await;
    position.map(Some).map_err(|problem| problem.field(name))
}
