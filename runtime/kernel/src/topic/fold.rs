//! R8, the one fold: how an event changes the row that it is about.

use std::{borrow::Cow, sync::Arc};

use super::{Topic, TopicKind};
use crate::{
    CREATED, DELETED, ENTITY_ID, Event, EventRef, SCHEMA, UPDATED,
    canonical::{self, Complaint, Reading},
};

/// Revision of the fold: raised whenever the same events would give other rows than before, so that read models
/// made by the old one are made anew.
pub const FOLD: u32 = 1;

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

/// What an event does to the one row that it is about, its row not written out yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch<'e> {
    /// The row's key: an entity's id, or a position.
    pub key: Cow<'e, str>,
    /// What happens to the row.
    pub step: Step<Content<'e>>,
}

/// What a row is made of: [`Topic::write_row`] writes it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'e> {
    /// An entity: the event's data.
    Entity(&'e str),
    /// A journal's fact: the event itself.
    Journal {
        /// The event's identifier.
        id: &'e str,
        /// What happened.
        action: &'e str,
        /// The event's data.
        data: &'e str,
    },
}

impl Content<'_> {
    const fn data(&self) -> &str {
        match self {
            Self::Entity(data) | Self::Journal { data, .. } => data,
        }
    }
}

/// The fold of one event over one row, whatever stands for the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<R = Row> {
    /// The row is this one now.
    Put(R),
    /// The row is this one now, if there was one; an update of an unknown entity is ignored.
    Replace(R),
    /// The row is gone.
    Remove,
}

impl<R> Step<R> {
    /// The row after the event, given the row before it; `None` is no row.
    #[must_use]
    pub fn fold(self, before: Option<&R>) -> Option<R> {
        self.onto(before.is_some())
    }

    /// The row after the event, given whether there was one: an event carries the whole of its row.
    #[must_use]
    pub fn onto(self, existed: bool) -> Option<R> {
        match self {
            Self::Put(row) => Some(row),
            Self::Replace(row) => existed.then_some(row),
            Self::Remove => None,
        }
    }

    /// The same step with something else standing for the row: its text, or where that is kept.
    #[must_use]
    pub fn map<S>(self, to: impl FnOnce(R) -> S) -> Step<S> {
        match self {
            Self::Put(row) => Step::Put(to(row)),
            Self::Replace(row) => Step::Replace(to(row)),
            Self::Remove => Step::Remove,
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
    /// Which row `event` is about and what it does to it.
    ///
    /// Everything that could make the event unreadable is checked here, so that what is written later, or
    /// never because a later event replaces it, needs no second look.
    ///
    /// # Errors
    /// When the event's schema is newer than this program, its action unknown to the topic, or its data
    /// not what the topic's fields say.
    pub fn touch<'e>(&self, event: &EventRef<'e>) -> Result<Touch<'e>, Unreadable> {
        if let Some(newer) = event.meta.schema.filter(|schema| *schema > SCHEMA) {
            return Err(Unreadable(format!("event format {newer} is newer than {SCHEMA}, the newest known here")));
        }
        match self.kind {
            TopicKind::Entity => self.touch_entity(event),
            TopicKind::Journal { action } if event.action == action => self.touch_journal(event),
            TopicKind::Journal { action } => Err(self.unknown_action(event.action, action)),
        }
    }

    fn touch_entity<'e>(&self, event: &EventRef<'e>) -> Result<Touch<'e>, Unreadable> {
        let glance = canonical::glance(&self.fields, event.data);
        let (key, fields) = match glance.and_then(|glance| glance.id).filter(|id| !id.is_empty()) {
            Some(id) => (Cow::Borrowed(id), Ok(())),
            None => self.read_with_care(event.data)?,
        };
        let content = Content::Entity(event.data);
        let step = match event.action {
            CREATED => fields.map(|()| Step::Put(content))?,
            UPDATED => fields.map(|()| Step::Replace(content))?,
            DELETED => Step::Remove,
            other => return Err(self.unknown_action(other, &[CREATED, UPDATED, DELETED].join(", "))),
        };
        Ok(Touch { key, step })
    }

    /// The entity's id, and whether its fields can be read: what ends an entity need not carry it.
    #[cold]
    fn read_with_care<'e>(&self, data: &'e str) -> Result<(Cow<'e, str>, Result<(), Complaint>), Unreadable> {
        let scanned = canonical::scan(&self.fields, data)?;
        let id = scanned.id().filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Unreadable(format!("{ENTITY_ID} is missing or no text")))?;
        Ok((id, canonical::check(&self.fields, &scanned, Reading::Event)))
    }

    fn touch_journal<'e>(&self, event: &EventRef<'e>) -> Result<Touch<'e>, Unreadable> {
        if canonical::glance(&self.fields, event.data).is_none() {
            canonical::check(&self.fields, &canonical::scan(&self.fields, event.data)?, Reading::Event)?;
        }
        let content = Content::Journal { id: event.id, action: event.action, data: event.data };
        Ok(Touch { key: Cow::Owned(event.position.to_string()), step: Step::Put(content) })
    }

    fn unknown_action(&self, action: &str, known: &str) -> Unreadable {
        Unreadable(format!("unknown action {action}; {} knows {known}", self.name))
    }

    /// The canonical row that `content` is, which must have come from [`Topic::touch`] of this topic.
    ///
    /// Other content, which this topic can't read, is given back as it stands.
    #[must_use]
    pub fn write_row(&self, content: &Content<'_>) -> String {
        let mut out = String::with_capacity(content.data().len() + 64);
        self.write_row_into(content, &mut out);
        out
    }

    /// As [`Topic::write_row`], at the end of `out`.
    pub fn write_row_into(&self, content: &Content<'_>, out: &mut String) {
        match content {
            Content::Entity(data) => {
                let written = canonical::scan(&self.fields, data).and_then(|scanned| {
                    canonical::write_into(out, &self.fields, &scanned, scanned.id().as_deref(), Reading::Event)
                });
                if written.is_err() {
                    out.push_str(data);
                }
            }
            Content::Journal { id, action, data } => {
                out.push_str("{\"event_action\":");
                canonical::push_text(out, action);
                out.push_str(",\"event_data\":");
                canonical::push_text(out, data);
                out.push_str(",\"event_id\":");
                canonical::push_text(out, id);
                out.push('}');
            }
        }
    }

    /// What `event` does to which row, the row written out.
    ///
    /// # Errors
    /// As [`Topic::touch`].
    pub fn step(&self, event: &Event) -> Result<Keyed, Unreadable> {
        let event = event.as_ref();
        let Touch { key, step } = self.touch(&event)?;
        Ok(Keyed { key: key.into(), step: step.map(|content| self.write_row(&content).into()) })
    }

    /// The row that an event carries in canonical form, whatever the event does with it.
    ///
    /// # Errors
    /// When the data is not what the topic's fields say.
    pub fn row(&self, event: &Event) -> Result<String, Unreadable> {
        let scanned = canonical::scan(&self.fields, &event.data)?;
        Ok(canonical::write(&self.fields, &scanned, scanned.id().as_deref(), Reading::Event)?)
    }
}
