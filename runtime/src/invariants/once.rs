//! Whether everything has happened once (I2): no event, no command and no reaction is in the log twice.
//!
//! What a command led to, and what a saga did about an event, was appended by one commit: it stands together, or
//! it has happened twice. Events that do not say where they came from are other programs', which give identifiers
//! as they like.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher as _},
};

use kernel::{EventRef, Number, Position};
use serde::Serialize;

use super::SHOWN;

/// How many fingerprints are remembered at once.
const MOST: u64 = 32 << 20;

/// How many things that seem to have come twice are held by name at once.
const HELD: usize = 10_000;

/// Something that has happened twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Repeat {
    /// An event's identifier comes again.
    #[error("event {event} is in the log twice, at {first} and at {again}")]
    Event {
        /// The identifier.
        event: String,
        /// Where it stands first.
        first: Position,
        /// Where it stands again.
        again: Position,
    },
    /// A command has taken effect again.
    #[error("command {command} has taken effect twice, at {first} and at {again}")]
    Command {
        /// The command.
        command: String,
        /// The first event that it led to.
        first: Position,
        /// The first event that it led to the second time.
        again: Position,
    },
    /// A saga has reacted to an event again.
    #[error("{handler} has reacted to event {cause} twice, at {first} and at {again}")]
    Reaction {
        /// The saga.
        handler: String,
        /// The event's identifier.
        cause: String,
        /// The first effect.
        first: Position,
        /// The first effect of the second time.
        again: Position,
    },
}

/// What has happened twice, all over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Repeats {
    /// How many times.
    pub count: u64,
    /// The first of them, in log order: at most 20.
    pub first: Vec<Repeat>,
}

impl Repeats {
    pub(super) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.first.extend(other.first);
        self.first.sort_by_key(|repeat| match repeat {
            Repeat::Event { again, .. } | Repeat::Command { again, .. } | Repeat::Reaction { again, .. } => *again,
        });
        self.first.truncate(SHOWN);
    }
}

/// What may come once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Thing<'e> {
    Event(&'e str),
    Command(&'e str),
    Reaction { handler: &'e str, cause: &'e str },
}

impl Thing<'_> {
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    fn repeat(&self, first: Position, again: Position) -> Repeat {
        match *self {
            Self::Event(event) => Repeat::Event { event: event.to_owned(), first, again },
            Self::Command(command) => Repeat::Command { command: command.to_owned(), first, again },
            Self::Reaction { handler, cause } => {
                Repeat::Reaction { handler: handler.to_owned(), cause: cause.to_owned(), first, again }
            }
        }
    }
}

/// Where events belong together: what one commit appended for one reason.
#[derive(Debug, Default)]
struct Groups {
    /// The fingerprint of the reason of the event before, and as of when that was decided.
    before: Option<(u64, Option<Position>)>,
}

impl Groups {
    /// What comes with this event; of what stands together only the first counts.
    fn things<'e>(&mut self, event: &'e EventRef<'_>) -> impl Iterator<Item = (u64, Thing<'e>)> {
        let meta = &event.meta;
        let reason = match (&meta.command, &meta.handler, &meta.cause) {
            _ if meta.given => None,
            (Some(command), ..) => Some(Thing::Command(command)),
            (None, Some(handler), Some(cause)) => Some(Thing::Reaction { handler, cause }),
            (None, ..) => None,
        };
        let reason = reason.map(|reason| (reason.fingerprint(), reason));
        let here = reason.map(|(fingerprint, _)| (fingerprint, meta.as_of));
        let begins = here.is_some() && here != self.before;
        if here.is_some() {
            self.before = here;
        }
        let event = reason.map(|_| Thing::Event(event.id)).map(|event| (event.fingerprint(), event));
        event.into_iter().chain(reason.filter(|_| begins))
    }
}

/// Finds out by fingerprints whether anything has come twice.
#[derive(Debug)]
pub(super) struct Once {
    /// Which part of all fingerprints is remembered, and of how many.
    part: u64,
    parts: u64,
    groups: Groups,
    seen: Vec<u64>,
}

impl Once {
    /// Of a log with so many events: each is one thing, and may begin another.
    pub(super) fn of(events: Number) -> Self {
        Self::in_parts(0, (events.0 * 2).div_ceil(MOST).max(1))
    }

    pub(super) const fn in_parts(part: u64, parts: u64) -> Self {
        Self { part, parts, groups: Groups { before: None }, seen: Vec::new() }
    }

    /// What is to be looked for when the log is read again.
    pub(super) fn next(&self) -> Option<Self> {
        (self.part + 1 < self.parts).then(|| Self::in_parts(self.part + 1, self.parts))
    }

    pub(super) fn pass(&mut self, event: &EventRef<'_>) {
        let (part, parts) = (self.part, self.parts);
        let own = self.groups.things(event).map(|(fingerprint, _)| fingerprint);
        self.seen.extend(own.filter(|fingerprint| fingerprint % parts == part));
    }

    /// The fingerprints that came more than once, in order, each as often as it came again.
    pub(super) fn repeated(self) -> Vec<u64> {
        let mut seen = self.seen;
        seen.sort_unstable();
        seen.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
    }
}

/// Gives names to what seems to have come twice: two things may have one fingerprint.
#[derive(Debug)]
pub(super) struct Namer {
    wanted: Vec<u64>,
    groups: Groups,
    /// Where each of them stands first.
    held: HashMap<u64, Vec<Repeat>>,
    repeats: Repeats,
}

impl Namer {
    pub(super) fn of(wanted: Vec<u64>) -> Self {
        Self { wanted, groups: Groups::default(), held: HashMap::new(), repeats: Repeats::default() }
    }

    pub(super) const fn is_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    pub(super) fn pass(&mut self, event: &EventRef<'_>) {
        let Self { wanted, groups, held, repeats, .. } = self;
        for (fingerprint, thing) in groups.things(event) {
            if wanted.binary_search(&fingerprint).is_err() {
                continue;
            }
            let first = thing.repeat(event.position, event.position);
            let same = held.get(&fingerprint).into_iter().flatten().find_map(|known| stands(known, &first));
            match same {
                Some(at) => {
                    repeats.count += 1;
                    if repeats.first.len() < SHOWN {
                        repeats.first.push(thing.repeat(at, event.position));
                    }
                }
                None if held.len() < HELD => held.entry(fingerprint).or_default().push(first),
                None => {}
            }
        }
    }

    /// What has come again; of more than can be held by name the fingerprints tell how many times.
    pub(super) fn end(mut self) -> Repeats {
        if self.held.len() >= HELD {
            self.repeats.count = self.wanted.len() as u64;
        }
        self.repeats
    }
}

/// Where `known` stands, if it is the same thing as `other`.
fn stands(known: &Repeat, other: &Repeat) -> Option<Position> {
    match (known, other) {
        (Repeat::Event { event, first, .. }, Repeat::Event { event: other, .. }) => (event == other).then_some(*first),
        (Repeat::Command { command, first, .. }, Repeat::Command { command: other, .. }) => {
            (command == other).then_some(*first)
        }
        (Repeat::Reaction { handler, cause, first, .. }, Repeat::Reaction { handler: by, cause: of, .. }) => {
            (handler == by && cause == of).then_some(*first)
        }
        (Repeat::Event { .. } | Repeat::Command { .. } | Repeat::Reaction { .. }, _) => None,
    }
}
