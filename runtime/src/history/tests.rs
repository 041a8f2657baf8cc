use std::io::Cursor;

use kernel::{Domain, Entity, Field, Topic};
use serde::{Deserialize, Serialize};

use super::{
    reader::{Broken, Reader},
    *,
};
use crate::StoreError;

const FIRST: &str =
    r#"{"stream":"events:order","id":"5-1","fields":{"event_id":"a","event_action":"x","event_data":"{}"}}"#;

#[derive(Serialize, Deserialize)]
struct Order {
    note: String,
}

impl Entity for Order {
    const TOPIC: &'static str = "order";

    fn topic() -> Topic {
        Topic::entity("order", "orders", "order-service", vec![Field::text("note")])
    }
}

fn written(
    bytes: &[u8],
    read: impl FnOnce(&std::path::Path) -> Result<Vec<Entry>, StoreError>,
) -> Result<Vec<Entry>, StoreError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h.jsonl");
    std::fs::write(&path, bytes).unwrap();
    read(&path)
}

fn reading(text: &str) -> Result<Vec<Entry>, StoreError> {
    written(text.as_bytes(), read)
}

/// The line that a history is refused for, and why.
#[track_caller]
fn refused(read: Result<Vec<Entry>, StoreError>) -> String {
    match read {
        Err(StoreError::Corrupt { at, reason, .. }) => {
            let reason = reason.strip_suffix("; nothing was read; mend the line, or export the log again");
            format!("{at}: {}", reason.unwrap())
        }
        other => panic!("{other:?}"),
    }
}

/// Why a line is refused that follows a sound one, and that another one follows.
#[track_caller]
fn refused_line(line: &str) -> String {
    let last = FIRST.replace("5-1", "6-0");
    let refused = refused(reading(&format!("{FIRST}\n{line}\n{last}\n")));
    refused.strip_prefix("line 2: ").unwrap().to_owned()
}

const NO_OBJECT: &str = "no object; expected {\"stream\": …, \"id\": …, \"fields\": …}";

fn next() -> String {
    FIRST.replace("5-1", "5-2")
}

#[test]
fn a_line_that_is_no_entry_is_named_with_the_reason() {
    let next = next();
    let with = |extra: &str| next.replace("\"event_id\"", &format!("{extra},\"event_id\""));
    for (line, reason) in [
        (next[..40].to_owned(), "no JSON: EOF while parsing a string (column 40)"),
        (next.replace("}}", "}]"), "no JSON: expected `,` or `}` (column 99)"),
        (format!("{next} {next}"), "no JSON: trailing characters (column 101)"),
        ("nonsense".to_owned(), NO_OBJECT),
        ("\0\0\0".to_owned(), NO_OBJECT),
        ("[".repeat(100_000), NO_OBJECT),
        ("7".to_owned(), NO_OBJECT),
        (String::new(), "the line is blank, and other lines follow"),
        (" \t".to_owned(), "the line is blank, and other lines follow"),
        (
            next.replace("5-2", "5"),
            "\"5\" is not a position; expected two whole numbers joined by a dash, like 1795341904815-0 (column 33)",
        ),
        (next.replace("5-2", "0-0"), "position 0-0 is before the first event of any log"),
        (next.replace("events:order", "order"), "stream \"order\" is not named events:<topic>"),
        (next.replace("events:order", "events:"), "stream \"events:\" is not named events:<topic>"),
        (
            next.replace("event_action", "action"),
            "unknown field `action`, expected one of `event_id`, `event_action`, `event_data`, `event_number`, `event_meta` (column 69)",
        ),
        (next.replace(",\"event_data\":\"{}\"", ""), "missing field `event_data` (column 80)"),
        (
            next.replace("\"id\"", "\"more\":1,\"id\""),
            "unknown field `more`, expected one of `stream`, `id`, `fields` (column 31)",
        ),
        (next.replace("\"id\"", "\"id\":\"5-2\",\"id\""), "duplicate field `id` (column 40)"),
        (with("\"event_number\":7"), "invalid type: integer `7`, expected a string (column 62)"),
        (FIRST.to_owned(), "position 5-1 of topic order stands in line 1 already"),
        (next.replace("5-2", "5-0"), "position 5-0 of topic order goes back behind 5-1, which stands in line 1"),
    ] {
        assert_eq!(refused_line(&line), reason, "{}", &line[..line.len().min(200)]);
    }
}

