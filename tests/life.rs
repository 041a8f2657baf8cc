//! `retrace history` and `retrace trace`: a row's life and an event's causes and effects, as people and programs are
//! told of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::{Output, Stdio},
};

use crate::common::{Retrace, process::talk};
use kernel::{DECISIONS, Entry, Event};
use serde_json::{Value, json};

const BUSY: &str = "ordershop-v2-busy";
const DEMO: &str = "ordershop-demo";

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("{name}.jsonl"))
}

fn events(name: &str) -> Vec<Event> {
    let event = |entry| match entry {
        Entry::Event(event) => event,
        Entry::Junk(junk) => panic!("{junk:?}"),
    };
    runtime::history::read(&file(name)).unwrap().into_iter().map(event).collect()
}

fn run(history: &str, args: &[&str]) -> Output {
    let mut command = Retrace::command();
    command.args(args).arg("--store").arg(file(history)).env("RETRACE_LOG", "error").stdin(Stdio::null());
    command.output().unwrap()
}

/// What a run printed, which must have gone well.
#[track_caller]
fn told(history: &str, args: &[&str]) -> String {
    let output = run(history, args);
    assert_eq!((output.status.code(), talk(&output)), (Some(0), String::new()), "{args:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn json(history: &str, args: &[&str]) -> Value {
    let text = told(history, &[args, &["--json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// One sentence and the exit code, and nothing on standard output.
#[track_caller]
fn ends(history: &str, args: &[&str], code: i32, sentence: &str) {
    let output = run(history, args);
    assert_eq!((output.status.code(), &*output.stdout), (Some(code), &b""[..]), "{args:?}: {}", talk(&output));
    assert!(talk(&output).contains(sentence), "{args:?}: {}", talk(&output));
}

const INFERRED: &str = "\ninferred: the log does not say why; today's sagas would have done this for that reason\n";

#[test]
fn an_order_is_told_from_its_creation_to_its_delivery() {
    let expected = r#"order 927c0322-c1af-454b-b6e7-7453dc6a8e6f

2026-11-22T10:15:01.815747Z  1795342501-815747
  created: cart_id "84f02ac7-d6a1-4b51-b3f8-325f5e23b376", status "CREATED"
  by a client, as far as anybody can tell

2026-11-22T10:15:01.889009Z  1795342501-889009
  changed: status "CREATED" → "IN_STOCK"
  because this order was created 73 ms before (saga inventory, inferred)

2026-11-22T10:16:44.624677Z  1795342604-624677
  changed: status "IN_STOCK" → "CLEARED"
  because billing f3ffdb0a-3ae6-4ee0-a041-263b49d19d45 was created 35 ms before (saga order, inferred)

2026-11-22T10:16:44.694883Z  1795342604-694883
  changed: status "CLEARED" → "SHIPPED"
  because shipping 069d63df-6958-4089-81a1-d5a8b3910eca was created 101 ms before (saga order, inferred)

2026-11-22T10:17:43.886034Z  1795342663-886034
  changed: status "SHIPPED" → "DELIVERED"
  because shipping 069d63df-6958-4089-81a1-d5a8b3910eca was changed 46 ms before (saga order, inferred)
"#;
    let is = told(BUSY, &["history", "order/927c0322-c1af-454b-b6e7-7453dc6a8e6f"]);
    assert_eq!(is, format!("{expected}{INFERRED}\n5 versions\n"));
}

/// Taken out of stock and deleted.
const DELETED: &str = "order/8638dadd-145b-400e-bfdc-9c45b64d9523";
const DELETED_LIFE: [&str; 3] = [
    r#"
2026-11-22T10:15:47.110641Z  1795342547-110641
  created: cart_id "7849e157-3f8b-457d-9489-6678cc05aaef", status "CREATED"
  by a client, as far as anybody can tell
"#,
    r#"
2026-11-22T10:15:47.183679Z  1795342547-183679
  changed: status "CREATED" → "OUT_OF_STOCK"
  because this order was created 73 ms before (saga inventory, inferred)
"#,
    r#"
2026-11-22T10:17:48.446295Z  1795342668-446295
  deleted, it was: cart_id "7849e157-3f8b-457d-9489-6678cc05aaef", status "OUT_OF_STOCK"
  by a client, as far as anybody can tell
"#,
];

#[test]
fn what_was_deleted_is_told_with_its_end_and_parts_of_it_alone() {
    let title = DELETED.replace('/', " ");
    let [created, out, deleted] = DELETED_LIFE;
    let is = |args: &[&str]| told(BUSY, &[&["history", DELETED], args].concat());
    assert_eq!(is(&[]), format!("{title}\n{created}{out}{deleted}{INFERRED}\n3 versions\n"));
    assert_eq!(is(&["--to", "1795342668-446294"]), format!("{title}\n{created}{out}{INFERRED}\n2 versions\n"));
    assert_eq!(is(&["--from", "1795342547-183679"]), format!("{title}\n{deleted}\n1 version\n"));
    assert_eq!(is(&["--from", "2026-11-22T10:16:00Z"]), format!("{title}\n{deleted}\n1 version\n"));
    let some = format!("{title}\n{out}{INFERRED}\n1 version\n");
    assert_eq!(is(&["--from", "1795342547-110641", "--to", "1795342547-183679"]), some);
    let first = "\nthe first 1 version; for the others, --from 1795342547-110641\n";
    assert_eq!(is(&["--limit", "1"]), format!("{title}\n{created}{first}"));
    let next = is(&["--limit", "1", "--from", "1795342547-110641"]);
    let first = "\nthe first 1 version; for the others, --from 1795342547-183679\n";
    assert_eq!(next, format!("{title}\n{out}{INFERRED}{first}"));
    assert_eq!(is(&["--limit", "3"]), is(&[]));
    let nothing = format!("{title}\nnothing happened to it in that time\n");
    assert_eq!(is(&["--from", "1795342668-446295"]), nothing, "it is over");
    assert_eq!(is(&["--from", "1795342547-183679", "--to", "1795342600-0"]), nothing, "while it lived");
}

#[test]
fn a_stock_is_told_with_the_orders_that_took_from_it() {
    let all = events(BUSY);
    let id = "105b58f1-9171-4f00-8241-a6d9490e0285";
    let life = json(BUSY, &["history", &format!("inventory/{id}")]);
    assert_eq!((&life["topic"], &life["key"], &life["more"]), (&json!("inventory"), &json!(id), &json!(false)));
    let data = |event: &Event| serde_json::from_str::<Value>(&event.data).unwrap();
    let of_it = |event: &&Event| &*event.topic == "inventory" && data(event)["entity_id"] == id;
    let expected: Vec<_> = all.iter().filter(of_it).collect();
    let chapters = life["chapters"].as_array().unwrap();
    assert_eq!((chapters.len(), expected.len()), (4, 4));
    let mut before = Value::Null;
    for (chapter, event) in chapters.iter().zip(expected) {
        let mention = json!({
            "id": event.id, "topic": "inventory", "action": event.action, "key": id, "position": event.position,
            "number": null, "time": event.position.time().unwrap().to_string(),
        });
        assert_eq!((&chapter["event"], &chapter["before"], &chapter["after"]), (&mention, &before, &data(event)));
        if before.is_null() {
            assert_eq!((&chapter["kind"], &chapter["origin"]), (&json!("created"), &json!({})));
        } else {
            let amounts = json!({"amount": [before["amount"], data(event)["amount"]]});
            assert_eq!((&chapter["kind"], &chapter["fields"]), (&json!("changed"), &amounts));
            let Value::Object(origin) = &chapter["origin"] else { panic!("{chapter}") };
            let cause = all.iter().find(|event| origin["cause"]["id"] == event.id).unwrap();
            assert_eq!((&*cause.topic, cause.action.as_str()), ("order", kernel::CREATED));
            assert_eq!((&origin["handler"], &origin["inferred"]), (&json!("inventory"), &json!("exact")));
            assert_eq!(origin.len(), 3);
        }
        before = data(event);
    }
}

#[test]
fn a_customer_goes_and_a_mail_is_what_was_written() {
    let is = told(BUSY, &["history", "customer/c38765d4-d21a-408c-a052-4b466e87fcc8"]);
    let expected = r#"customer c38765d4-d21a-408c-a052-4b466e87fcc8

2026-11-22T10:14:52.448994Z  1795342492-448994
  created: name "Gjgbsxrb", email "gjgbsxrb@shop.example"
  by a client, as far as anybody can tell

2026-11-22T10:17:53.518678Z  1795342673-518678
  deleted, it was: name "Gjgbsxrb", email "gjgbsxrb@shop.example"
  by a client, as far as anybody can tell

2 versions
"#;
    assert_eq!(is, expected);
    let expected = r#"mail 1795371912263-0

2026-11-22T18:25:12.263Z  1795371912263-0 (event 56)
  sent: recipient "otto.dunmore@mail.example", message "Dear Otto Dunmore,\n\nwelcome to OrderShop! We are glad that you are here.\n\nYours,\nOrderShop"
  because customer 220dfa2a-7a6d-5f82-b9f9-0f783a8143c6 was created 30 ms before (saga crm)

1 version
"#;
    assert_eq!(told(DEMO, &["history", "mail/1795371912263-0"]), expected);
}

#[test]
fn bad_input_has_a_clear_answer_and_its_exit_code() {
    let is = |args: &[&str], code: i32, sentence: &str| ends(BUSY, &[&["history"], args].concat(), code, sentence);
    is(&["wood/1"], 64, "retrace: the domain has no topic wood; it has billing, cart, customer, ");
    is(&["order"], 64, "retrace: whose history? name one order, like order/12\n");
    is(&["order/"], 64, "expected a topic like order, or a topic and an id like order/12");
    is(&[], 64, "<TOPIC/ID>");
    is(&["order/x"], 3, "retrace: no order x has ever existed\n");
    is(&["order/x", "--from", "1795342547-0"], 3, "retrace: no order x has ever existed\n");
    let later = format!("{} does not exist at 1795342501-", DELETED.replace('/', " "));
    is(&[DELETED, "--to", "1795342501-999999"], 3, &later);
    let when = "; it is created later, at 1795342547-110641, 2026-11-22T10:15:47.110641Z, by event ";
    is(&[DELETED, "--to", "1795342501-999999"], 3, when);
    is(&[DELETED, "--to", "0-0"], 3, "does not exist before the first event, ");
    for option in ["--from", "--to"] {
        is(&[DELETED, option, "soon"], 64, "\"soon\" is no moment; expected a position like 1795341904815-0");
        is(&[DELETED, option, "1999999999-0"], 3, "position 1999999999-0 lies after ");
    }
    for limit in ["0", "-1", "many"] {
        is(&[DELETED, &format!("--limit={limit}")], 64, "--limit");
    }
    ends(
        BUSY,
        &["trace", "nobody"],
        3,
        "retrace: no event of the log has, or names, the id nobody; for an entity, `retrace history TOPIC/ID`\n",
    );
    ends(BUSY, &["trace"], 64, "<ID>");
}

#[test]
fn recorded_causes_are_told_and_not_inferred() {
    let all = events(DEMO);
    let by_id: BTreeMap<_, _> = all.iter().map(|event| (event.id.as_str(), event)).collect();
    let mut by_key: BTreeMap<String, Vec<&Event>> = BTreeMap::new();
    for event in all.iter().filter(|event| &*event.topic == "order" || &*event.topic == "customer") {
        let data: Value = serde_json::from_str(&event.data).unwrap();
        by_key.entry(format!("{}/{}", event.topic, data["entity_id"].as_str().unwrap())).or_default().push(event);
    }
    // Those that went through most.
    let mut longest: Vec<_> = by_key.into_iter().collect();
    longest.sort_by_key(|(_, events)| std::cmp::Reverse(events.len()));
    let (subjects, gone) = (longest.iter().take(12), longest.iter().filter(|(_, events)| ends_deleted(events)));
    for (subject, events) in subjects.chain(gone) {
        let life = json(DEMO, &["history", subject]);
        let chapters = life["chapters"].as_array().unwrap();
        assert_eq!((chapters.len(), &life["searched"]), (events.len(), &json!(true)), "{subject}");
        let mut before = &Value::Null;
        for (chapter, event) in chapters.iter().zip(events) {
            assert_eq!((&chapter["event"]["id"], &chapter["before"]), (&json!(event.id), before), "{subject}");
            before = &chapter["after"];
            let origin = &chapter["origin"];
            assert_eq!((origin.get("inferred"), &origin["command"]), (None, &json!(event.meta.command)));
            assert_eq!(origin["handler"], json!(event.meta.handler));
            let cause = event.meta.cause.as_deref().map(|id| by_id[id]);
            assert_eq!(origin["cause"]["id"], json!(event.meta.cause));
            assert_eq!(origin["cause"]["position"], json!(cause.map(|cause| cause.position)));
        }
        let now = run(DEMO, &["at", "now", subject, "--json"]);
        let now: Value = serde_json::from_slice(&now.stdout).unwrap();
        assert_eq!(&now["row"], before, "{subject}");
    }
    let text = told(DEMO, &["history", "order/40103f77-9d6b-55d7-a9fc-52a581d5fe73"]);
    for line in [
        "  by a client, with command a2008531-b4ee-45b4-8156-ae6ea34ac4a1\n",
        "  because this order was created 17 ms before (saga inventory)\n",
        "  because billing a3e97d27-02d7-5f2f-9a6e-54b26615c0d1 was created 48 ms before (saga order)\n",
    ] {
        assert!(text.contains(line) && !text.contains("inferred"), "{line}{text}");
    }
}

fn ends_deleted(events: &[&Event]) -> bool {
    events.last().is_some_and(|event| event.action == kernel::DELETED)
}

/// Takes the marks off a tree and tells of what they were at.
fn marks(node: &mut Value, found: &mut Vec<String>) {
    if node.as_object_mut().unwrap().remove("asked").is_some() {
        let id = if node["kind"] == "command" { &node["id"] } else { &node["event"]["id"] };
        found.push(id.as_str().unwrap().to_owned());
    }
    node["effects"].as_array_mut().unwrap().iter_mut().for_each(|effect| marks(effect, found));
}

/// The tree below an event or command, written from the file: identifiers, and what came of them.
fn tree(all: &[Event], id: &str, is_command: bool) -> Value {
    let of_it = all.iter().filter(|event| {
        let above = if is_command { &event.meta.command } else { &event.meta.cause };
        above.as_deref() == Some(id) && &*event.topic != DECISIONS
    });
    let mut seen = BTreeSet::new();
    let effects: Vec<_> = of_it
        .filter_map(|event| match event.meta.command.as_deref().filter(|_| !is_command) {
            Some(command) => seen.insert(command).then(|| tree(all, command, true)),
            None => Some(tree(all, &event.id, false)),
        })
        .collect();
    json!([id, effects])
}

/// The same of an answer.
fn ids(node: &Value) -> Value {
    let id = if node["kind"] == "command" { &node["id"] } else { &node["event"]["id"] };
    json!([id, node["effects"].as_array().unwrap().iter().map(ids).collect::<Vec<_>>()])
}

/// All identifiers in a tree.
fn flat(tree: &Value, into: &mut Vec<String>) {
    into.push(tree[0].as_str().unwrap().to_owned());
    tree[1].as_array().unwrap().iter().for_each(|effect| flat(effect, into));
}

#[test]
fn a_billing_and_all_that_came_of_it_is_one_tree_from_wherever_it_is_seen() {
    let all = events(DEMO);
    let command = "dbb6a044-f99c-4ade-a9b3-fd4ddc536219";
    let expected = "command dbb6a044-f99c-4ade-a9b3-fd4ddc536219 of a client
└─ billing a3e97d27-02d7-5f2f-9a6e-54b26615c0d1 created  1795371912440-0  2026-11-22T18:25:12.44Z  ◄
   ├─ shipping e03982ea-0d5b-5536-8fdc-26fe0e317ece created, by shipping  1795371912468-2  2026-11-22T18:25:12.468Z
   │  └─ command 5484475d-64c5-5fa7-a718-34cfaddf8c8b of crm
   │     └─ mail sent  1795371912552-1  2026-11-22T18:25:12.552Z
   ├─ order 40103f77-9d6b-55d7-a9fc-52a581d5fe73 changed, by order  1795371912488-4  2026-11-22T18:25:12.488Z
   ├─ order 40103f77-9d6b-55d7-a9fc-52a581d5fe73 changed, by order  1795371912488-5  2026-11-22T18:25:12.488Z
   └─ command e0240d39-3af5-5d38-aa25-4624ca6a84f6 of crm
      └─ mail sent  1795371912552-0  2026-11-22T18:25:12.552Z
6 events
";
    assert_eq!(told(DEMO, &["trace", "3735940b-350c-509a-89f8-bed52338fa46"]), expected);
    let built = tree(&all, command, true);
    let mut everything = Vec::new();
    flat(&built, &mut everything);
    assert_eq!(everything.len(), 9, "six events and three commands");
    let mut first = None;
    for id in &everything {
        let mut trace = json(DEMO, &["trace", id]);
        let mut marked = Vec::new();
        marks(&mut trace["root"], &mut marked);
        assert_eq!(marked, std::slice::from_ref(id));
        assert_eq!(*first.get_or_insert_with(|| trace.clone()), trace, "{id}");
        assert_eq!((&ids(&trace["root"]), &trace["events"]), (&built, &json!(6)));
        assert_eq!((&trace["truncated"], &trace["searched"]), (&json!(false), &json!(true)));
    }
}

#[tokio::test]
async fn every_event_is_once_below_its_cause() {
    let all = events(DEMO);
    let domain = std::sync::Arc::new(ordershop::domain());
    let url = runtime::StoreUrl::History(file(DEMO));
    let engine = runtime::Engine::open(&url, &runtime::Namespace::default(), &[]).await.unwrap();
    let timeline = projector::timeline::Timeline::in_memory(domain.clone(), engine);
    let is_root = |event: &&Event| event.meta.cause.is_none();
    let commands: BTreeSet<_> = all.iter().filter(is_root).map(|event| event.meta.command.clone().unwrap()).collect();
    let mut events = 0;
    for command in &commands {
        let head = all.last().unwrap().position;
        let trace = replay::trace::trace(&timeline, &domain, command, head).await.unwrap().unwrap();
        events += trace.events;
        assert!(trace.searched && !trace.truncated);
        assert_eq!(ids(&serde_json::to_value(&trace.root).unwrap()), tree(&all, command, true));
    }
    let decisions = all.iter().filter(|event| &*event.topic == DECISIONS).count();
    assert_eq!((events, decisions), (all.len() - decisions, 173));
}

#[test]
fn what_the_original_did_is_inferred() {
    let expected = "billing 9840a7d4-c1e7-4d13-820e-1f235ea5eb59 created  1795342560-884390  2026-11-22T10:16:00.88439Z  ◄
├─ shipping be59e52d-17b2-40f9-9ef8-60f226904288 created, by shipping (inferred)  1795342560-889629  2026-11-22T10:16:00.889629Z
│  └─ mail sent, by crm (inferred)  1795342561-157128  2026-11-22T10:16:01.157128Z
├─ order 2def5f87-9a3b-4a13-8823-51a5204c285e changed, by order (inferred)  1795342560-946767  2026-11-22T10:16:00.946767Z
└─ mail sent, by crm (inferred)  1795342561-142897  2026-11-22T10:16:01.142897Z
5 events
";
    let all = events(BUSY);
    let billing = all.iter().find(|event| &*event.topic == "billing").unwrap();
    assert_eq!(told(BUSY, &["trace", &billing.id]), expected);
    let whole = json(BUSY, &["trace", &billing.id]);
    let mut everything = Vec::new();
    flat(&ids(&whole["root"]), &mut everything);
    let unmarked = |mut trace: Value| {
        let mut marked = Vec::new();
        marks(&mut trace["root"], &mut marked);
        (trace, marked)
    };
    for id in everything {
        assert_eq!(unmarked(json(BUSY, &["trace", &id])), (unmarked(whole.clone()).0, vec![id]));
    }
    let fits: Vec<_> = whole["root"]["effects"].as_array().unwrap().iter().map(|effect| &effect["inferred"]).collect();
    assert_eq!(fits, ["exact", "exact", "alike"]);
    assert_eq!(whole["root"].get("inferred"), None);
}
