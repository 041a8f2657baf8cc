//! R2: the one operation that changes a log.

use std::time::Duration;

use crate::{
    StoreError,
    parking::{Parked, ParkedId},
    queue::Token,
};
use kernel::{Checkpoint, Command, Decided, Draft, Effect, Number, Outcome, Position, Read};

/// How far ahead of the server's clock a kept position may be, in milliseconds.
///
/// Positions never go back, so one far in the future would freeze the log's clock until then.
pub const MOST_AHEAD_MS: u64 = 5_000;

/// How long the record of a finished command is kept when the client gave no Idempotency-Key.
pub const KEEP_OUTCOME: Duration = Duration::from_secs(600);

/// How long the record of a finished command is kept under its Idempotency-Key.
pub const KEEP_KEYED_OUTCOME: Duration = Duration::from_secs(24 * 60 * 60);

/// What shall happen to the log, all of it or nothing.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// What must still be true.
    pub expect: Expect,
    /// Events to append, in order.
    pub append: Vec<Draft>,
    /// Commands to enqueue, in order.
    pub enqueue: Vec<Enqueue>,
    /// The claimed command that this commit is the outcome of.
    pub settle: Option<Settlement>,
    /// The consumer whose checkpoint this commit moves.
    pub advance: Option<Advance>,
    /// Entries that are set aside no more.
    pub unpark: Vec<ParkedId>,
    /// Entries that the consumer sets aside, or aside again.
    pub park: Vec<Parked>,
}

/// What must still be true of the log for a commit to go through.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// The position that the decision was made at.
    pub as_of: Position,
    /// What it read: after `as_of`, no event of the topic may mention the text.
    pub reads: Vec<Read>,
    /// The handler whose own events do not count as changes (R7).
    pub except: Option<String>,
    /// The number that the head must have.
    pub head: Option<Number>,
}

/// A command to enqueue.
#[derive(Clone, Debug)]
pub struct Enqueue {
    /// The command.
    pub command: Command,
    /// The service whose queue it goes to.
    pub service: String,
    /// How a repeat of the request would be recognised.
    pub idempotency: Option<Idempotency>,
}

/// How a repeat of a request is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's Idempotency-Key, as it was given.
    pub key: String,
    /// A digest of what was asked: the same key with another one is an error.
    pub fingerprint: String,
}

/// The end of a claimed command.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The claim; the commit is refused when the worker no longer holds it (R4).
    pub token: Token,
    /// What became of the command. The commit fills in the position of [`Outcome::Done`].
    pub outcome: Outcome,
}

/// A consumer's step along the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    /// The consumer: `saga/crm`.
    pub consumer: String,
    /// Whose step it is.
    pub holder: Holder,
    /// Where it must stand for the commit to go through; the default checkpoint before its first step.
    pub from: Checkpoint,
    /// Where it stands afterwards; where that is where it stood, nothing is written down.
    pub to: Checkpoint,
}

/// Who makes a consumer's step.
///
/// A process that was late may find the consumer where it would have been itself, by another's steps. What it then
/// does rests on a state that never was, so whoever follows a log takes its consumer over before it looks at anything
/// (ADR 18).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// It takes the consumer over: from now on steps of other holders are refused. A name is used once.
    Taking(String),
    /// It has taken the consumer over, and nobody has since.
    Holding(String),
}

/// What a commit did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The positions of the appended events, in order.
    pub positions: Vec<Position>,
    /// The log's head after the commit.
    pub head: Checkpoint,
}

