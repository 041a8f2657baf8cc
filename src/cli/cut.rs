//! The exact place in the log that a question about the past is about, and what made things as they were there.

use kernel::{Checkpoint, Entry, Event, Moment, Position};
use runtime::{Engine, StoreError};
use serde::Serialize;

use super::{
    failure::Failure,
    words::{at, when},
};

/// A position of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// The last entry at or before the moment that was asked for.
    pub(super) at: Checkpoint,
    /// Where the log begins, if that is later.
    begins: Option<Position>,
}

/// The same for programs.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Told {
    position: Position,
    number: u64,
    time: Option<String>,
}

impl Cut {
    /// The position that a moment stands for.
    pub(super) async fn of(engine: &Engine, moment: Moment) -> Result<Self, Failure> {
        let position = engine.position_at(moment).await?;
        let at = engine.last_at(position).await?;
        let mut begins = None;
        if at.position == Position::ZERO {
            begins = engine.read(&Checkpoint::default(), 1).await?.entries.first().map(Entry::position);
        }
        Ok(Self { at, begins })
    }

    pub(super) const fn position(&self) -> Position {
        self.at.position
    }

    /// Where it is, for people: `at 17-3 (event 4), 2026-11-22T15:04:05Z`.
    pub(super) fn words(&self) -> String {
        match (self.position(), self.begins) {
            (Position::ZERO, Some(first)) => format!("before the first event, which is at {first}, {}", when(first)),
            (Position::ZERO, None) => "in the log, which is empty".to_owned(),
            _ => format!("at {}", at(&self.at)),
        }
    }

    pub(super) fn told(&self) -> Told {
        let Checkpoint { position, number, .. } = self.at;
        Told { position, number: number.0, time: time(position) }
    }
}

/// The time of a position, for programs.
fn time(position: Position) -> Option<String> {
    position.time().filter(|_| position > Position::ZERO).map(|time| time.to_string())
}

/// What made a version of a row.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Origin {
    position: Position,
    time: Option<String>,
    action: Option<String>,
    event: Option<String>,
    /// The command that the event came of.
    command: Option<String>,
    /// The event that a saga reacted to.
    cause: Option<String>,
    /// The saga.
    handler: Option<String>,
}

impl Origin {
    /// What made the version of a topic's row that begins at `position`.
    pub(super) async fn of(engine: &Engine, topic: &str, position: Position) -> Result<Self, StoreError> {
        let entries = engine.entries_at(&[position]).await?;
        let event = entries.into_iter().find_map(|entry| match entry {
            Entry::Event(event) if &*event.topic == topic => Some(event),
            Entry::Event(_) | Entry::Junk(_) => None,
        });
        let (event, action, meta) = match event {
            Some(Event { id, action, meta, .. }) => (Some(id), Some(action), meta),
            None => (None, None, kernel::Meta::default()),
        };
        let kernel::Meta { command, cause, handler, .. } = meta;
        Ok(Self { position, time: time(position), action, event, command, cause, handler })
    }

    /// When and by what, for people.
    pub(super) fn words(&self) -> String {
        let Self { position, event, command, cause, handler, .. } = self;
        let event = event.as_ref().map(|event| format!(", by event {event}")).unwrap_or_default();
        let because = match (command, handler, cause) {
            (Some(command), ..) => format!(" of command {command}"),
            (None, Some(handler), Some(cause)) => format!(", with which {handler} reacted to event {cause}"),
            (None, None, Some(cause)) => format!(", because of event {cause}"),
            (None, Some(handler), None) => format!(" of {handler}"),
            (None, None, None) => String::new(),
        };
        format!("{position}, {}{event}{because}", when(*position))
    }

    /// What the event did.
    pub(super) fn action(&self) -> &str {
        self.action.as_deref().unwrap_or("an event that is not there any more")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_made_a_version_is_told_as_far_as_it_is_known() {
        let position = Position::new(1_795_359_845_123, 4);
        let text = |text: &str| Some(text.to_owned());
        let none =
            Origin { position, time: None, action: None, event: None, command: None, cause: None, handler: None };
        let here = "1795359845123-4, 2026-11-22T15:04:05.123Z";
        let event = Origin { event: text("e-1"), ..none.clone() };
        let commanded = Origin { command: text("c-1"), ..event.clone() };
        let reacted = Origin { cause: text("e-0"), handler: text("order-flow"), ..event.clone() };
        assert_eq!(none.words(), here);
        assert_eq!(event.words(), format!("{here}, by event e-1"));
        assert_eq!(commanded.words(), format!("{here}, by event e-1 of command c-1"));
        assert_eq!(reacted.words(), format!("{here}, by event e-1, with which order-flow reacted to event e-0"));
    }
}
