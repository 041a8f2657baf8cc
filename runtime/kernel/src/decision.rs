//! A decision in the making: what it may see, what it has read, what it asks for.
//!
//! Services and sagas decide on a [`Decision`] and on nothing else. It shows the view, writes down what was
//! read (R5), derives identifiers (R6), and collects effects as data; nothing here performs them.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};
use uuid::Uuid;

use crate::{
    CREATED, Command, DELETED, Draft, Entity, Intent, Journal, Meta, Position, Rejection, Row, UPDATED, Unreadable,
    View, view::Overlay,
};

/// UUID namespace of every identifier that Retrace derives.
const DERIVED: Uuid = Uuid::from_u128(0x0d7a_e0b1_5f0e_4c35_9a63_7265_7472_6163);

/// Something that a decision read.
///
/// It still holds as long as no event of `topic` after the decision's position mentions `text`, an entity's
/// id or the id that was looked up by. An arrival in a lookup mentions what it refers to, and a departure
/// mentions an entity that was itself read, so mentions cover both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
pub struct Read {
    /// The topic that was read.
    pub topic: Cow<'static, str>,
    /// The id that was asked for, escaped as it would stand inside a JSON string.
    pub text: String,
}

impl Read {
    /// That `id` was asked for in `topic`.
    #[must_use]
    pub fn of(topic: impl Into<Cow<'static, str>>, id: &str) -> Self {
        let is_plain = id.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\' && byte != 0x7f);
        let text = if is_plain { id.to_owned() } else { escaped(id) };
        Self { topic: topic.into(), text }
    }
}

/// A text as it stands inside a JSON string.
fn escaped(text: &str) -> String {
    let json = Value::from(text).to_string();
    json[1..json.len() - 1].to_owned()
}

/// What a decision asks for, as data.
#[derive(Clone, Debug)]
pub enum Effect {
    /// An event to append.
    Append(Draft),
    /// A command to enqueue.
    Send(Command),
}

/// What a decision is about: the command, or the event and the saga that reacts to it.
#[derive(Clone, Debug)]
pub struct Context {
    /// The id that derived identifiers start from: the command's or the event's.
    pub cause: String,
    /// Who decides: the service's topic or the saga's name.
    pub handler: String,
    /// The time of the command or event, in Unix milliseconds.
    pub time_ms: u64,
    /// What the effects will say about where they came from.
    pub meta: Meta,
}

/// A handler that can't decide: a defect, not a no. The event or command is set aside or retried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

impl From<Unreadable> for Failure {
    fn from(unreadable: Unreadable) -> Self {
        Self(unreadable.0)
    }
}

/// Why a command has no events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The domain says no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The service can't decide.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// A decision in the making.
pub struct Decision<'v> {
    view: &'v View,
    /// The topics that may be read, and those that may be asked about as they were; where not all that the view
    /// folds.
    declared: Option<[&'static [&'static str]; 2]>,
    /// What has been asked for, in front of the view, as far as `staged` effects go.
    own: Overlay,
    staged: usize,
    context: Context,
    /// As they came; the same may have been read twice.
    reads: Vec<Read>,
    effects: Vec<Effect>,
    then: Then,
}

impl<'v> Decision<'v> {
    /// A decision on `view`.
    #[must_use]
    pub fn new(view: &'v View, context: Context) -> Self {
        let (own, staged, reads, effects, then) = Default::default();
        Self { view, declared: None, own, staged, context, reads, effects, then }
    }

