//! `retrace record`, as a person uses it.

use std::{
    path::{Path, PathBuf},
    process::Output,
};

use crate::common::{Retrace, Store, process::talk};
use serde_json::Value;
use tempfile::TempDir;

const KEY: &str = "a key for tests only";

fn history() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ordershop-demo.jsonl").display().to_string()
}

/// A folder to record into.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Records from the demo's history into a file.
    fn record(&self, name: &str, args: &[&str]) -> Output {
        self.record_from(&history(), name, args)
    }

    fn record_from(&self, store: &str, name: &str, args: &[&str]) -> Output {
        let mut command = Retrace::command();
        command.args(["record", "--store", store, "-o"]).arg(self.file(name)).args(args);
        command.output().unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }
}

fn verify(file: &Path) -> Option<i32> {
    Retrace::run(&["replay", "verify", "--store", file.to_str().unwrap()]).status.code()
}

/// The first order of the history that came to be shipped.
fn order() -> String {
    let text = std::fs::read_to_string(history()).unwrap();
    let line = text.lines().find(|line| line.contains("\"events:shipping\"")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    let data: Value = serde_json::from_str(line["fields"]["event_data"].as_str().unwrap()).unwrap();
    format!("order/{}", data["order_id"].as_str().unwrap())
}

#[test]
fn everything_is_what_an_export_is() {
    let folder = Folder::new();
    let output = folder.record("all.jsonl", &[]);
    assert_eq!(
        (output.status.code(), folder.read("all.jsonl") == std::fs::read_to_string(history()).unwrap()),
        (Some(0), true)
    );
    assert_eq!(
        talk(&output),
        format!("979 events written to {}, up to 1795371914718-1\n", folder.file("all.jsonl").display())
    );
    let output = Retrace::run(&["record", "--store", &history()]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), folder.read("all.jsonl"));
}

#[test]
fn the_closure_of_an_order_names_nobody_and_is_decided_the_same() {
    let folder = Folder::new();
    let output = folder.record("order.jsonl", &["--closure", &order(), "--pseudonyms", KEY]);
    let said = talk(&output);
    let lines: Vec<_> = said.lines().collect();
    let (order, file) = (order().replace('/', " "), folder.file("order.jsonl"));
    let expected = [
        format!("15 events of {order}, and 8 given besides, for what was there before and was read"),
        "11 decisions come out of this part as of the whole log".to_owned(),
        "74 names and addresses are replaced; one that is in no such field of the log, but in a text, can't be known"
            .to_owned(),
        format!("23 events written to {}, up to 1795371913452-6", file.display()),
    ];
    assert_eq!((lines, output.status.code()), (expected.iter().map(String::as_str).collect(), Some(0)));
    assert_eq!(verify(&file), Some(0));
    assert_eq!(folder.read("order.jsonl").matches("mail.example").count(), 0);
    // Without names it is told as the order's part of the whole is, but for the names.
    folder.record("named.jsonl", &["--closure", &self::order()]);
    let part = Retrace::run(&["replay", "snapshot", folder.file("named.jsonl").to_str().unwrap()]);
    let of = self::order();
    let whole = Retrace::run(&["replay", "snapshot", &history(), "--of", &of]);
    assert_eq!((part.stdout.is_empty(), part.stdout == whole.stdout), (false, true));
    // It is a log like any other: it can be brought into a store, and recorded from there.
    let store = Store::sqlite();
    store.import(&file);
    let output = store.command(&["record"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), folder.read("order.jsonl"));
}

#[test]
fn what_would_end_amid_a_decision_ends_with_it() {
    let folder = Folder::new();
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/happy-path.jsonl").display().to_string();
    let output = folder.record_from(&whole, "mid.jsonl", &["--to", "1795381101180-0"]);
    let said = talk(&output);
    let moved = "--to moved to 1795381101180-2, the end of the decision that has events before and behind \
                 1795381101180-0";
    assert_eq!((said.lines().next(), output.status.code()), (Some(moved), Some(0)));
    assert_eq!((folder.read("mid.jsonl").lines().count(), verify(&folder.file("mid.jsonl"))), (15, Some(0)));
}

#[test]
fn what_is_decided_no_more_without_its_cause_is_told() {
    let folder = Folder::new();
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/happy-path.jsonl").display().to_string();
    let told = |name: &str, from: &str, to: &str| {
        let output = folder.record_from(&whole, name, &["--from", from, "--to", to]);
        let report = Retrace::run(&["replay", "verify", "--json", "--store", folder.file(name).to_str().unwrap()]);
        let report: Value = serde_json::from_slice(&report.stdout).unwrap();
        let said = talk(&output).lines().skip(1).take(2).map(str::to_owned).collect::<Vec<_>>();
        (report["decisions"].as_u64().unwrap(), said)
    };
    let given = |count| format!("{count} of them are given too, since their causes lie before --from");
    let nothing = "warning: this part decides nothing and guards nothing".to_owned();
    assert_eq!(told("none.jsonl", "1795381101194-0", "1795381101197-0"), (0, vec![given(4), nothing]));
    let decisions = "2 decisions come out of this part as of the whole log".to_owned();
    assert_eq!(told("some.jsonl", "1795381101194-0", "1795381102347-2"), (2, vec![given(4), decisions]));
}

