//! `retrace replay verify`: what it shows, what it says, how it ends.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use crate::common::{Retrace, Store};
use serde_json::{Value, json};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn verify(history: &Path, args: &[&str]) -> Output {
    let mut command = Retrace::command();
    command.args(["replay", "verify", "--store"]).arg(history).args(args);
    command.env("RETRACE_LOG", "error").stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
fn ended(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_history_that_is_decided_the_same_again_ends_with_0() {
    let history = fixture("ordershop-demo.jsonl");
    let expected = format!(
        "log {}\n  decided      470 decisions again, of 979 entries\n  \
         verdict      the same: today's sagas would do what the log has of them\n",
        history.display()
    );
    assert_eq!(ended(&verify(&history, &[])), (0, expected, String::new()));
}

#[test]
fn a_store_that_holds_the_history_says_the_same() {
    let store = Store::sqlite();
    store.import(&fixture("ordershop-demo.jsonl"));
    let output = store.command(&["replay", "verify", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["same"], &report["decisions"]), (Some(0), &json!(true), &json!(470)));
}

#[test]
fn what_differs_is_shown_field_by_field_and_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let tampered = folder.path().join("tampered.jsonl");
    let text = fs::read_to_string(fixture("ordershop-demo.jsonl")).unwrap();
    let sample = text.lines().find(|line| line.contains("cause") && line.contains("\"events:inventory\"")).unwrap();
    let mut line: Value = serde_json::from_str(sample).unwrap();
    let mut data: Value = serde_json::from_str(line["fields"]["event_data"].as_str().unwrap()).unwrap();
    let amount = data["amount"].as_u64().unwrap();
    data["amount"] = (amount + 1_000).into();
    line["fields"]["event_data"] = data.to_string().into();
    fs::write(&tampered, text.replace(sample, &line.to_string())).unwrap();
    let (code, shown, said) = ended(&verify(&tampered, &[]));
    assert_eq!((code, said.as_str()), (2, ""));
    let mut lines = shown.lines();
    assert!(lines.next().unwrap().starts_with("inventory on order "), "{shown}");
    assert!(lines.next().unwrap().starts_with("  changed    inventory "), "{shown}");
    assert_eq!(lines.next().unwrap().trim(), format!("amount {} → {amount}", amount + 1_000));
    let verdict = shown.lines().last().unwrap();
    assert!(verdict.starts_with("  verdict      DIFFERENT: 1 decision differs"), "{shown}");

    let (code, document, _) = ended(&verify(&tampered, &["--json", "--stop-at-first"]));
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!((code, &document["same"], &document["stopped"]), (2, &json!(false), &json!(true)));
    assert_eq!(document["divergences"][0]["differences"][0]["kind"], "changed");
}

#[test]
fn what_the_domain_does_not_have_is_wrong_usage() {
    let history = fixture("ordershop-demo.jsonl");
    for (args, said) in [
        (["--handler", "crew"], "there is no saga crew; the domain has 4 sagas: crm, inventory, order, shipping"),
        (
            ["--topic", "house"],
            "there is no topic house; the domain has 8 topics: billing, cart, customer, inventory, mail, order, product, \
             shipping",
        ),
    ] {
        assert_eq!(ended(&verify(&history, &args)), (64, String::new(), format!("retrace: {said}\n")));
    }
}

#[test]
fn of_another_programs_history_it_is_told_what_was_inferred_and_in_which_window() {
    let history = fixture("ordershop-v2-small.jsonl");
    let (code, shown, said) = ended(&verify(&history, &[]));
    let end = format!(
        "log {}\n  decided      40 decisions again, of 145 entries\n  \
         inferred     91 effects, by content within 10 s of their causes: 62 exact, 27 alike, 2 beside what is decided\n               \
         ids, the order of different rows and the wording of facts are not compared\n  \
         asked for    54 events that no saga would have appended, taken to be what clients asked for\n  \
         verdict      DIFFERENT: 1 decision differs\n",
        history.display()
    );
    assert_eq!((code, said.as_str()), (2, ""));
    assert!(shown.ends_with(&end), "{shown}");
    assert_eq!(shown.matches("(inferred, alike), from the log to now:").count(), 5);
    assert_eq!(shown.matches("(inferred, beside what is decided); in the log, not decided now").count(), 2);
    // The original takes some 50 ms and more; within less, little is found.
    let (_, shown, _) = ended(&verify(&history, &["--window", "1ms"]));
    assert!(shown.contains("1 effect, by content within 0.001 s of their causes: 1 exact, 0 alike\n"), "{shown}");
    let (code, _, said) = ended(&verify(&history, &["--window", "0s"]));
    assert!(code == 64 && said.contains("expected a length of time like 10s or 2m, up to 1h"), "{said}");
}

#[test]
fn a_snapshot_is_what_the_library_gives_however_the_history_is_named() {
    let history = fixture("out-of-stock.jsonl");
    let expected = replay::snapshot(&ordershop::domain(), &history).unwrap();
    let store = Store::sqlite();
    store.import(&history);
    let path = history.to_str().unwrap();
    let named = Retrace::run(&["replay", "snapshot", path]);
    assert_eq!(ended(&named), (0, expected.clone(), String::new()));
    let as_a_store = Retrace::run(&["replay", "snapshot", "--store", path]);
    assert_eq!(ended(&as_a_store), (0, expected.clone(), String::new()));
    let stored = store.command(&["replay", "snapshot"]).output().unwrap();
    assert_eq!(ended(&stored), (0, expected, String::new()));
}

#[test]
fn a_snapshot_is_of_one_history_that_is_there() {
    let (status, told, talk) = ended(&Retrace::run(&["replay", "snapshot", "a.jsonl", "--store", "memory:"]));
    assert_eq!((status, told.as_str()), (64, ""));
    assert!(talk.contains("the argument '[HISTORY]' cannot be used with '--store <URL>'"), "{talk}");
    let (status, told, talk) = ended(&Retrace::run(&["replay", "snapshot", "not-there.jsonl"]));
    assert_eq!((status, told.as_str()), (69, ""));
    assert!(talk.contains("not-there.jsonl"), "{talk}");
}

#[test]
fn a_snapshot_of_a_row_is_its_part() {
    let history = fixture("out-of-stock.jsonl");
    let path = history.to_str().unwrap();
    let text = fs::read_to_string(&history).unwrap();
    let sold_out = text.lines().find(|line| line.contains("OUT_OF_STOCK")).unwrap();
    let line: Value = serde_json::from_str(sold_out).unwrap();
    let order: Value = serde_json::from_str(line["fields"]["event_data"].as_str().unwrap()).unwrap();
    let row = format!("order/{}", order["entity_id"].as_str().unwrap());
    let expected = "+0.000s order#1 entity_created cart_id: cart#1, status: \"CREATED\"\n  inventory\n    \
                    order#1 entity_updated status: \"CREATED\" → \"OUT_OF_STOCK\"\n\
                    +0.001s order#1 entity_updated status: \"CREATED\" → \"OUT_OF_STOCK\"\n  crm: nothing\n";
    let of = |row: &str| ended(&Retrace::run(&["replay", "snapshot", path, "--of", row]));
    assert_eq!(of(&row), (0, expected.to_owned(), String::new()));
    let nothing = "retrace: no event of the log is about order nobody\n".to_owned();
    assert_eq!(of("order/nobody"), (3, String::new(), nothing));
    let topic = "retrace: --of wants one row, a topic and an id like order/12\n".to_owned();
    assert_eq!(of("order"), (64, String::new(), topic));
}
