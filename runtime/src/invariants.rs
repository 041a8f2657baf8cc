//! What must hold of any log, looked for in the log itself: I2, I3, I5 and I6 of `docs/reliability.md`.
//!
//! The log is read entry by entry and never held. What has to be known of all that came before, so that nothing
//! comes twice, is kept as fingerprints: 16 bytes an event at most, and no more than 256 MiB; a longer log is read
//! several times, a part of the fingerprints each time.
//!
//! | part | what it looks for |
//! |---|---|
//! | [`Repeat`] | I2: an event, a command or a reaction that is in the log twice |
//! | [`Disorder`] | I3: numbers with holes, positions that do not increase |
//! | [`Astray`] | I5: a checkpoint ahead of the head, or of another epoch |
//! | [`Unsettled`] | I2 and I6: a command in its queue that has taken effect; at rest, any command in a queue |

mod astray;
mod once;
mod order;
mod queued;
#[cfg(test)]
mod tests;

use std::{fmt, ops::ControlFlow};

use kernel::{Checkpoint, Position, Seen};
use serde::Serialize;

pub use astray::Astray;
pub use once::{Repeat, Repeats};
pub use order::{Disorder, Disorders};
pub use queued::Unsettled;

use crate::{Engine, StoreError};
use once::{Namer, Once};
use order::Order;
use queued::Queues;

/// How many violations of a kind are told one by one; the others are counted.
pub const SHOWN: usize = 20;

/// Whether the log is expected to have come to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing is left to do: nothing may wait, and nobody may hold a command.
    Expected,
    /// Somebody may be at work.
    NotExpected,
}

/// What was looked at, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Report {
    /// The log's head; entries after it were not looked at.
    pub head: Checkpoint,
    /// Entries up to there.
    pub entries: u64,
    /// Consumers whose checkpoints were looked at.
    pub consumers: u64,
    /// All that is wrong, in the order of the invariants.
    pub violations: Vec<Violation>,
    /// How many more there are of kinds of which there are very many.
    pub more: u64,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries up to {}, {} consumers", self.entries, self.head, self.consumers)?;
        self.violations.iter().try_for_each(|violation| write!(f, "\n  {violation}"))?;
        if self.more > 0 { write!(f, "\n  and {} more", self.more) } else { Ok(()) }
    }
}

/// One thing that must not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Violation {
    /// I2: something has happened twice.
    Repeat(Repeat),
    /// I3: the log is not in order.
    Disorder(Disorder),
    /// I5: a checkpoint is where it can't be.
    Astray(Astray),
    /// I2 or I6: a command is in a queue that may not be there.
    Unsettled(Unsettled),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repeat(repeat) => write!(f, "I2: {repeat}"),
            Self::Disorder(disorder) => write!(f, "I3: {disorder}"),
            Self::Astray(astray) => write!(f, "I5: {astray}"),
            Self::Unsettled(unsettled) => write!(f, "{}: {unsettled}", unsettled.invariant()),
        }
    }
}

/// What must hold of a log whoever wrote it, taken in entry by entry, for whoever reads the log anyway.
#[derive(Debug)]
pub struct Watch {
    order: Order,
    once: Once,
    queues: Queues,
    entries: u64,
}

/// What a [`Watch`] has seen, up to the log's head.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// Where the log is not in order (I3).
    pub disorders: Disorders,
    /// What has happened twice (I2).
    pub repeats: Repeats,
    /// Commands in queues that may not be there (I2, I6).
    pub unsettled: Vec<Unsettled>,
    /// How many more of those there are.
    pub unsettled_more: u64,
    /// Entries taken in.
    pub entries: u64,
}

impl Watch {
    /// Of a log with this head that nothing has been seen of; the head is to be asked for before this, so that what
    /// was in the queues then is known.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn begin(engine: &Engine, services: &[&str], head: &Checkpoint, rest: Rest) -> Result<Self, StoreError> {
        let queues = Queues::look(engine, services, rest).await?;
        Ok(Self { order: Order::of(engine), once: Once::of(head.number), queues, entries: 0 })
    }

    /// Takes in the next entry in log order.
    pub fn pass(&mut self, seen: &Seen<'_>) {
        self.entries += 1;
        self.order.pass(seen);
        if let Seen::Event(event) = seen {
            self.once.pass(event);
            self.queues.pass(event);
        }
    }

    /// What is wrong with the log that has this head; it is read again where something may have come twice, and where
    /// it is longer than what is remembered of it at once. Blocks as [`Engine::scan`] does.
    ///
    /// # Errors
    /// When the store failed.
    pub fn end(self, engine: &Engine, head: &Checkpoint) -> Result<Watched, StoreError> {
        let Self { order, once, queues, entries } = self;
        let repeats = repeats(once, engine, head.position)?;
        let (unsettled, unsettled_more) = queues.end();
        Ok(Watched { disorders: order.end(head), repeats, unsettled, unsettled_more, entries })
    }
}

/// Looks whether all that must hold of a log does: at work, up to the head as it is now.
///
/// # Errors
/// When the store failed. What is wrong with what it holds is no error: the report names it.
pub async fn check(engine: &Engine, services: &[&str], rest: Rest) -> Result<Report, StoreError> {
    // The head after everything that must not be ahead of it, and before everything that must not be behind it.
    let checkpoints = engine.checkpoints().await?;
    let head = engine.head().await?;
    let watch = Watch::begin(engine, services, &head, rest).await?;
    let astray =
        checkpoints.iter().filter_map(|(consumer, at)| Astray::check(&format!("consumer {consumer}"), at, &head));
    let astray: Vec<_> = astray.map(Violation::Astray).collect();

    let (log, until) = (engine.clone(), head.clone());
    let reading = tokio::task::spawn_blocking(move || read(watch, &log, &until));
    let died = |error| StoreError::Unavailable { url: engine.url(), reason: format!("its reading died: {error}") };
    let Watched { disorders, repeats, unsettled, unsettled_more, entries } = reading.await.map_err(died)??;
    let more = (repeats.count - repeats.first.len() as u64)
        + (disorders.count - disorders.first.len() as u64)
        + unsettled_more;
    let mut violations: Vec<_> = repeats.first.into_iter().map(Violation::Repeat).collect();
    violations.extend(disorders.first.into_iter().map(Violation::Disorder));
    violations.extend(astray);
    violations.extend(unsettled.into_iter().map(Violation::Unsettled));
    Ok(Report { head, entries, consumers: checkpoints.len() as u64, violations, more })
}

fn read(mut watch: Watch, engine: &Engine, head: &Checkpoint) -> Result<Watched, StoreError> {
    engine.survey(head.position, &mut |seen| {
        watch.pass(seen);
        ControlFlow::Continue(())
    })?;
    watch.end(engine, head)
}

/// What has come twice, by its name: the log is read again for that, and for each part that was not remembered.
fn repeats(mut once: Once, engine: &Engine, head: Position) -> Result<Repeats, StoreError> {
    let mut repeats = Repeats::default();
    loop {
        let next = once.next();
        let mut namer = Namer::of(once.repeated());
        if namer.is_wanted() {
            engine.survey(head, &mut |seen| {
                if let Seen::Event(event) = seen {
                    namer.pass(event);
                }
                ControlFlow::Continue(())
            })?;
        }
        repeats.add(namer.end());
        let Some(mut part) = next else { return Ok(repeats) };
        engine.survey(head, &mut |seen| {
            if let Seen::Event(event) = seen {
                part.pass(event);
            }
            ControlFlow::Continue(())
        })?;
        once = part;
    }
}
