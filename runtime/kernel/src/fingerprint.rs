//! The version of a projection: one number for everything that decides how events become rows.

use xxhash_rust::xxh3::Xxh3;

use crate::{FOLD, Field, Kind, Topic, TopicKind};

/// Folds the fold's revision and what each of `topics` says about rows into one number, which is never 0.
///
/// What a topic says about commands (bounds, whether it may be empty) or about people does not count.
pub(crate) fn projection<'t>(topics: impl Iterator<Item = &'t Topic>) -> u32 {
    let mut description = Description(Xxh3::new());
    description.number(u64::from(FOLD));
    topics.for_each(|topic| description.topic(topic));
    let hash = description.0.digest().to_le_bytes();
    let [a, b, c, d, e, f, g, h] = hash;
    (u32::from_le_bytes([a, b, c, d]) ^ u32::from_le_bytes([e, f, g, h])).max(1)
}

/// What is hashed: each part after its length or its tag, so that no two descriptions share their bytes.
struct Description(Xxh3);

impl Description {
    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.update(text.as_bytes());
    }

    fn length(&mut self, length: usize) {
        self.number(length as u64);
    }

    fn topic(&mut self, topic: &Topic) {
        self.text(topic.name);
        match topic.kind {
            TopicKind::Entity => self.number(0),
            TopicKind::Journal { action } => {
                self.number(1);
                self.text(action);
            }
        }
        self.length(topic.fields.len());
        topic.fields.iter().for_each(|field| self.field(field));
    }

    fn field(&mut self, field: &Field) {
        // Named one by one, so that whoever adds one decides whether it counts.
        let Field { name, kind, may_be_empty: _, personal: _, initially } = field;
        self.text(name);
        self.kind(*kind);
        match initially {
            None => self.number(0),
            Some(json) => {
                self.number(1);
                self.text(json);
            }
        }
    }

    fn kind(&mut self, kind: Kind) {
        match kind {
            Kind::Text => self.number(0),
            Kind::Integer { min: _ } => self.number(1),
            Kind::Seconds => self.number(2),
            Kind::Reference(topic) => {
                self.number(3);
                self.text(topic);
            }
            Kind::References(topic) => {
                self.number(4);
                self.text(topic);
            }
            Kind::Choice(choices) => {
                self.number(5);
                self.length(choices.len());
                choices.iter().for_each(|choice| self.text(choice));
            }
        }
    }
}

#[cfg(test)]
mod tests;
