//! What the original wrote is served as the original served it, but for its defects.

use std::{collections::BTreeMap, fs, path::PathBuf};

use crate::common::{self, Http, Store};
use serde_json::{Value, json};

const TOPICS: [&str; 7] = ["customers", "products", "inventories", "carts", "orders", "billings", "shippings"];

/// Routes that the original derived from several topics, by the name of its answer.
const DERIVED: [(&str, &str); 6] = [
    ("orders_unbilled", "/orders/unbilled"),
    ("orders_unshipped", "/orders/unshipped"),
    ("orders_delivered", "/orders/delivered"),
    ("mails_sent", "/mails/sent"),
    ("report", "/report"),
    ("report_orders", "/report/orders"),
];

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// What the original's API answered at the end of a run, by route.
fn recorded(history: &str) -> BTreeMap<String, Value> {
    let text = fs::read_to_string(fixture(&format!("{history}.http.json"))).unwrap();
    let answers: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let name = |file: String| file.trim_end_matches(".json").to_owned();
    answers.into_iter().map(|(file, answer)| (name(file), answer["result"].clone())).collect()
}

/// Scalars as text, lists of entities by id: what may differ between two programs that mean the same.
fn comparable(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(comparable).collect();
            if items.iter().all(|item| item.get("entity_id").is_some()) {
                items.sort_by_key(|item| item["entity_id"].to_string());
            }
            Value::Array(items)
        }
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), comparable(value))).collect(),
        Value::String(text) => json!(text),
        Value::Null => Value::Null,
        scalar @ (Value::Bool(_) | Value::Number(_)) => json!(scalar.to_string()),
    }
}

fn serves_as_recorded(http: &Http, history: &str) {
    let recorded = recorded(history);
    for topic in TOPICS {
        let served = comparable(&http.get(&format!("/{topic}")));
        assert_eq!(served, comparable(&recorded[topic]), "{history}: {topic}");
    }
    for (name, route) in DERIVED {
        let served = comparable(&http.get(route));
        let expected = match (history, name) {
            ("ordershop-v2-busy", "orders_delivered") => only_delivered(&recorded[name]),
            _ => recorded[name].clone(),
        };
        assert_eq!(served, comparable(&expected), "{history}: {route}");
    }
}

/// Defect 12 of the original: `/orders/delivered` lists every shipping, since the text "0" is true. Of the
/// 149 that it lists, the 49 that were never delivered do not belong there.
fn only_delivered(listed: &Value) -> Value {
    let shippings = listed.as_array().unwrap();
    let delivered: Vec<_> =
        shippings.iter().filter(|shipping| comparable(&shipping["delivered"]) != "0").cloned().collect();
    assert_eq!((shippings.len(), delivered.len()), (149, 100));
    Value::from(delivered)
}

fn import_and_serve(store: &Store, history: &str) {
    store.import(&fixture(&format!("{history}.jsonl")));
    let up = store.up();
    common::until("the read model has the whole history", || {
        let status = up.http().try_get("/readyz");
        (status.status == 200).then_some(())
    });
    serves_as_recorded(up.http(), history);
    let mails = up.http().get("/mails/sent").as_array().unwrap().len();
    assert_eq!(
        up.http().create("/product", &json!({"name": "New", "price": 1})).len(),
        1,
        "the shop goes on from there"
    );
    assert_eq!(up.http().get("/mails/sent").as_array().unwrap().len(), mails, "nobody is welcomed again");
}

#[test]
fn the_small_history_on_the_embedded_store() {
    import_and_serve(&Store::sqlite(), "ordershop-v2-small");
}

#[test]
fn the_busy_history_on_the_embedded_store() {
    import_and_serve(&Store::sqlite(), "ordershop-v2-busy");
}

#[test]
fn the_small_history_on_redis() {
    import_and_serve(&Store::redis(), "ordershop-v2-small");
}

#[test]
fn the_busy_history_on_redis() {
    import_and_serve(&Store::redis(), "ordershop-v2-busy");
}

#[test]
fn what_is_imported_is_exported_again() {
    for store in [Store::sqlite(), Store::redis()] {
        let history = fixture("ordershop-v2-busy.jsonl");
        store.import(&history);
        let exported = store.command(&["export"]).output().unwrap();
        assert!(exported.status.success());
        let line = |line: &str| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            line["fields"].as_object_mut().unwrap().remove("event_number");
            line.to_string()
        };
        let sorted = |text: &str| {
            let mut lines: Vec<_> = text.lines().map(line).collect();
            lines.sort();
            lines
        };
        let original = fs::read_to_string(&history).unwrap();
        assert_eq!(sorted(&String::from_utf8(exported.stdout).unwrap()), sorted(&original));

        let again = store.command(&["import"]).arg(fixture("ordershop-v2-small.jsonl")).output().unwrap();
        assert_eq!(again.status.code(), Some(1));
        let talk = String::from_utf8(again.stderr).unwrap();
        assert!(talk.contains("already; a history goes into an empty --namespace"), "{talk}");
    }
}
