//! A log to measure on: entities that are made and then change again and again, in no order.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

use kernel::{
    CREATED, Chance, Checkpoint, Domain, Draft, Entry, Field, Kind, Meta, Position, Topic, TopicKind, UPDATED,
};
use runtime::{Commit, Engine, Namespace, history};
use serde_json::Value;

use super::{super::failure::Failure, scratch::Server};

/// How many events go into one commit, and how many commits into one call.
const COMMIT: (usize, usize) = (50, 20);

/// How many commands of another program go out together.
const PIPELINE: u64 = 1_000;

/// The position of the first event of another program: a day in 2026.
const FIRST_MS: u64 = 1_795_000_000_000;

/// What is written.
pub(super) struct Plan<'d> {
    pub(super) topic: &'d Topic,
    pub(super) events: u64,
    pub(super) entities: u64,
    seed: u64,
}

impl<'d> Plan<'d> {
    pub(super) fn of(
        domain: &'d Domain,
        topic: Option<&str>,
        events: u64,
        entities: Option<u64>,
        seed: u64,
    ) -> Result<Self, Failure> {
        let entity = |topic: &&Topic| topic.kind == TopicKind::Entity;
        let has_status = |topic: &&Topic| topic.fields.iter().any(|field| matches!(field.kind, Kind::Choice(_)));
        let found = match topic {
            Some(name) => domain.topic(name).filter(entity),
            None => domain.topics().filter(entity).find(has_status).or_else(|| domain.topics().find(entity)),
        };
        let none = || Failure::usage(format!("{} has no such topic of entities", domain.name()));
        let entities = entities.unwrap_or(events / 10).clamp(1, events);
        Ok(Self { topic: found.ok_or_else(none)?, events, entities, seed })
    }

    /// Event number `index`: an entity is made, or one of those that are there changes.
    fn event(&self, chance: &mut Chance, index: u64) -> (&'static str, Vec<(&'static str, Value)>) {
        let (action, entity) =
            if index < self.entities { (CREATED, index) } else { (UPDATED, chance.below(self.entities)) };
        let mut data = vec![(kernel::ENTITY_ID, self.id("entity", entity).into())];
        data.extend(self.topic.fields.iter().map(|field| (field.name, self.value(field, entity, index))));
        (action, data)
    }

    /// The id of entity number `entity`.
    pub(super) fn entity(&self, entity: u64) -> String {
        self.id("entity", entity)
    }

    /// Where the events stand, in log order.
    pub(super) async fn positions(&self, engine: &Engine) -> Result<Vec<Position>, Failure> {
        let mut positions = Vec::with_capacity(self.events as usize);
        let mut after = Checkpoint::default();
        loop {
            let page = engine.read(&after, 10_000).await?;
            let Some(last) = page.entries.last() else { return Ok(positions) };
            after.position = last.position();
            positions.extend(page.entries.iter().map(Entry::position));
        }
    }

    fn id(&self, what: &str, number: u64) -> String {
        let name = format!("{what} {number} of {}", self.seed);
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
    }

    fn value(&self, field: &Field, entity: u64, index: u64) -> Value {
        match field.kind {
            Kind::Text => format!("{} {entity} {index}", field.name).into(),
            Kind::Integer { .. } | Kind::Seconds => index.into(),
            Kind::Reference(topic) => self.id(topic, entity).into(),
            Kind::References(topic) => vec![self.id(topic, entity), self.id(topic, entity + 1)].into(),
            Kind::Choice(choices) => choices.get(index as usize % choices.len().max(1)).copied().into(),
        }
    }

    /// Writes the log as services do.
    pub(super) async fn write(&self, engine: &Engine) -> Result<(), Failure> {
        let mut chance = Chance::new(self.seed, 0);
        let mut index = 0;
        while index < self.events {
            let mut commits = Vec::with_capacity(COMMIT.1);
            for _ in 0..COMMIT.1 {
                let append: Vec<_> = (index..self.events.min(index + COMMIT.0 as u64))
                    .map(|index| {
                        let (action, data) = self.event(&mut chance, index);
                        let data: Vec<_> = data.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                        let command = self.id("command", index);
                        let meta = Meta {
                            correlation: Some(command.clone()),
                            command: Some(command),
                            as_of: Some(Position::new(FIRST_MS + index, 0)),
                            ..Meta::default()
                        };
                        Draft {
                            topic: self.topic.name.to_owned(),
                            id: self.id("event", index),
                            action: action.to_owned(),
                            data: format!("{{{}}}", data.join(",")),
                            meta: Some(meta),
                            keep: None,
                        }
                    })
                    .collect();
                index += append.len() as u64;
                commits.push(Commit { append, ..Commit::default() });
            }
            for answer in engine.commit(&commits).await? {
                answer.map_err(|refused| Failure::failed(refused.to_string()))?;
            }
        }
        Ok(())
    }

    /// Writes the log as a program does that knows nothing of this one: Python's, say.
    pub(super) async fn write_foreign(&self, server: &Server, namespace: &Namespace) -> Result<(), Failure> {
        let stream = format!("{}events:{}", namespace.prefix(), self.topic.name);
        let mut connection = server.connect().await?;
        let mut chance = Chance::new(self.seed, 0);
        for first in (0..self.events).step_by(PIPELINE as usize) {
            let mut pipeline = redis::pipe();
            for index in first..self.events.min(first + PIPELINE) {
                let (action, data) = self.event(&mut chance, index);
                // As json.dumps has it: a space behind every colon and comma.
                let data: Vec<_> = data.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
                let at = Position::new(FIRST_MS + index / 10, index % 10).to_string();
                pipeline
                    .cmd("XADD")
                    .arg(&stream)
                    .arg(at)
                    .arg("event_id")
                    .arg(self.id("event", index))
                    .arg("event_action")
                    .arg(action)
                    .arg("event_data")
                    .arg(format!("{{{}}}", data.join(", ")))
                    .ignore();
            }
            let written: Result<(), _> = pipeline.query_async(&mut connection).await;
            written.map_err(|error| server.failure(&error))?;
        }
        Ok(())
    }
}

/// Copies a log into another and into a history file.
pub(super) async fn copy(from: &Engine, to: &Engine, file: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("can't write {}: {error}", file.display()));
    let mut out = BufWriter::new(File::create(file).map_err(failed)?);
    let mut after = Checkpoint::default();
    loop {
        let page = from.read(&after, 10_000).await?;
        let Some(last) = page.entries.last() else { break };
        after.position = last.position();
        let mut append = Vec::with_capacity(page.entries.len());
        for entry in page.entries {
            if let Entry::Event(event) = entry {
                writeln!(out, "{}", history::write_line(&event)).map_err(failed)?;
                append.push(history::draft(event));
            }
        }
        to.commit_one(Commit { append, ..Commit::default() }).await?;
    }
    out.flush().map_err(failed)
}