#[test]
fn a_file_that_ends_within_a_line_was_cut_short_wherever_that_is() {
    let whole = format!("{FIRST}\n{}", next());
    let all = reading(&whole).unwrap();
    assert_eq!(reading(&format!("{whole}\n")).unwrap(), all);
    for end in FIRST.len() + 2..whole.len() {
        let bytes = end - FIRST.len() - 1;
        let expected = format!("line 2: the file was cut short in the middle of it, after {bytes} bytes");
        assert_eq!(refused(reading(&whole[..end])), expected);
    }
}

#[test]
fn a_cut_within_a_character_is_one_too() {
    let line = FIRST.replace("{}", "é");
    let end = line.find('é').unwrap() + 1;
    let cut = written(&line.as_bytes()[..end], read);
    assert_eq!(refused(cut), format!("line 1: the file was cut short in the middle of it, after {end} bytes"));
}

#[test]
fn what_editors_and_other_systems_add_changes_nothing() {
    let (next, all) = (next(), reading(&format!("{FIRST}\n{}", next())).unwrap());
    for text in [
        format!("{FIRST}\r\n{next}\r\n"),
        format!("\u{feff}{FIRST}\n{next}\n"),
        format!("{FIRST}\n{next}\n\n"),
        format!("{FIRST}\n{next}\r\n\r\n \n"),
        format!(" {FIRST}\t\n{next} "),
    ] {
        assert_eq!(reading(&text).unwrap(), all, "{text:?}");
    }
    for text in ["", "\n", "\u{feff}", "\r\n\r\n"] {
        assert_eq!(reading(text).unwrap(), [], "{text:?}");
    }
    assert_eq!(refused_line(&format!("\u{feff}{next}")), NO_OBJECT, "it belongs in front of the first line");
}

#[test]
fn what_is_not_utf_8_is_told_with_its_place() {
    let sixteen: Vec<u8> = [0xff, 0xfe].into_iter().chain(FIRST.bytes().flat_map(|byte| [byte, 0])).collect();
    assert_eq!(refused(written(&sixteen, read)), "line 1: byte 1 is 0xff, which is no UTF-8");
    let latin = [FIRST.as_bytes(), b"\n{\"stream\":\"\xe9\"}\n"].concat();
    assert_eq!(refused(written(&latin, read)), "line 2: byte 12 is 0xe9, which is no UTF-8");
}

#[test]
fn a_line_has_at_most_so_many_bytes() {
    let with_most = |text: &str, most: usize| {
        let mut reader = Reader::new(Cursor::new(text.as_bytes()), most as u64, None);
        match reader.read() {
            Ok(entries) => Ok(entries.len()),
            Err(Broken::Corrupt(reason)) => Err(format!("{}: {reason}", reader.line)),
            Err(Broken::Unreadable(error)) => panic!("{error}"),
        }
    };
    let (text, length) = (format!("{FIRST}\r\n{}\n", next()), FIRST.len());
    assert_eq!(with_most(&text, length), Ok(2));
    let longer = format!("{FIRST}\n {}   ", next());
    assert_eq!(
        with_most(&longer, length),
        Err(format!("2: the line is longer than {length} bytes, which is the most"))
    );
}

#[test]
fn lines_come_out_in_log_order_and_ties_by_topic() {
    let line = |topic: &str, id: &str| FIRST.replace("order", topic).replace("5-1", id);
    let text = [line("order", "5-3"), line("order", "6-0"), line("b", "5-10"), line("a", "5-10"), line("cart", "5-2")]
        .join("\n");
    let read: Vec<_> =
        reading(&text).unwrap().iter().map(|entry| format!("{} {}", entry.position(), entry.topic())).collect();
    assert_eq!(read, ["5-2 cart", "5-3 order", "5-10 a", "5-10 b", "6-0 order"]);
}

#[test]
fn positions_go_on_within_each_stream_wherever_its_lines_stand() {
    let line = |topic: &str, id: &str| FIRST.replace("order", topic).replace("5-1", id);
    let text = [line("order", "5-3"), line("cart", "5-1"), line("cart", "5-4"), line("order", "5-2")].join("\n");
    assert_eq!(
        refused(reading(&text)),
        "line 4: position 5-2 of topic order goes back behind 5-3, which stands in line 1"
    );
}

