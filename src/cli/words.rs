//! Figures and times as people read them.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{ErrorKind, Write as _},
    sync::OnceLock,
};

use kernel::{CREATED, Checkpoint, DELETED, Number, Position, UPDATED};
use projector::field_changes::FieldChange;
use serde_json::Value;

/// Why results could not be written, once that is so.
static UNWRITTEN: OnceLock<String> = OnceLock::new();

/// Writes to standard output; whoever reads it may have had enough, as `head` has.
///
/// What else went wrong is told at the end: [`unwritten`].
pub(super) fn out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let _ = UNWRITTEN.set(format!("can't write the result: {error}"));
        }
        Ok(()) | Err(_) => {}
    }
}

/// Why not all results were written, if they were not.
pub(super) fn unwritten() -> Option<&'static str> {
    UNWRITTEN.get().map(String::as_str)
}

/// Text of an event on one line, in which nothing tells the terminal what to do: such characters are written out, as
/// `\u{1b}`.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| if is_unprintable(c) { c.escape_unicode().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(shown).collect())
}

/// Whether a character has no shape of its own, but moves, hides or turns round what stands about it.
pub(super) fn is_unprintable(c: char) -> bool {
    let is_format = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    c.is_control() || is_format
}

/// How long after the beginning: `+0.073 s`, `+1:02:03.4`.
pub(super) fn since(us: u64) -> String {
    let (seconds, minutes) = (us / 1_000_000, us / 60_000_000);
    match minutes {
        0 => format!("+{seconds}.{:03} s", us / 1_000 % 1_000),
        _ => format!("+{}:{:02}:{:02}.{}", thousands(minutes / 60), minutes % 60, seconds % 60, us / 100_000 % 10),
    }
}

/// A count with its thousands set apart.
pub(super) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The wall-clock time of a position.
pub(super) fn when(position: Position) -> String {
    match position.time() {
        Some(time) if position > Position::ZERO => time.to_string(),
        Some(_) | None => "before the first event".to_owned(),
    }
}

/// Where a checkpoint stands: its position, its event's number where there is one, and the time.
pub(super) fn at(checkpoint: &Checkpoint) -> String {
    let Checkpoint { position, number, .. } = checkpoint;
    match (*position, *number) {
        (Position::ZERO, _) => when(Position::ZERO),
        (_, Number::ZERO) => format!("{position}, {}", when(*position)),
        _ => format!("{position} (event {number}), {}", when(*position)),
    }
}

/// How many rows there are, and of which topics.
pub(super) fn rows(rows: &BTreeMap<String, u64>) -> String {
    let topics: Vec<_> = rows.iter().filter(|(_, count)| **count > 0).collect();
    let topics: Vec<_> = topics.iter().map(|(topic, count)| format!("{topic} {}", thousands(**count))).collect();
    match rows.values().sum() {
        0 => "none".to_owned(),
        rows => format!("{}: {}", thousands(rows), topics.join(", ")),
    }
}

/// What became of a field: `status "CREATED" → "IN_STOCK"`.
pub(super) fn became(FieldChange { field, before, after }: &FieldChange) -> String {
    let value = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), ToString::to_string);
    format!("{field} {} → {}", value(before), value(after))
}

/// What happened to something of a topic: an order is "created", a mail is "sent".
pub(super) fn done<'a>(topic: &str, action: &'a str) -> &'a str {
    match action {
        CREATED => "created",
        UPDATED => "changed",
        DELETED => "deleted",
        fact => fact.strip_prefix(topic).and_then(|rest| rest.strip_prefix('_')).unwrap_or(fact),
    }
}

/// A count of things: "1 row", "2,000 rows".
pub(super) fn counted(count: u64, one: &str, more: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let shown: Vec<_> = [0, 999, 1_000, 12_345, 1_234_567].map(thousands).into();
        assert_eq!(shown, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn what_would_steer_the_terminal_is_written_out() {
        assert_eq!(plain("é 日本 \u{1F469}\u{200D}\u{1F680} e\u{301}"), "é 日本 \u{1F469}\u{200D}\u{1F680} e\u{301}");
        assert_eq!(plain("a\u{1b}[2Jb\n\u{9b}c\u{7f}\u{202e}d"), r"a\u{1b}[2Jb\u{a}\u{9b}c\u{7f}\u{202e}d");
    }

    #[test]
    fn the_time_since_the_beginning_is_as_exact_as_it_is_short() {
        let shown = [0, 73_999, 59_999_999, 60_000_000, 3_723_400_000, 3_600_000_000_000].map(since);
        assert_eq!(shown, ["+0.000 s", "+0.073 s", "+59.999 s", "+0:01:00.0", "+1:02:03.4", "+1,000:00:00.0"]);
    }

    #[test]
    fn a_position_is_a_time() {
        assert_eq!(when(Position::new(1_795_359_845_123, 4)), "2026-11-22T15:04:05.123Z");
        assert_eq!(when(Position::ZERO), "before the first event");
    }

    #[test]
    fn what_happened_is_told_in_words() {
        let told =
            [("order", CREATED), ("order", UPDATED), ("order", DELETED), ("mail", "mail_sent"), ("mail", "lost")];
        assert_eq!(told.map(|(topic, action)| done(topic, action)), ["created", "changed", "deleted", "sent", "lost"]);
        assert_eq!(done("mail", "mailbox_full"), "mailbox_full");
    }

    #[test]
    fn a_checkpoint_is_a_position_an_event_and_a_time() {
        let checkpoint = |position, number| Checkpoint { position, number: Number(number), ..Checkpoint::default() };
        let position = Position::new(1_795_359_845_123, 4);
        assert_eq!(at(&checkpoint(position, 7)), "1795359845123-4 (event 7), 2026-11-22T15:04:05.123Z");
        assert_eq!(at(&checkpoint(position, 0)), "1795359845123-4, 2026-11-22T15:04:05.123Z");
        assert_eq!(at(&Checkpoint::default()), "before the first event");
    }

    #[test]
    fn rows_are_counted_by_topic() {
        let counts = |counts: &[(&str, u64)]| rows(&counts.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect());
        assert_eq!(counts(&[("cart", 0)]), "none");
        assert_eq!(counts(&[("cart", 1_200), ("mail", 0), ("order", 34)]), "1,234: cart 1,200, order 34");
        assert_eq!([counted(1, "row", "rows"), counted(0, "row", "rows")], ["1 row", "0 rows"]);
    }
}
