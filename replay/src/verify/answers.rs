//! Commands that sagas send, and the events that they lead to.

use std::{collections::BTreeMap, sync::Arc};

use hashbrown::HashMap;
use kernel::{Command, Domain, Draft, Event, Intent, Position, TopicKind};

use super::taint::Root;

/// Commands that sagas sent, by id, until their event comes.
#[derive(Debug, Default)]
pub(super) struct Answers {
    awaited: HashMap<String, Awaited>,
    /// The latest cause of which a command was served, by saga and topic of the command.
    served: BTreeMap<(&'static str, String), u64>,
}

/// A command whose event has not come.
#[derive(Debug)]
pub(super) struct Awaited {
    pub(super) subject: Subject,
    command: Command,
}

impl Awaited {
    /// Whether an event is what the command led to, and says what was asked for word for word.
    pub(super) fn is_answered_by(&self, event: &Event) -> bool {
        let Intent::Record(fact) = &self.command.intent else { return false };
        *self.command.topic == *event.topic && fact.get() == event.data
    }

    /// The event that the command leads to, with the command's id; nothing where its service would refuse.
    pub(super) fn answer(&self, domain: &Domain) -> Option<Draft> {
        answer(domain, &self.command)
    }
}

/// A decision, as what differs in it is told.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// The place of its event in the log.
    pub(super) place: u64,
    pub(super) event: Arc<Event>,
    pub(super) handler: &'static str,
    pub(super) as_of: Position,
    /// What it rests on that would be otherwise.
    pub(super) follows: Option<Root>,
    /// Whether all that it rests on was known; what differs may differ for that otherwise.
    pub(super) is_exact: bool,
}

impl Answers {
    /// Waits for the event that a command leads to.
    pub(super) fn expect(&mut self, subject: &Subject, command: Command) {
        self.awaited.insert(command.id.clone(), Awaited { subject: subject.clone(), command });
    }

    /// What was sent as this command, if a saga sent it: its event has come.
    pub(super) fn served(&mut self, command: &str) -> Option<Awaited> {
        let awaited = self.awaited.remove(command)?;
        let topic = (awaited.subject.handler, awaited.command.topic.clone());
        let latest = self.served.entry(topic).or_default();
        *latest = awaited.subject.place.max(*latest);
        Some(awaited)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.awaited.is_empty()
    }

    /// Commands without an event that others have overtaken which were sent later.
    pub(super) fn overtaken(&self) -> impl Iterator<Item = &String> {
        self.awaited.iter().filter(|(_, awaited)| self.is_overtaken(awaited)).map(|(command, _)| command)
    }

    fn is_overtaken(&self, Awaited { subject, command }: &Awaited) -> bool {
        self.served.get(&(subject.handler, command.topic.clone())).is_some_and(|latest| *latest > subject.place)
    }

    /// What has come to nothing, in log order, and how many more are only late; commands known to be on their way are
    /// late.
    pub(super) fn finish(mut self, is_on_its_way: impl Fn(&str) -> bool) -> (Vec<Awaited>, u64) {
        let all = self.awaited.len() as u64;
        let overtaken: Vec<_> = self.overtaken().filter(|command| !is_on_its_way(command)).cloned().collect();
        let mut lost: Vec<_> = overtaken.iter().filter_map(|command| self.awaited.remove(command)).collect();
        lost.sort_by(|a, b| (a.subject.place, &a.command.id).cmp(&(b.subject.place, &b.command.id)));
        let late = all - lost.len() as u64;
        (lost, late)
    }
}

/// The event that a command leads to: sagas can only ask for facts to be recorded.
fn answer(domain: &Domain, command: &Command) -> Option<Draft> {
    let topic = domain.topic(&command.topic)?;
    let (Intent::Record(fact), TopicKind::Journal { action }) = (&command.intent, topic.kind) else { return None };
    let data = topic.admit_new(None, fact.get()).ok()?;
    let (topic, action) = (command.topic.clone(), action.to_owned());
    Some(Draft { topic, id: command.id.clone(), action, data, meta: None, keep: None })
}
