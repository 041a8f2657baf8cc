//! An event, and below it what the sagas decide about it.

use std::{fmt::Write as _, sync::Arc};

use kernel::{
    Command, DELETED, Decided, Domain, Effect, Entry, Event, Failure, Intent, Position, Topic, TopicKind, UPDATED,
};

use crate::reactions::Reaction;

use super::{
    aliases::Aliases,
    fields::{all, changed, references, since},
    rows::{Rows, Seen},
};

/// Writes what is shown of a log.
#[derive(Debug)]
pub(super) struct Writer<'d> {
    domain: &'d Domain,
    pub(super) rows: Rows,
    aliases: Aliases,
    /// The first event that is shown.
    start: Option<Position>,
    pub(super) text: String,
}

impl<'d> Writer<'d> {
    pub(super) fn new(domain: &'d Domain) -> Self {
        let (rows, aliases, text) = Default::default();
        Self { domain, rows, aliases, start: None, text }
    }

    /// Takes note of all identifiers of what will be shown, before any of it is written: texts may mention them.
    pub(super) fn learn(&mut self, entry: &Entry, about: &[Reaction]) {
        self.start.get_or_insert(entry.position());
        if let Entry::Event(event) = entry {
            self.learn_of(event);
        }
        for reaction in about {
            let effects = reaction.outcome.as_ref().map(|decided| decided.effects.as_slice()).unwrap_or_default();
            for effect in effects {
                if let Effect::Append(draft) = effect {
                    self.learn_of(&draft.at(Position::MAX));
                }
            }
        }
    }

    fn learn_of(&mut self, event: &Event) {
        let Some((topic, key, row)) = self.row(event) else { return };
        if let Some(key) = key {
            self.aliases.learn(topic.name, &key);
        }
        references(topic, &row, |target, id| self.aliases.learn(target, id));
    }

    /// Writes an entry and what is decided about it.
    pub(super) fn write(&mut self, entry: &Entry, about: &[Reaction]) {
        let time = self.time(entry.position());
        let told = match entry {
            Entry::Event(event) => self.event(event),
            Entry::Junk(junk) => format!("{}, no event: {}", junk.topic, junk.reason),
        };
        let _ = writeln!(self.text, "{time} {told}");
        for reaction in about {
            self.reaction(reaction);
        }
    }

    fn time(&self, position: Position) -> String {
        since(self.start.unwrap_or(position), i128::from(position.unix_micros()))
    }

    fn start(&self) -> Position {
        self.start.unwrap_or_default()
    }

    fn event(&mut self, event: &Event) -> String {
        let Some(topic) = self.domain.topic(&event.topic) else {
            return format!("{} {}, of no topic of the domain", event.topic, event.action);
        };
        match topic.step(event) {
            Ok(keyed) => {
                let before = self.rows.before(topic.name, &keyed.key, event.position);
                self.told(event, before.as_deref())
            }
            Err(unreadable) => {
                let reason = self.aliases.within(&unreadable.0);
                format!("{} {}, which can't be read: {reason}", event.topic, event.action)
            }
        }
    }

    fn reaction(&mut self, reaction: &Reaction) {
        let late = reaction.as_of > reaction.event.position;
        let late = if late { format!(", as of {}", self.time(reaction.as_of)) } else { String::new() };
        let rough = if reaction.is_exact { "" } else { ", without all that was in front" };
        let name = format!("  {}{late}{rough}", reaction.handler);
        match &reaction.outcome {
            Ok(Decided { effects, .. }) if effects.is_empty() => {
                let _ = writeln!(self.text, "{name}: nothing");
            }
            Ok(Decided { effects, .. }) => {
                let lines = self.effects(reaction, effects);
                let _ = writeln!(self.text, "{name}\n    {}", lines.join("\n    "));
            }
            Err(Failure(reason)) => {
                let reason = self.aliases.within(reason);
                let _ = writeln!(self.text, "{name}: fails, {}", reason.replace('\n', " "));
            }
        }
    }

    fn effects(&mut self, reaction: &Reaction, effects: &[Effect]) -> Vec<String> {
        // Rows are looked at before anything is written.
        let mut seen = Seen::by(reaction, &self.rows);
        let before: Vec<_> = effects
            .iter()
            .map(|effect| match effect {
                Effect::Append(draft) => seen.change(self.domain, draft),
                Effect::Send(_) => None,
            })
            .collect();
        let lines = effects.iter().zip(before).map(|(effect, before)| match effect {
            Effect::Append(draft) => self.told(&draft.at(Position::MAX), before.as_deref()),
            Effect::Send(command) => self.sent(command),
        });
        lines.collect()
    }

    /// What an event, of the log or asked for, says of a row that was like this.
    fn told(&mut self, event: &Event, before: Option<&str>) -> String {
        let Some((topic, key, row)) = self.row(event) else {
            return format!("{} {} {}", event.topic, event.action, self.aliases.within(&event.data));
        };
        let start = self.start();
        let subject = match key {
            Some(key) => self.aliases.of(topic.name, &key),
            None => topic.name.to_owned(),
        };
        let aliases = &mut self.aliases;
        let fields = match (event.action.as_str(), before) {
            (UPDATED, Some(before)) => changed(topic, before, &row, aliases, start),
            (UPDATED | DELETED, None) if topic.kind == TopicKind::Entity => "there is none".to_owned(),
            _ => all(topic, &row, aliases, start),
        };
        format!("{subject} {} {fields}", event.action).trim_end().to_owned()
    }

    fn sent(&mut self, Command { topic, intent, .. }: &Command) -> String {
        let data = match intent {
            Intent::Record(fact) => {
                let topic = self.domain.topic(topic);
                let row = topic.and_then(|topic| Some((topic, topic.admit_new(None, fact.get()).ok()?)));
                match row {
                    Some((topic, row)) => all(topic, &row, &mut self.aliases, self.start.unwrap_or_default()),
                    None => self.aliases.within(fact.get()),
                }
            }
            asked @ (Intent::Create(_) | Intent::Update { .. } | Intent::Delete { .. }) => {
                self.aliases.within(&serde_json::to_string(asked).unwrap_or_default())
            }
        };
        format!("send {topic} {data}")
    }

    /// The topic of an event, which entity it is about, and what it says in canonical form, if it can be read.
    ///
    /// What ends an entity need not carry its fields.
    fn row(&self, event: &Event) -> Option<(&'d Topic, Option<Arc<str>>, String)> {
        let topic = self.domain.topic(&event.topic)?;
        let key = topic.step(event).ok()?.key;
        let key = Some(key).filter(|_| topic.kind == TopicKind::Entity);
        Some((topic, key, topic.row(event).unwrap_or_default()))
    }
}
