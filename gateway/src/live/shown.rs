//! An event as clients see it.

use kernel::{Domain, Entry, Event, Number, Position};
use serde::Serialize;
use serde_json::value::RawValue;

/// What the names of an entity's actions begin with; clients see the topic's name instead.
const ENTITY: &str = "entity_";

/// An event as clients see it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// `order_created`, `mail_sent`; one line.
    pub(crate) action: String,
    /// The key of the row that it is about, where the domain can read it.
    pub(crate) key: Option<String>,
    /// Its data as JSON; one line.
    pub(crate) data: Box<str>,
    /// Its place in the log.
    pub(crate) position: Position,
    /// The whole of it; one line.
    pub(crate) json: String,
}

#[derive(Serialize)]
struct Message<'e> {
    action: &'e str,
    data: &'e RawValue,
    ts: f64,
    topic: &'e str,
    position: Position,
    number: Option<Number>,
    key: Option<&'e str>,
    event_id: &'e str,
    cause: Option<&'e str>,
    handler: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'e str>,
}

impl Shown {
    /// The event in an entry, if it is one and clients see it.
    pub(crate) fn of(domain: &Domain, entry: &Entry) -> Option<Self> {
        Self::event(domain, visible(entry)?)
    }

    /// An event as clients see it.
    pub(crate) fn event(domain: &Domain, event: &Event) -> Option<Self> {
        let action = action(event);
        let key = key(domain, event);
        let data = data(domain, event)?;
        // Exact up to the year 2255 in microseconds, which is as fine as positions are.
        #[expect(clippy::cast_precision_loss, reason = "seconds as a float are what clients expect")]
        let ts = event.position.unix_micros() as f64 / 1e6;
        let message = Message {
            action: &action,
            data: &data,
            ts,
            topic: &event.topic,
            position: event.position,
            number: event.number,
            key: key.as_deref(),
            event_id: &event.id,
            cause: event.meta.cause.as_deref(),
            handler: event.meta.handler.as_deref(),
            command: event.meta.command.as_deref(),
        };
        let json = serde_json::to_string(&message).ok()?;
        Some(Self { action, key, data: data.into(), position: event.position, json })
    }
}

/// The event in an entry, if it is one and clients see it.
pub(crate) fn visible(entry: &Entry) -> Option<&Event> {
    match entry {
        Entry::Event(event) if *event.topic != *runtime::engine::DECISIONS => Some(event),
        Entry::Event(_) | Entry::Junk(_) => None,
    }
}

/// What an event is called: `order_created`, `mail_sent`; one line.
fn action(event: &Event) -> String {
    let action = match event.action.strip_prefix(ENTITY) {
        Some(what) => format!("{}_{what}", event.topic),
        None => event.action.clone(),
    };
    action.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// The key of the row that an event is about, where the domain can read it.
pub(crate) fn key(domain: &Domain, event: &Event) -> Option<String> {
    let touch = domain.topic(&event.topic)?.touch(&event.as_ref()).ok()?.key.into_owned();
    Some(touch)
}

/// The event's data in canonical form, numbers as numbers; as it is, on one line, where the domain can't read
/// it; as a text where it is not even JSON.
fn data(domain: &Domain, event: &Event) -> Option<Box<RawValue>> {
    let canonical = domain.topic(&event.topic).and_then(|topic| topic.row(event).ok());
    let text = canonical.unwrap_or_else(|| event.data.replace(['\n', '\r'], " "));
    let as_text = || serde_json::to_string(&event.data).and_then(RawValue::from_string);
    RawValue::from_string(text).or_else(|_| as_text()).ok()
}
