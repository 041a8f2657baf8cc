//! Topics: what one stream of the log holds, what commands may ask of it, and what its events do to rows.

use std::borrow::Cow;

mod fold;

pub use fold::{Content, FOLD, Keyed, Row, Step, Touch, Unreadable};

use crate::{
    ENTITY_ID, Field, Kind,
    canonical::{self, Complaint, Reading},
};

/// An entity type or a journal: what one stream of the log holds and how it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The name of the stream and of one entity: `order`.
    pub name: &'static str,
    /// The name of many: `orders`.
    pub plural: &'static str,
    /// The service that takes its commands: `order-service`.
    pub service: &'static str,
    /// What its events carry.
    pub fields: Vec<Field>,
    /// How events become rows.
    pub kind: TopicKind,
}

/// How a topic's events become rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicKind {
    /// A row is an entity, keyed by its id; each event carries the whole of it.
    Entity,
    /// A row is an event, keyed by its position; the only action is this one.
    Journal {
        /// The action of its events: `mail_sent`.
        action: &'static str,
    },
}

impl Topic {
    /// An entity type.
    #[must_use]
    pub const fn entity(name: &'static str, plural: &'static str, service: &'static str, fields: Vec<Field>) -> Self {
        Self { name, plural, service, fields, kind: TopicKind::Entity }
    }

    /// A journal, whose events all have the same action.
    #[must_use]
    pub const fn journal(
        name: &'static str,
        plural: &'static str,
        service: &'static str,
        action: &'static str,
        fields: Vec<Field>,
    ) -> Self {
        Self { name, plural, service, fields, kind: TopicKind::Journal { action } }
    }

    /// Reads what a command wants created, strictly, and gives its canonical form.
    ///
    /// `id` is the one assigned to the new entity; a journal's facts have none.
    ///
    /// # Errors
    /// A complaint that names the field and says what it must be.
    pub fn admit_new(&self, id: Option<&str>, json: &str) -> Result<String, Complaint> {
        let scanned = canonical::scan(&self.fields, json)?;
        if scanned.raw_id().is_some() {
            let message = format!("{ENTITY_ID} is assigned on creation; leave it out");
            return Err(Complaint { field: Some(ENTITY_ID.into()), message });
        }
        canonical::write(&self.fields, &scanned, id, Reading::Create)
    }

    /// Reads what a command wants entity `id` replaced with, strictly, and gives its canonical form.
    ///
    /// # Errors
    /// A complaint that names the field and says what it must be.
    pub fn admit_update(&self, id: &str, json: &str) -> Result<String, Complaint> {
        let scanned = canonical::scan(&self.fields, json)?;
        if let Some(raw) = scanned.raw_id() {
            let given = scanned.id().unwrap_or(Cow::Borrowed(raw));
            if given != id {
                let message = format!("{ENTITY_ID} is {given}, but the command is about {id}");
                return Err(Complaint { field: Some(ENTITY_ID.into()), message });
            }
        }
        canonical::write(&self.fields, &scanned, Some(id), Reading::Update)
    }

    /// The reference field of this name, if the topic has one.
    #[must_use]
    pub fn reference(&self, name: &str) -> Option<&'static str> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        matches!(field.kind, Kind::Reference(_)).then_some(field.name)
    }

    /// The ids that a row refers to, by field, lists left out: what a view indexes.
    #[must_use]
    pub fn references<'r>(&self, row: &'r str) -> Vec<(&'static str, Cow<'r, str>)> {
        let is_reference = |field: &Field| matches!(field.kind, Kind::Reference(_));
        if !self.fields.iter().any(is_reference) {
            return Vec::new();
        }
        let Ok(scanned) = canonical::scan(&self.fields, row) else { return Vec::new() };
        let fields = self.fields.iter().enumerate().filter(|(_, field)| is_reference(field));
        fields.filter_map(|(index, field)| Some((field.name, canonical::read_text(scanned.value(index)?)?))).collect()
    }
}

#[cfg(test)]
mod tests;