#[test]
fn numbers_follow_positions_across_streams_that_stand_one_after_the_other() {
    let line = |topic: &str, id: &str, number: u64| {
        let line = FIRST.replace("order", topic).replace("5-1", id);
        line.replace("\"event_id\"", &format!("\"event_number\":\"{number}\",\"event_id\""))
    };
    let domain = Domain::new("none");
    let read = |lines: [String; 3]| written(lines.join("\n").as_bytes(), |path| read_for(&domain, path));
    let sound = read([line("b", "5-2", 2), line("b", "5-4", 4), line("a", "5-1", 1)]).unwrap();
    assert_eq!(sound.iter().map(|entry| entry.number().unwrap().0).collect::<Vec<_>>(), [1, 2, 4]);
    for (lines, reason) in [
        (
            [line("b", "5-2", 1), line("b", "5-4", 4), line("a", "5-1", 2)],
            "line 1: event 1 comes after event 2, which stands in line 3",
        ),
        (
            [line("b", "5-2", 2), line("b", "5-4", 4), line("a", "5-2", 3)],
            "line 1: position 5-2 stands in line 3 already, of another topic",
        ),
    ] {
        assert_eq!(refused(read(lines)), reason);
    }
}

#[test]
fn an_entry_with_unreadable_extras_is_junk_that_keeps_its_place() {
    let text = FIRST.replace("\"event_id\"", "\"event_number\":\"7\",\"event_meta\":\"{\",\"event_id\"");
    match reading(&text).unwrap().remove(0) {
        Entry::Junk(junk) => {
            assert_eq!((junk.position, junk.number), (Position::new(5, 1), Some(Number(7))));
            assert!(junk.reason.starts_with("event_meta can't be read"), "{}", junk.reason);
        }
        Entry::Event(event) => panic!("{event:?}"),
    }
}

#[test]
fn a_domain_must_be_able_to_read_the_events_of_its_topics() {
    let domain = Domain::new("shop").entity::<Order>();
    let for_it = |text: &str| written(text.as_bytes(), |path| read_for(&domain, path));
    let with_data = |data: &str| {
        let line = FIRST.replace("\"x\"", "\"entity_created\"");
        line.replace("\"{}\"", &serde_json::Value::from(data).to_string())
    };
    let sound = with_data(r#"{"entity_id":"1","note":"a"}"#);
    assert_eq!(for_it(&sound).unwrap().len(), 1);
    assert_eq!(for_it(&sound.replace("order", "house")).unwrap().len(), 1, "a topic that it does not have");
    let next = sound.replace("5-1", "6-0");
    let with = |extra: &str| next.replace("\"event_id\"", &format!("{extra},\"event_id\""));
    let no_number = |given: &str| {
        (with(&format!("\"event_number\":\"{given}\"")), format!("event_number is \"{given}\", which is no number"))
    };
    let no_order = |data: &str, reason: &str| {
        (with_data(data).replace("5-1", "6-0"), format!("topic order can't read it: {reason}"))
    };
    let newer = "event format 2 is newer than 1, the newest known here; use the version of this program that wrote it";
    let meta = "event_meta can't be read: EOF while parsing an object at line 1 column 1";
    let as_of = "event_meta can't be read: invalid type: integer `7`, expected a string at line 1 column 10";
    let action = "topic order can't read it: unknown action entity_lost; order knows entity_created, entity_updated, entity_deleted";
    for (line, reason) in [
        no_number("7x"),
        no_number("-1"),
        no_number(""),
        no_number("99999999999999999999"),
        (with("\"event_meta\":\"{\""), meta.to_owned()),
        (with("\"event_meta\":\"{\\\"as_of\\\":7}\""), as_of.to_owned()),
        (with("\"event_meta\":\"{\\\"schema\\\":2}\""), newer.to_owned()),
        (with("\"event_meta\":\"{\\\"schema\\\":2}\"").replace("order", "house"), newer.to_owned()),
        (next.replace("created", "lost"), action.to_owned()),
        no_order("{", "not a JSON object: EOF while parsing an object at line 1 column 1"),
        no_order(r#"{"note":"a"}"#, "entity_id is missing or no text"),
        no_order(r#"{"entity_id":"1","note":7}"#, "note must be a text, not 7"),
    ] {
        assert_eq!(refused(for_it(&format!("{sound}\n{line}\n"))), format!("line 2: {reason}"));
        let entries = reading(&format!("{sound}\n{line}\n"));
        assert_eq!(entries.map(|entries| entries.len()).ok(), Some(2), "an engine carries on over it: {reason}");
    }
}

#[test]
fn a_line_written_reads_back_as_the_same_event() {
    let text = FIRST
        .replace("\"event_id\"", "\"event_number\":\"7\",\"event_meta\":\"{\\\"cause\\\":\\\"c\\\"}\",\"event_id\"");
    for text in [FIRST.to_owned(), text] {
        let read = reading(&text).unwrap();
        let Entry::Event(event) = &read[0] else { panic!("{read:?}") };
        assert_eq!(reading(&write_line(event)).unwrap(), read);
    }
}
