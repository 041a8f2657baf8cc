//! A history that is not as it should be is refused whole, with its file, line and reason, by every command.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use crate::common::{Retrace, Store};

/// Every command that reads a history, without the options that name it.
const READING: [&[&str]; 12] = [
    &["replay", "verify"],
    &["replay", "run"],
    &["replay", "snapshot"],
    &["at", "now"],
    &["at", "now", "--json"],
    &["diff", "0-0", "now"],
    &["history", "order/1"],
    &["trace", "1"],
    &["audit"],
    &["rebuild", "--into", "memory"],
    &["export"],
    &["status"],
];

fn lines() -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/ordershop-demo.jsonl");
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

fn ended(args: &[&str], history: &Path) -> (i32, String, String) {
    let output = Retrace::command().args(args).arg("--store").arg(history).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// How a sound history of this program is spoiled, in which line, and what is said of it.
fn cases() -> Vec<(&'static str, Vec<u8>, u64, String)> {
    let sound = lines();
    let with = |number: usize, line: String| {
        let mut lines = sound.clone();
        lines[number - 1] = line;
        format!("{}\n", lines.join("\n")).into_bytes()
    };
    let id = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    let tenth = &sound[9];
    let (first, second) = (&sound[0], &sound[1]);
    assert_eq!([stream(first), stream(second)], ["events:product", "events:product"]);
    let mut cut = format!("{}\n", sound[..100].join("\n")).into_bytes();
    cut.truncate(cut.len() - 25);
    let last = sound[99].len() - 24;
    vec![
        ("cut line", cut, 100, format!("the file was cut short in the middle of it, after {last} bytes")),
        ("bad JSON", with(10, tenth.replacen(':', ";", 1)), 10, "no JSON: expected `:` (column 10)".to_owned()),
        (
            "unknown action",
            with(2, second.replace("entity_created", "entity_vanished")),
            2,
            "topic product can't read it: unknown action entity_vanished; product knows entity_created, \
             entity_updated, entity_deleted"
                .to_owned(),
        ),
        (
            "repeated position",
            with(2, second.replace(&id(second), &id(first))),
            2,
            format!("position {} of topic product stands in line 1 already", id(first)),
        ),
        (
            "positions going back",
            with(2, second.replace(&id(second), "1795371912043-9")),
            2,
            format!("position 1795371912043-9 of topic product goes back behind {}, which stands in line 1", id(first)),
        ),
        (
            "newer schema",
            with(10, tenth.replace("{\\\"command\\\"", "{\\\"schema\\\":9,\\\"command\\\"")),
            10,
            "event format 9 is newer than 1, the newest known here; use the version of this program that wrote it"
                .to_owned(),
        ),
        (
            "event number going back",
            with(10, tenth.replace("\"event_number\":\"10\"", "\"event_number\":\"9\"")),
            10,
            "event 9 comes after event 9, which stands in line 9".to_owned(),
        ),
        ("blank line", with(10, String::new()), 10, "the line is blank, and other lines follow".to_owned()),
        (
            "wrong stream",
            with(10, tenth.replace("events:", "evens:")),
            10,
            format!("stream \"{}\" is not named events:<topic>", stream(tenth).replace("events:", "evens:")),
        ),
        (
            "number that is no number",
            with(10, tenth.replace("\"event_number\":\"10\"", "\"event_number\":\"ten\"")),
            10,
            "event_number is \"ten\", which is no number".to_owned(),
        ),
        (
            "not UTF-8",
            [b"\xff\xfe".as_slice(), &with(1, first.clone())].concat(),
            1,
            "byte 1 is 0xff, which is no UTF-8".to_owned(),
        ),
    ]
}

fn stream(line: &str) -> String {
    serde_json::from_str::<serde_json::Value>(line).unwrap()["stream"].as_str().unwrap().to_owned()
}

fn said(history: &Path, line: u64, reason: &str) -> String {
    format!(
        "retrace: store {} holds something unreadable at line {line}: {reason}; nothing was read; mend the line, or \
         export the log again\n",
        history.display()
    )
}

#[test]
fn every_command_names_the_line_of_a_corrupt_history_and_shows_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    for (index, (name, bytes, line, reason)) in cases().into_iter().enumerate() {
        let history = folder.path().join(format!("{index}.jsonl"));
        fs::write(&history, bytes).unwrap();
        let expected = (1, String::new(), said(&history, line, &reason));
        // Opening is the same for all of them, so one case is enough for each of the others.
        let commands = if name == "unknown action" { &READING[..] } else { &READING[..1] };
        for args in commands {
            assert_eq!(ended(args, &history), expected, "{name}: {args:?}");
        }
    }
}

#[test]
fn an_import_of_a_corrupt_history_appends_nothing() {
    for store in [Store::sqlite(), Store::redis()] {
        let folder = tempfile::tempdir().unwrap();
        let history = folder.path().join("h.jsonl");
        for (name, bytes, line, reason) in cases() {
            fs::write(&history, bytes).unwrap();
            let output = store.command(&["import"]).arg(&history).output().unwrap();
            let talk = String::from_utf8(output.stderr).unwrap();
            assert_eq!((output.status.code(), talk), (Some(1), said(&history, line, &reason)), "{name}");
        }
        // Another history finds the store empty.
        store.import(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/ordershop-v2-small.jsonl"));
        let exported = store.command(&["export"]).output().unwrap();
        assert_eq!(String::from_utf8(exported.stdout).unwrap().lines().count(), 145);
    }
}

#[test]
fn a_file_that_is_no_history_fills_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("disk.jsonl");
    File::create(&history).unwrap().set_len(8 << 30).unwrap();
    let expected = said(&history, 1, "the line is longer than 67108864 bytes, which is the most");
    assert_eq!(ended(&["replay", "verify"], &history), (1, String::new(), expected));
}

#[test]
fn what_other_systems_add_to_a_file_is_no_corruption() {
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("h.jsonl");
    fs::write(&history, format!("{}\n", lines().join("\n"))).unwrap();
    let plain = ended(&["export"], &history);
    assert_eq!(plain.0, 0);
    fs::write(&history, format!("\u{feff}{}\r\n\r\n", lines().join("\r\n"))).unwrap();
    assert_eq!(ended(&["export"], &history), plain);
    fs::write(&history, "").unwrap();
    assert_eq!(ended(&["export"], &history), (0, String::new(), "the log is empty\n".to_owned()));
}
