//! What decisions read, and as of when.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use kernel::{Domain, Effect, Failure, Position, Read};
use runtime::{Engine, StoreError};

use super::{
    Own, RecordError, Window,
    reactions::{self, Reaction},
};

/// A row, by topic and key; or what was looked up by.
pub(super) type Place = (String, String);

/// The decisions that were made about own events, and what they read.
#[derive(Debug, Default)]
pub(super) struct Reads {
    pub(super) readings: Vec<Reading>,
    /// What came of each decision.
    pub(super) made: BTreeMap<Which, Made>,
    /// Readings by saga that have no end yet of what stood in front.
    open: HashMap<&'static str, Vec<usize>>,
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Which {
    pub(super) handler: &'static str,
    /// The event that it is about.
    pub(super) event: String,
}

/// What came of a decision, as far as it has to be the same: a hash of effects and failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Made(u64);

/// What is read at one place of the log.
#[derive(Debug)]
pub(super) struct Reading {
    which: Arc<Which>,
    /// Where the view stands.
    pub(super) at: Position,
    /// What the saga has in front of that.
    pub(super) front: Option<Front>,
    /// Rows, and ids that rows were looked up by.
    pub(super) places: BTreeSet<Place>,
}

/// A saga's own events that the view has not reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Front {
    pub(super) handler: &'static str,
    /// The first that is not in front: it reacts to the event that is decided about, or to a later one.
    pub(super) until: Position,
}

impl Reads {
    /// Makes the decisions about own events again, from the whole log.
    pub(super) async fn of(domain: &Domain, engine: &Engine, own: &Own, window: Window) -> Result<Self, StoreError> {
        let mut reads = Self::default();
        reactions::of_log(domain, engine, window.to, &mut |reaction| reads.note(own, &reaction)).await?;
        Ok(reads)
    }

    fn note(&mut self, own: &Own, reaction: &Reaction) {
        let first = reaction.held.first().map(|event| event.position);
        if let Some(first) = first {
            for open in self.open.remove(reaction.handler).unwrap_or_default() {
                if let Some(front) = &mut self.readings[open].front {
                    front.until = first;
                }
            }
        }
        if !own.holds(&reaction.event.id) {
            return;
        }
        let which = Which { handler: reaction.handler, event: reaction.event.id.clone() };
        self.made.insert(which.clone(), Made::of(reaction));
        let Ok(decided) = &reaction.outcome else { return };
        let (which, at) = (Arc::new(which), reaction.event.position);
        let then: BTreeSet<_> = decided.then.asked().map(|(topic, id)| (topic.to_owned(), id.to_owned())).collect();
        let places: BTreeSet<_> = decided.reads.iter().map(place).collect();
        let front = Front { handler: reaction.handler, until: first.unwrap_or(Position::MAX) };
        let mut read = |at, front: Option<Front>, places: &BTreeSet<Place>| {
            if front.is_some() && first.is_none() {
                self.open.entry(reaction.handler).or_default().push(self.readings.len());
            }
            self.readings.push(Reading { which: which.clone(), at, front, places: places.clone() });
        };
        if !then.is_empty() {
            read(at, None, &then);
        }
        read(reaction.as_of, Some(front), &places);
        if reaction.as_of > at {
            // It was decided at the event first; what it asked of the past it asked there.
            read(at, Some(front), &places);
        }
    }

    /// What one decision read.
    pub(super) fn by(&self, which: &Which) -> impl Iterator<Item = &Place> {
        self.readings.iter().filter(|reading| *reading.which == *which).flat_map(|reading| &reading.places)
    }

    /// The first decision that comes out otherwise from a part of the log.
    pub(super) fn differing(&self, domain: &Domain, part: &[kernel::Entry]) -> Option<Which> {
        let mut again = BTreeMap::new();
        reactions::of_entries(domain, part, &mut |reaction| {
            let which = Which { handler: reaction.handler, event: reaction.event.id.clone() };
            again.insert(which, Made::of(&reaction));
        });
        let is_other = |(which, made): &(&Which, &Made)| again.get(which) != Some(made);
        let more = again.keys().find(|which| !self.made.contains_key(which));
        self.made.iter().find(is_other).map(|(which, _)| which).or(more).cloned()
    }
}

/// The row that was read, or what was looked up by.
fn place(read: &Read) -> Place {
    let text = serde_json::from_str(&format!("\"{}\"", read.text)).unwrap_or_else(|_| read.text.clone());
    (read.topic.clone(), text)
}

impl Made {
    fn of(reaction: &Reaction) -> Self {
        let mut hasher = DefaultHasher::new();
        match &reaction.outcome {
            Ok(decided) => decided.effects.iter().for_each(|effect| match effect {
                Effect::Append(draft) => (&draft.topic, &draft.id, &draft.action, &draft.data).hash(&mut hasher),
                Effect::Send(command) => {
                    let intent = serde_json::to_string(&command.intent).unwrap_or_default();
                    (&command.topic, &command.id, intent).hash(&mut hasher);
                }
            }),
            Err(Failure(reason)) => reason.hash(&mut hasher),
        }
        Self(hasher.finish())
    }
}

impl From<Which> for RecordError {
    fn from(which: Which) -> Self {
        Self::Otherwise { handler: which.handler.to_owned(), event: which.event }
    }
}
