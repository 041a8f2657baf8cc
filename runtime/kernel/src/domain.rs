//! What a user adds: entities, journals, sagas and queries, gathered into one value.
//!
//! The traits have no `self`: a handler is a function of what it is shown, and a domain's `clippy.toml` refuses
//! the ways around that which there are.

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    Command, Context, Decision, Event, Failure, Meta, Refusal, Row, Scenario, Topic, View, fingerprint,
    service::{self, Decide},
};

/// A type of entity: its topic, and the rules that commands about it must keep.
pub trait Entity: Serialize + DeserializeOwned + 'static {
    /// The topic's name.
    const TOPIC: &'static str;

    /// The topic: names, service, fields. Its fields are this type's, in the same order, after `entity_id`.
    fn topic() -> Topic;

    /// Checks a change that has the right shape and whose references exist.
    ///
    /// # Errors
    /// A rejection when a rule of the domain says no.
    fn check(change: &Change<'_, Self>, decision: &mut Decision<'_>) -> Result<(), Refusal> {
        let _ = (change, decision);
        Ok(())
    }
}

/// What a command wants to do to an entity.
#[derive(Clone, Copy, Debug)]
pub enum Change<'e, E> {
    /// Bring it into being.
    Create(&'e E),
    /// Replace it.
    Update {
        /// As it is.
        from: &'e E,
        /// As it shall be.
        to: &'e E,
    },
    /// End it.
    Delete(&'e E),
}

/// Facts that are recorded and never change: mails sent, visits made.
pub trait Journal: Serialize + DeserializeOwned + 'static {
    /// The topic's name.
    const TOPIC: &'static str;

    /// The topic: names, service, action, fields.
    fn topic() -> Topic;
}

/// Reacts to events with effects.
pub trait Saga: 'static {
    /// Its name, which its effects carry.
    const NAME: &'static str;

    /// What becomes of an event that it fails on for good.
    const ON_FAILURE: OnFailure = OnFailure::Park;

    /// The topics and actions it reacts to.
    fn triggers() -> &'static [(&'static str, &'static str)];

    /// The topics it may read.
    fn reads() -> &'static [&'static str];

    /// Those of them that it may ask about as they were when the event happened: [`Decision::get_then`].
    ///
    /// A saga with none need not be asked at once about an event that it will decide about later.
    fn recalls() -> &'static [&'static str] {
        &[]
    }

    /// Reacts to one event (R6: a function of its arguments).
    ///
    /// # Errors
    /// When it can't decide; the saga's [`OnFailure`] says what becomes of the event.
    fn react(occurrence: &Occurrence<'_>, decision: &mut Decision<'_>) -> Result<(), Failure>;
}

/// What becomes of an event that a saga fails on for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It is set aside with its error, and the rest goes through.
    Park,
    /// The saga stops there.
    Stop,
}

/// An event as a saga meets it.
#[derive(Clone, Copy, Debug)]
pub struct Occurrence<'a> {
    /// The event.
    pub event: &'a Event,
    /// The entity's row just before the event; `None` where there was none or it is not among what the
    /// saga reads.
    pub before: Option<&'a Row>,
}

impl Occurrence<'_> {
    /// The entity that the event carries.
    ///
    /// # Errors
    /// When it is not what the type says.
    pub fn entity<E: Entity>(&self) -> Result<E, Failure> {
        if let Some(entity) = service::as_written(&self.event.data) {
            return Ok(entity);
        }
        let row = service::canonical_row::<E>(self.event)?;
        serde_json::from_str(&row).map_err(|error| Failure(format!("event {}: {error}", self.event.id)))
    }

    /// The entity as it was just before the event.
    ///
    /// # Errors
    /// When it is not what the type says.
    pub fn before<E: Entity>(&self) -> Result<Option<E>, Failure> {
        let parse = |row: &Row| serde_json::from_str(row);
        self.before.map(parse).transpose().map_err(|error| Failure(format!("before event {}: {error}", self.event.id)))
    }
}

/// A question over whole topics with a route of its own.
pub trait Query: 'static {
    /// Its route: `/orders/unbilled`.
    const PATH: &'static str;

    /// The topics it needs.
    fn topics() -> &'static [&'static str];

    /// The answer, from rows that all belong to one position.
    ///
    /// # Errors
    /// When a row is not what its type says.
    fn answer(tables: &Tables) -> Result<Value, Failure>;
}

/// The rows of some topics at one position, each topic's by key.
#[derive(Clone, Debug, Default)]
pub struct Tables(pub BTreeMap<String, BTreeMap<String, String>>);

impl Tables {
    /// A topic's rows by key: entity id, or position for a journal (in text order).
    pub fn rows(&self, topic: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0.get(topic).into_iter().flatten().map(|(key, row)| (key.as_str(), row.as_str()))
    }

