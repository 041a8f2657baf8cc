//! What is to be built, and how it went.

use std::{collections::BTreeMap, fmt, time::Duration};

use kernel::{Checkpoint, Digest, Position};
use serde::{Deserialize, Serialize};

use crate::Differences;

/// What a rebuild covers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// Start from the state as of this position and apply everything after it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Position>,
    /// Stop at this position; nothing for the log's head, and on from there while the log grows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Position>,
    /// Start from nothing at `from`, rather than from the state as of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
    /// Only these topics; empty for all. The rows of the others are taken over from the served generation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<String>,
}

impl Plan {
    /// Whether the result is a read model of the whole log.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        !self.empty && self.to.is_none() && self.topics.is_empty()
    }
}

/// What becomes of a generation whose rows differ from those of the served one at the same position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// It is served; nobody compares.
    #[default]
    NotNeeded,
    /// It is held beside the served one until somebody allows it.
    Needed,
    /// It is served, and the differences are told.
    Given,
}

/// What a rebuild is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Waiting for the right to rebuild, looking at what is there.
    #[default]
    Begin,
    /// Reading the log.
    Read,
    /// Writing rows.
    Write,
    /// Reading what was appended meanwhile.
    CatchUp,
    /// Comparing rows with those of the served generation.
    Compare,
    /// Putting the new generation in the served one's place.
    Swap,
    /// Nothing is left to do.
    Done,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begin => "begin",
            Self::Read => "read",
            Self::Write => "write",
            Self::CatchUp => "catch up",
            Self::Compare => "compare",
            Self::Swap => "swap",
            Self::Done => "done",
        })
    }
}

/// How far a rebuild has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The generation that is being built.
    pub generation: u64,
    /// What it is doing.
    pub phase: Phase,
    /// Entries read so far.
    pub events: u64,
    /// How much of the log it has read, from 0 to 1.
    pub fraction: f64,
    /// Where the last one stood.
    pub position: Position,
    /// How long it has been at work.
    pub seconds: f64,
    /// Entries read a second, over all of it.
    pub events_per_second: f64,
    /// How long it will take yet, at that rate.
    pub seconds_left: Option<f64>,
}

/// How a rebuild went.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Where the read model is kept, its password masked.
    pub into: String,
    /// The generation that was built.
    pub generation: u64,
    /// Whether it is served now.
    pub served: bool,
    /// The generation that was served until then, and is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced: Option<u64>,
    /// Where its rows stand.
    pub checkpoint: Checkpoint,
    /// The digest of its rows (R9).
    pub digest: Digest,
    /// Version of the projection.
    pub version: u32,
    /// Entries that were read.
    pub events: u64,
    /// Rows by topic.
    pub rows: BTreeMap<String, u64>,
    /// Whether it went on with what an earlier run had begun.
    pub resumed: bool,
    /// Entries that can't be read and were passed over.
    pub unreadable: Unreadables,
    /// The digest of the state that it started from, when it was to start from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest_from: Option<Digest>,
    /// Where the generation's rows differ from those of the served one at the same position; nothing when nobody
    /// compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differences: Option<Differences>,
    /// How long each phase took, in seconds.
    pub phases: BTreeMap<Phase, f64>,
    /// How long it took.
    pub seconds: f64,
    /// Entries read a second, from the beginning to the end.
    pub events_per_second: f64,
}

/// Entries that were passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unreadables {
    /// How many.
    pub count: u64,
    /// The first few: topic, position and reason.
    pub first: Vec<(String, Position, String)>,
}

/// A rate, where there was time for one.
pub(crate) fn rate(events: u64, elapsed: Duration) -> f64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { events as f64 / seconds } else { 0.0 }
}
