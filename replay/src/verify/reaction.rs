//! A reaction: what the log says of it, and the decision made again.

use std::sync::Arc;

use kernel::{Decided, Draft, Entry, Failure, Position, Row, Then};

use super::findings::Subject;

/// A saga's reaction to one event.
#[derive(Debug)]
pub(super) struct Reaction {
    pub(super) entry: Arc<Entry>,
    /// When it was decided, if it says so.
    pub(super) as_of: Option<Position>,
    /// What the log has as the reaction, and the records of decisions.
    pub(super) held: Vec<Arc<Entry>>,
    pub(super) state: State,
}

/// How far a reaction is.
#[derive(Debug)]
pub(super) enum State {
    /// The view has not reached the event.
    Ahead,
    /// It is decided.
    Made(Box<Made>),
    /// It is compared; whether it rested on what would be otherwise.
    Over { follows: bool },
    /// It is of no concern, or can't be made again.
    Skipped,
}

/// A decision made again.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) before: Option<Row>,
    /// Whether that would be another row.
    pub(super) is_tainted: bool,
    pub(super) then: Then,
    /// How many entries were read by then; what the saga had in front may stand behind them. All, when it was decided
    /// again later.
    pub(super) read: u64,
    pub(super) outcome: Result<Decided, Failure>,
}

/// An event of the saga's own.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) position: Position,
    pub(super) cause: u64,
    pub(super) draft: Draft,
}

impl Reaction {
    pub(super) fn subject(&self, seq: u64, handler: &'static str) -> Subject {
        let position = self.entry.position();
        let as_of = self.as_of.unwrap_or(position);
        Subject { seq, entry: self.entry.clone(), handler, as_of, follows: false }
    }
}

impl Made {
    /// Whether nothing would come of it.
    pub(super) fn is_quiet(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|decided| decided.effects.is_empty())
    }
}
