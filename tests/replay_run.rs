//! `retrace replay run`: what it prints, and what it never does to a terminal.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use crate::common::{self, Retrace, Store};
use serde_json::{Value, json};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn run(history: &Path, args: &[&str]) -> Output {
    let mut command = Retrace::command();
    command.args(["replay", "run"]).arg(history).args(args).stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
fn shown(output: &Output) -> String {
    assert_eq!((output.status.code(), common::process::talk(output)), (Some(0), String::new()));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn each_event_is_told_with_what_it_changed_and_what_is_decided() {
    let text = shown(&run(&fixture("ordershop-demo.jsonl"), &["--from", "1795371912615-0", "--to", "1795371912615-0"]));
    let expected = "\
2026-11-22T18:25:12.615Z  +0.571 s  1795371912615-0 (event 147)
  order 97e28c0e-7faa-52d0-a058-471a84940597 created: cart_id \"28140ac1-0b5c-5b34-84d2-741ce019c3f1\", status \"CREATED\"
  by a client, with command 416600e7-9e6f-483a-bf6e-7785aac02519
  inventory decides the same as the log has
    same    inventory 3cf27cf4-48df-5fa4-9236-dc499bf664ee changed: amount 76 → 75
    same    order 97e28c0e-7faa-52d0-a058-471a84940597 changed: status \"CREATED\" → \"IN_STOCK\"

1 event, 1 decision: 1 the same as the log has
";
    assert_eq!(text, expected);
}

#[test]
fn what_is_no_step_is_counted_as_verify_counts_it() {
    let history = fixture("happy-path.jsonl");
    let last = |args: &[&str]| shown(&run(&history, args)).lines().last().unwrap().to_owned();
    assert_eq!(last(&[]), "49 events and 2 recorded decisions; 33 decisions: 33 the same as the log has");
    assert_eq!(last(&["--to", "1-0"]), "0 events, 0 decisions");
    let of_shipping = last(&["--handler", "shipping"]);
    assert!(!of_shipping.contains("recorded"), "{of_shipping}");
    let verify = Retrace::command().args(["replay", "verify"]).arg(&history).output().unwrap();
    assert!(shown(&verify).contains("33 decisions again, of 51 entries"));
}

#[test]
fn what_the_log_holds_otherwise_is_told_from_the_log_to_now() {
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("h.jsonl");
    let text = fs::read_to_string(fixture("ordershop-demo.jsonl")).unwrap();
    let line = text.lines().find(|line| line.contains("\\\"amount\\\":75}") && line.contains("3cf27cf4")).unwrap();
    let wrong = line.replace("\\\"amount\\\":75}", "\\\"amount\\\":74}");
    fs::write(&history, text.replace(line, &wrong)).unwrap();
    let text = shown(&run(&history, &["--from", "1795371912615-0", "--to", "1795371912615-0"]));
    let inventory = "inventory 3cf27cf4-48df-5fa4-9236-dc499bf664ee";
    let expected = format!(
        "  inventory decides something DIFFERENT from the log\n    changed {inventory} changed: amount 76 → 75\n      from the log to now: amount 74 → 75\n"
    );
    assert!(text.contains(&expected), "{text}");
    assert!(text.ends_with("1 event, 1 decision: 1 that DIFFERS\n"), "{text}");
}

#[test]
fn programs_get_one_object_a_line_from_any_store() {
    let store = Store::sqlite();
    store.import(&fixture("ordershop-demo.jsonl"));
    let from_store = store.command(&["replay", "run", "--json"]).output().unwrap();
    let text = shown(&run(&fixture("ordershop-demo.jsonl"), &["--json"]));
    assert_eq!(text, shown(&from_store));
    let steps: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(steps.len(), 806);
    let step = steps.iter().find(|step| step["event"]["position"] == "1795371912615-0").unwrap();
    assert_eq!((&step["elapsed_us"], &step["change"]["kind"]), (&json!(571_000), &json!("created")));
    let decision = &step["decisions"][0];
    assert_eq!((&decision["handler"], &decision["verdict"]), (&json!("inventory"), &json!("same")));
    let stock = json!({
        "mark": "same", "kind": "event", "inferred": false, "id": decision["effects"][0]["id"], "topic": "inventory",
        "action": "entity_updated", "key": "3cf27cf4-48df-5fa4-9236-dc499bf664ee",
        "position": decision["effects"][0]["position"], "fields": {"amount": [76, 75]}, "differs": {},
    });
    assert_eq!(decision["effects"][0], stock);
}

#[test]
fn nothing_of_an_event_steers_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("h.jsonl");
    let evil = "a\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\u{7f}\r\nb";
    let line = |topic: &str, position: u64, action: &str, data: &Value| {
        json!({"stream": format!("events:{topic}"), "id": format!("{position}-0"),
            "fields": {"event_id": evil, "event_action": action, "event_data": data.to_string()}})
        .to_string()
    };
    let customer = json!({"entity_id": evil, "name": evil, "email": evil});
    let meta = json!({"cause": evil, "handler": evil}).to_string();
    let mut caused: Value = serde_json::from_str(&line("customer", 3, "entity_updated", &customer)).unwrap();
    caused["fields"]["event_meta"] = meta.into();
    let strange = line(&format!("x{evil}"), 2, evil, &json!(evil));
    fs::write(&history, [line("customer", 1, "entity_created", &customer), strange, caused.to_string()].join("\n"))
        .unwrap();
    for args in [&[][..], &["--json"]] {
        let text = shown(&run(&history, args));
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert_eq!(text.chars().find(|c| steers(*c)), None, "{text:?}");
        assert!(text.contains(r"\u001b") || text.contains(r"\u{1b}"), "{text}");
    }
    let steps = shown(&run(&history, &["--json"]));
    let first: Value = serde_json::from_str(steps.lines().next().unwrap()).unwrap();
    assert_eq!(first["event"]["key"], evil, "programs get it as it is");
    assert_eq!(steps.lines().count(), 3);
}

#[test]
fn whoever_has_had_enough_may_go() {
    let mut command = Retrace::command();
    command.args(["replay", "run"]).arg(fixture("ordershop-v2-busy.jsonl"));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), common::process::talk(&output)), (Some(0), String::new()));
}

#[test]
fn what_can_not_be_stepped_through_is_said() {
    let demo = fixture("ordershop-demo.jsonl");
    let ended = |output: Output| (output.status.code().unwrap(), common::process::talk(&output));
    let (code, said) = ended(run(Path::new("none.jsonl"), &[]));
    assert_eq!(code, 69);
    assert!(said.starts_with("retrace: store none.jsonl is unavailable: "), "{said}");
    let (code, said) = ended(run(&demo, &["--handler", "crew"]));
    let sagas = "there is no saga crew; the domain has 4 sagas: crm, inventory, order, shipping";
    assert_eq!((code, said), (64, format!("retrace: {sagas}\n")));
    let (code, said) = ended(run(&demo, &["--store", "memory:"]));
    assert_eq!(code, 64);
    assert!(said.contains("cannot be used with"), "{said}");
}
