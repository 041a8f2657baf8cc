//! The least gateway that a client can be driven against: one view, no queue, sagas that react when told to.

use std::collections::VecDeque;

use kernel::{
    Command, Domain, Draft, Effect, Entry, Event, Intent, Meta, Method, Occurrence, Position, Refusal, RejectionKind,
    Request, Row, SagaHandler, Tables, View,
};
use serde_json::{Value, json, value::RawValue};

use crate::domain;

pub(super) struct Gateway {
    domain: Domain,
    view: View,
    events: u64,
    commands: u64,
    /// What sagas have yet to react to: events, each with the row before it.
    unseen: VecDeque<(SagaHandler, Event, Option<Row>)>,
}

impl Gateway {
    pub(super) fn new() -> Self {
        let domain = domain();
        Self { view: View::new(domain.topics()), domain, events: 0, commands: 0, unseen: VecDeque::new() }
    }

    pub(super) fn answer(&mut self, request: &Request) -> (u16, Value) {
        let path: Vec<_> = request.path.split('/').skip(1).collect();
        let raw = |value: &Value| RawValue::from_string(value.to_string()).unwrap();
        let body = request.body.as_ref();
        match (request.method, path.as_slice()) {
            (Method::Get, _) => (200, json!({ "result": self.read(&request.path, &path) })),
            (Method::Post, [topic]) => {
                let body = body.unwrap();
                let members =
                    body.as_array().map_or_else(|| vec![raw(body)], |members| members.iter().map(raw).collect());
                self.command(topic, Intent::Create(members))
            }
            (Method::Put, [topic, id]) => {
                self.command(topic, Intent::Update { id: (*id).into(), fields: raw(body.unwrap()) })
            }
            (Method::Delete, [topic, id]) => self.command(topic, Intent::Delete { id: (*id).into() }),
            _ => panic!("the gateway has no {} {}", request.method, request.path),
        }
    }

    fn read(&self, path: &str, parts: &[&str]) -> Value {
        if let Some(query) = self.domain.queries().iter().find(|query| query.path == path) {
            return query.answer(&self.tables(query.topics)).unwrap();
        }
        let parse = |row: Row| serde_json::from_str(&row).unwrap();
        match parts {
            [plural] => {
                let topic = self.domain.topics().find(|topic| topic.plural == *plural).unwrap();
                self.view.rows(topic.name).map(|(_, row)| parse(row)).collect()
            }
            [topic, id] => self.view.row(self.domain.topic(topic).unwrap().name, id).map_or(Value::Null, parse),
            _ => panic!("the gateway has no GET {path}"),
        }
    }

    fn tables(&self, topics: &[&str]) -> Tables {
        let rows = |topic: &str| self.view.rows(topic).map(|(id, row)| (id.to_string(), row.to_string())).collect();
        Tables(topics.iter().map(|topic| ((*topic).to_owned(), rows(topic))).collect())
    }

    fn command(&mut self, topic: &str, intent: Intent) -> (u16, Value) {
        self.commands += 1;
        let id = format!("command {}", self.commands);
        self.take(&Command { id, topic: topic.into(), intent, issued_ms: self.commands, meta: Meta::default() })
    }

    fn take(&mut self, command: &Command) -> (u16, Value) {
        let mut decision = self.domain.decision(command, &self.view);
        match self.domain.decide(command, &mut decision) {
            Ok(result) => {
                let effects = decision.finish().effects;
                self.perform(effects);
                (200, json!({ "result": result }))
            }
            Err(Refusal::Rejected(rejection)) => {
                let status = if rejection.kind == RejectionKind::NotFound { 404 } else { 422 };
                (status, json!({ "error": rejection.message }))
            }
            Err(Refusal::Failed(failure)) => panic!("{failure}"),
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Append(draft) => self.append(&draft),
                Effect::Send(command) => assert_eq!(self.take(&command).0, 200, "{command:?}"),
            }
        }
    }

    fn append(&mut self, draft: &Draft) {
        self.events += 1;
        let event = draft.at(Position::new(1_700_000_000_000 + self.events, 0));
        let before = self.view.apply(&Entry::Event(event.clone())).unwrap();
        let wanted = self.domain.sagas().iter().filter(|saga| saga.wants(&event));
        self.unseen.extend(wanted.map(|saga| (*saga, event.clone(), before.clone())));
    }

    /// Lets one saga react to the oldest event that it has not seen; false where none is left.
    pub(super) fn react(&mut self) -> bool {
        let Some((saga, event, before)) = self.unseen.pop_front() else { return false };
        let mut decision = saga.decision(&event, &self.view);
        saga.react(&Occurrence { event: &event, before: before.as_ref() }, &mut decision).unwrap();
        let effects = decision.finish().effects;
        self.perform(effects);
        true
    }
}
