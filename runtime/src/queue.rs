//! Commands on their way: the reliable queue (R4).
//!
//! A command waits in its service's queue, is claimed by a worker, and ends with one outcome. A worker that
//! stops renewing its lease loses its claims to the reaper, which hands them back and counts the attempt;
//! after the last attempt the command becomes a dead letter.

use kernel::{Command, Outcome};
use serde::{Deserialize, Serialize};

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
