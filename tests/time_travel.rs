//! `retrace at`, `retrace diff` and `retrace rebuild --timeline`: what they show, what they say, how they end.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::common::{self, Retrace, Store, process::talk, until};
use crate::rebuilding::{Rows, counts, digest, fixture, fold, lines};
use kernel::Position;
use serde_json::{Value, json};

type Line = (Position, String, Value);

/// The busy history and its lines in log order.
fn busy() -> (PathBuf, Vec<Line>) {
    let history = fixture("ordershop-v2-busy");
    let lines = lines(&history);
    (history, lines)
}

/// A run on a store that is named by the last arguments.
fn on(store: &[String], args: &[&str]) -> Output {
    let mut command = Retrace::command();
    command.args(args).args(store).env("RETRACE_LOG", "error").stdin(Stdio::null());
    command.output().unwrap()
}

fn history(path: &Path) -> Vec<String> {
    vec!["--store".into(), path.display().to_string()]
}

/// Standard output as JSON.
#[track_caller]
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn when(position: Position) -> String {
    position.time().unwrap().to_string()
}

/// What `--json` says of a position in a foreign log, which has no numbers.
fn cut(position: Position) -> Value {
    let time = (position > Position::ZERO).then(|| when(position));
    json!({"position": position, "number": 0, "time": time})
}

/// Some places in the log, far apart and near each other.
const PLACES: [usize; 7] = [0, 1, 2, 700, 1_339, 2_601, 2_677];

