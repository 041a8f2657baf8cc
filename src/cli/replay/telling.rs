//! One step in words, line by line: what a terminal scrolls by, and what it shows beside the list.

use kernel::{CREATED, DELETED, Meta, UPDATED};
use projector::field_changes::{ChangeKind, FieldChange, fields, members};
use replay::steps::{Decision, Effect, Mark, Place, Step, Verdict};
use serde_json::Value;

use crate::cli::words::{became, done, plain, since, when};

/// A line, and how it is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) tone: Tone,
    /// How deep it stands.
    pub(super) depth: usize,
    pub(super) head: String,
    /// What comes after the head, in a row or below each other.
    pub(super) items: Vec<String>,
}

/// How a line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// It names what follows.
    Title,
    /// It tells.
    Plain,
    /// It tells what matters less.
    Faint,
    /// It is the same as in the log.
    Same,
    /// It is not.
    Different,
    /// The log does not say.
    Open,
}

impl Line {
    fn new(tone: Tone, depth: usize, head: impl AsRef<str>, items: &[String]) -> Self {
        let items = items.iter().map(|item| plain(item).into_owned()).collect();
        Self { tone, depth, head: plain(head.as_ref()).into_owned(), items }
    }

    /// All of it in a row.
    pub(super) fn row(&self) -> String {
        let (indent, items) = (" ".repeat(2 * self.depth), self.items.join(", "));
        let colon = if items.is_empty() { "" } else { ": " };
        format!("{indent}{}{colon}{items}", self.head)
    }
}

/// When and where it happened.
pub(super) fn place(step: &Step) -> Line {
    let number = step.event.number.map(|number| format!(" (event {number})")).unwrap_or_default();
    let position = step.event.position;
    let head = format!("{}  {}  {position}{number}", when(position), since(step.elapsed_us));
    Line::new(Tone::Title, 0, head, &[])
}

/// All that there is to tell of it, but when and where.
pub(super) fn told(step: &Step) -> Vec<Line> {
    let mut lines = vec![what(step)];
    lines.extend(why(step));
    step.decisions.iter().for_each(|decision| decided(decision, &mut lines));
    lines
}

/// What happened to what: `order 12 created`.
pub(super) fn subject(topic: &str, key: Option<&str>, action: &str) -> String {
    let key = key.map(|key| format!(" {key}")).unwrap_or_default();
    format!("{topic}{key} {}", done(topic, action))
}

/// The event itself, and what became of its row.
fn what(step: &Step) -> Line {
    let event = &step.event;
    // A fact of a journal has no name but its position.
    let key = event.key.as_deref().filter(|key| *key != event.position.to_string());
    let head = subject(&event.topic, key, &event.action);
    let Some(change) = &step.change else {
        let reason = match &step.unreadable {
            Some(reason) if event.action.is_empty() => return no_event(&event.topic, reason),
            Some(reason) => format!("nobody can read it: {reason}"),
            None if event.key.is_none() => "no row changes: the domain does not have the topic".to_owned(),
            None => format!("no row changes: there was no such {}", event.topic),
        };
        return Line::new(Tone::Plain, 1, head, &[reason]);
    };
    let changes = change.fields();
    let items = match change.kind() {
        ChangeKind::Created => {
            let row = change.after.as_deref();
            let fact = members(row).into_iter().find(|(name, _)| name == "event_data" && key.is_none());
            match fact.as_ref().and_then(|(_, data)| data.as_str()) {
                Some(fact) => said(&fields(None, Some(fact))),
                None => said(&changes),
            }
        }
        ChangeKind::Deleted => said(&changes),
        ChangeKind::Changed if changes.is_empty() => vec!["as it was".to_owned()],
        ChangeKind::Changed => changes.iter().map(became).collect(),
    };
    Line::new(Tone::Plain, 1, head, &items)
}

fn no_event(topic: &str, reason: &str) -> Line {
    Line::new(Tone::Different, 1, format!("no event, in the stream of {topic}"), &[reason.to_owned()])
}

