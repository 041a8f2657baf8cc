//! What led to an event, and what came of it, as a tree.

use kernel::{Domain, Position};
use projector::timeline::Timeline;
use runtime::StoreError;
use serde::Serialize;

use crate::{causes::Fit, life::Mention};

use chain::{Chain, Root};
use telling::Telling;

mod chain;
mod telling;
#[cfg(test)]
mod tests;

/// How many events a tree has at most.
pub const MOST: usize = 1_000;

/// How many levels a tree has at most: many readers of JSON take no more than 128 values in each other, and a level is
/// two of them.
pub const DEEPEST: usize = 50;

/// The causes and effects of one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// What started it all.
    pub root: Node,
    /// How many events there are in the tree.
    pub events: usize,
    /// Whether there is more than [`MOST`] events and [`DEEPEST`] levels.
    pub truncated: bool,
    /// Whether causes that nobody wrote down were looked for everywhere; where much happens at a time they are not.
    pub searched: bool,
}

/// A command or an event, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Node {
    /// What it is.
    #[serde(flatten)]
    pub what: What,
    /// Whether it is what was asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
    /// What came of it, in log order.
    pub effects: Vec<Node>,
}

/// A command or an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// A command that a service turned into events.
    Command {
        /// Its identifier.
        id: String,
        /// The saga that sent it; nothing for a client.
        #[serde(skip_serializing_if = "Option::is_none")]
        handler: Option<String>,
    },
    /// An event.
    Event {
        /// The event.
        event: Mention,
        /// The saga that appended it; nothing where a service did.
        #[serde(skip_serializing_if = "Option::is_none")]
        handler: Option<String>,
        /// How well it fits as an effect of what is above it, where that is not recorded but inferred.
        #[serde(skip_serializing_if = "Option::is_none")]
        inferred: Option<Fit>,
    },
    /// An event that others name as their cause, and that is not in the log: it was cut short.
    Missing {
        /// Its identifier.
        id: String,
    },
}

/// The causes and effects of the event or command with this identifier; nothing when no event up to and at `until`
/// has or names it.
///
/// # Errors
/// When a store failed, or the log has lost events (R3).
pub async fn trace(
    timeline: &Timeline,
    domain: &Domain,
    id: &str,
    until: Position,
) -> Result<Option<Trace>, StoreError> {
    let mut chain = Chain::new(timeline, domain, until);
    let Some(root) = chain.climb(id).await? else { return Ok(None) };
    chain.descend(root.id()).await?;
    let mut telling = Telling::new(&chain, domain, id);
    let root = match &root {
        Root::Command(command) => telling.command(command, None, 1),
        Root::Event(event) => telling.event(event, 1),
        Root::Missing(event) => telling.missing(event),
    };
    let (events, truncated) = (telling.events(), chain.is_cut || telling.is_cut);
    Ok(root.map(|root| Trace { root, events, truncated, searched: chain.is_searched }))
}