    /// A topic's entities in id order.
    ///
    /// # Errors
    /// When a row is not what the type says.
    pub fn all<E: Entity>(&self) -> Result<Vec<E>, Failure> {
        let parse = |(key, row): (&str, &str)| {
            serde_json::from_str(row).map_err(|error| Failure(format!("{} {key}: {error}", E::TOPIC)))
        };
        self.rows(E::TOPIC).map(parse).collect()
    }
}

type React = fn(&Occurrence<'_>, &mut Decision<'_>) -> Result<(), Failure>;
type Answer = fn(&Tables) -> Result<Value, Failure>;
type Begin = fn(seed: u64, index: u64) -> Box<dyn Scenario>;

/// A saga as the domain holds it.
#[derive(Clone, Copy, Debug)]
pub struct SagaHandler {
    /// Its name.
    pub name: &'static str,
    /// What becomes of an event that it fails on for good.
    pub on_failure: OnFailure,
    /// The topics and actions it reacts to.
    pub triggers: &'static [(&'static str, &'static str)],
    /// The topics it may read.
    pub reads: &'static [&'static str],
    /// Those that it may ask about as they were when the event happened.
    pub recalls: &'static [&'static str],
    react: React,
}

impl SagaHandler {
    /// Whether it reacts to events like this one; never to one that is only given.
    #[must_use]
    pub fn wants(&self, event: &Event) -> bool {
        !event.meta.given
            && self.triggers.iter().any(|(topic, action)| *topic == &*event.topic && *action == event.action)
    }

    /// A view of nothing that will fold what it reads.
    #[must_use]
    pub fn view(&self, domain: &Domain) -> View {
        View::of(domain, self.reads)
    }

    /// A decision about `event` on `view`, to hand to [`SagaHandler::react`].
    #[must_use]
    pub fn decision<'v>(&self, event: &Event, view: &'v View) -> Decision<'v> {
        let meta = Meta {
            cause: Some(event.id.clone()),
            handler: Some(self.name.to_owned()),
            as_of: Some(view.position()),
            correlation: Some(event.meta.correlation.as_ref().unwrap_or(&event.id).clone()),
            schema: None,
            command: None,
            traceparent: event.meta.traceparent.clone(),
            given: false,
        };
        let time_ms = event.position.unix_micros() / 1_000;
        let context = Context { cause: event.id.clone(), handler: self.name.to_owned(), time_ms, meta };
        Decision::new(view, context).within(self.reads, self.recalls)
    }

    /// Reacts to an event.
    ///
    /// # Errors
    /// When it can't decide.
    pub fn react(&self, occurrence: &Occurrence<'_>, decision: &mut Decision<'_>) -> Result<(), Failure> {
        (self.react)(occurrence, decision)
    }
}

/// A question as the domain holds it.
#[derive(Clone, Copy, Debug)]
pub struct QueryHandler {
    /// Its route.
    pub path: &'static str,
    /// The topics it needs.
    pub topics: &'static [&'static str],
    answer: Answer,
}

impl QueryHandler {
    /// The answer.
    ///
    /// # Errors
    /// When a row is not what its type says.
    pub fn answer(&self, tables: &Tables) -> Result<Value, Failure> {
        (self.answer)(tables)
    }
}

/// The topic of the log's own records: decisions that appended nothing (R7).
pub const DECISIONS: &str = "decision";

/// A page that a domain brings to the workbench, beside those that every domain has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its name in addresses: letters, digits and `-`.
    pub name: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// An ES module whose default export is the page, a component; what it may use is what the module `retrace`
    /// exports, and `modules`.
    pub script: &'static str,
    /// The modules that the script is made of, by file name: `("cart.js", …)` of the page `shop` is `./shop/cart.js`
    /// for the script, and `./cart.js` for the others.
    pub modules: &'static [(&'static str, &'static str)],
    /// Its style sheet, beside those of the workbench, whose colours and classes it may use.
    pub style: &'static str,
}

/// A domain: everything about it that the rest of Retrace needs to know, as one value.
#[derive(Clone, Debug)]
pub struct Domain {
    name: &'static str,
    topics: BTreeMap<&'static str, (Topic, Decide)>,
    sagas: Vec<SagaHandler>,
    queries: Vec<QueryHandler>,
    pages: Vec<Page>,
    /// Names that were given twice or are the log's own.
    clashes: Vec<String>,
    demo: Option<Begin>,
}

