//! Facts: events as the log holds them, and drafts that a commit will turn into events.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Number, Position};

/// The action that brings an entity into being.
pub const CREATED: &str = "entity_created";
/// The action that replaces an entity; ignored for an entity that does not exist.
pub const UPDATED: &str = "entity_updated";
/// The action that ends an entity; the event carries it as it last was.
pub const DELETED: &str = "entity_deleted";

/// Version of the event format that this program writes, and the newest it reads.
pub const SCHEMA: u32 = 1;

/// A fact as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The topic whose stream holds it.
    pub topic: Arc<str>,
    /// Its place in the log.
    pub position: Position,
    /// Its ordinal; absent in entries that another program wrote.
    pub number: Option<Number>,
    /// Its identifier, unique in the log; derived from what caused it.
    pub id: String,
    /// What happened, in the past tense: `entity_created`, `mail_sent`.
    pub action: String,
    /// JSON text; for an entity, the whole entity.
    pub data: String,
    /// Where it came from; empty in entries that another program wrote.
    pub meta: Meta,
}

/// What one entry of a stream turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "junk is rare: nearly every entry is as large as an event")]
pub enum Entry {
    /// An event.
    Event(Event),
    /// Something that is no event: kept in sight, never carried on as if it were one.
    Junk(Junk),
}

impl Entry {
    /// Where the entry stands.
    #[must_use]
    pub const fn position(&self) -> Position {
        match self {
            Self::Event(event) => event.position,
            Self::Junk(junk) => junk.position,
        }
    }

    /// The ordinal, where the entry has one.
    #[must_use]
    pub const fn number(&self) -> Option<Number> {
        match self {
            Self::Event(event) => event.number,
            Self::Junk(junk) => junk.number,
        }
    }

    /// The topic whose stream holds the entry.
    #[must_use]
    pub const fn topic(&self) -> &Arc<str> {
        match self {
            Self::Event(event) => &event.topic,
            Self::Junk(junk) => &junk.topic,
        }
    }
}

/// An entry that can't be read as an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Junk {
    /// The topic whose stream holds it.
    pub topic: Arc<str>,
    /// Its place in the log.
    pub position: Position,
    /// Its ordinal, where that much could be read.
    pub number: Option<Number>,
    /// What is wrong with it.
    pub reason: String,
}

/// Where an event or a command came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, expecting = "an object")]
pub struct Meta {
    /// The command that a service turned into the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The id of the event that a saga reacted to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The saga that reacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// The position of the view that was decided on (R7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Position>,
    /// What started the whole chain: the first command's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    /// Version of the event format; 1 where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<u32>,
    /// W3C trace context of the request, passed on unread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Whether it only brings about what was there before, in a part of a log: nobody reacts to it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub given: bool,
}

impl Meta {
    /// Whether it says where its event came from: from a client's command, from a saga's reaction, or that this is of
    /// no concern, since it is only given.
    #[must_use]
    pub const fn says_origin(&self) -> bool {
        self.command.is_some() || self.cause.is_some() || self.given
    }
}

/// An event that is not in the log yet: a commit gives it its position and its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The topic whose stream it will join.
    pub topic: String,
    /// The event's identifier.
    pub id: String,
    /// What happened.
    pub action: String,
    /// JSON text.
    pub data: String,
    /// Where it came from; nothing for an imported entry that had nothing.
    pub meta: Option<Meta>,
    /// The position to keep, for imports; otherwise the commit assigns one.
    pub keep: Option<Position>,
}

impl Draft {
    /// The same as [`Draft::at`], borrowed.
    #[must_use]
    pub fn as_event(&self, position: Position) -> EventRef<'_> {
        EventRef {
            topic: &self.topic,
            position,
            number: None,
            id: &self.id,
            action: &self.action,
            data: &self.data,
            meta: self.meta.as_ref().map(Meta::as_ref).unwrap_or_default(),
        }
    }

    /// The event that this draft is once it stands at `position`; its number is the commit's to give.
    #[must_use]
    pub fn at(&self, position: Position) -> Event {
        Event {
            topic: self.topic.as_str().into(),
            position,
            number: None,
            id: self.id.clone(),
            action: self.action.clone(),
            data: self.data.clone(),
            meta: self.meta.clone().unwrap_or_default(),
        }
    }
}

/// A fact, borrowed from wherever it was read: what [`Event`] owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRef<'e> {
    /// The topic whose stream holds it.
    pub topic: &'e str,
    /// Its place in the log.
    pub position: Position,
    /// Its ordinal; absent in entries that another program wrote.
    pub number: Option<Number>,
    /// Its identifier.
    pub id: &'e str,
    /// What happened.
    pub action: &'e str,
    /// JSON text.
    pub data: &'e str,
    /// Where it came from.
    pub meta: MetaRef<'e>,
}

