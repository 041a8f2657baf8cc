//! A history one event at a time: what it changed, and what today's sagas decide about it.
//!
//! The log is fed in once, in its order. What is decided comes from [`reactions`](crate::reactions), where nothing is
//! appended and nothing is sent (R11): effects stay data. An event's step is complete when all is known that its sagas
//! decide, and what the log holds of that.
//!
//! | part | what it does |
//! |---|---|
//! | [`Stepper`] | gathers what belongs to each event, and gives steps in log order |
//! | `rows` | what each event changes, and what was there when something was decided |
//! | `marks` | what is decided beside what the log holds |
//! | `lately` | where the events stand that others may have come of |

use std::ops::ControlFlow;

use kernel::{Checkpoint, DECISIONS, Domain, Entry, Meta, Position, Row, Seen};
use projector::{
    field_changes::{self, FieldChange},
    timeline::RowChange,
};
use runtime::{Engine, StoreError, Stretch};

use crate::apart::apart;
use serde::{Serialize, Serializer, ser::SerializeStruct as _};

pub use crate::reactions::{AHEAD, Scope};
use crate::{causes::Match, life::Mention, reactions::Known};

mod lately;
mod marks;
mod rows;
mod stepper;

pub use stepper::Stepper;

/// One event, what it changed, and what is decided about it.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The event; of an entry that is none, its place.
    pub event: Mention,
    /// Microseconds since the first event of the log.
    pub elapsed_us: u64,
    /// Where the event came from, as far as is known.
    pub origin: Meta,
    /// Where the event stands that it came of; nothing where that is long before it, or not in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Place>,
    /// How that was found out, where the event does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inferred: Option<Match>,
    /// What became of the row that it is about; nothing where no row changed.
    pub change: Option<RowChange>,
    /// Why nobody can read it, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// What each saga that reacts to it decides, in the domain's order.
    pub decisions: Vec<Decision>,
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Its position.
    pub position: Position,
    /// Its number; nothing where another program wrote it.
    pub number: Option<u64>,
}

/// What a saga decides about an event today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The saga.
    pub handler: &'static str,
    /// Where the view stood, if that was later than at the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Position>,
    /// Whether the log says so too.
    pub verdict: Verdict,
    /// Why it can't decide, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fails: Option<String>,
    /// What it asks for in its order, and after that what only the log holds.
    pub effects: Vec<Effect>,
}

/// Whether the log holds what is decided today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It does.
    Same,
    /// It holds something else.
    Different,
    /// It holds the same in another order.
    Reordered,
    /// It says nothing of this decision: the saga has not come to it, or was not there.
    Unrecorded,
    /// It can't be made again as it was: it was made too long before it was committed.
    Unchecked,
}

/// An effect: what a saga asks for, or what the log holds of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Whether the log holds it.
    pub mark: Mark,
    /// Whether it is a command, whose service appends the event.
    pub is_command: bool,
    /// Whether it was found by content that what the log holds is this, since it does not say.
    pub is_inferred: bool,
    /// The event's, or the command's, identifier.
    pub id: String,
    /// The identifier of what the log holds.
    pub log_id: Option<String>,
    /// Its topic.
    pub topic: String,
    /// What happens.
    pub action: String,
    /// The entity; nothing for a fact of a journal.
    pub key: Option<String>,
    /// Where the log holds it.
    pub position: Option<Position>,
    /// The row that was decided on.
    pub before: Option<Row>,
    /// What it says today; nothing where it is decided no more.
    pub now: Option<Row>,
    /// What the log holds; nothing where it holds none.
    pub log: Option<Row>,
}

/// Whether the log holds an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// As it is decided today.
    Same,
    /// With other content.
    Changed,
    /// It does not, though it says what the saga did.
    Missing,
    /// It does, and it is not decided today.
    Extra,
    /// It does not say what the saga did.
    Unrecorded,
}

impl Effect {
    /// What it changes in the row, field by field; of a fact, all that it says.
    #[must_use]
    pub fn fields(&self) -> Vec<FieldChange> {
        let said = self.now.as_deref().or(self.log.as_deref());
        field_changes::fields(self.before.as_deref(), said)
    }

