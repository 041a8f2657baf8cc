//! Which ruler a value is on: ordinals, incarnations of a log, and how far a consumer has come.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Position;

/// An event's ordinal in its namespace: the first is 1 and there are no holes within an epoch (R3).
///
/// Entries that another program wrote have none and are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Number(pub u64);

impl Number {
    /// The number of no event: what a log holds before its first.
    pub const ZERO: Self = Self(0);

    /// The number that must come next.
    #[must_use]
    pub const fn successor(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which incarnation of a log a value belongs to; a log emptied and begun again has another one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub String);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a consumer has finished, and, of a log's last event, where the log stands (its head).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The incarnation of the log; empty while the log has never been written.
    pub epoch: Epoch,
    /// The last event's position; [`Position::ZERO`] before the first.
    pub position: Position,
    /// The last event's number; [`Number::ZERO`] before the first.
    pub number: Number,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (event {})", self.position, self.number)
    }
}