/// Where an event came from, borrowed: what [`Meta`] owns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, expecting = "an object")]
pub struct MetaRef<'e> {
    /// The command that a service turned into the event.
    #[serde(borrow, deserialize_with = "borrowed")]
    pub command: Option<Cow<'e, str>>,
    /// The id of the event that a saga reacted to.
    #[serde(borrow, deserialize_with = "borrowed")]
    pub cause: Option<Cow<'e, str>>,
    /// The saga that reacted.
    #[serde(borrow, deserialize_with = "borrowed")]
    pub handler: Option<Cow<'e, str>>,
    /// The position of the view that was decided on (R7).
    pub as_of: Option<Position>,
    /// What started the whole chain.
    #[serde(borrow, deserialize_with = "borrowed")]
    pub correlation: Option<Cow<'e, str>>,
    /// Version of the event format.
    pub schema: Option<u32>,
    /// W3C trace context of the request.
    #[serde(borrow, deserialize_with = "borrowed")]
    pub traceparent: Option<Cow<'e, str>>,
    /// Whether it only brings about what was there before.
    pub given: bool,
}

/// Reads a text that may be absent, copying it only where something in it is escaped.
///
/// By itself `Option<Cow<str>>` is always read as owned, whatever `borrow` says.
fn borrowed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Text<'e>(#[serde(borrow)] Cow<'e, str>);

    Ok(Option::deserialize(deserializer)?.map(|Text(text)| text))
}

/// One entry as a reader of many is shown it: borrowed from the bytes that the store answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen<'e> {
    /// An event.
    Event(EventRef<'e>),
    /// Something that is no event.
    Junk(Cow<'e, Junk>),
}

impl Event {
    /// The same event, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> EventRef<'_> {
        EventRef {
            topic: &self.topic,
            position: self.position,
            number: self.number,
            id: &self.id,
            action: &self.action,
            data: &self.data,
            meta: self.meta.as_ref(),
        }
    }
}

impl Meta {
    /// The same, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> MetaRef<'_> {
        fn borrow(text: Option<&String>) -> Option<Cow<'_, str>> {
            text.map(|text| Cow::Borrowed(text.as_str()))
        }
        MetaRef {
            command: borrow(self.command.as_ref()),
            cause: borrow(self.cause.as_ref()),
            handler: borrow(self.handler.as_ref()),
            as_of: self.as_of,
            correlation: borrow(self.correlation.as_ref()),
            schema: self.schema,
            traceparent: borrow(self.traceparent.as_ref()),
            given: self.given,
        }
    }
}

impl EventRef<'_> {
    /// An event of its own.
    #[must_use]
    pub fn to_event(&self) -> Event {
        let own = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
        let meta = &self.meta;
        Event {
            topic: self.topic.into(),
            position: self.position,
            number: self.number,
            id: self.id.to_owned(),
            action: self.action.to_owned(),
            data: self.data.to_owned(),
            meta: Meta {
                command: own(&meta.command),
                cause: own(&meta.cause),
                handler: own(&meta.handler),
                as_of: meta.as_of,
                correlation: own(&meta.correlation),
                schema: meta.schema,
                traceparent: own(&meta.traceparent),
                given: meta.given,
            },
        }
    }
}

impl Entry {
    /// The same entry, borrowed.
    #[must_use]
    pub fn as_seen(&self) -> Seen<'_> {
        match self {
            Self::Event(event) => Seen::Event(event.as_ref()),
            Self::Junk(junk) => Seen::Junk(Cow::Borrowed(junk)),
        }
    }
}

impl Seen<'_> {
    /// Where the entry stands.
    #[must_use]
    pub fn position(&self) -> Position {
        match self {
            Self::Event(event) => event.position,
            Self::Junk(junk) => junk.position,
        }
    }

    /// The ordinal, where the entry has one.
    #[must_use]
    pub fn number(&self) -> Option<Number> {
        match self {
            Self::Event(event) => event.number,
            Self::Junk(junk) => junk.number,
        }
    }

    /// The topic whose stream holds the entry.
    #[must_use]
    pub fn topic(&self) -> &str {
        match self {
            Self::Event(event) => event.topic,
            Self::Junk(junk) => &junk.topic,
        }
    }

    /// An entry of its own.
    #[must_use]
    pub fn to_entry(&self) -> Entry {
        match self {
            Self::Event(event) => Entry::Event(event.to_event()),
            Self::Junk(junk) => Entry::Junk(Junk::clone(junk)),
        }
    }
}

#[cfg(test)]
mod tests;
