//! Intents: what a client or a saga asks of a service, and what became of it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Meta, Position};

/// An intent for the service that owns a topic; it may be rejected.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Command {
    /// Its identifier; everything it leads to derives its own from this one.
    pub id: String,
    /// The topic it is about.
    pub topic: String,
    /// What is asked for.
    pub intent: Intent,
    /// When it was issued, in Unix milliseconds: the only time a service may know.
    pub issued_ms: u64,
    /// Who asked.
    #[serde(default)]
    pub meta: Meta,
}

/// What a command asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Create entities, all or none; each object holds every field but `entity_id`.
    Create(Vec<Box<RawValue>>),
    /// Replace an entity's fields.
    Update {
        /// The entity.
        id: String,
        /// An object with every field but `entity_id`.
        fields: Box<RawValue>,
    },
    /// End an entity.
    Delete {
        /// The entity.
        id: String,
    },
    /// Record a fact in a journal.
    Record(Box<RawValue>),
}

/// The domain's no: a value, not a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// What kind of no it is.
    pub kind: RejectionKind,
    /// A sentence for the client.
    pub message: String,
    /// The field at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The member of the batch at fault, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<usize>,
}

/// What kind of no a rejection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectionKind {
    /// The entity that the command is about does not exist.
    NotFound,
    /// The command breaks a rule of the domain, or its data has the wrong shape.
    Refused,
}

impl Rejection {
    /// A rule of the domain says no.
    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self { kind: RejectionKind::Refused, message: message.into(), field: None, member: None }
    }

    /// A field's value is at fault.
    #[must_use]
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::refused(message) }
    }

    /// The entity that the command is about does not exist.
    #[must_use]
    pub fn not_found(topic: &str, id: &str) -> Self {
        Self { kind: RejectionKind::NotFound, ..Self::refused(format!("there is no {topic} {id}")) }
    }
}

/// What became of a command; a command has one outcome, ever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome {
    /// Its events are in the log.
    Done {
        /// What the client is told: the ids created, or `true`.
        result: serde_json::Value,
        /// The position of its last event; where the read model must be for the client to see it.
        position: Option<Position>,
    },
    /// The domain said no; nothing was written.
    Rejected(Rejection),
    /// It failed every attempt and was set aside; nothing was written.
    Dead {
        /// The last attempt's error.
        error: String,
    },
}
