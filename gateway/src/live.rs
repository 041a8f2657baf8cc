//! Events as they happen: each client reads the log at its own pace and holds nothing but its place in it.

mod shown;

use std::time::Duration;

use kernel::{Checkpoint, Entry, Position};
use runtime::{Entries, StoreError, Tail};
use tokio::sync::OwnedSemaphorePermit;

pub(crate) use shown::{Shown, key, visible};

use crate::{
    gateway::Shared,
    metrics::{Follower, Following},
    problem::{Kind, Problem},
};

/// How many entries are taken from the log at once; also what a client's buffers are worth at most.
const PAGE: usize = 256;

/// A client's place in the log.
#[derive(Debug)]
pub(crate) struct Feed {
    tail: Tail,
    at: Checkpoint,
    _room: OwnedSemaphorePermit,
    _following: Following,
}

impl Feed {
    /// A feed of what comes after `after`, or from now on.
    pub(crate) async fn begin(gateway: &Shared, follower: Follower, after: Option<&str>) -> Result<Self, Problem> {
        let at = match after {
            None => gateway.tail.head(),
            Some(after) => known(gateway, after).await?,
        };
        let most = gateway.settings.most_live;
        let full = |_| Problem::unavailable(format!("{most} clients follow the events already"), 5);
        let room = gateway.live.clone().try_acquire_owned().map_err(full)?;
        Ok(Self { tail: gateway.tail.clone(), at, _room: room, _following: gateway.metrics.follows(follower) })
    }

    /// What comes next, waiting for it up to `most`; the client has not passed it yet.
    pub(crate) async fn next(&self, most: Duration) -> Result<Entries, StoreError> {
        self.tail.next(&self.at, PAGE, most).await
    }

    /// The client has been sent the first `count` of these entries.
    pub(crate) fn pass(&mut self, entries: &Entries, count: usize) {
        self.at = passed(&self.at, entries, count);
    }

    /// The last position that the client has been sent everything up to.
    pub(crate) const fn position(&self) -> Position {
        self.at.position
    }
}

/// Where a client begins that has seen everything up to `after`.
async fn known(gateway: &Shared, after: &str) -> Result<Checkpoint, Problem> {
    let malformed = |error: kernel::MalformedPosition| Problem::new(Kind::MalformedRequest, format!("after: {error}"));
    let position: Position = after.parse().map_err(malformed)?;
    if position > gateway.tail.head().position {
        // The tail may be a moment behind what another gateway told the client.
        let head = gateway.asked(gateway.engine.head()).await?.position;
        if position > head {
            return Err(Problem::from(StoreError::AfterHead { position, head }));
        }
    }
    Ok(Checkpoint { position, ..Checkpoint::default() })
}

/// A checkpoint that knows its number and epoch, once an entry has told them; until then, just a position.
fn passed(at: &Checkpoint, entries: &Entries, count: usize) -> Checkpoint {
    let passed = entries.entries.get(..count).unwrap_or_default();
    let Some(last) = passed.last() else { return at.clone() };
    let number = passed.iter().rev().find_map(|entry| entry.number());
    match number.or_else(|| (!at.epoch.0.is_empty()).then_some(at.number)) {
        Some(number) => Checkpoint { epoch: entries.head.epoch.clone(), position: last.position(), number },
        None => Checkpoint { position: last.position(), ..Checkpoint::default() },
    }
}

/// Whether the next entry stands at the same position, as foreign programs may have written them.
pub(crate) fn shares_position(entries: &Entries, index: usize) -> bool {
    let position = |index: usize| entries.entries.get(index).map(|entry| Entry::position(entry));
    position(index) == position(index + 1)
}

#[cfg(test)]
mod tests;
