//! What the body of a request for a replay asks for.

use std::time::Duration;

use axum::extract::Request;
use kernel::{Moment, Position};
use replay::reactions::Scope;
use runtime::Engine;
use serde_json::{Map, Value};

use crate::{
    fields::Fields,
    gateway::Shared,
    past,
    problem::{Kind, Problem},
    source::Source,
};

/// The fields of the body.
const FIELDS: [&str; 6] = ["from", "to", "topic", "handler", "window_ms", "log"];

/// The longest time in which effects are looked for, in milliseconds.
const LONGEST: u64 = 3_600_000;

/// A replay that somebody wants.
pub(super) struct Asked {
    pub(super) engine: Engine,
    pub(super) scope: Scope,
    /// The number of the log's head.
    pub(super) of: u64,
    /// What was asked for, as it was written.
    pub(super) told: Map<String, Value>,
}

impl Asked {
    /// Reads a request; one without a body wants the whole log.
    pub(super) async fn of(gateway: &Shared, request: Request) -> Result<Self, Problem> {
        let mut fields = Fields::of(gateway, request, "replay", &FIELDS).await?;
        let told = Map::from_iter([("asked".to_owned(), fields.told())]);
        let log: Option<String> = fields.take("log", "the id of an opened history, as text")?;
        let topic = topic(gateway, &mut fields)?;
        let handler = handler(gateway, &mut fields)?;
        let source = gateway.source_of(log.as_deref())?;
        let (first, last) = (moment(&mut fields, "from")?, moment(&mut fields, "to")?);
        let mut scope = Scope { topic, handler, ..Scope::default() };
        if let Some(first) = first {
            scope.from = asked(&source, "from", source.engine.position_from(first)).await?;
        }
        if let Some(last) = last {
            scope.to = asked(&source, "to", source.engine.position_at(last)).await?;
        }
        if scope.from > scope.to {
            let detail = format!("no event lies between from, {}, and to, {}", scope.from, scope.to);
            return Err(Problem::new(Kind::Refused, detail).field("from"));
        }
        if let Some(window) = window(&mut fields)? {
            scope.window = window;
        }
        // Not every event of a history has a number.
        let of = match &log {
            Some(log) => gateway.histories.find(log)?.events,
            None => source.asked(source.engine.head()).await?.number.0,
        };
        Ok(Self { engine: source.engine, scope, of, told })
    }
}

fn topic(gateway: &Shared, fields: &mut Fields) -> Result<Option<String>, Problem> {
    let Some(name) = fields.take::<String>("topic", "the name of a topic, as text")? else { return Ok(None) };
    let known = || gateway.domain.topics().map(|topic| topic.name).collect::<Vec<_>>();
    if gateway.domain.topic(&name).is_some() { Ok(Some(name)) } else { Err(unknown("topic", &name, &known(), "topic")) }
}

fn handler(gateway: &Shared, fields: &mut Fields) -> Result<Option<String>, Problem> {
    let Some(name) = fields.take::<String>("handler", "the name of a saga, as text")? else { return Ok(None) };
    let mut known: Vec<_> = gateway.domain.sagas().iter().map(|saga| saga.name).collect();
    known.sort_unstable();
    if known.contains(&&*name) { Ok(Some(name)) } else { Err(unknown("saga", &name, &known, "handler")) }
}

fn unknown(kind: &str, name: &str, known: &[&str], field: &str) -> Problem {
    let has = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Problem::new(Kind::Refused, format!("the domain has no {kind} {name}; it has {has}")).field(field)
}

fn moment(fields: &mut Fields, name: &'static str) -> Result<Option<Moment>, Problem> {
    let text: Option<String> = fields.take(name, "a position or a time, as text")?;
    let malformed = |error| Problem::new(Kind::Refused, format!("{name}: {error}")).field(name);
    text.map(|text| past::moment(&text).map_err(malformed)).transpose()
}

async fn asked(
    source: &Source<'_>,
    name: &'static str,
    position: impl Future<Output = Result<Position, runtime::StoreError>>,
) -> Result<Position, Problem> {
    source.asked(position).await.map_err(|problem| match problem.status().as_u16() {
        422 => problem.field(name),
        _ => problem,
    })
}

fn window(fields: &mut Fields) -> Result<Option<Duration>, Problem> {
    let Some(ms) = fields.take::<u64>("window_ms", "a whole number of milliseconds")? else { return Ok(None) };
    if (1..=LONGEST).contains(&ms) {
        return Ok(Some(Duration::from_millis(ms)));
    }
    let detail = format!("window_ms is {ms}; expected a whole number of milliseconds from 1 to {LONGEST}");
    Err(Problem::new(Kind::Refused, detail).field("window_ms"))
}
