//! What an event says, made comparable.

use std::{cmp::Reverse, collections::BTreeSet};

use kernel::{DELETED, ENTITY_ID, Event, Kind, Topic, UPDATED, Unreadable, View};
use serde_json::{Map, Value};

use super::Fit;

/// What an event says in canonical form.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Content {
    pub(super) topic: String,
    pub(super) action: String,
    /// The row's key.
    pub(super) id: String,
    pub(super) fields: Map<String, Value>,
}

/// How much two contents have in common; the better is the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Likeness {
    pub(super) fit: Fit,
    /// How many fields are the same.
    agreeing: Reverse<usize>,
    /// How many ids and numbers the prediction's texts share with those that were written. Words are each
    /// program's own, but what they are about is not.
    quoted: Reverse<usize>,
    /// How many they don't share.
    unquoted: usize,
}

impl Content {
    /// What `event` says, for which `topic` must be its topic.
    pub(super) fn of(topic: &Topic, event: &Event) -> Result<Self, Unreadable> {
        let id = topic.touch(&event.as_ref())?.key.into_owned();
        // What ends an entity need not carry it.
        let row = if event.action == DELETED { topic.row(event).unwrap_or_default() } else { topic.row(event)? };
        Ok(Self { topic: event.topic.to_string(), action: event.action.clone(), id, fields: fields(&row) })
    }

    /// How much this prediction has in common with what happened; `None` when it is about something else.
    pub(super) fn likeness(&self, happened: &Self, topic: &Topic) -> Option<Likeness> {
        if (&self.topic, &self.action, self.known()) != (&happened.topic, &happened.action, happened.known()) {
            return None;
        }
        let agreeing = self.fields.iter().filter(|(name, value)| happened.fields.get(*name) == Some(*value)).count();
        if self.fields == happened.fields {
            let (agreeing, quoted) = (Reverse(agreeing), Reverse(0));
            return Some(Likeness { fit: Fit::Exact, agreeing, quoted, unquoted: 0 });
        }
        let mut anchored = self.known().is_some() || agreeing > 0;
        for field in &topic.fields {
            if let (Kind::Reference(_) | Kind::References(_), Some(predicted), Some(actual)) =
                (field.kind, self.fields.get(field.name), happened.fields.get(field.name))
            {
                if predicted != actual {
                    return None;
                }
                anchored = true;
            }
        }
        let (ours, theirs) = (quotes(&self.fields), quotes(&happened.fields));
        let quoted = ours.intersection(&theirs).count();
        let unquoted = ours.len() - quoted;
        let (agreeing, quoted) = (Reverse(agreeing), Reverse(quoted));
        anchored.then_some(Likeness { fit: Fit::Alike, agreeing, quoted, unquoted })
    }

    /// Whether this updates an entity of `view` to what it is already.
    pub(super) fn is_in(&self, view: &View) -> bool {
        let row = (self.action == UPDATED).then(|| view.row(&self.topic, &self.id)).flatten();
        row.is_some_and(|row| fields(&row) == self.fields)
    }

    /// Whether both do the same to the same row, whatever they make of it.
    pub(super) fn is_about_the_same(&self, other: &Self) -> bool {
        (&self.topic, &self.action, &self.id) == (&other.topic, &other.action, &other.id)
    }

    /// The entity, if it was there before: the key of what is new is each program's own choice.
    fn known(&self) -> Option<&str> {
        matches!(self.action.as_str(), UPDATED | DELETED).then_some(&*self.id)
    }
}

/// The ids and numbers in texts: whatever has a digit in it.
fn quotes(fields: &Map<String, Value>) -> BTreeSet<&str> {
    let words = fields
        .values()
        .filter_map(Value::as_str)
        .flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric() && letter != '-'));
    words.filter(|word| word.contains(|letter: char| letter.is_ascii_digit())).collect()
}

/// A canonical row's fields without the entity's id.
fn fields(row: &str) -> Map<String, Value> {
    let mut fields: Map<String, Value> = serde_json::from_str(row).unwrap_or_default();
    fields.remove(ENTITY_ID);
    fields
}
