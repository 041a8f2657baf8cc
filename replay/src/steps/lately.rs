//! Where the events of late stand, by identifier.

use std::collections::{HashMap, VecDeque};

use kernel::Event;

use super::Place;

/// The last events of a log, so many at most.
#[derive(Debug)]
pub(super) struct Lately {
    places: HashMap<String, Place>,
    /// In log order.
    ids: VecDeque<String>,
    most: usize,
}

impl Lately {
    pub(super) fn new(most: usize) -> Self {
        Self { places: HashMap::new(), ids: VecDeque::new(), most }
    }

    /// Takes note of an event, and forgets the first where there are too many.
    pub(super) fn fold(&mut self, event: &Event) {
        let place = Place { position: event.position, number: event.number.map(|number| number.0) };
        // Of two events with one identifier, as other programs may have them, the first is the one that is meant.
        if self.places.contains_key(&event.id) {
            return;
        }
        self.places.insert(event.id.clone(), place);
        self.ids.push_back(event.id.clone());
        if self.ids.len() > self.most
            && let Some(first) = self.ids.pop_front()
        {
            self.places.remove(&first);
        }
    }

    /// Where an event stands.
    pub(super) fn at(&self, id: &str) -> Option<Place> {
        self.places.get(id).copied()
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Meta, Number, Position};

    use super::*;

    #[test]
    fn only_the_last_events_are_known_and_of_two_the_first() {
        let mut lately = Lately::new(2);
        let mut fold = |id: &str, number: u64| {
            lately.fold(&Event {
                topic: "account".into(),
                position: Position::new(number, 0),
                number: Some(Number(number)),
                id: id.to_owned(),
                action: String::new(),
                data: String::new(),
                meta: Meta::default(),
            });
            ["a", "b", "c"].map(|id| lately.at(id).and_then(|place| place.number))
        };
        assert_eq!(fold("a", 1), [Some(1), None, None]);
        assert_eq!(fold("b", 2), [Some(1), Some(2), None]);
        assert_eq!(fold("b", 3), [Some(1), Some(2), None]);
        assert_eq!(fold("c", 4), [None, Some(2), Some(4)]);
    }
}
