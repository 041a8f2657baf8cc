//! A life, told so that whoever runs the shop understands it.

use kernel::Position;
use projector::{
    field_changes::{ChangeKind, FieldChange, members},
    timeline::RowChange,
};
use replay::{
    causes::Fit,
    life::{Chapter, Life, Mention, Origin},
};
use serde::Serialize;
use serde_json::Value;

use crate::cli::words::{became, counted, done, out, thousands, when};

#[derive(Serialize)]
struct Document<'l> {
    topic: &'l str,
    key: &'l str,
    #[serde(flatten)]
    life: &'l Life,
}

/// Prints a life to standard output.
pub(super) fn print((topic, key): (&str, &str), life: &Life, json: bool) {
    if json {
        let document = Document { topic, key, life };
        return out(&format!("{}\n", serde_json::to_string(&document).unwrap_or_default()));
    }
    let mut text = format!("{topic} {key}\n");
    life.chapters.iter().for_each(|chapter| text.push_str(&told((topic, key), chapter)));
    if life.chapters.iter().any(|chapter| chapter.origin.inferred.is_some()) {
        text.push_str("\ninferred: the log does not say why; today's sagas would have done this for that reason\n");
    }
    if !life.searched {
        text.push_str("\nsome causes were not looked for: too much happened just before\n");
    }
    text.push_str(&match (life.chapters.len() as u64, life.more) {
        (0, _) => "nothing happened to it in that time\n".to_owned(),
        (count, false) => format!("\n{}\n", counted(count, "version", "versions")),
        (count, true) => format!(
            "\nthe first {}; for the others, --from {}\n",
            counted(count, "version", "versions"),
            life.chapters.last().map_or(Position::ZERO, |last| last.event.position)
        ),
    });
    out(&text);
}

/// One version: when, what, why.
fn told(whose: (&str, &str), Chapter { event, change, origin }: &Chapter) -> String {
    let number = event.number.map(|number| format!(" (event {number})")).unwrap_or_default();
    format!(
        "\n{}  {}{number}\n  {}\n  {}\n",
        when(event.position),
        event.position,
        what(event, change),
        why(whose, event, origin)
    )
}

/// What became of the row.
fn what(event: &Mention, change: &RowChange) -> String {
    let fields = change.fields();
    let values = |pick: fn(&FieldChange) -> Option<&Value>| {
        // Its own id is in the title.
        let fields = fields.iter().filter(|field| field.field != kernel::ENTITY_ID);
        listed(fields.filter_map(|field| Some((&*field.field, pick(field)?))))
    };
    match change.kind() {
        ChangeKind::Created => match change.after.as_deref().and_then(fact) {
            Some(fact) => {
                let fact = listed(fact.iter().map(|(name, value)| (name.as_str(), value)));
                format!("{}: {fact}", done(&event.topic, &event.action))
            }
            None => format!("created: {}", values(|field| field.after.as_ref())),
        },
        ChangeKind::Deleted => format!("deleted, it was: {}", values(|field| field.before.as_ref())),
        ChangeKind::Changed if fields.is_empty() => "written again as it was".to_owned(),
        ChangeKind::Changed => format!("changed: {}", fields.iter().map(became).collect::<Vec<_>>().join(", ")),
    }
}

/// Names and values in a row.
fn listed<'v>(values: impl Iterator<Item = (&'v str, &'v Value)>) -> String {
    values.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

/// What a journal's row is about: not who wrote it, but what was written.
fn fact(row: &str) -> Option<Vec<(String, Value)>> {
    let row = members(Some(row));
    let held = |name: &str| row.iter().find(|(field, _)| field == name).map(|(_, value)| value);
    let data = held("event_data").filter(|_| held(kernel::ENTITY_ID).is_none())?.as_str();
    Some(members(data)).filter(|fact| !fact.is_empty())
}

/// Why it happened.
fn why(whose: (&str, &str), event: &Mention, origin: &Origin) -> String {
    let Origin { command, handler, cause, inferred } = origin;
    let because = cause.as_ref().map(|cause| {
        let who = match (&*cause.topic, cause.key.as_deref()) {
            (topic, Some(key)) if (topic, key) == whose => format!("this {topic}"),
            (topic, Some(key)) => format!("{topic} {key}"),
            (topic, None) => format!("a {topic}"),
        };
        format!("because {who} was {}{}", done(&cause.topic, &cause.action), before(cause.position, event.position))
    });
    let guess = match inferred {
        None => "",
        Some(Fit::Exact) => ", inferred",
        Some(Fit::Alike) => ", inferred: what it does today is alike, not the same",
    };
    match (because, handler, command) {
        (Some(because), Some(handler), _) => format!("{because} (saga {handler}{guess})"),
        (Some(because), None, _) => because,
        (None, Some(handler), _) => format!("because of an event that is not in the log any more (saga {handler})"),
        (None, None, Some(command)) => format!("by a client, with command {command}"),
        (None, None, None) => "by a client, as far as anybody can tell".to_owned(),
    }
}

/// How long before, where that is more than no time at all.
fn before(cause: Position, effect: Position) -> String {
    let ms = effect.unix_micros().saturating_sub(cause.unix_micros()) / 1_000;
    match ms {
        0 => " just before".to_owned(),
        1..1_000 => format!(" {ms} ms before"),
        1_000..120_000 => format!(" {:.1} s before", ms as f64 / 1e3),
        120_000..7_200_000 => format!(" {} minutes before", ms / 60_000),
        _ => format!(" {} hours before", thousands(ms / 3_600_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_between_are_told_as_people_tell_them() {
        let at = |micros: u64| Position::new(1_795_342_547 + micros / 1_000_000, micros % 1_000_000);
        for (micros, told) in [
            (0, "just before"),
            (999, "just before"),
            (73_038, "73 ms before"),
            (999_999, "999 ms before"),
            (1_250_000, "1.2 s before"),
            (119_900_000, "119.9 s before"),
            (120_000_000, "2 minutes before"),
            (7_200_000_000, "2 hours before"),
            (3_600_000_000_000, "1,000 hours before"),
        ] {
            assert_eq!(before(at(0), at(micros)), format!(" {told}"), "{micros}");
        }
        assert_eq!(before(at(1), at(0)), " just before", "clocks may go back");
    }
}
