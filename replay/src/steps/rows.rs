//! The living entities, and what their rows were a while ago.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use kernel::{Domain, Event, Position, Row, TopicKind, Unreadable};
use projector::timeline::RowChange;

type Key = (&'static str, Arc<str>);

/// The living entities of a log that is being folded.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: HashMap<Key, Row>,
    /// What a row was before an event changed it, by the event's position.
    past: HashMap<Key, BTreeMap<Position, Option<Row>>>,
    /// The events that changed one, in log order: place, position, row.
    changes: VecDeque<(u64, Position, Key)>,
}

impl Rows {
    /// What becomes of the row that an event is about; nothing where no row changes.
    pub(super) fn fold(&mut self, domain: &Domain, event: &Event, place: u64) -> Result<Option<RowChange>, Unreadable> {
        let Some(topic) = domain.topic(&event.topic) else { return Ok(None) };
        let keyed = topic.step(event)?;
        let key = (topic.name, keyed.key);
        let before = self.rows.get(&key).cloned();
        let after = keyed.step.fold(before.as_ref());
        if before.is_none() && after.is_none() {
            return Ok(None);
        }
        let change =
            RowChange { topic: topic.name, key: key.1.to_string(), before: before.clone(), after: after.clone() };
        if topic.kind == TopicKind::Entity {
            // Of two events at one position, as other programs may have them, the first knows what was before.
            self.past.entry(key.clone()).or_default().entry(event.position).or_insert(before);
            self.changes.push_back((place, event.position, key.clone()));
            match after {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
        Ok(Some(change))
    }

    /// The row as it was when all events up to `position` had happened.
    pub(super) fn at(&self, topic: &'static str, key: &str, position: Position) -> Option<Row> {
        let key = (topic, Arc::from(key));
        let later = self.past.get(&key).and_then(|past| past.range(position.successor()..).next());
        later.map_or_else(|| self.rows.get(&key).cloned(), |(_, before)| before.clone())
    }

    /// Forgets what rows were before the entry at `place`.
    pub(super) fn forget(&mut self, place: u64) {
        while let Some((_, position, key)) = self.changes.pop_front_if(|(changed, ..)| *changed < place) {
            if let Some(past) = self.past.get_mut(&key) {
                past.remove(&position);
                if past.is_empty() {
                    self.past.remove(&key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{CREATED, DELETED, Meta, UPDATED};
    use testkit::bank;

    use super::*;

    #[test]
    fn a_row_is_known_as_it_was_until_that_is_forgotten() {
        let mut rows = Rows::default();
        let domain = bank::domain();
        let fold = |rows: &mut Rows, place: u64, action: &str, balance: u64| {
            let event = Event {
                topic: "account".into(),
                position: Position::new(10 * place, 0),
                number: None,
                id: format!("e{place}"),
                action: action.to_owned(),
                data: format!(r#"{{"entity_id":"ann","owner":"Ann","balance":{balance}}}"#),
                meta: Meta::default(),
            };
            rows.fold(&domain, &event, place).unwrap().map(|change| (change.before.is_some(), change.after.is_some()))
        };
        assert_eq!(fold(&mut rows, 1, UPDATED, 7), None, "there is none to be changed");
        assert_eq!(fold(&mut rows, 2, CREATED, 1), Some((false, true)));
        assert_eq!(fold(&mut rows, 3, UPDATED, 2), Some((true, true)));
        assert_eq!(fold(&mut rows, 4, DELETED, 2), Some((true, false)));
        let at = |rows: &Rows, ms: u64| {
            let row = rows.at("account", "ann", Position::new(ms, 0));
            row.map(|row| row.chars().filter(char::is_ascii_digit).collect::<String>())
        };
        let seen = |rows: &Rows| [19, 20, 29, 30, 39, 40, 99].map(|ms| at(rows, ms));
        let [one, two] = ["1", "2"].map(|text| Some(text.to_owned()));
        assert_eq!(seen(&rows), [None, one.clone(), one, two.clone(), two.clone(), None, None]);
        rows.forget(4);
        assert_eq!(seen(&rows)[3..], [two.clone(), two, None, None]);
        rows.forget(5);
        assert_eq!(seen(&rows), [const { None }; 7]);
        assert!(rows.past.is_empty() && rows.changes.is_empty() && rows.rows.is_empty());
    }
}
