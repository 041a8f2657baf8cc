//! Topics and R8, the one fold: how an event changes the row that it is about.

use std::{borrow::Cow, sync::Arc};

use crate::{
    CREATED, DELETED, ENTITY_ID, Event, Field, Kind, SCHEMA, UPDATED,
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

/// One row of a read model: canonical JSON text.
pub type Row = Arc<str>;

/// What an event does to the one row that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// The row's key: an entity's id, or a position.
    pub key: Arc<str>,
    /// What happens to the row.
    pub step: Step,
}

/// The fold of one event over one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The row is this one now.
    Put(Row),
    /// The row is this one now, if there was one; an update of an unknown entity is ignored.
    Replace(Row),
    /// The row is gone.
    Remove,
}

impl Step {
    /// The row after the event, given the row before it; `None` is no row.
    #[must_use]
    pub fn fold(self, before: Option<&Row>) -> Option<Row> {
        match self {
            Self::Put(row) => Some(row),
            Self::Replace(row) => before.map(|_| row),
            Self::Remove => None,
        }
    }
}

/// An event that its topic can't read; consumers set it aside and carry on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl From<Complaint> for Unreadable {
    fn from(complaint: Complaint) -> Self {
        Self(complaint.message)
    }
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

    /// What `event` does to which row.
    ///
    /// # Errors
    /// When the event's schema is newer than this program, its action unknown to the topic, or its data
    /// not what the topic's fields say.
    pub fn step(&self, event: &Event) -> Result<Keyed, Unreadable> {
        if let Some(newer) = event.meta.schema.filter(|schema| *schema > SCHEMA) {
            return Err(Unreadable(format!("event format {newer} is newer than {SCHEMA}, the newest known here")));
        }
        match self.kind {
            TopicKind::Entity => self.entity_step(event),
            TopicKind::Journal { action } if event.action == action => self.journal_step(event),
            TopicKind::Journal { action } => {
                Err(Unreadable(format!("unknown action {}; {} knows {action}", event.action, self.name)))
            }
        }
    }

    fn entity_step(&self, event: &Event) -> Result<Keyed, Unreadable> {
        let scanned = canonical::scan(&self.fields, &event.data)?;
        let id = scanned.id.and_then(|raw| canonical::read_text(raw.get())).filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Unreadable(format!("{ENTITY_ID} is missing or no text")))?;
        let row = || canonical::write(&self.fields, &scanned, Some(&id), Reading::Event).map(Row::from);
        let step = match event.action.as_str() {
            CREATED => Step::Put(row()?),
            UPDATED => Step::Replace(row()?),
            DELETED => Step::Remove,
            other => {
                let known = [CREATED, UPDATED, DELETED].join(", ");
                return Err(Unreadable(format!("unknown action {other}; {} knows {known}", self.name)));
            }
        };
        Ok(Keyed { key: id.into(), step })
    }

    /// The row that an event carries in canonical form, whatever the event does with it.
    ///
    /// # Errors
    /// When the data is not what the topic's fields say.
    pub fn row(&self, event: &Event) -> Result<String, Unreadable> {
        let scanned = canonical::scan(&self.fields, &event.data)?;
        let id = scanned.id.and_then(|raw| canonical::read_text(raw.get()));
        Ok(canonical::write(&self.fields, &scanned, id.as_deref(), Reading::Event)?)
    }

    fn journal_step(&self, event: &Event) -> Result<Keyed, Unreadable> {
        canonical::write(&self.fields, &canonical::scan(&self.fields, &event.data)?, None, Reading::Event)?;
        let row = serde_json::json!({
            "event_id": event.id,
            "event_action": event.action,
            "event_data": event.data,
        });
        Ok(Keyed { key: event.position.to_string().into(), step: Step::Put(row.to_string().into()) })
    }

    /// Reads what a command wants created, strictly, and gives its canonical form.
    ///
    /// `id` is the one assigned to the new entity; a journal's facts have none.
    ///
    /// # Errors
    /// A complaint that names the field and says what it must be.
    pub fn admit_new(&self, id: Option<&str>, json: &str) -> Result<String, Complaint> {
        let scanned = canonical::scan(&self.fields, json)?;
        if scanned.id.is_some() {
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
        if let Some(raw) = scanned.id {
            let given = canonical::read_text(raw.get()).unwrap_or(Cow::Borrowed(raw.get()));
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
        fields
            .filter_map(|(index, field)| Some((field.name, canonical::read_text(scanned.value(index)?.get())?)))
            .collect()
    }
}

#[cfg(test)]
mod tests;
