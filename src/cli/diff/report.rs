//! What changed between two moments, for people and for programs.

use std::collections::BTreeMap;

use projector::{field_changes::ChangeKind, timeline::RowChange};
use serde::Serialize;

use crate::cli::{
    cut::{Cut, Told},
    words::{became, counted, out, thousands},
};

#[derive(Serialize)]
struct Document<'c> {
    from: Told,
    to: Told,
    /// How many rows changed.
    count: usize,
    changes: &'c [RowChange],
}

/// Prints the changes to standard output.
pub(super) fn print(cuts: &[Cut; 2], changes: &[RowChange], json: bool) {
    let [from, to] = cuts;
    if json {
        let document = Document { from: from.told(), to: to.told(), count: changes.len(), changes };
        out(&format!("{}\n", serde_json::to_string(&document).unwrap_or_default()));
        return;
    }
    let mut text = format!("from {}\nto   {}\n", from.words(), to.words());
    changes.iter().for_each(|change| text.push_str(&block(change)));
    text.push_str(&summary(changes));
    out(&text);
}

/// What became of one row.
fn block(change: &RowChange) -> String {
    let RowChange { topic, key, before, after } = change;
    match (before, after) {
        (None, None) => String::new(),
        (None, Some(row)) => format!("+ {topic} {key} {row}\n"),
        (Some(row), None) => format!("- {topic} {key} {row}\n"),
        (Some(_), Some(_)) => match change.fields().as_slice() {
            [field] => format!("~ {topic} {key}: {}\n", became(field)),
            fields => {
                let lines: String = fields.iter().map(|field| format!("    {}\n", became(field))).collect();
                format!("~ {topic} {key}:\n{lines}")
            }
        },
    }
}

/// How much changed, topic by topic.
fn summary(changes: &[RowChange]) -> String {
    if changes.is_empty() {
        return "no row differs\n".to_owned();
    }
    let mut topics = BTreeMap::<&str, [u64; 3]>::new();
    for change in changes {
        let counts = topics.entry(change.topic).or_default();
        match change.kind() {
            ChangeKind::Created => counts[0] += 1,
            ChangeKind::Changed => counts[1] += 1,
            ChangeKind::Deleted => counts[2] += 1,
        }
    }
    let topic = |(topic, counts): (&str, [u64; 3])| {
        let counts = counts.into_iter().zip(["created", "changed", "deleted"]).filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts.map(|(count, what)| format!("{} {what}", thousands(count))).collect();
        format!("{topic} {}", counts.join(", "))
    };
    let topics: Vec<_> = topics.into_iter().map(topic).collect();
    format!("{}: {}\n", counted(changes.len() as u64, "row differs", "rows differ"), topics.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(topic: &'static str, key: &str, before: Option<&str>, after: Option<&str>) -> RowChange {
        RowChange { topic, key: key.into(), before: before.map(Into::into), after: after.map(Into::into) }
    }

    #[test]
    fn each_row_is_a_block() {
        let (old, new) = (r#"{"a":1,"b":"x"}"#, r#"{"a":2,"b":"x"}"#);
        assert_eq!(block(&change("order", "1", None, Some(old))), format!("+ order 1 {old}\n"));
        assert_eq!(block(&change("order", "1", Some(old), None)), format!("- order 1 {old}\n"));
        assert_eq!(block(&change("order", "1", Some(old), Some(new))), "~ order 1: a 1 → 2\n");
        let both = block(&change("order", "1", Some(old), Some(r#"{"a":2,"c":[]}"#)));
        assert_eq!(both, "~ order 1:\n    a 1 → 2\n    c nothing → []\n    b \"x\" → nothing\n");
    }

    #[test]
    fn the_last_line_counts_by_topic() {
        let (old, new) = (Some(r#"{"a":1}"#), Some(r#"{"a":2}"#));
        let order = |before, after| change("order", "1", before, after);
        let changes = [order(None, new), order(old, new), order(old, new), change("cart", "1", old, None)];
        assert_eq!(summary(&changes), "4 rows differ: cart 1 deleted; order 1 created, 2 changed\n");
        assert_eq!(summary(&changes[..1]), "1 row differs: order 1 created\n");
        assert_eq!(summary(&[]), "no row differs\n");
    }
}