impl Domain {
    /// A domain with nothing in it yet.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            topics: BTreeMap::new(),
            sagas: Vec::new(),
            queries: Vec::new(),
            pages: Vec::new(),
            clashes: Vec::new(),
            demo: None,
        }
    }

    /// Adds a type of entity, with the commands that create, update and delete it.
    #[must_use]
    pub fn entity<E: Entity>(mut self) -> Self {
        self.claim_topic(E::TOPIC);
        self.topics.insert(E::TOPIC, (E::topic(), service::decide_entity::<E>));
        self
    }

    /// Adds a journal, with the command that records in it.
    #[must_use]
    pub fn journal<J: Journal>(mut self) -> Self {
        self.claim_topic(J::TOPIC);
        self.topics.insert(J::TOPIC, (J::topic(), service::decide_journal));
        self
    }

    /// Adds a saga.
    #[must_use]
    pub fn saga<S: Saga>(mut self) -> Self {
        if self.sagas.iter().any(|saga| saga.name == S::NAME) {
            self.clashes.push(format!("two sagas are named {}", S::NAME));
        }
        self.sagas.push(SagaHandler {
            name: S::NAME,
            on_failure: S::ON_FAILURE,
            triggers: S::triggers(),
            reads: S::reads(),
            recalls: S::recalls(),
            react: S::react,
        });
        self
    }

    /// Adds a question.
    #[must_use]
    pub fn query<Q: Query>(mut self) -> Self {
        self.queries.push(QueryHandler { path: Q::PATH, topics: Q::topics(), answer: Q::answer });
        self
    }

    /// Adds a page to the workbench.
    #[must_use]
    pub fn page(mut self, page: Page) -> Self {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if page.name.is_empty() || !page.name.chars().all(is_plain) {
            self.clashes.push(format!("the page {:?} is not named with letters, digits and -", page.name));
        }
        if self.pages.iter().any(|other| other.name == page.name) {
            self.clashes.push(format!("two pages are named {}", page.name));
        }
        self.pages.push(page);
        self
    }

    /// Says how the domain's simulated clients behave; the last one said holds.
    #[must_use]
    pub fn demo<S: Scenario + 'static>(mut self) -> Self {
        self.demo = Some(|seed, index| Box::new(S::new(seed, index)));
        self
    }

    fn claim_topic(&mut self, name: &str) {
        if name == DECISIONS {
            self.clashes.push(format!("the topic {DECISIONS} is the log's own"));
        } else if self.topics.contains_key(name) {
            self.clashes.push(format!("two topics are named {name}"));
        }
    }

    /// What makes the domain unusable: names given twice, or taken by the log itself.
    #[must_use]
    pub fn clashes(&self) -> &[String] {
        &self.clashes
    }

    /// The domain's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its topics, in name order.
    pub fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.topics.values().map(|(topic, _)| topic)
    }

    /// The topic of this name.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.get(name).map(|(topic, _)| topic)
    }

    /// The version of its projection: the same as long as the same events give the same rows, as far as the
    /// fold's revision and the topics' descriptions tell; never 0.
    ///
    /// What decides it: [`FOLD`](crate::FOLD), and of each topic the name, the kind with its action, and each
    /// field's name, kind and initial value. It is [XXH3](https://xxhash.com), its halves folded together.
    #[must_use]
    pub fn projection(&self) -> u32 {
        fingerprint::projection(self.topics())
    }

    /// Its services' names, in order.
    #[must_use]
    pub fn services(&self) -> Vec<&'static str> {
        let services: std::collections::BTreeSet<_> = self.topics().map(|topic| topic.service).collect();
        services.into_iter().collect()
    }

    /// Its sagas.
    #[must_use]
    pub fn sagas(&self) -> &[SagaHandler] {
        &self.sagas
    }

    /// Its questions.
    #[must_use]
    pub fn queries(&self) -> &[QueryHandler] {
        &self.queries
    }

    /// The pages that it brings to the workbench.
    #[must_use]
    pub fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// Simulated client number `index` of a run that starts from `seed`, where the domain brings any.
    #[must_use]
    pub fn scenario(&self, seed: u64, index: u64) -> Option<Box<dyn Scenario>> {
        self.demo.map(|begin| begin(seed, index))
    }

    /// A decision about `command` on `view`, to hand to [`Domain::decide`].
    #[must_use]
    pub fn decision<'v>(&self, command: &Command, view: &'v View) -> Decision<'v> {
        let meta = Meta {
            command: Some(command.id.clone()),
            cause: command.meta.cause.clone(),
            handler: command.meta.handler.clone(),
            as_of: Some(view.position()),
            correlation: Some(command.meta.correlation.as_ref().unwrap_or(&command.id).clone()),
            schema: None,
            traceparent: command.meta.traceparent.clone(),
            given: false,
        };
        let handler = command.topic.clone();
        Decision::new(view, Context { cause: command.id.clone(), handler, time_ms: command.issued_ms, meta })
    }

    /// Decides a command; the value is what the client is told.
    ///
    /// # Errors
    /// A rejection when the domain says no, a failure when it can't decide.
    pub fn decide(&self, command: &Command, decision: &mut Decision<'_>) -> Result<Value, Refusal> {
        let unknown = || Failure(format!("{} has no topic {}", self.name, command.topic));
        let (topic, decide) = self.topics.get(&*command.topic).ok_or_else(unknown)?;
        decide(topic, command, decision)
    }
}