    /// The same decision, which may read these topics only, and ask [`Decision::get_then`] about those: a view may
    /// fold more than one handler declares.
    #[must_use]
    pub const fn within(mut self, reads: &'static [&'static str], recalls: &'static [&'static str]) -> Self {
        self.declared = Some([reads, recalls]);
        self
    }

    /// The same decision made again, on a later view: what it asks [`Decision::get_then`] stays what it was.
    #[must_use]
    pub fn recalling(mut self, then: Then) -> Self {
        self.then = then;
        self
    }

    /// The entity with this id, with what this decision has already asked for taken into account.
    ///
    /// # Errors
    /// When the view does not fold the topic, or the row is not what the type says.
    pub fn get<E: Entity>(&mut self, id: &str) -> Result<Option<E>, Failure> {
        self.row(E::TOPIC, id)?.map(|row| parse(E::TOPIC, &row)).transpose()
    }

    /// The entity as the log held it when the event happened that is being reacted to.
    ///
    /// What has happened since makes no difference, to the answer or to whether the decision still holds:
    /// the past does not change. (A decision made again asks for the same as the first time; what it asks
    /// for besides is as of the later view.)
    ///
    /// # Errors
    /// When the view does not fold the topic, the saga does not declare that it
    /// [recalls](crate::Saga::recalls) it, or the row is not what the type says.
    pub fn get_then<E: Entity>(&mut self, id: &str) -> Result<Option<E>, Failure> {
        self.held(E::TOPIC)?;
        if self.declared.is_some_and(|[_, recalls]| !recalls.contains(&E::TOPIC)) {
            let handler = &self.context.handler;
            return Err(Failure(format!("{handler} recalls {}, which it does not declare", E::TOPIC)));
        }
        let row = self.then.0.entry((E::TOPIC, id.to_owned())).or_insert_with(|| self.view.logged(E::TOPIC, id));
        row.as_deref().map(|row| parse(E::TOPIC, row)).transpose()
    }

    /// The entities, in id order, whose reference `field` names `target`.
    ///
    /// # Errors
    /// When the topic has no such reference, the view does not fold it, or a row is not what the type says.
    pub fn find<E: Entity>(&mut self, field: &str, target: &str) -> Result<Vec<E>, Failure> {
        self.held(E::TOPIC)?;
        self.stage()?;
        let rows = self.view.referring(&[&self.own], E::TOPIC, field, target);
        let rows = rows.ok_or_else(|| Failure(format!("{} has no reference {field} to look up by", E::TOPIC)))?;
        self.reads.push(Read::of(E::TOPIC, target));
        self.reads.extend(rows.iter().map(|(id, _)| Read::of(E::TOPIC, id)));
        rows.iter().map(|(_, row)| parse(E::TOPIC, row)).collect()
    }

    /// Whether the entity exists.
    ///
    /// # Errors
    /// When the view does not fold the topic.
    pub fn exists(&mut self, topic: &str, id: &str) -> Result<bool, Failure> {
        Ok(self.row(topic, id)?.is_some())
    }

    pub(crate) fn row(&mut self, topic: &str, id: &str) -> Result<Option<Row>, Failure> {
        let topic = self.held(topic)?;
        self.stage()?;
        self.reads.push(Read::of(topic, id));
        Ok(self.view.row_behind(&[&self.own], topic, id))
    }

    /// The topic's own name for itself, if it may be read.
    fn held(&self, topic: &str) -> Result<&'static str, Failure> {
        let held = self.view.topic(topic).map(|topic| topic.name);
        let held = held.filter(|name| self.declared.is_none_or(|[reads, _]| reads.contains(name)));
        held.ok_or_else(|| Failure(format!("{} reads {topic}, which it does not declare", self.context.handler)))
    }

    /// Puts in front of the view what has been asked for since it was last looked at.
    fn stage(&mut self) -> Result<(), Failure> {
        for effect in &self.effects[self.staged..] {
            if let Effect::Append(draft) = effect {
                self.own.stage(self.view, &draft.as_event(Position::MAX))?;
            }
        }
        self.staged = self.effects.len();
        Ok(())
    }

    /// An identifier that the same cause, handler and label always give again.
    #[must_use]
    pub fn derive(&self, label: &str) -> String {
        derive(&self.context, label)
    }

    /// The time of the command or event, in Unix milliseconds: the only time there is.
    #[must_use]
    pub const fn time_ms(&self) -> u64 {
        self.context.time_ms
    }

    /// Asks for an entity to be created.
    ///
    /// # Errors
    /// When the entity does not fit its topic's fields.
    pub fn create<E: Entity>(&mut self, entity: &E) -> Result<(), Failure> {
        self.append(E::TOPIC, CREATED, json(entity)?)
    }

    /// Asks for an entity to be replaced.
    ///
    /// # Errors
    /// When the entity does not fit its topic's fields.
    pub fn update<E: Entity>(&mut self, entity: &E) -> Result<(), Failure> {
        self.append(E::TOPIC, UPDATED, json(entity)?)
    }

    /// Asks for an entity to be ended; the event carries it as it last was.
    ///
    /// # Errors
    /// When the entity does not fit its topic's fields.
    pub fn delete<E: Entity>(&mut self, entity: &E) -> Result<(), Failure> {
        self.append(E::TOPIC, DELETED, json(entity)?)
    }

    /// Asks a journal's service to record a fact.
    ///
    /// # Errors
    /// When the fact can't be written as JSON.
    pub fn send<J: Journal>(&mut self, fact: &J) -> Result<(), Failure> {
        let data = RawValue::from_string(json(fact)?).map_err(|error| Failure(error.to_string()))?;
        let command = Command {
            id: self.derive(&format!("command {}", self.effects.len())),
            topic: J::TOPIC.to_owned(),
            intent: Intent::Record(data),
            issued_ms: self.context.time_ms,
            meta: self.context.meta.clone(),
        };
        self.effects.push(Effect::Send(command));
        Ok(())
    }

    pub(crate) fn append(&mut self, topic: &str, action: &str, data: String) -> Result<(), Failure> {
        let id = self.derive(&format!("event {}", self.effects.len()));
        let meta = Some(self.context.meta.clone());
        let draft = Draft { topic: topic.to_owned(), id, action: action.to_owned(), data, meta, keep: None };
        if let Some(topic) = self.view.topic(topic) {
            topic.touch(&draft.as_event(Position::MAX))?;
        }
        self.effects.push(Effect::Append(draft));
        Ok(())
    }

    /// What was decided: what it rests on, and what it asks for.
    #[must_use]
    pub fn finish(self) -> Decided {
        let mut reads = self.reads;
        reads.sort_unstable();
        reads.dedup();
        Decided { as_of: self.view.position(), reads, effects: self.effects, then: self.then }
    }
}

/// A decision made: commit it, compare it, or print it.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The position of the view it was made on.
    pub as_of: Position,
    /// What it read.
    pub reads: Vec<Read>,
    /// What it asks for.
    pub effects: Vec<Effect>,
    /// What it asked of the past; for when it has to be made again.
    pub then: Then,
}

/// Rows as the log held them at the event that was first decided about, by topic and id.
#[derive(Clone, Debug, Default)]
pub struct Then(BTreeMap<(&'static str, String), Option<Row>>);

impl Then {
    /// The topics and ids that were asked for.
    pub fn asked(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.keys().map(|(topic, id)| (*topic, id.as_str()))
    }
}

/// The identifier that `context` gives for `label` (R6): UUIDv5 of cause, handler and label.
fn derive(context: &Context, label: &str) -> String {
    let name = format!("{}\n{}\n{label}", context.cause, context.handler);
    Uuid::new_v5(&DERIVED, name.as_bytes()).to_string()
}

fn parse<T: DeserializeOwned>(topic: &str, row: &str) -> Result<T, Failure> {
    serde_json::from_str(row).map_err(|error| Failure(format!("the {topic} {row} is not what its type says: {error}")))
}

fn json<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure(error.to_string()))
}
