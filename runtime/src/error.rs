//! What can be wrong with a store, as opposed to with what is asked of it.

use kernel::{Checkpoint, Number, Position};

/// A store that can't be reached, can't be used, or does not hold what it should.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The store did not answer, or broke off.
    #[error("store {url} is unavailable: {reason}")]
    Unavailable {
        /// The store, its password masked.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The store answers but may not be used as it is configured.
    #[error("store {url} can't be used: {reason}")]
    Unusable {
        /// The store, its password masked.
        url: String,
        /// What is wrong and how to mend it.
        reason: String,
    },
    /// The store has no room or refuses writes for now; nothing of the request was done.
    #[error("store {url} refuses writes: {reason}")]
    Full {
        /// The store, its password masked.
        url: String,
        /// What it says.
        reason: String,
    },
    /// The store is not written from here; the sentence tells why.
    #[error("{0}")]
    ReadOnly(String),
    /// The log is not the one that the checkpoint belongs to, or has lost events (R3).
    #[error("the log does not continue from {checkpoint}: {reason}")]
    Diverged {
        /// Where the reader stands.
        checkpoint: Checkpoint,
        /// What does not fit.
        reason: String,
    },
    /// Something in the store can't be read.
    #[error("store {url} holds something unreadable at {at}: {reason}")]
    Corrupt {
        /// The store, its password masked.
        url: String,
        /// The key, row or line.
        at: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A position was asked for that the log does not have yet.
    #[error("{} lies after {head}, the head of the log{}", asked(*position), when(*head))]
    AfterHead {
        /// The position asked for.
        position: Position,
        /// The log's head.
        head: Position,
    },
    /// A number was asked for that no event of the log has yet.
    #[error("there is no event #{number} yet; {}", counted(*head))]
    NumberAfterHead {
        /// The number asked for.
        number: Number,
        /// The number of the log's last event.
        head: Number,
    },
    /// A number was asked for of a log whose events have none.
    #[error(
        "there is no event #{number} in {url}: its events have no numbers, as they don't where another program wrote \
         them; give a position or a time"
    )]
    Unnumbered {
        /// The store, its password masked.
        url: String,
        /// The number asked for.
        number: Number,
    },
}

/// Up to which number there are events.
fn counted(head: Number) -> String {
    if head == Number::ZERO { "the log is empty".to_owned() } else { format!("the last one is #{head}") }
}

/// A position as it was asked for: the last one of its millisecond stands for a time.
fn asked(position: Position) -> String {
    match position.time().filter(|_| position.seq() == u64::MAX) {
        Some(time) => time.to_string(),
        None => format!("position {position}"),
    }
}

/// The time of the head, where there is one.
fn when(head: Position) -> String {
    match head.time() {
        _ if head == Position::ZERO => ", which is empty".to_owned(),
        Some(time) => format!(" ({time})"),
        None => String::new(),
    }
}

impl StoreError {
    /// Of a history file, which is never written.
    pub(crate) fn history(url: &str) -> Self {
        Self::ReadOnly(format!("history {url} is read only; import it into a store to go on from it"))
    }

    /// Of a store that somebody else may be writing at this moment.
    pub(crate) fn opened_for_reading(url: &str) -> Self {
        Self::ReadOnly(format!("store {url} was opened for reading; nothing is written to it from here"))
    }

    /// Whether it may be gone when the same is tried again.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Full { .. })
    }
}