#[test]
fn a_key_may_come_by_the_environment_and_a_short_one_is_warned_of() {
    let folder = Folder::new();
    folder.record("option.jsonl", &["--pseudonyms", "short"]);
    let mut command = Retrace::command();
    command.args(["record", "--store", &history(), "-o"]).arg(folder.file("variable.jsonl"));
    let output = command.env("RETRACE_PSEUDONYMS", "short").output().unwrap();
    assert_eq!(folder.read("option.jsonl"), folder.read("variable.jsonl"));
    let warning = "warning: a key of less than 16 characters is soon guessed, and names with it";
    assert_eq!(talk(&output).lines().nth(1), Some(warning));
    assert_eq!(verify(&folder.file("option.jsonl")), Some(0));
}

#[test]
fn what_cannot_be_recorded_is_told_and_nothing_is_left_behind() {
    let folder = Folder::new();
    let failure = |args: &[&str]| {
        let output = folder.record("new.jsonl", args);
        assert_eq!(folder.names(), Vec::<String>::new(), "{args:?}");
        (output.status.code().unwrap(), talk(&output))
    };
    let history = history();
    let told = |code: i32, sentence: &str| (code, format!("retrace: {sentence}\n"));
    assert_eq!(
        failure(&["--closure", "order/nobody's"]),
        told(3, &format!("no event is about order nobody's in {history}"))
    );
    assert_eq!(
        failure(&["--closure", &order(), "--to", "1795371912044-5"]),
        told(3, &format!("no event between --from and --to is about {} in {history}", order().replace('/', " ")))
    );
    assert_eq!(
        failure(&["--from", "1795371912044-5", "--to", "1795371912044-3"]),
        told(64, "no event lies between --from 1795371912044-5 and --to 1795371912044-3")
    );
    assert_eq!(failure(&["--closure", "order"]), told(64, "--closure wants one row, a topic and an id like order/12"));
    assert_eq!(failure(&["--pseudonyms", ""]), told(64, "a key for pseudonyms must not be empty"));
    assert_eq!(failure(&["--closure", "ordr/1"]).0, 64);
    assert_eq!(failure(&["--while", "true"]).0, 64, "without --shrink");
    let sentence = "verify finds nothing that differs, so nothing has to stay; say by --while what has to hold";
    assert_eq!(failure(&["--shrink"]), told(1, sentence));
    let sentence = "`false` does not exit with 0 for the whole, so it can't shrink";
    assert_eq!(failure(&["--shrink", "--while", "false"]), told(1, sentence));
    let sentence = "can't run `no-such-command`: the shell exits with 127";
    assert_eq!(failure(&["--shrink", "--while", "no-such-command"]), told(64, sentence));
}

#[test]
fn what_is_there_already_stays() {
    let folder = Folder::new();
    std::fs::write(folder.file("old.jsonl"), "mine").unwrap();
    let output = folder.record("old.jsonl", &[]);
    let sentence = format!("retrace: {} exists already; it is not overwritten\n", folder.file("old.jsonl").display());
    assert_eq!((output.status.code(), talk(&output)), (Some(1), sentence));
    assert_eq!((folder.read("old.jsonl"), folder.names()), ("mine".to_owned(), vec!["old.jsonl".to_owned()]));
}

#[test]
fn a_divergence_shrinks_to_what_shows_it() {
    let folder = Folder::new();
    let text = std::fs::read_to_string(history()).unwrap();
    let is_effect = |line: &&str| line.contains("\"events:inventory\"") && line.contains("\\\"cause\\\"");
    let dropped = text.lines().filter(is_effect).nth(20).unwrap();
    let rest: Vec<_> = text.lines().filter(|line| *line != dropped).collect();
    std::fs::write(folder.file("torn.jsonl"), rest.join("\n")).unwrap();
    let torn = folder.file("torn.jsonl").display().to_string();
    let output = folder.record_from(&torn, "small.jsonl", &["--shrink", "--pseudonyms", KEY]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let said = talk(&output);
    let kept = "kept: inventory on order entity_created: missing inventory entity_updated";
    let lines: Vec<_> = said.lines().take(2).collect();
    assert_eq!(lines, [kept, "16 events of 978 are about it, or were read"]);
    assert_eq!((folder.read("small.jsonl").lines().count(), verify(&folder.file("small.jsonl"))), (4, Some(2)));
}

#[test]
fn a_history_shrinks_while_a_command_says_so() {
    let folder = Folder::new();
    let output = folder.record("small.jsonl", &["--shrink", "--while", "grep -q CLEARED"]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let text = folder.read("small.jsonl");
    assert_eq!((text.lines().count(), text.contains("CLEARED")), (1, true));
}

#[test]
fn whoever_interrupts_shrinking_gets_what_is_left_so_far_and_nothing_else() {
    let (folder, beside) = (Folder::new(), Folder::new());
    let (listed, here) = (beside.file("listed"), folder.file(""));
    // The first try interrupts, and lists what is there at that time.
    let interrupt = format!("ls -A '{}' >'{}'; kill -INT $PPID", here.display(), listed.display());
    let holds = format!("test -e '{}' || {{ {interrupt}; }}; grep -q CLEARED", listed.display());
    let output = folder.record("small.jsonl", &["--shrink", "--while", &holds]);
    let said = talk(&output);
    assert_eq!((output.status.code(), beside.read("listed")), (Some(0), String::new()), "{said}");
    let stopped = "stopped by a signal, so fewer may do: `retrace record --shrink --store` with the file goes on";
    assert_eq!(said.lines().nth(1), Some(stopped), "{said}");
    assert!(folder.read("small.jsonl").contains("CLEARED"));
    assert_eq!(folder.names(), ["small.jsonl"]);
}
