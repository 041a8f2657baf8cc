//! What came of deciding a log again.

use std::collections::BTreeMap;

use kernel::{Event, Position};
use projector::field_changes::FieldChange;
use serde::Serialize;
use serde_json::Value;

use crate::{
    causes::{Match, Window},
    life::Mention,
    reactions::Origin,
};

/// What came of deciding a log again.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// How many entries were folded.
    pub entries: u64,
    /// What was found out about where events came from, if the log does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inferred: Option<Inferred>,
    /// How many decisions were made again and held against the log.
    pub decisions: u64,
    /// How many of them differ by themselves.
    pub divergent: u64,
    /// Those that differ by themselves, in log order of their events: the first [`MOST`](super::MOST).
    pub divergences: Vec<Divergence>,
    /// How many differ, but react to an event or read a row that would not be there, or would be another one.
    pub consequences: u64,
    /// Those, in log order: the first [`MOST`](super::MOST) that were found.
    pub following: Vec<Divergence>,
    /// All of them by what they have in common, those found first first.
    pub groups: Vec<Group>,
    /// How many events have no reaction yet, though they would have one: their sagas have not come that far.
    pub waiting: u64,
    /// How many commands that sagas sent have no events yet.
    pub on_their_way: u64,
    /// How many decisions were made too long before they were committed to be made again.
    pub unchecked: u64,
    /// How many events a saga fails on that it has not reacted to.
    pub failing: u64,
    /// How many entries can't be read; nobody reacts to them.
    pub unreadable: u64,
    /// Sagas that have never reacted to anything in this log.
    pub never_ran: Vec<Count>,
    /// Sagas that the log knows and the domain does not.
    pub gone: Vec<Count>,
    /// The number of the first event that is missing between two others: what rests on it may differ for that.
    pub hole: Option<u64>,
    /// Whether it was stopped: at the first difference, or by whoever watched.
    pub stopped: bool,
}

/// A saga, and how many events it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The saga.
    pub handler: String,
    /// How many events it would react to, or has appended.
    pub events: u64,
}

/// What was found out about where the events of another program came from, by their content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inferred {
    /// How long after its cause an effect was looked for, in milliseconds.
    pub window_ms: u64,
    /// How many are just what today's sagas would have done.
    pub exact: u64,
    /// How many are only about the same.
    pub alike: u64,
    /// How many were done by a saga that would have done nothing, or nothing more.
    pub beside: u64,
    /// Those that no saga would have done, by topic and action: what clients asked for, as far as can be told.
    pub asked_for: BTreeMap<String, u64>,
}

/// A decision that comes out otherwise than the log has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Divergence {
    /// The event that was decided about; only its identifier is known where the log does not hold it.
    pub event: Cause,
    /// The saga.
    pub handler: String,
    /// Where the view stood that was decided on.
    pub as_of: Option<Position>,
    /// What is not the same.
    pub differences: Vec<Difference>,
    /// What the log has of the reaction that is decided all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub same: Vec<Told>,
    /// The event of the divergence that it follows from, if it follows from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<Position>,
}

/// Differences that have all but the entities in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The saga.
    pub handler: String,
    /// The topic and action of the events that it reacted to; nothing where the log does not hold them.
    pub on: Option<String>,
    /// What kind of difference: `missing`, `extra`, `changed`, `reordered`, `fails`.
    pub kind: &'static str,
    /// The topic and action of the effect, where the difference is in one.
    pub effect: Option<String>,
    /// The fields that differ.
    pub fields: Vec<String>,
    /// How many differ by themselves.
    pub divergent: u64,
    /// How many follow from others.
    pub following: u64,
    /// The first event that the saga reacted to so, as far as it is known.
    pub first: Option<Position>,
}

/// The event that a saga reacted to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Cause {
    /// It is in the log.
    Known(Mention),
    /// The log does not hold it, or nobody would react to it.
    Unknown {
        /// Its identifier.
        id: String,
    },
}

/// One thing that is not the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Difference {
    /// It is decided now, and the log does not hold it.
    Missing(Told),
    /// The log holds it, and it is not decided now.
    Extra(Told),
    /// Both have it, with other content.
    Changed {
        /// As the log holds it.
        effect: Told,
        /// What the log holds, and what is decided now.
        fields: Vec<FieldChange>,
    },
    /// Both have the same, in another order.
    Reordered {
        /// As the log holds it.
        log: Vec<Told>,
        /// As it is decided now.
        now: Vec<Told>,
    },
    /// The saga fails now, where it did not.
    Fails {
        /// Why.
        reason: String,
    },
}

/// An effect: an event, in the log or asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Its identifier.
    pub id: String,
    /// Its topic.
    pub topic: String,
    /// What happens.
    pub action: String,
    /// The entity; nothing for a fact of a journal.
    pub key: Option<String>,
    /// Where it stands, if the log holds it.
    pub position: Option<Position>,
    /// How it was found to be an effect of the decision, where it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inferred: Option<Match>,
    /// What it says.
    pub data: Value,
}

impl Report {
    /// The report as JSON, with the log that it is of, and whether all is the same; null where nothing was compared.
    #[must_use]
    pub fn document(&self, log: &str) -> Value {
        let mut document = serde_json::to_value(self).unwrap_or_default();
        document["log"] = log.into();
        document["same"] = (!self.is_nothing()).then_some(self.is_same()).into();
        document
    }

    /// Whether nothing was compared: of what was asked for the log has no decision of a saga.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.decisions == 0 && self.is_same()
    }

    /// Whether today's sagas would do what the log has of them.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.divergent == 0 && self.consequences == 0 && self.gone.is_empty()
    }
}

impl Inferred {
    pub(super) fn within(window: Window) -> Self {
        let window_ms = u64::try_from(window.time.as_millis()).unwrap_or(u64::MAX);
        Self { window_ms, exact: 0, alike: 0, beside: 0, asked_for: BTreeMap::new() }
    }

    pub(super) fn count(&mut self, event: &Event, origin: Origin) {
        let count = match origin {
            Origin::Recorded => return,
            Origin::Inferred(Match::Exact) => &mut self.exact,
            Origin::Inferred(Match::Alike) => &mut self.alike,
            Origin::Inferred(Match::Beside) => &mut self.beside,
            Origin::Unknown => self.asked_for.entry(format!("{} {}", event.topic, event.action)).or_default(),
        };
        *count += 1;
    }
}

impl Difference {
    /// What kind it is, in one word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Missing(_) => "missing",
            Self::Extra(_) => "extra",
            Self::Changed { .. } => "changed",
            Self::Reordered { .. } => "reordered",
            Self::Fails { .. } => "fails",
        }
    }
}
