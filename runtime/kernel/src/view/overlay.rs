//! Rows that stand in front of a view's own, each until the log has reached a position.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    View,
    key::{Key, Sought, Text},
    table::{Referring, references},
};
use crate::{EventRef, Position, Row, Step, Topic, Touch, Unreadable};

/// Rows that stand in front of a view's own, each until the log has reached a position.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlay {
    layers: BTreeMap<&'static str, Layer>,
    /// Which rows go when the log reaches a position; those that stay to the end are not listed.
    leaving: BTreeMap<Position, Vec<(&'static str, Arc<str>)>>,
}

/// One topic's.
#[derive(Clone, Debug, Default)]
struct Layer {
    rows: BTreeMap<Key, Staged>,
    referring: Referring,
}

/// A row, or that there is none, until the log has reached a position.
#[derive(Clone, Debug)]
pub(super) struct Staged {
    until: Position,
    pub(super) row: Option<Row>,
    references: Vec<(&'static str, Arc<str>)>,
}

impl Staged {
    pub(super) fn refers(&self, field: &str, target: &str) -> bool {
        self.references.iter().any(|(name, id)| *name == field && &**id == target)
    }
}

impl Overlay {
    pub(super) fn row(&self, topic: &str, id: &str) -> Option<&Staged> {
        self.layers.get(topic)?.rows.get(&Text::of(id) as &dyn Sought)
    }

    /// The rows of a topic, with what has no row any more.
    pub(super) fn rows(&self, topic: &str) -> impl Iterator<Item = (&Arc<str>, &Option<Row>)> {
        let rows = self.layers.get(topic).map(|layer| &layer.rows);
        rows.into_iter().flatten().map(|(key, staged)| (key.id(), &staged.row))
    }

    /// The ids of those whose reference `field` names `target`; nothing where the topic has no row here.
    pub(super) fn referring(&self, topic: &str, field: &str, target: &str) -> Option<impl Iterator<Item = &Arc<str>>> {
        Some(self.layers.get(topic)?.referring.to(field, target))
    }

    /// Folds an event in front of `view`, to stand there until the log has reached its position.
    pub(crate) fn stage(&mut self, view: &View, event: &EventRef<'_>) -> Result<(), Unreadable> {
        let Some(topic) = view.topic(event.topic) else { return Ok(()) };
        let Touch { key, step } = topic.touch(event)?;
        let row = match step {
            // Who updates an entity has seen it, even if this view has not come that far yet.
            Step::Put(content) | Step::Replace(content) => Some(topic.write_row(&content).into()),
            Step::Remove => None,
        };
        self.put(topic, &key.into(), row, event.position);
        Ok(())
    }

    fn put(&mut self, topic: &Topic, id: &Arc<str>, row: Option<Row>, until: Position) {
        let layer = self.layers.entry(topic.name).or_default();
        let referred = references(topic, row.as_deref()).into_iter();
        let references: Vec<_> = referred.map(|(field, target)| (field, Arc::from(&*target))).collect();
        for (field, target) in &references {
            layer.referring.insert(field, target, id);
        }
        if until < Position::MAX {
            self.leaving.entry(until).or_default().push((topic.name, Arc::clone(id)));
        }
        let before = layer.rows.insert(Key::new(id), Staged { until, row, references: references.clone() });
        for (field, target) in before.into_iter().flat_map(|before| before.references) {
            if !references.contains(&(field, Arc::clone(&target))) {
                layer.referring.remove(field, &target, id);
            }
        }
    }

    /// Drops the rows that the log has reached.
    pub(super) fn expire(&mut self, reached: Position) {
        while let Some(first) = self.leaving.first_entry()
            && *first.key() <= reached
        {
            let (until, rows) = first.remove_entry();
            for (topic, id) in rows {
                self.drop_row(topic, &id, until);
            }
        }
    }

    /// Drops a row that was to stand until then, if none has taken its place.
    fn drop_row(&mut self, topic: &'static str, id: &Arc<str>, until: Position) {
        let Some(layer) = self.layers.get_mut(topic) else { return };
        let sought = Text::of(id);
        if layer.rows.get(&sought as &dyn Sought).is_none_or(|staged| staged.until != until) {
            return;
        }
        let gone = layer.rows.remove(&sought as &dyn Sought);
        for (field, target) in gone.into_iter().flat_map(|gone| gone.references) {
            layer.referring.remove(field, &target, id);
        }
        if layer.rows.is_empty() {
            self.layers.remove(topic);
        }
    }
}
