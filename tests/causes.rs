//! What caused the events of histories that don't say.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use common::{Retrace, Store};
use kernel::{Entry, Event, Meta, Position};
use replay::causes::{Cause, Fit, Inference, Window};

fn history(name: &str) -> Vec<Entry> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("{name}.jsonl"));
    runtime::history::read(&path).unwrap()
}

/// Each event with what was found to have caused it.
fn inferred(entries: &[Entry]) -> Vec<(&Event, Option<Cause>)> {
    let mut inference = Inference::new(&ordershop::domain(), Window::default());
    let taken = entries.iter().map(|entry| match entry {
        Entry::Event(event) => (event, inference.take(entry)),
        Entry::Junk(junk) => panic!("{junk:?}"),
    });
    let taken = taken.collect();
    assert_eq!(inference.failures(), 0);
    taken
}

#[test]
fn busy() {
    let entries = history("ordershop-v2-busy");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let now = std::time::Instant::now();
    let found = inferred(&entries);
    eprintln!("{:?}", now.elapsed());
    let by: BTreeMap<&str, &Event> = found.iter().map(|(event, _)| (event.id.as_str(), *event)).collect();
    for (event, cause) in &found {
        let status = if &*event.topic == "order" {
            serde_json::from_str::<serde_json::Value>(&event.data).unwrap()["status"].as_str().unwrap().to_owned()
        } else { String::new() };
        let because = cause.as_ref().map(|c| format!("{:?} {} on {} {}", c.fit, c.handler, c.topic, by[c.id.as_str()].action));
        *counts.entry(format!("{} {} {status} {because:?}", event.topic, event.action)).or_default() += 1;
    }
    for (k, v) in counts { eprintln!("{v:5} {k}"); }
}

#[test]
fn native() {
    let store = Store::sqlite();
    let shop = store.up();
    let out = Retrace::run(&["demo", "--url", &shop.http().base, "--seed", "1", "--requests", "1500", "--rate", "2000", "--json"]);
    assert!(out.status.success());
    assert!(shop.stop().success());
    let exported = store.command(&["export"]).output().unwrap();
    fs::write("/tmp/h2_native.jsonl", &exported.stdout).unwrap();
    let recorded = runtime::history::read(Path::new("/tmp/h2_native.jsonl")).unwrap();
    let stripped: Vec<Entry> = recorded.iter().map(|e| match e { Entry::Event(e) => Entry::Event(Event { meta: Meta::default(), ..e.clone() }), _ => panic!() }).collect();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let now = std::time::Instant::now();
    let found = inferred(&stripped);
    eprintln!("{:?} {}", now.elapsed(), recorded.len());
    let mut recorded_by = BTreeMap::new();
    for e in &recorded { if let Entry::Event(e) = e { recorded_by.insert(e.id.clone(), e.clone()); } }
    for (event, cause) in &found {
        let r = &recorded_by[&event.id];
        let c = cause.as_ref().map(|c| (c.id.clone(), c.handler.to_owned()));
        let want = r.meta.cause.clone().zip(r.meta.handler.clone());
        let ok = c == want;
        if !ok {
            eprintln!("{} {} {} {}\n   want {want:?} {:?} as of {:?}\n   got {c:?} {:?} {:?}", event.position, event.topic, event.action, event.data,
              want.as_ref().map(|w| recorded_by.get(&w.0).map(|e| e.position)), r.meta.as_of, cause.as_ref().map(|c| recorded_by.get(&c.id).map(|e| e.position)), cause.as_ref().map(|c|c.fit));
        }
        *counts.entry(format!("{} {} recorded {} ok {ok} {:?}", event.topic, event.action, want.is_some(), cause.as_ref().map(|c| c.fit))).or_default() += 1;
    }
    for (k, v) in counts { eprintln!("{v:5} {k}"); }
    let _: Option<Position> = None; let _: Option<Fit> = None;
}