/// One sentence and the exit code, and nothing on standard output.
#[track_caller]
fn ends(store: &[String], args: &[&str], code: i32, sentence: &str) {
    let output = on(store, args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", talk(&output));
    assert_eq!(text(&output), "", "{args:?}");
    if code == 64 {
        assert!(talk(&output).contains(sentence), "{args:?}: {}", talk(&output));
    } else {
        assert_eq!(talk(&output), format!("retrace: {sentence}\n"), "{args:?}");
    }
}

#[test]
fn the_whole_state_is_that_of_a_rebuild_stopped_there() {
    let (path, lines) = busy();
    let store = history(&path);
    for place in PLACES {
        let position = lines[place].0;
        let rows = fold(&lines[..=place]);
        let mut expected = cut(position);
        expected["digest"] = json!(digest(&rows).to_string());
        expected["rows"] = counts(&rows);
        let is = json(&on(&store, &["at", &position.to_string(), "--json"]));
        assert_eq!(is, expected);
        let to = position.to_string();
        let rebuilt = json(&on(&store, &["rebuild", "--into", "memory", "--to", &to, "--json"]));
        assert_eq!((&is["digest"], &is["rows"]), (&rebuilt["digest"], &rebuilt["rows"]), "{to}");
        // Times are those of the wall clock, to the microsecond.
        let time = when(position);
        assert_eq!(json(&on(&store, &["at", &time, "--json"])), expected, "{time}");
        let next = position.successor().to_string();
        if place + 1 < lines.len() && lines[place + 1].0 > position.successor() {
            assert_eq!(json(&on(&store, &["at", &next, "--json"])), expected, "between two events");
        }
    }
    let rebuilt = json(&on(&store, &["rebuild", "--into", "memory", "--json"]));
    // The history is older than that.
    for at in ["now", "-10m", "-1h30m"] {
        let is = json(&on(&store, &["at", "--json", at]));
        assert_eq!((&is["position"], &is["digest"]), (&rebuilt["checkpoint"]["position"], &rebuilt["digest"]), "{at}");
    }
}

/// The same as an answer's rows.
fn of_topic(rows: &Rows, topic: &str) -> Value {
    let keyed =
        |(key, row): (&String, &String)| json!({"key": key, "row": serde_json::from_str::<Value>(row).unwrap()});
    rows[topic].iter().map(keyed).collect()
}

#[test]
fn a_topic_is_its_rows_as_they_were_one_a_line() {
    let (path, lines) = busy();
    let store = history(&path);
    for place in [1_339, 2_677] {
        let (position, rows) = (lines[place].0, fold(&lines[..=place]));
        for topic in ["order", "mail", "shipping"] {
            let output = on(&store, &["at", &position.to_string(), topic]);
            let expected: String = rows[topic].values().map(|row| format!("{row}\n")).collect();
            assert_eq!((text(&output), output.status.code()), (expected, Some(0)), "{topic}");
            let count = rows[topic].len();
            assert_eq!(talk(&output), format!("{topic} at {position}, {}: {count} rows\n", when(position)));
            let mut expected = cut(position);
            expected["topic"] = json!(topic);
            expected["digest"] = json!(digest(&Rows::from([(topic.to_owned(), rows[topic].clone())])).to_string());
            expected["rows"] = of_topic(&rows, topic);
            assert_eq!(json(&on(&store, &["at", &position.to_string(), topic, "--json"])), expected);
        }
    }
}

/// An order that was created, taken out of stock and deleted: its id, and where each of its events stands.
const ORDER: &str = "8638dadd-145b-400e-bfdc-9c45b64d9523";
const CREATED: &str = "1795342547-110641";
const UPDATED: &str = "1795342547-183679";
const DELETED: &str = "1795342668-446295";

#[test]
fn a_row_is_told_field_by_field_with_what_made_it_so() {
    let (path, lines) = busy();
    let store = history(&path);
    let subject = format!("order/{ORDER}");
    let event = |position: &str| {
        let line = lines.iter().find(|(at, topic, _)| at.to_string() == position && topic == "order").unwrap();
        line.2["event_id"].as_str().unwrap().to_owned()
    };
    let cart = "7849e157-3f8b-457d-9489-6678cc05aaef";
    for (at, since, action, status) in [
        (CREATED, CREATED, "entity_created", "CREATED"),
        ("1795342547-183678", CREATED, "entity_created", "CREATED"),
        (UPDATED, UPDATED, "entity_updated", "OUT_OF_STOCK"),
        ("1795342668-446294", UPDATED, "entity_updated", "OUT_OF_STOCK"),
    ] {
        let position = lines.iter().map(|line| line.0).filter(|p| *p <= at.parse().unwrap()).max().unwrap();
        let output = on(&store, &["at", at, &subject]);
        let by = format!("{action} at {since}, {}, by event {}", when(since.parse().unwrap()), event(since));
        let expected = format!(
            "order {ORDER} at {position}, {}\n  since      {by}\n  entity_id  \"{ORDER}\"\n  cart_id    \"{cart}\"\n  \
             status     \"{status}\"\n",
            when(position)
        );
        assert_eq!((text(&output), talk(&output)), (expected, String::new()), "{at}");
        let mut expected = cut(position);
        expected["topic"] = json!("order");
        expected["key"] = json!(ORDER);
        expected["row"] = json!({"entity_id": ORDER, "cart_id": cart, "status": status});
        expected["since"] = json!({
            "position": since, "time": when(since.parse().unwrap()), "action": action, "event": event(since),
            "command": null, "cause": null, "handler": null,
        });
        assert_eq!(json(&on(&store, &["at", at, &subject, "--json"])), expected, "{at}");
    }
    let deleted = format!("{DELETED}, {}, by event {}", when(DELETED.parse().unwrap()), event(DELETED));
    let here = format!("order {ORDER} does not exist at {DELETED}, {}", when(DELETED.parse().unwrap()));
    ends(&store, &["at", DELETED, &subject], 3, &format!("{here}; it was deleted at {deleted}"));
    let output = on(&store, &["at", DELETED, &subject, "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let document = json(&output);
    assert_eq!((&document["row"], &document["absence"]["deleted"]["event"]), (&Value::Null, &json!(event(DELETED))));

    let before = lines.iter().map(|line| line.0).filter(|p| *p < CREATED.parse().unwrap()).max().unwrap();
    let created = format!("{CREATED}, {}, by event {}", when(CREATED.parse().unwrap()), event(CREATED));
    let there = format!("at {before}, {}", when(before));
    let sentence = format!("order {ORDER} does not exist {there}; it is created later, at {created}");
    ends(&store, &["at", &before.to_string(), &subject], 3, &sentence);
    let first = lines[0].0;
    let start = format!("before the first event, which is at {first}, {}", when(first));
    let sentence = format!("order {ORDER} does not exist {start}; it is created later, at {created}");
    ends(&store, &["at", "0-0", &subject], 3, &sentence);
    ends(&store, &["at", "now", "order/a/b"], 3, "no order a/b has ever existed");
    ends(&store, &["at", "1-0", "order/x"], 3, &format!("no order x has ever existed, and none {start}"));
}

#[test]
fn bad_input_has_a_clear_answer_and_its_exit_code() {
    let (path, lines) = busy();
    let store = history(&path);
    let head = lines.last().unwrap().0;
    let is = format!("{head}, the head of the log ({})", when(head));
    let topics = "it has billing, cart, customer, inventory, mail, order, product, shipping";
    let after = head.successor().to_string();
    for (subcommand, more) in [("at", &[][..]), ("diff", &["0-0"])] {
        let ask = |moment: &str, what: &[&str], code: i32, sentence: &str| {
            ends(&store, &[&[subcommand], more, &[moment], what].concat(), code, sentence);
        };
        ask("soon", &[], 64, "\"soon\" is no moment; expected a position like 1795341904815-0");
        ask("-10", &[], 64, "\"-10\" is no moment");
        ask("now", &["wood"], 64, &format!("retrace: the domain has no topic wood; {topics}"));
        ask("now", &["wood/1"], 64, &format!("retrace: the domain has no topic wood; {topics}"));
        ask("now", &["order/"], 64, "expected a topic like order, or a topic and an id like order/12");
        ask(&after, &[], 3, &format!("position {after} lies after {is}"));
        ask("2999-01-01T00:00:00Z", &["order"], 3, &format!("2999-01-01T00:00:00Z lies after {is}"));
        ask("now", &["order/x"], 3, "no order x has ever existed");
        ask(
            "now",
            &["--timeline", "none.timeline"],
            3,
            "there is no timeline none.timeline; `retrace rebuild --timeline` makes it",
        );
    }
    assert_eq!(on(&store, &["at"]).status.code(), Some(64));
    assert_eq!(on(&store, &["diff", "now"]).status.code(), Some(64));
    let none = ["--store".to_owned(), "none.jsonl".to_owned()];
    assert_eq!(on(&none, &["at", "now"]).status.code(), Some(69));

    let first = lines[0].0;
    let before = format!("before the first event, which is at {first}, {}", when(first));
    let nothing = format!("everything {before}\n  rows        none\n  digest      {}\n", "0".repeat(32));
    let output = on(&store, &["at", &first.predecessor().to_string()]);
    assert_eq!((text(&output), output.status.code()), (nothing, Some(0)));
    let output = on(&store, &["at", "0-0", "order"]);
    assert_eq!((text(&output), talk(&output)), (String::new(), format!("order {before}: 0 rows\n")));
    assert_eq!(output.status.code(), Some(0));
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.jsonl");
    std::fs::write(&empty, "").unwrap();
    let output = on(&history(&empty), &["at", "now"]);
    let nothing =
        format!("everything in the log, which is empty\n  rows        none\n  digest      {}\n", "0".repeat(32));
    assert_eq!((text(&output), output.status.code()), (nothing, Some(0)));
    ends(&history(&empty), &["at", "1-0"], 3, "position 1-0 lies after 0-0, the head of the log, which is empty");
}

/// What changed between two sets of rows, as `--json` tells it, but for the fields.
fn changed(before: &Rows, after: &Rows) -> Vec<Value> {
    let mut changes = Vec::new();
    for topic in before.keys() {
        let mut keys: Vec<_> = before[topic].keys().chain(after[topic].keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            let [before, after] = [before, after].map(|rows| rows[topic].get(key));
            let kind = match (before, after) {
                (None, _) => "created",
                (_, None) => "deleted",
                (Some(_), Some(_)) => "changed",
            };
            if before != after {
                let row = |row: Option<&String>| row.map(|row| serde_json::from_str::<Value>(row).unwrap());
                let [before, after] = [row(before), row(after)];
                changes.push(json!({"topic": topic, "key": key, "kind": kind, "before": before, "after": after}));
            }
        }
    }
    changes
}

#[test]
fn a_difference_is_that_of_the_rows() {
    let (path, lines) = busy();
    let store = history(&path);
    for (from, to) in [(0, 1), (700, 2_677), (2_677, 700), (2_600, 2_640)] {
        let [before, after] = [from, to].map(|place| fold(&lines[..=place]));
        let [from, to] = [from, to].map(|place: usize| lines[place].0);
        let output = on(&store, &["diff", &from.to_string(), &to.to_string(), "--json"]);
        let mut is = json(&output);
        for change in is["changes"].as_array_mut().unwrap() {
            let fields = change.as_object_mut().unwrap().remove("fields").unwrap();
            for (name, values) in fields.as_object().unwrap() {
                let field = |row: &Value| row.get(name).cloned().unwrap_or(Value::Null);
                assert_eq!(*values, json!([field(&change["before"]), field(&change["after"])]), "{change}");
                assert_ne!(values[0], values[1], "{change}");
            }
        }
        let expected = changed(&before, &after);
        assert_eq!(is["count"], expected.len());
        assert_eq!((&is["from"], &is["to"], &is["changes"]), (&cut(from), &cut(to), &json!(expected)));
        assert_eq!((output.status.code(), talk(&output)), (Some(2), String::new()));
    }
}

#[test]
fn a_difference_is_printed_row_by_row() {
    let (path, _) = busy();
    let store = history(&path);
    let head = |from: &str, to: &str| {
        let line = |name: &str, at: &str| format!("{name:<4} at {at}, {}\n", when(at.parse().unwrap()));
        line("from", from) + &line("to", to)
    };
    let subject = format!("order/{ORDER}");
    let row = |status: &str| {
        format!(r#"{{"entity_id":"{ORDER}","cart_id":"7849e157-3f8b-457d-9489-6678cc05aaef","status":"{status}"}}"#)
    };
    for (from, to, block, summary) in [
        (CREATED, UPDATED, format!("~ order {ORDER}: status \"CREATED\" → \"OUT_OF_STOCK\"\n"), "1 changed"),
        (UPDATED, CREATED, format!("~ order {ORDER}: status \"OUT_OF_STOCK\" → \"CREATED\"\n"), "1 changed"),
        (UPDATED, DELETED, format!("- order {ORDER} {}\n", row("OUT_OF_STOCK")), "1 deleted"),
        (DELETED, CREATED, format!("+ order {ORDER} {}\n", row("CREATED")), "1 created"),
    ] {
        let output = on(&store, &["diff", from, to, &subject]);
        let expected = format!("{}{block}1 row differs: order {summary}\n", head(from, to));
        assert_eq!((text(&output), talk(&output), output.status.code()), (expected, String::new(), Some(2)));
    }
    let output = on(&store, &["diff", CREATED, CREATED]);
    assert_eq!(text(&output), format!("{}no row differs\n", head(CREATED, CREATED)));
    assert_eq!((talk(&output), output.status.code()), (String::new(), Some(0)));
    let output = on(&store, &["diff", "-2m", "-1m"]);
    assert!(text(&output).ends_with("no row differs\n") && output.status.code() == Some(0), "{output:?}");
    let output = on(&store, &["diff", DELETED, "now", &subject]);
    assert_eq!((text(&output), output.status.code()), (String::new(), Some(3)));
    assert!(talk(&output).contains("; it was deleted at "), "{}", talk(&output));
}

/// What `at` prints of everything.
fn state(store: &[String], at: &str) -> Value {
    json(&on(store, &["at", at, "--json"]))
}

#[test]
fn a_running_system_keeps_its_timeline_and_others_ask_it() {
    for store in [Store::sqlite(), Store::redis()] {
        let (args, folder) = (store.args(), tempfile::tempdir().unwrap());
        let file = match &store {
            Store::Sqlite(folder) => folder.path().join("ordershop.db.timeline"),
            Store::Redis { .. } | Store::Url(_) | Store::Memory => folder.path().join("deeper/shop.timeline"),
        };
        let mut command = store.command(&["up", "--listen", "127.0.0.1:0"]);
        let named = ["--timeline".to_owned(), file.display().to_string()];
        let is_redis = matches!(store, Store::Redis { .. });
        let asked = if is_redis { [&*args, &named].concat() } else { args };
        if is_redis {
            command.args(&named);
        }
        let up = common::Process::start(command.args(["--timeline-keep", "30d"]));
        let http = up.http();
        let id = http.create("/customer", &json!({"name": "Ann", "email": "ann@shop.example"})).remove(0);
        // Whoever is gone is not welcomed.
        until("the welcome is sent", || (http.get("/mails/sent").as_array().unwrap().len() == 1).then_some(()));
        let replaced = http.send("PUT", &format!("/customer/{id}"), r#"{"name":"Bea","email":"ann@shop.example"}"#);
        let deleted = http.send("DELETE", &format!("/customer/{id}"), "");
        let header = |answer: &common::http::Answer, name: &str| answer.headers[name].to_str().unwrap().to_owned();
        let [at, gone] = [&replaced, &deleted].map(|answer| header(answer, "retrace-position"));

        let bea = json!({"entity_id": id, "name": "Bea", "email": "ann@shop.example"});
        let past = http.try_get(&format!("/customer/{id}?at={at}"));
        assert_eq!((header(&past, "retrace-position"), past.result()), (at.clone(), bea.clone()));
        let row = json(&on(&asked, &["at", &at, &format!("customer/{id}"), "--json"]));
        assert_eq!((&row["row"], &row["position"]), (&bea, &json!(at)));
        assert_eq!(row["since"]["command"], header(&replaced, "retrace-command"));
        let absent = talk(&on(&asked, &["at", &gone, &format!("customer/{id}")]));
        let by = format!(" of command {}\n", header(&deleted, "retrace-command"));
        assert!(absent.contains(&format!("; it was deleted at {gone}, ")) && absent.ends_with(&by), "{absent}");

        let whole = state(&asked, "now");
        let status = http.get("/api/v1/status");
        assert_eq!((&whole["position"], &whole["number"]), (&status["head"]["position"], &status["head"]["number"]));
        assert_eq!(whole["digest"], status["read_model"]["state"]["digest"]);
        let standing = &status["timeline"]["standing"];
        assert_eq!(standing["place"], format!("sqlite://{}", file.display()));
        assert!(standing["bytes"].as_u64() > Some(0) && standing["stale"] == false, "{status}");
        let mail = json(&on(&asked, &["diff", "0-0", "now", "mail", "--json"]));
        let mail = mail["changes"][0]["key"].as_str().unwrap().to_owned();
        let sent = text(&on(&asked, &["at", "now", &format!("mail/{mail}")]));
        assert!(sent.contains("  mail_sent at ") && sent.contains(" of command "), "{sent}");
        let told = [&["status"][..], &if is_redis { vec!["--timeline", &named[1]] } else { vec![] }].concat();
        let told = text(&store.command(&told).env("RETRACE_LOG", "error").output().unwrap());
        assert!(told.contains(&format!("timeline      sqlite://{}\n  position    ", file.display())), "{told}");

        // Made anew beside the one who keeps it, it answers the same, and is kept on.
        let rebuilt = if is_redis {
            let timeline = named[1].as_str();
            store.command(&["rebuild", "--timeline", timeline, "--json"]).env("RETRACE_LOG", "error").output().unwrap()
        } else {
            on(&asked, &["rebuild", "--timeline", "--json"])
        };
        let built = json(&rebuilt);
        assert_eq!((&built["checkpoint"]["position"], &built["events"]), (&whole["position"], &whole["number"]));
        assert_eq!(state(&asked, "now"), whole);
        assert_eq!(state(&asked, &at)["rows"]["customer"], 1);
        http.create("/customer", &json!({"name": "Cem", "email": "c@shop.example"}));
        assert_eq!(http.get("/customers?at=now"), http.get("/customers"));
        assert!(up.stop().success());
        assert_eq!(state(&asked, &at)["rows"]["customer"], 1);
    }
}

#[test]
fn the_timeline_is_made_anew_in_bulk() {
    let (path, lines) = busy();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("busy.timeline");
    let (history, named) = (history(&path), file.to_str().unwrap());
    let rebuild = |args: &[&str]| on(&history, &[&["rebuild", "--timeline", named], args].concat());
    let output = rebuild(&[]);
    let said = text(&output);
    let head = lines.last().unwrap().0;
    let entities: usize = fold(&lines).iter().filter(|(topic, _)| *topic != "mail").map(|(_, rows)| rows.len()).sum();
    let expected = format!(
        "timeline sqlite://{named} is built\n  log         {}\n  position    {head}, {}\n  entities    {entities}\n  size        ",
        path.display(),
        when(head)
    );
    assert!(said.starts_with(&expected) && said.contains("\n  read        2,678 events in "), "{said}");
    assert_eq!((talk(&output), output.status.code()), (String::new(), Some(0)));
    let asked = [&*history, &["--timeline".to_owned(), named.to_owned()]].concat();
    for place in PLACES {
        let position = lines[place].0.to_string();
        assert_eq!(state(&asked, &position), state(&history, &position), "{position}");
    }
    let again = json(&rebuild(&["--json"]));
    assert_eq!((&again["into"], &again["events"]), (&json!(format!("sqlite://{named}")), &json!(2_678)));

    for (args, code, sentence) in [
        (
            &["rebuild", "--timeline"][..],
            64,
            "is kept in memory; there is nothing to build; name a file, --timeline FILE",
        ),
        (&["rebuild", "--timeline", "--to", "now"], 64, "--to"),
        (&["rebuild", "--timeline", "--into", "memory"], 64, "--into"),
        (&["rebuild", "--timeline", "--memory", "10"], 64, "--memory"),
    ] {
        let output = on(&history, args);
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        assert!(talk(&output).contains(sentence), "{args:?}: {}", talk(&output));
    }
    let other = folder.path().join("other.timeline");
    std::fs::write(&other, "no timeline at all, but a text that is long enough to be looked at").unwrap();
    let broken = on(&history, &["at", "now", "--timeline", other.to_str().unwrap()]);
    assert_eq!(broken.status.code(), Some(0));
    assert!(talk(&broken).contains(&format!("store sqlite://{} ", other.display())), "{}", talk(&broken));
}

#[test]
fn how_long_versions_are_kept_is_said_in_words_that_mean_something() {
    for keep in ["1mo", "soon", "-1d", "0s"] {
        let mut command: Command = Retrace::command();
        let output = command.args(["up", "--store", "memory:", "--timeline-keep", keep]).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{keep}");
        assert!(talk(&output).contains("expected all, or a length of time like 30d, 12h or 90m"), "{}", talk(&output));
    }
}

#[test]
fn a_timeline_of_another_log_answers_nothing_wrong_and_stops_nobody() {
    let (store, other) = (Store::sqlite(), Store::sqlite());
    other.import(&fixture("ordershop-v2-small"));
    assert!(on(&other.args(), &["rebuild", "--timeline"]).status.success());
    let Store::Sqlite(folder) = &other else { unreachable!() };
    let file = folder.path().join("ordershop.db.timeline");
    let mut command = store.command(&["up", "--listen", "127.0.0.1:0", "--timeline", file.to_str().unwrap()]);
    let up = common::Process::start(command.env("RETRACE_LOG", "off"));
    let http = up.http();
    let id = http.create("/customer", &json!({"name": "Ann", "email": "ann@shop.example"})).remove(0);
    let refused = http.try_get("/customers?at=now");
    let (status, sentence) = refused.error();
    assert_eq!(status, 503, "{sentence}");
    assert!(sentence.starts_with("the log does not continue from 1795341913-640795 "), "{sentence}");
    assert!(sentence.contains("; `retrace rebuild --timeline` makes a timeline anew"), "{sentence}");
    assert_eq!(http.get(&format!("/customer/{id}"))["name"], "Ann", "what is now is served all the same");
    let named = ["--timeline", file.to_str().unwrap()].map(str::to_owned);
    let asked = [&*store.args(), &named].concat();
    for args in [&["at", "now"][..], &["at", "now", "order"], &["at", "now", "order/1"], &["diff", "0-0", "now"]] {
        let output = on(&asked, args);
        assert_eq!((output.status.code(), text(&output)), (Some(1), String::new()), "{args:?}");
        assert!(talk(&output).contains("; `retrace rebuild --timeline` makes a timeline anew"), "{}", talk(&output));
    }
    assert!(text(&on(&asked, &["status"])).contains("`retrace rebuild --timeline` makes it anew"));
    let args = ["rebuild", "--timeline", &named[1]];
    assert!(on(&store.args(), &args).status.success());
    assert_eq!(state(&asked, "now")["rows"]["customer"], 1);
    assert!(up.stop().success());
}
