//! Parts of logs, recorded: they replay as the whole log does.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{collections::BTreeSet, path::PathBuf};

use kernel::{Entry, Event, Meta, Number};
use replay::{
    reactions::Scope,
    record::{self, Part, Window},
    verify::{Report, Until, verify_entries},
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
    verify_entries(&ordershop::domain(), part.entries.iter().cloned(), Scope::default(), Until::End)
}

async fn closure(engine: &Engine, (topic, id): &(String, String)) -> Part {
    record::closure(&ordershop::domain(), engine, (topic, id), Window::default()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_closure_of_a_row_is_decided_as_the_whole_log_is() {
    let engine = fixture("ordershop-demo.jsonl").await;
    let all = events(&engine).await;
    let (mut decisions, mut moved) = (0, 0);
    for row in rows(&all).iter().filter(|(topic, _)| topic != "order").step_by(9) {
        let part = closure(&engine, row).await;
        let report = verified(&part);
        assert!(report.is_same(), "{row:?}: {report:?}");
        assert_eq!(report.decisions, part.decisions as u64, "{row:?}");
        decisions += part.decisions;
        moved += part.moved;
    }
    assert_eq!((decisions, moved), (225, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_closure_of_an_order_is_no_more_than_what_its_decisions_need() {
    let engine = fixture("ordershop-demo.jsonl").await;
    let all = events(&engine).await;
    let orders = rows(&all).into_iter().filter(|(topic, _)| topic == "order");
    let mut sizes = Vec::new();
    for row in orders {
        let part = closure(&engine, &row).await;
        assert!(verified(&part).is_same(), "{row:?}");
        let mut is_given = 0;
        for (entry, number) in part.entries.into_iter().zip(1..) {
            let event = event(entry);
            let before = all.iter().find(|before| before.id == event.id).unwrap();
            assert_eq!(event.number, Some(Number(number)));
            if event.meta.given {
                is_given += 1;
                let given = Meta { given: true, ..Meta::default() };
                assert_eq!((&event.data, &event.action, &event.meta), (&before.data, &before.action, &given));
                assert!(event.position <= before.position);
            } else {
                assert_eq!(Event { number: before.number, ..event.clone() }, *before);
            }
        }
        sizes.push((part.own.len(), is_given));
        assert!(part.own.len() + is_given <= all.len() / 20, "{row:?}");
    }
    assert_eq!(sizes.len(), 56);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_decided_as_it_was_on_what_was_there_before() {
    let engine = fixture("ordershop-demo.jsonl").await;
    let all = events(&engine).await;
    // First and last event; how many are given; how many decisions there are.
    let ranges = [(0, 978, 0, 470), (300, 600, 120, 149), (600, 978, 97, 181), (0, 400, 0, 182), (500, 501, 5, 1)];
    for (first, last, given, decisions) in ranges {
        let window = Window { from: all[first].position, to: all[last].position };
        let part = record::range(&ordershop::domain(), &engine, window).await.unwrap();
        let report = verified(&part);
        assert!(report.is_same(), "{first} to {last}: {report:?}");
        let is_inside = |entry: &&Entry| window.from <= entry.position();
        let inside = part.entries.iter().filter(is_inside).count();
        assert_eq!((inside, part.entries.len()), (last - first + 1, last - first + 1 + given), "{first} to {last}");
        assert_eq!(part.decisions, decisions, "{first} to {last}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_there_has_no_closure() {
    let engine = fixture("ordershop-demo.jsonl").await;
    let part = record::closure(&ordershop::domain(), &engine, ("order", "nobody's"), Window::default()).await.unwrap();
    assert!(part.is_none());
}
