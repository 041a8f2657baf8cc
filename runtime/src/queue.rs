//! Commands on their way: the reliable queue (R4).
//!
//! A command waits in its service's queue, is claimed by a worker, and ends with one outcome. A worker that
//! stops renewing its lease loses its claims to the reaper, which hands them back and counts the attempt;
//! from then on each is claimed alone, for one of them may be what the worker died of. After the last attempt
//! the command becomes a dead letter.

use std::time::Duration;

use kernel::{Command, Outcome};
use serde::{Deserialize, Serialize};

/// The longest lease of a worker or a role there is.
///
/// One that seems to last longer was given by a clock that has been set back since, and counts as run out: nobody
/// waits an hour for the dead because the clock was wrong by one.
pub const LONGEST_LEASE: Duration = Duration::from_secs(60);

/// The lease of a worker that claims without having one: it has not begun yet, or was taken for dead.
pub(crate) const FIRST_LEASE: Duration = Duration::from_secs(30);

/// The right to settle a claimed command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The service whose queue it came from.
    pub service: String,
    /// The worker that holds it.
    pub worker: String,
    /// The command.
    pub command: String,
}

/// A command in a worker's hands.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The right to settle it.
    pub token: Token,
    /// The command.
    pub command: Command,
    /// How many attempts have failed before this one.
    pub failed: u32,
}

/// What is known of a command.
#[derive(Clone, Debug)]
pub struct CommandRecord {
    /// The command's id.
    pub id: String,
    /// Where it is.
    pub state: CommandState,
    /// How many attempts have failed.
    pub failed: u32,
    /// The last failed attempt's error.
    pub error: Option<String>,
}

/// Where a command is.
#[derive(Clone, Debug, PartialEq)]
pub enum CommandState {
    /// In its queue, or in a worker's hands.
    Pending,
    /// Ended.
    Ended(Outcome),
}

/// What became of a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// The command is back in its queue.
    Requeued,
    /// That was the last attempt: it is a dead letter now.
    Dead,
    /// The worker no longer held it; nothing changed.
    Unclaimed,
}

/// A command that failed every attempt.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The service whose queue it was in.
    pub service: String,
    /// The command.
    pub command: Command,
    /// The last attempt's error.
    pub error: String,
    /// How many attempts have failed.
    pub failed: u32,
}

/// How full a service's queue is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStatus {
    /// The service.
    pub service: String,
    /// Commands waiting.
    pub waiting: u64,
    /// Commands in workers' hands.
    pub claimed: u64,
    /// Dead letters.
    pub dead: u64,
}

/// Where a command of a service's queue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// In a worker's hands.
    Claimed,
    /// Waiting its turn.
    Waiting,
    /// Set aside after its last attempt.
    Dead,
}

impl Standing {
    /// All, in the order in which commands are listed.
    pub const ALL: [Self; 3] = [Self::Claimed, Self::Waiting, Self::Dead];
}

/// Which commands of a service's queue are listed.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Those that stand here; all of them otherwise.
    pub only: Option<Standing>,
    /// Those behind this command. Where it is not there any more the list begins at its front: what stood before it
    /// has most likely gone too.
    pub after: Option<String>,
    /// How many at most.
    pub limit: usize,
}

/// Commands of one service, as they stood at one moment: by standing, claimed ones by worker, each in queue order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// How full the queue is.
    pub status: QueueStatus,
    /// The commands.
    pub commands: Vec<Queued>,
    /// Whether more come after them.
    pub more: bool,
}

/// A command that has not ended, or is a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The command's id.
    pub id: String,
    /// Where it stands.
    pub standing: Standing,
    /// The command as it is kept: JSON, as long as nobody else has written there; empty where its record is gone.
    pub body: String,
    /// How many attempts have failed.
    pub failed: u32,
    /// The last failed attempt's error.
    pub error: Option<String>,
    /// Who has it in hand.
    pub worker: Option<String>,
    /// When that worker's lease runs out unless it is renewed, in Unix milliseconds.
    pub lease_ends_ms: Option<u64>,
}
