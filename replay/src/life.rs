//! One entity's life: every version it had, and why.

use std::collections::BTreeMap;

use kernel::{Domain, Event, Position, Topic};
use projector::timeline::{RowChange, Timeline};
use runtime::StoreError;
use serde::Serialize;

use crate::{
    causes::Fit,
    inferred::{self, Found},
};

/// One version of an entity, or its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chapter {
    /// The event that made it.
    pub event: Mention,
    /// What it did to the row.
    #[serde(flatten)]
    pub change: RowChange,
    /// Why.
    pub origin: Origin,
}

/// An event, as others refer to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mention {
    /// Its identifier.
    pub id: String,
    /// Its topic.
    pub topic: String,
    /// What happened.
    pub action: String,
    /// The row that it is about; nothing where it can't be read.
    pub key: Option<String>,
    /// Where it stands.
    pub position: Position,
    /// Its number; nothing where another program wrote it.
    pub number: Option<u64>,
    /// When it happened; nothing beyond the year 9999.
    pub time: Option<String>,
}

/// Why an event happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The command that a service turned into it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The saga that reacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// The event that the saga reacted to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Mention>,
    /// How well the cause fits, where it is not recorded but inferred from what today's sagas would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inferred: Option<Fit>,
}

/// Part of an entity's life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Life {
    /// Its versions, in log order.
    pub chapters: Vec<Chapter>,
    /// Whether there are more after these.
    pub more: bool,
    /// Whether causes that nobody wrote down were looked for everywhere; where much happens at a time they are not.
    pub searched: bool,
}

/// Which part of a life is told.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Versions after this position.
    pub after: Position,
    /// Versions up to and at this position.
    pub until: Position,
    /// How many at most.
    pub limit: usize,
}

/// The life of one row, as far as `part` goes; without chapters if there never was one.
///
/// # Errors
/// When a store failed, or the log has lost events (R3).
pub async fn life(
    timeline: &Timeline,
    domain: &Domain,
    (topic, key): (&Topic, &str),
    part: Part,
) -> Result<Life, StoreError> {
    let versions = timeline.versions(topic.name, key, part.until).await?;
    let begin = versions.partition_point(|version| version.position <= part.after);
    let end = versions.len().min(begin.saturating_add(part.limit));
    let positions: Vec<_> = versions[begin..end].iter().map(|version| version.position).collect();
    let mut events = events_at(timeline, topic.name, &positions).await?;
    let (origins, searched) = origins(timeline, domain, events.values()).await?;
    let mut before = begin.checked_sub(1).and_then(|last| versions.get(last)).and_then(|last| last.row.clone());
    let mut chapters = Vec::with_capacity(positions.len());
    for version in &versions[begin..end] {
        let after = version.row.clone();
        let change = RowChange { topic: topic.name, key: key.to_owned(), before, after: after.clone() };
        before = after;
        // A log that was cut short may not have it any more.
        let Some(event) = events.remove(&version.position) else { continue };
        let origin = origins.get(&event.position).cloned().unwrap_or_default();
        chapters.push(Chapter { event: Mention::of(domain, &event), change, origin });
    }
    Ok(Life { chapters, more: end < versions.len(), searched })
}

/// The events of a topic at these positions.
async fn events_at(
    timeline: &Timeline,
    topic: &str,
    positions: &[Position],
) -> Result<BTreeMap<Position, Event>, StoreError> {
    let entries = timeline.engine().entries_at(positions).await?;
    let events = entries.into_iter().filter_map(|entry| match entry {
        kernel::Entry::Event(event) if *event.topic == *topic => Some((event.position, event)),
        kernel::Entry::Event(_) | kernel::Entry::Junk(_) => None,
    });
    Ok(events.collect())
}

/// Why events of one topic happened, by position; and whether causes that nobody wrote down were looked for everywhere.
async fn origins(
    timeline: &Timeline,
    domain: &Domain,
    events: impl Iterator<Item = &Event> + Clone,
) -> Result<(BTreeMap<Position, Origin>, bool), StoreError> {
    let Some(last) = events.clone().map(|event| event.position).max() else { return Ok((BTreeMap::new(), true)) };
    let recorded: Vec<_> = events.clone().filter_map(|event| event.meta.cause.as_deref()).collect();
    let known = timeline.mentioning(&recorded, last).await?;
    let by_id = |id: &str| known.iter().find(|event| event.id == id).map(|event| Mention::of(domain, event));
    let mut origins: BTreeMap<_, _> = events
        .clone()
        .map(|event| {
            let meta = &event.meta;
            let cause = meta.cause.as_deref().and_then(by_id);
            (
                event.position,
                Origin { command: meta.command.clone(), handler: meta.handler.clone(), cause, inferred: None },
            )
        })
        .collect();
    let silent: Vec<_> = events
        .filter(|event| event.meta.cause.is_none() && event.meta.command.is_none() && !event.meta.given)
        .collect();
    let mut is_complete = true;
    if !silent.is_empty() {
        let stretches = inferred::stretches(silent.iter().map(|event| event.position));
        let Found { causes, is_complete: is_found } = inferred::causes(timeline, domain, stretches).await?;
        is_complete = is_found;
        let wanted = silent.iter().filter_map(|event| causes.get(&(event.topic.clone(), event.position)));
        let positions: Vec<_> = wanted.map(|cause| cause.event).collect();
        let entries = timeline.engine().entries_at(&positions).await?;
        for event in silent {
            let Some(cause) = causes.get(&(event.topic.clone(), event.position)) else { continue };
            let mention = entries.iter().find_map(|entry| match entry {
                kernel::Entry::Event(event) if event.position == cause.event && event.topic == cause.topic => {
                    Some(Mention::of(domain, event))
                }
                kernel::Entry::Event(_) | kernel::Entry::Junk(_) => None,
            });
            let origin = Origin {
                command: None,
                handler: Some(cause.handler.to_owned()),
                cause: mention,
                inferred: Some(cause.fit),
            };
            origins.insert(event.position, origin);
        }
    }
    Ok((origins, is_complete))
}

impl Mention {
    /// How others refer to `event`.
    #[must_use]
    pub fn of(domain: &Domain, event: &Event) -> Self {
        let topic = domain.topic(&event.topic);
        Self {
            id: event.id.clone(),
            topic: event.topic.to_string(),
            action: event.action.clone(),
            key: topic.and_then(|topic| Some(topic.touch(&event.as_ref()).ok()?.key.into_owned())),
            position: event.position,
            number: event.number.map(|number| number.0),
            time: event.position.time().map(|time| time.to_string()),
        }
    }
}