    /// Where what it says today is not what the log holds, from the log to today.
    #[must_use]
    pub fn differs(&self) -> Vec<FieldChange> {
        let (Some(log), Some(now)) = (&self.log, &self.now) else { return Vec::new() };
        let mut fields = field_changes::fields(Some(log), Some(now));
        if fields.is_empty() && self.mark == Mark::Changed {
            let (before, after) = (self.log_id.clone().map(Into::into), Some(self.id.clone().into()));
            fields.push(FieldChange { field: "event_id".to_owned(), before, after });
        }
        fields
    }
}

impl Decision {
    /// Whether the log holds something else.
    #[must_use]
    pub const fn differs(&self) -> bool {
        matches!(self.verdict, Verdict::Different | Verdict::Reordered)
    }
}

impl Step {
    /// Whether the log holds something else than is decided today.
    #[must_use]
    pub fn diverges(&self) -> bool {
        self.decisions.iter().any(Decision::differs)
    }
}

/// For programs: each field that changes, and each that differs, with both its values.
impl Serialize for Effect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut effect = serializer.serialize_struct("Effect", 10)?;
        effect.serialize_field("mark", &self.mark)?;
        effect.serialize_field("kind", if self.is_command { "command" } else { "event" })?;
        effect.serialize_field("inferred", &self.is_inferred)?;
        effect.serialize_field("id", &self.id)?;
        effect.serialize_field("topic", &self.topic)?;
        effect.serialize_field("action", &self.action)?;
        effect.serialize_field("key", &self.key)?;
        effect.serialize_field("position", &self.position)?;
        effect.serialize_field("fields", &Pairs(&self.fields()))?;
        effect.serialize_field("differs", &Pairs(&self.differs()))?;
        effect.end()
    }
}

/// `{name: [before, after]}`
struct Pairs<'f>(&'f [FieldChange]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|change| (&change.field, [&change.before, &change.after])))
    }
}

/// Shows `visit` the steps of a log in order, until it breaks off. Returns how many entries it passed over since they
/// are no events, but say what was decided.
///
/// # Errors
/// When the store failed, or the log has lost events (R3).
pub async fn steps(
    domain: &Domain,
    engine: &Engine,
    scope: Scope,
    mut visit: impl FnMut(Step) -> ControlFlow<()> + Send + 'static,
) -> Result<u64, StoreError> {
    let mut stepper = Stepper::new(domain, scope).known(Known::of(domain, engine).await?);
    apart(engine, "stepping through it", move |reader| {
        let stretch = Stretch { after: Checkpoint::default(), until: Position::MAX };
        let mut flow = ControlFlow::Continue(());
        reader.scan(&stretch, &mut |seen| {
            stepper.take(seen.to_entry());
            flow = stepper.drain(&mut visit);
            flow
        })?;
        if flow.is_continue() {
            stepper.end();
            let _ = stepper.drain(&mut visit);
        }
        Ok(stepper.recorded())
    })
    .await
}

/// How many steps a log has, without deciding anything; nothing where only deciding tells, as of a saga's alone.
///
/// # Errors
/// When the store failed, or the log has lost events (R3).
pub async fn count(engine: &Engine, scope: Scope) -> Result<Option<u64>, StoreError> {
    if scope.handler.is_some() {
        return Ok(None);
    }
    apart(engine, "counting its events", move |reader| {
        let stretch = Stretch { after: Checkpoint::default(), until: scope.to };
        let mut count = 0;
        reader.scan(&stretch, &mut |seen| {
            let is_step = matches!(seen, Seen::Junk(_)) || seen.topic() != DECISIONS;
            count += u64::from(is_step && scope.covers(seen.topic(), seen.position()));
            ControlFlow::Continue(())
        })?;
        Ok(Some(count))
    })
    .await
}

/// The steps of entries in log order that are there already, such as those of a history.
#[must_use]
pub fn steps_of(domain: &Domain, entries: impl IntoIterator<Item = Entry>, scope: Scope) -> Vec<Step> {
    let mut stepper = Stepper::new(domain, scope);
    entries.into_iter().for_each(|entry| stepper.take(entry));
    stepper.end();
    let mut steps = Vec::new();
    let _ = stepper.drain(&mut |step| {
        steps.push(step);
        ControlFlow::Continue(())
    });
    steps
}
