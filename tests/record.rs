//! Parts of logs, recorded: they replay as the whole log does.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{collections::BTreeSet, path::PathBuf};

use kernel::{Entry, Event};
use replay::{
    record::{self, Part, Window},
    verify::{Report, Scope, verify_entries},
};
use runtime::{Engine, Namespace, StoreUrl};

async fn fixture(name: &str) -> Engine {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    Engine::open(&StoreUrl::History(file), &Namespace::default(), &[]).await.unwrap()
}

async fn events(engine: &Engine) -> Vec<Event> {
    let page = engine.read(&kernel::Checkpoint::default(), usize::MAX).await.unwrap();
    page.entries.into_iter().map(event).collect()
}

fn event(entry: Entry) -> Event {
    match entry {
        Entry::Event(event) => event,
        Entry::Junk(junk) => panic!("{junk:?}"),
    }
}

/// The rows that events are about, by topic and id.
fn rows(events: &[Event]) -> BTreeSet<(String, String)> {
    let domain = ordershop::domain();
    let row = |event: &Event| {
        let topic = domain.topic(&event.topic)?;
        Some((event.topic.to_string(), topic.touch(&event.as_ref()).ok()?.key.into_owned()))
    };
    events.iter().filter_map(row).collect()
}

fn verified(part: &Part) -> Report {
    verify_entries(&ordershop::domain(), part.entries.iter().cloned(), Scope::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_closure_of_any_row_is_decided_as_the_whole_log_is() {
    let engine = fixture("ordershop-demo.jsonl").await;
    let all = events(&engine).await;
    let domain = ordershop::domain();
    for (topic, id) in rows(&all) {
        let part = record::closure(&domain, &engine, (&topic, &id), Window::default()).await.unwrap().unwrap();
        let report = verified(&part);
        assert!(report.is_same(), "{topic}/{id}: {report:?}");
        eprintln!("{topic}/{id}: {} of {}, {} decisions {}, {} moved, {} own", part.entries.len(), all.len(), part.decisions, report.decisions, part.moved, part.own.len());
    }
}
