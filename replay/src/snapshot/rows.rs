//! What rows were like at any position of a log.

use std::{collections::BTreeMap, sync::Arc};

use kernel::{Domain, Draft, Entry, Event, Position, Row, Step, Topic, TopicKind};

use crate::reactions::Reaction;

/// A row, by topic and key.
type Place = (&'static str, Arc<str>);

/// All versions of all entities.
#[derive(Debug, Default)]
pub(super) struct Rows {
    versions: BTreeMap<Place, Vec<(Position, Option<Row>)>>,
    /// What each saga appended: the place of the event that it reacted to, where it stands, what it made of the row.
    own: BTreeMap<&'static str, Vec<Own>>,
}

#[derive(Debug)]
struct Own {
    cause: u64,
    position: Position,
    place: Place,
    row: Option<Row>,
}

impl Rows {
    /// Takes in the next entry of the log.
    pub(super) fn fold(&mut self, domain: &Domain, entry: &Entry) {
        let Entry::Event(event) = entry else { return };
        let Some(topic) = entity(domain, &event.topic) else { return };
        let Ok(keyed) = topic.step(event) else { return };
        let versions = self.versions.entry((topic.name, keyed.key)).or_default();
        let before = versions.last().and_then(|(_, row)| row.as_ref());
        let after = keyed.step.fold(before);
        if before.is_some() || after.is_some() {
            versions.push((event.position, after));
        }
    }

    /// Takes in what a saga appended, which it has in front from then on.
    pub(super) fn reacted(&mut self, domain: &Domain, reaction: &Reaction) {
        for event in &reaction.held {
            let Some((place, row)) = keyed(domain, event) else { continue };
            let own = Own { cause: reaction.place, position: event.position, place, row };
            self.own.entry(reaction.handler).or_default().push(own);
        }
    }

    /// The row just before an event of the log.
    pub(super) fn before(&self, topic: &'static str, key: &str, position: Position) -> Option<Row> {
        self.version(&(topic, key.into()), |at| at < position)
    }

    /// The row that a saga had before it when it decided, what it had asked for before included.
    fn seen(&self, reaction: &Reaction, place: &Place) -> Option<Row> {
        let own = self.own.get(reaction.handler).map(Vec::as_slice).unwrap_or_default();
        let in_front = own.iter().rev().take_while(|own| own.position > reaction.as_of);
        let mut in_front = in_front.filter(|own| own.cause < reaction.place && own.place == *place);
        match in_front.next() {
            Some(own) => own.row.clone(),
            None => self.version(place, |at| at <= reaction.as_of),
        }
    }

    fn version(&self, place: &Place, is_by_then: impl Fn(Position) -> bool) -> Option<Row> {
        let versions = self.versions.get(place)?;
        let later = versions.partition_point(|(position, _)| is_by_then(*position));
        versions[..later].last()?.1.clone()
    }
}

/// The rows that one decision sees: what it asks for changes them.
#[derive(Debug)]
pub(super) struct Seen<'r> {
    rows: &'r Rows,
    reaction: &'r Reaction,
    asked: BTreeMap<Place, Option<Row>>,
}

impl<'r> Seen<'r> {
    pub(super) const fn by(reaction: &'r Reaction, rows: &'r Rows) -> Self {
        Self { rows, reaction, asked: BTreeMap::new() }
    }

    /// The row that a draft is about as it is before the draft; it is as the draft says from then on.
    pub(super) fn change(&mut self, domain: &Domain, draft: &Draft) -> Option<Row> {
        let (place, after) = keyed(domain, &draft.at(Position::MAX))?;
        let before = self.asked.get(&place).cloned();
        let before = before.unwrap_or_else(|| self.rows.seen(self.reaction, &place));
        self.asked.insert(place, after);
        before
    }
}

fn entity<'d>(domain: &'d Domain, topic: &str) -> Option<&'d Topic> {
    domain.topic(topic).filter(|topic| topic.kind == TopicKind::Entity)
}

/// The row that an event is about, and what it makes of it for who has seen that row.
fn keyed(domain: &Domain, event: &Event) -> Option<(Place, Option<Row>)> {
    let topic = entity(domain, &event.topic)?;
    let keyed = topic.step(event).ok()?;
    let row = match keyed.step {
        Step::Put(row) | Step::Replace(row) => Some(row),
        Step::Remove => None,
    };
    Some(((topic.name, keyed.key), row))
}
