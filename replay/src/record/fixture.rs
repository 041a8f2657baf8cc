//! A part of a log put together.

use std::collections::{BTreeSet, HashMap, HashSet};

use kernel::{Entry, Event, Meta, Number, Position};
use runtime::{Engine, StoreError};

use super::{Own, lives::Lives};

/// How many events are fetched at once.
const PAGE: usize = 4_096;

/// The last place of a millisecond that an event is moved to.
const LAST: u64 = 999_999;

/// Own events, and what is given besides.
#[derive(Debug)]
pub(super) struct Fixture {
    pub(super) events: Vec<Event>,
    /// Given events that stand earlier than in the log.
    pub(super) moved: HashSet<String>,
}

impl Fixture {
    /// Fetches what is given, and puts all in log order.
    pub(super) async fn put_together(engine: &Engine, own: &Own, lives: &Lives) -> Result<Self, StoreError> {
        let mut wanted: HashMap<(Position, &str), Option<Position>> = HashMap::new();
        for ((topic, _), life) in &lives.lives {
            for version in life.versions.iter().filter(|version| version.is_there && !version.is_own) {
                wanted.insert((version.position, topic), version.latest);
            }
        }
        let mut fixture = Self { events: Vec::new(), moved: HashSet::new() };
        let mut early: Vec<(Position, Event)> = Vec::new();
        for event in &lives.own {
            let latest = wanted.remove(&(event.position, &*event.topic)).flatten();
            let event = Event::clone(event);
            match latest {
                Some(latest) => early.push((latest, given(event))),
                None if own.holds(&event.id) => fixture.events.push(event),
                None => fixture.events.push(given(event)),
            }
        }
        let positions: Vec<_> = wanted.keys().map(|(position, _)| *position).collect();
        for positions in positions.chunks(PAGE) {
            for entry in engine.entries_at(positions).await? {
                let Entry::Event(event) = entry else { continue };
                match wanted.get(&(event.position, &*event.topic)) {
                    Some(None) => fixture.events.push(given(event)),
                    Some(Some(latest)) => early.push((*latest, given(event))),
                    None => {}
                }
            }
        }
        let mut occupied: BTreeSet<_> = fixture.events.iter().map(|event| event.position).collect();
        // From the last to the first, so that they keep their order.
        early.sort_by_key(|(latest, event)| std::cmp::Reverse((*latest, event.position)));
        for (latest, mut event) in early {
            event.position = free(&mut occupied, latest);
            fixture.moved.insert(event.id.clone());
            fixture.events.push(event);
        }
        fixture.events.sort_by(|a, b| (a.position, &a.topic).cmp(&(b.position, &b.topic)));
        for (event, number) in fixture.events.iter_mut().zip(1..) {
            event.number = Some(Number(number));
        }
        Ok(fixture)
    }
}

/// The last place up to and at `latest` where nothing stands.
fn free(occupied: &mut BTreeSet<Position>, latest: Position) -> Position {
    let mut position = latest;
    while !occupied.insert(position) {
        position = match position.seq().checked_sub(1) {
            Some(seq) => Position::new(position.ms(), seq),
            None => Position::new(position.ms().saturating_sub(1), LAST),
        };
    }
    position
}

/// The same event as one that only brings about what was there: nobody is asked about it, or for it.
fn given(event: Event) -> Event {
    let meta = Meta { given: true, schema: event.meta.schema, ..Meta::default() };
    Event { meta, ..event }
}
