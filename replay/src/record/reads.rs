//! What decisions read, and as of when.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    ops::ControlFlow,
    sync::Arc,
};

use kernel::{Checkpoint, Domain, Effect, Entry, Failure, Position, Read};
use runtime::{Engine, StoreError, Stretch};

use super::{Own, RecordError, Window};
use crate::apart::apart;
use crate::reactions::{self, AHEAD, Happening, Reaction, Replay, Scope};

/// A row, by topic and key; or what was looked up by.
pub(super) type Place = (String, String);

/// The decisions that were made about own events, and what they read.
#[derive(Debug, Default)]
pub(super) struct Reads {
    pub(super) readings: Vec<Reading>,
    /// What came of each decision.
    pub(super) made: BTreeMap<Which, Made>,
    /// Readings by saga whose decisions appended nothing, so that later ones tell what stood in front; and the places
    /// of their events.
    open: HashMap<&'static str, Vec<(usize, u64)>>,
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
    /// Makes the decisions about own events again, from the log as far as the window goes.
    pub(super) async fn of(domain: &Domain, engine: &Engine, own: &Own, window: Window) -> Result<Self, StoreError> {
        let mut replay = Replay::new(domain, Scope { to: window.to, ..Scope::default() });
        let (mut reads, own) = (Self::default(), own.clone());
        apart(engine, "recording", move |engine| {
            let mut note = |happening| {
                if let Happening::Reacted(reaction) = happening {
                    reads.note(&own, &reaction);
                }
                ControlFlow::Continue(())
            };
            let stretch = Stretch { after: Checkpoint::default(), until: window.to };
            engine.scan(&stretch, &mut |seen| {
                replay.take(seen.to_entry());
                replay.drain(&mut note)
            })?;
            replay.end();
            let _ = replay.drain(&mut note);
            Ok(reads)
        })
        .await
    }

    fn note(&mut self, own: &Own, reaction: &Reaction) {
        let first = reaction.held.first().map(|event| event.position);
        if let (Some(first), Some(open)) = (first, self.open.get_mut(reaction.handler)) {
            open.retain(|(_, place)| place + AHEAD as u64 >= reaction.place);
            for (reading, _) in open.iter().filter(|(_, place)| *place < reaction.place) {
                if let Some(front) = &mut self.readings[*reading].front {
                    front.until = front.until.min(first);
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
                self.open.entry(reaction.handler).or_default().push((self.readings.len(), reaction.place));
            }
            self.readings.push(Reading { which: which.clone(), at, front, places: places.clone() });
        };
        if !then.is_empty() {
            read(at, None, &then);
        }
        read(reaction.as_of, Some(front), &places);
        if reaction.as_of > at && !then.is_empty() {
            // What is asked of the past was first asked at the event.
            read(at, Some(front), &places);
        }
    }

    /// What these decisions read.
    pub(super) fn by<'r>(&'r self, those: &'r BTreeSet<Which>) -> impl Iterator<Item = &'r Place> {
        self.readings.iter().filter(|reading| those.contains(&*reading.which)).flat_map(|reading| &reading.places)
    }

    /// The decisions that come out otherwise from a part of the log.
    pub(super) fn differing(&self, domain: &Domain, part: &[Entry]) -> Vec<Which> {
        let again = reactions::reactions(domain, part.iter().cloned());
        let made = |reaction: &Reaction| {
            let which = Which { handler: reaction.handler, event: reaction.event.id.clone() };
            (which, Made::of(reaction))
        };
        let again: BTreeMap<_, _> = again.iter().map(made).collect();
        let others = self.made.iter().filter(|(which, made)| again.get(which) != Some(made)).map(|(which, _)| which);
        others.chain(again.keys().filter(|which| !self.made.contains_key(which))).cloned().collect()
    }
}

/// The row that was read, or what was looked up by.
fn place(read: &Read) -> Place {
    let text = serde_json::from_str(&format!("\"{}\"", read.text)).unwrap_or_else(|_| read.text.clone());
    (read.topic.to_string(), text)
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