/// Why a commit was refused; nothing of it happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Something that the decision read has changed since.
    #[error("{} {} changed after {as_of}: the head is {head}", read.topic, read.text)]
    Stale {
        /// What was read.
        read: Read,
        /// When it was read.
        as_of: Position,
        /// The log's head: a view that has reached it sees the change.
        head: Position,
    },
    /// The worker no longer holds the command (R4).
    #[error("worker {} no longer holds command {}", token.worker, token.command)]
    Unclaimed {
        /// The claim.
        token: Token,
    },
    /// The consumer stands elsewhere: another process has taken over.
    #[error("consumer {consumer} stands at {found}, not at {expected}; another process has moved it")]
    Fenced {
        /// The consumer.
        consumer: String,
        /// Where the commit expects it.
        expected: Checkpoint,
        /// Where it is.
        found: Checkpoint,
    },
    /// Somebody else has taken the consumer over, or nobody has since the log was opened.
    #[error("consumer {consumer} was taken over by somebody else")]
    TakenOver {
        /// The consumer.
        consumer: String,
    },
    /// An entry is not set aside, or not any more.
    #[error("{} has not set aside {} {}; it was tried again or dropped before", id.consumer, id.topic, id.position)]
    NotParked {
        /// The entry.
        id: ParkedId,
    },
    /// The log has grown, or shrunk, since it was looked at.
    #[error("the log holds {found} events, not {expected}")]
    HeadMoved {
        /// The number that the commit expects of the head.
        expected: Number,
        /// The number it has.
        found: Number,
    },
    /// A kept position does not come after the log's last.
    #[error("position {position} does not come after {last}, the last of the log")]
    OutOfOrder {
        /// The position to keep.
        position: Position,
        /// The last position before it.
        last: Position,
    },
    /// A kept position lies in the future.
    #[error("position {position} is more than {MOST_AHEAD_MS} ms ahead of the store's clock, {now_ms}")]
    AheadOfClock {
        /// The position to keep.
        position: Position,
        /// The store's clock, in Unix milliseconds.
        now_ms: u64,
    },
    /// The Idempotency-Key was given before, with the same request.
    #[error("the request was made before, as command {first}")]
    Repeated {
        /// The command that the first request became.
        first: String,
    },
    /// The Idempotency-Key was given before, with another request.
    #[error("the Idempotency-Key was used for another request, command {first}")]
    KeyReused {
        /// The command that the first request became.
        first: String,
    },
}

/// Why a commit did not go through.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The log said no: nothing happened.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store could not be reached, or failed: whether anything happened is not known.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Commit {
    /// The commit of a decision: its effects, on condition that what it read has not changed.
    #[must_use]
    pub fn of(decided: Decided, service_of: impl Fn(&str) -> String) -> Self {
        let mut commit = Self {
            expect: Expect { as_of: decided.as_of, reads: decided.reads, except: None, head: None },
            ..Self::default()
        };
        for effect in decided.effects {
            match effect {
                Effect::Append(draft) => commit.append.push(draft),
                Effect::Send(command) => {
                    let service = service_of(&command.topic);
                    commit.enqueue.push(Enqueue { command, service, idempotency: None });
                }
            }
        }
        commit
    }
}

impl Advance {
    /// Whether the consumer is whose the commit expects; `held` is whose it is. To be asked first of all: who was taken
    /// over has nothing to read on for.
    pub(crate) fn check_held(&self, held: Option<&String>) -> Result<(), Refused> {
        match &self.holder {
            Holder::Holding(holder) if held != Some(holder) => {
                Err(Refused::TakenOver { consumer: self.consumer.clone() })
            }
            Holder::Holding(_) | Holder::Taking(_) => Ok(()),
        }
    }

    /// Whether the consumer stands where the commit expects it; `found` is where it does.
    pub(crate) fn check(&self, found: Option<&Checkpoint>) -> Result<(), Refused> {
        let found = found.cloned().unwrap_or_default();
        if found == self.from {
            return Ok(());
        }
        Err(Refused::Fenced { consumer: self.consumer.clone(), expected: self.from.clone(), found })
    }
}

impl Idempotency {
    /// Whether the key is free; `first` is the command and the fingerprint that it was taken with.
    pub(crate) fn check(&self, first: Option<&(String, String)>) -> Result<(), Refused> {
        match first {
            None => Ok(()),
            Some((first, known)) if *known == self.fingerprint => Err(Refused::Repeated { first: first.clone() }),
            Some((first, _)) => Err(Refused::KeyReused { first: first.clone() }),
        }
    }
}

/// R1: a position for each draft, each greater than all before it and than `last`, the log's.
pub(crate) fn assign(drafts: &[Draft], mut last: Position, now_ms: u64) -> Result<Vec<Position>, Refused> {
    let assign = |draft: &Draft| {
        let position = draft.keep.unwrap_or_else(|| last.next(now_ms));
        if position <= last {
            return Err(Refused::OutOfOrder { position, last });
        }
        if position.ms() > now_ms.saturating_add(MOST_AHEAD_MS) && draft.keep.is_some() {
            return Err(Refused::AheadOfClock { position, now_ms });
        }
        last = position;
        Ok(position)
    };
    drafts.iter().map(assign).collect()
}
