//! One topic's rows, and who refers to whom.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::key::{Key, Sought, Text};
use crate::{Row, Topic};

/// The rows of one topic's entities, with an index over references.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) topic: Topic,
    rows: BTreeMap<Key, Row>,
    referring: Referring,
}

impl Table {
    pub(super) fn new(topic: &Topic) -> Self {
        Self { topic: topic.clone(), rows: BTreeMap::new(), referring: Referring::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn row(&self, id: &str) -> Option<&Row> {
        self.rows.get(&Text::of(id) as &dyn Sought)
    }

    /// The rows in id order.
    pub(super) fn rows(&self) -> impl Iterator<Item = (Arc<str>, Row)> {
        self.rows.iter().map(|(key, row)| (Arc::clone(key.id()), Arc::clone(row)))
    }

    /// The ids of those whose reference `field` names `target`, in order.
    pub(super) fn referring(&self, field: &str, target: &str) -> impl Iterator<Item = &Arc<str>> {
        self.referring.to(field, target)
    }

    /// Puts a row in its place, or takes it away; gives the one that was there.
    pub(super) fn set(&mut self, id: &Arc<str>, row: Option<&Row>) -> Option<Row> {
        let before = match row {
            Some(row) => self.rows.insert(Key::new(id), Arc::clone(row)),
            None => self.rows.remove(&Text::of(id) as &dyn Sought),
        };
        let (gone, come) = (references(&self.topic, before.as_deref()), references(&self.topic, row.map(|row| &**row)));
        if gone != come {
            gone.iter().for_each(|(field, target)| self.referring.remove(field, target, id));
            come.iter().for_each(|(field, target)| self.referring.insert(field, target, id));
        }
        before
    }
}

/// What a row refers to; nothing where there is none.
pub(super) fn references<'r>(topic: &Topic, row: Option<&'r str>) -> Vec<(&'static str, Cow<'r, str>)> {
    row.map(|row| topic.references(row)).unwrap_or_default()
}

/// Ids by reference field and the id referred to.
#[derive(Clone, Debug, Default)]
pub(super) struct Referring(BTreeMap<&'static str, BTreeMap<Key, BTreeSet<Arc<str>>>>);

impl Referring {
    pub(super) fn to(&self, field: &str, target: &str) -> impl Iterator<Item = &Arc<str>> {
        let targets = self.0.get(field);
        targets.and_then(|targets| targets.get(&Text::of(target) as &dyn Sought)).into_iter().flatten()
    }

    pub(super) fn insert(&mut self, field: &'static str, target: &str, id: &Arc<str>) {
        let targets = self.0.entry(field).or_default();
        match targets.get_mut(&Text::of(target) as &dyn Sought) {
            Some(ids) => {
                ids.insert(Arc::clone(id));
            }
            None => {
                targets.insert(Key::new(&Arc::from(target)), BTreeSet::from([Arc::clone(id)]));
            }
        }
    }

    pub(super) fn remove(&mut self, field: &str, target: &str, id: &Arc<str>) {
        let Some(targets) = self.0.get_mut(field) else { return };
        let sought = Text::of(target);
        let Some(ids) = targets.get_mut(&sought as &dyn Sought) else { return };
        ids.remove(id);
        if ids.is_empty() {
            targets.remove(&sought as &dyn Sought);
        }
    }
}
