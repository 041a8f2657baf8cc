//! Captures fixtures: parts of a log that replay as the whole log does.
//!
//! | part | what it does |
//! |---|---|
//! | [`Own`] | the events that a part is about, and whatever they led to |
//! | `reads` | what the decisions about own events read, and as of when |
//! | `lives` | the versions of the rows that were read, and which of them bring those rows about |
//! | `fixture` | the part put together, and its decisions made again |
//! | `ends` | where a part may end, and whether it says what the whole log says |
//! | [`pseudonyms`] | names and addresses, replaced |
//! | [`mod@shrink`] | a history with all taken away that something does not need |
//!
//! A part is a log of its own: numbered from 1, and whoever replays it needs nothing else. What was there before,
//! and was read, is in it as the events that brought it about, marked as given in their meta: nobody is asked
//! about those. Nothing is appended and nothing is sent (R11).

use std::collections::{BTreeSet, HashSet};

use kernel::{Domain, Entry, Position};
use runtime::{Engine, StoreError};

mod ends;
mod fixture;
mod lives;
mod own;
pub mod pseudonyms;
mod reads;
pub mod shrink;

pub use ends::end_of_decisions;
pub use own::Own;

use fixture::Fixture;
use lives::Lives;
use own::Seed;
use reads::Reads;

use crate::{
    reactions::Scope,
    verify::{Report, Until, verify_entries},
};

/// How often a part is made again, with more in it, until its decisions come out as they did.
pub const MOST_ROUNDS: usize = 8;

/// Between which positions is recorded, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From here.
    pub from: Position,
    /// Up to here.
    pub to: Position,
}

impl Default for Window {
    fn default() -> Self {
        Self { from: Position::ZERO, to: Position::MAX }
    }
}

/// A part of a log that is a log of its own.
#[derive(Debug)]
pub struct Part {
    /// Its events in log order, numbered from 1.
    pub entries: Vec<Entry>,
    /// Those that it is about.
    pub own: Own,
    /// What comes of verifying it by itself; its decisions come out as from the whole log.
    pub report: Report,
    /// How many events stand earlier than in the log: a saga had them in front, before the log reached them.
    pub moved: usize,
}

/// Why no part was made.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A decision comes out otherwise.
    #[error(
        "what {handler} decides about event {event} comes out otherwise without the rest of the log, whatever rows are \
         given; record all of it"
    )]
    Otherwise {
        /// The saga.
        handler: String,
        /// The event.
        event: String,
    },
    /// A decision is the same in the whole log, and not in the part.
    #[error(
        "what {handler} decides about event {event} would differ from what the part holds, and does not differ from what \
         the whole log holds; record up to another moment, or all of it"
    )]
    Differs {
        /// The saga.
        handler: String,
        /// The event.
        event: String,
    },
}

/// The causal closure of one row: every event about it, what led to those, what came of all that, and what the
/// decisions on the way read; nothing when no event in the window is about it.
///
/// Causes are taken as recorded; where a log has none, as one that another program wrote, they are inferred.
///
/// # Errors
/// When the store failed, a decision can't be made again from a part, or would differ from what the part holds of it:
/// that is avoided by [a window that ends where decisions end](end_of_decisions).
pub async fn closure(
    domain: &Domain,
    engine: &Engine,
    (topic, key): (&str, &str),
    window: Window,
) -> Result<Option<Part>, RecordError> {
    let seed = Seed::Row(topic.to_owned(), key.to_owned());
    let part = part(domain, engine, &seed, window, HashSet::new()).await?;
    ends::check(domain, engine, &part, window).await?;
    Ok(Some(part).filter(|part| !part.own.is_empty()))
}

/// All that happened between two positions, and what the decisions about it read.
///
/// What came of events before the window is there, but as given.
///
/// # Errors
/// As [`closure`].
pub async fn range(domain: &Domain, engine: &Engine, window: Window) -> Result<Part, RecordError> {
    let part = part(domain, engine, &Seed::All, window, HashSet::new()).await?;
    ends::check(domain, engine, &part, window).await?;
    Ok(part)
}

/// What these events need: what led to them, what came of all that, and what the decisions on the way read.
///
/// # Errors
/// As [`closure`].
pub async fn around(
    domain: &Domain,
    engine: &Engine,
    events: impl IntoIterator<Item = String>,
) -> Result<Part, RecordError> {
    part(domain, engine, &Seed::Nothing, Window::default(), events.into_iter().collect()).await
}

/// The events that the closure of one row is about: an entity's part of a whole log.
///
/// # Errors
/// When the store failed.
pub async fn own(
    domain: &Domain,
    engine: &Engine,
    (topic, key): (&str, &str),
    window: Window,
) -> Result<Own, StoreError> {
    own::own(domain, engine, &Seed::Row(topic.to_owned(), key.to_owned()), window, &HashSet::new()).await
}

async fn part(
    domain: &Domain,
    engine: &Engine,
    seed: &Seed,
    window: Window,
    mut more: HashSet<String>,
) -> Result<Part, RecordError> {
    let mut whole = HashSet::new();
    let mut own = own::own(domain, engine, seed, window, &more).await?;
    let mut rounds = 0;
    loop {
        let reads = Reads::of(domain, engine, &own, window).await?;
        let mut lives = Lives::of(domain, engine, &own, &reads, window).await?;
        lives.choose(&reads.readings, &whole);
        let Fixture { events, moved } = Fixture::put_together(engine, &own, &lives).await?;
        let entries: Vec<_> = events.into_iter().map(Entry::Event).collect();
        let others: BTreeSet<_> = reads.differing(domain, &entries).into_iter().collect();
        let Some(other) = others.first().cloned() else {
            let report = verify_entries(domain, entries.iter().cloned(), Scope::default(), Until::End);
            return Ok(Part { entries, own, report, moved: moved.len() });
        };
        rounds += 1;
        let before = more.len() + whole.len();
        if moved.is_subset(&more) {
            whole.extend(reads.by(&others).cloned());
        } else {
            // What a saga had in front can't always be given: whatever brought it about has to be there.
            more.extend(moved);
            own = own::own(domain, engine, seed, window, &more).await?;
        }
        if more.len() + whole.len() == before || rounds == MOST_ROUNDS {
            return Err(other.into());
        }
    }
}
