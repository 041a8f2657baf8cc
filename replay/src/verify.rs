//! Whether today's sagas would decide the same again.
//!
//! Each event that a saga wants is decided again, on the view exactly as of the position at which its decision was
//! made (R7), and what comes out is held against what the log has as the reaction. Nothing is appended and nothing
//! is sent (R11): effects stay data.
//!
//! | part | what it does |
//! |---|---|
//! | [`Verifier`] | is fed a log once, in its order, and folds it a bounded way behind what it has read |
//! | `watch`, `reaction` | one saga's reactions: recorded, decided, concluded |
//! | `compare` | what is decided against what is held, effect by effect |
//! | `findings` | what differs, and what only follows from that |
//! | [`report`] | what comes of it |
//!
//! When a decision was made stands in its effects, or in the topic `decision` where it had none: both come later in
//! the log than the decision. So entries are folded only when [`AHEAD`] more have been read, and a decision's record is known
//! by the time that the view has reached its position. What was decided earlier than that before it was committed
//! can't be made again in one pass; it is counted, and never taken for a difference.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use kernel::{Checkpoint, Domain, Entry, Position};
use runtime::{CommandState, Engine, StoreError, Stretch, host::sagas::consumer};

mod compare;
mod findings;
mod reaction;
pub mod report;
mod verifier;
mod watch;

pub use report::{Difference, Divergence, Report, Told};
pub use verifier::Verifier;

/// How many entries are read ahead of the view: more than lie between a decision and its commit.
pub const AHEAD: usize = 8_192;

/// How many divergences are told in full; the others are counted.
pub const MOST: usize = 100;

/// Which decisions are made again.
#[derive(Clone, Debug)]
pub struct Scope {
    /// About events at and after this position.
    pub from: Position,
    /// About events up to and at this position; their reactions may stand behind it.
    pub to: Position,
    /// About events of this topic only.
    pub topic: Option<String>,
    /// Of this saga only.
    pub handler: Option<String>,
    /// Whether to stop at the first difference.
    pub stop_at_first: bool,
}

impl Default for Scope {
    fn default() -> Self {
        Self { from: Position::ZERO, to: Position::MAX, topic: None, handler: None, stop_at_first: false }
    }
}

impl Scope {
    /// Whether every decision is made again, so that whatever reacts to nothing known is one too many.
    const fn is_everything(&self) -> bool {
        self.from.ms() == 0 && self.topic.is_none()
    }

    fn covers(&self, topic: &str, position: Position) -> bool {
        self.from <= position && position <= self.to && self.topic.as_deref().is_none_or(|only| only == topic)
    }
}

/// Makes the decisions of a log again and holds them against what it has.
///
/// # Errors
/// When the store failed, or the log has lost events (R3).
pub async fn verify(domain: &Domain, engine: &Engine, scope: Scope) -> Result<Report, StoreError> {
    // Before the scan: what the sagas have reacted to by then, they had when it was read.
    let mut reacted = BTreeMap::new();
    for saga in domain.sagas() {
        if let Some(checkpoint) = engine.checkpoint(&consumer(saga.name)).await? {
            reacted.insert(saga.name, checkpoint.position);
        }
    }
    let parked: BTreeSet<_> =
        engine.parked().await?.into_iter().map(|parked| (parked.consumer, parked.position)).collect();
    let mut verifier = Verifier::new(domain, scope).known(reacted, parked);
    let reader = engine.clone();
    let scanning = tokio::task::spawn_blocking(move || {
        let stretch = Stretch { after: Checkpoint::default(), until: Position::MAX };
        reader.scan(&stretch, &mut |seen| verifier.take(seen.to_entry()))?;
        verifier.end();
        Ok(verifier)
    });
    let died = |error: tokio::task::JoinError| StoreError::Unavailable {
        url: engine.url(),
        reason: format!("deciding again died: {error}"),
    };
    let verifier: Verifier = scanning.await.map_err(died)??;
    let mut on_their_way = BTreeSet::new();
    for command in verifier.unanswered() {
        let record = engine.command(&command).await?;
        if record.is_some_and(|record| !matches!(record.state, CommandState::Ended(_))) {
            on_their_way.insert(command);
        }
    }
    Ok(verifier.finish(&on_their_way))
}

/// As [`verify`], of entries in log order that are there already, such as those of a history.
#[must_use]
pub fn verify_entries(domain: &Domain, entries: impl IntoIterator<Item = Entry>, scope: Scope) -> Report {
    let mut verifier = Verifier::new(domain, scope);
    for entry in entries {
        if let ControlFlow::Break(()) = verifier.take(entry) {
            break;
        }
    }
    verifier.end();
    verifier.finish(&BTreeSet::new())
}