/// What fields hold, or held, the row's own id left out.
fn said(changes: &[FieldChange]) -> Vec<String> {
    let value = |change: &FieldChange| change.after.as_ref().or(change.before.as_ref()).map(Value::to_string);
    let named = changes.iter().filter(|change| change.field != kernel::ENTITY_ID);
    named.filter_map(|change| Some(format!("{} {}", change.field, value(change)?))).collect()
}

/// Where it came from, as far as it says.
fn why(step: &Step) -> Option<Line> {
    let Meta { command, handler, .. } = &step.origin;
    let guess = if step.inferred.is_some() { ", inferred" } else { "" };
    let because = match (handler, cause(step), command) {
        (Some(handler), Some(cause), _) => format!("because of event {cause}, by saga {handler}{guess}"),
        (Some(handler), None, _) => format!("by saga {handler}"),
        (None, Some(cause), _) => format!("because of event {cause}"),
        (None, None, Some(command)) => format!("by a client, with command {command}"),
        (None, None, None) => return None,
    };
    Some(Line::new(Tone::Faint, 1, because, &[]))
}

/// What the event goes by that it came of: what can be gone to, where that is known.
pub(super) fn cause(step: &Step) -> Option<String> {
    let id = step.origin.cause.as_ref()?;
    Some(match step.cause {
        Some(Place { position, number: Some(number) }) => format!("{number} ({position})"),
        Some(Place { position, number: None }) => position.to_string(),
        None => id.clone(),
    })
}

/// What a saga decides.
fn decided(decision: &Decision, lines: &mut Vec<Line>) {
    let Decision { handler, as_of, verdict, fails, effects } = decision;
    let as_of = as_of.map(|as_of| format!(", decided as of {as_of}")).unwrap_or_default();
    let is_nothing = fails.is_none() && effects.iter().all(|effect| effect.now.is_none());
    let (tone, verdict) = match verdict {
        Verdict::Same if is_nothing => (Tone::Faint, "decides nothing"),
        Verdict::Same => (Tone::Same, "decides the same as the log has"),
        Verdict::Reordered => (Tone::Different, "decides the same as the log has, in ANOTHER ORDER"),
        Verdict::Different if fails.is_some() => (Tone::Different, "FAILS, which it did not"),
        Verdict::Different if is_nothing => (Tone::Different, "decides nothing, which is DIFFERENT from the log"),
        Verdict::Different => (Tone::Different, "decides something DIFFERENT from the log"),
        Verdict::Unchecked => {
            (Tone::Open, "decides, but the decision was made too long before its commit to be made again")
        }
        Verdict::Unrecorded if fails.is_some() => (Tone::Open, "fails, of which the log says nothing"),
        Verdict::Unrecorded => (Tone::Open, "decides, of which the log says nothing"),
    };
    lines.push(Line::new(tone, 1, format!("{handler} {verdict}{as_of}"), fails.as_slice()));
    effects.iter().for_each(|effect| told_effect(effect, lines));
}

fn told_effect(effect: &Effect, lines: &mut Vec<Line>) {
    let (tone, mark) = match effect.mark {
        Mark::Same => (Tone::Same, "same    "),
        Mark::Changed => (Tone::Different, "changed "),
        Mark::Missing => (Tone::Different, "missing "),
        Mark::Extra => (Tone::Different, "extra   "),
        Mark::Unrecorded => (Tone::Open, "would   "),
    };
    let items = match effect.action.as_str() {
        UPDATED if effect.before.is_some() => effect.fields().iter().map(became).collect(),
        CREATED | UPDATED => said(&fields(None, effect.now.as_deref().or(effect.log.as_deref()))),
        DELETED => Vec::new(),
        _ => said(&effect.fields()),
    };
    let command = if effect.is_command { "command: " } else { "" };
    let subject = subject(&effect.topic, effect.key.as_deref(), &effect.action);
    let guess = if effect.is_inferred { " (inferred)" } else { "" };
    lines.push(Line::new(tone, 2, format!("{mark}{command}{subject}{guess}"), &items));
    let differs = effect.differs();
    if effect.mark == Mark::Changed {
        let differs: Vec<_> = differs.iter().map(became).collect();
        lines.push(Line::new(tone, 3, "from the log to now", &differs));
    }
}
