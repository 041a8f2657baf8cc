//! Decisions of a history made again: all the same, or what was tampered with is found.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::PathBuf;

use kernel::{DECISIONS, Entry, Event};
use replay::verify::{Difference, Report, Scope, report::Cause, verify_entries};

fn history() -> Vec<Event> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/ordershop-demo.jsonl");
    let event = |entry| match entry {
        Entry::Event(event) => event,
        Entry::Junk(junk) => panic!("{junk:?}"),
    };
    runtime::history::read(&file).unwrap().into_iter().map(event).collect()
}

fn verified(events: &[Event], scope: Scope) -> Report {
    verify_entries(&ordershop::domain(), events.iter().cloned().map(Entry::Event), scope)
}

fn is_reaction(event: &Event) -> bool {
    event.meta.cause.is_some() && &*event.topic != DECISIONS
}

/// The kind of each difference of the only divergence, which must be in the reaction that `event` is of.
fn only(report: &Report, event: &Event) -> Vec<&'static str> {
    let [divergence] = report.divergences.as_slice() else {
        panic!(
            "{} at {}: {} {}",
            event.topic,
            event.position,
            report.divergences.len(),
            serde_json::to_string(&report).unwrap()
        )
    };
    let cause = match &divergence.event {
        Cause::Known(mention) => &mention.id,
        Cause::Unknown { id } => id,
    };
    assert_eq!((Some(cause), Some(&divergence.handler)), (event.meta.cause.as_ref(), event.meta.handler.as_ref()));
    assert!(!report.is_same());
    divergence.differences.iter().map(kind).collect()
}

const fn kind(difference: &Difference) -> &'static str {
    match difference {
        Difference::Missing(_) => "missing",
        Difference::Extra(_) => "extra",
        Difference::Changed { .. } => "changed",
        Difference::Reordered { .. } => "reordered",
        Difference::Fails { .. } => "fails",
    }
}

#[test]
fn a_history_of_this_program_is_decided_the_same_again() {
    let report = verified(&history(), Scope::default());
    assert_eq!(report.divergences, []);
    assert_eq!(report, Report { entries: 979, decisions: 470, ..Report::default() });
}

#[test]
fn an_effect_that_is_not_there_is_missing() {
    let events = history();
    let last = |event: &Event| {
        let same = |other: &&Event| other.meta.handler == event.meta.handler && other.meta.cause != event.meta.cause;
        events.iter().rfind(same).is_none_or(|other| other.position < event.position)
    };
    for (index, event) in events.iter().enumerate().filter(|(_, event)| is_reaction(event)) {
        let mut without = events.clone();
        without.remove(index);
        let report = verified(&without, Scope::default());
        // Nobody can tell that the last of all will not come yet.
        if report.is_same() && last(event) {
            assert_eq!(report.waiting + report.on_their_way, 1, "{} at {}", event.topic, event.position);
        } else {
            assert_eq!(only(&report, event), ["missing"], "{} at {}", event.topic, event.position);
        }
    }
}
