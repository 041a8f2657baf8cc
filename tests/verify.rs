//! Decisions of a history made again: all the same, or what was tampered with is found.

use crate::replaying::{events, shop};
use kernel::{DECISIONS, Decision, Domain, Entry, Event, Failure, Occurrence, Saga};
use ordershop::sagas::{CrmSaga, InventorySaga, OrderSaga, ShippingSaga};
use replay::{
    reactions::Scope,
    verify::{
        Difference, Report, Until,
        report::{Cause, Count},
        verify_entries,
    },
};
use runtime::{Commit, Engine, Namespace, StoreUrl};

fn history() -> Vec<Event> {
    events("ordershop-demo.jsonl")
}

fn verified(events: &[Event], scope: Scope) -> Report {
    verify_entries(&ordershop::domain(), events.iter().cloned().map(Entry::Event), scope, Until::End)
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
    let about = (Some(cause), Some(&divergence.handler));
    assert_eq!(about, (event.meta.cause.as_ref(), event.meta.handler.as_ref()), "{report:?}");
    assert!(!report.is_same());
    divergence.differences.iter().map(Difference::kind).collect()
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
    let mut lasts = 0;
    let near_the_end = |index: usize| index + 40 > events.len();
    let reactions = events.iter().enumerate().filter(|(_, event)| is_reaction(event));
    for (index, event) in reactions.filter(|(index, _)| index % 5 == 0 || near_the_end(*index)) {
        let mut without = events.clone();
        without.remove(index);
        let report = verified(&without, Scope::default());
        // Of a saga's last reaction nobody can tell whether it will still come.
        if last(event) && report.waiting + report.on_their_way > 0 {
            lasts += 1;
        } else {
            assert_eq!(only(&report, event), ["missing"], "{} at {}", event.topic, event.position);
        }
    }
    assert_eq!(lasts, 1);
}

/// Every so many reactions of the history, so that each saga and kind of effect is among them.
fn some(events: &[Event]) -> impl Iterator<Item = (usize, &Event)> {
    events.iter().enumerate().filter(|(_, event)| is_reaction(event)).step_by(7)
}

#[test]
fn a_field_that_is_another_one_is_changed() {
    let events = history();
    let fields = [("mail", "recipient"), ("inventory", "amount"), ("order", "cart_id"), ("shipping", "delivered")];
    for (index, event) in some(&events) {
        let (_, field) = fields.iter().find(|(topic, _)| **topic == *event.topic).unwrap();
        let mut data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        let before = data[field].clone();
        data[field] = if before.is_number() { 77_777.into() } else { "somebody".into() };
        let after = data[field].clone();
        let mut changed = events.clone();
        changed[index].data = data.to_string();
        let report = verified(&changed, Scope::default());
        assert_eq!(only(&report, event), ["changed"]);
        let [Difference::Changed { effect, fields }] = report.divergences[0].differences.as_slice() else { panic!() };
        assert_eq!((effect.position, fields.len()), (Some(event.position), 1));
        // The log's comes first, then today's.
        assert_eq!((&fields[0].before, &fields[0].after), (&Some(after), &Some(before)));
    }
}

#[test]
fn effects_that_changed_places_are_reordered() {
    let events = history();
    let mut swaps = 0;
    for index in 1..events.len() {
        let [first, second] = &events[index - 1..=index] else { panic!() };
        let is_pair = is_reaction(first) && first.meta.command.is_none() && first.meta.cause == second.meta.cause;
        if !is_pair || first.meta.handler != second.meta.handler || first.topic == second.topic {
            continue;
        }
        let mut swapped = events.clone();
        let (mut a, mut b) = (first.clone(), second.clone());
        std::mem::swap(&mut a.position, &mut b.position);
        std::mem::swap(&mut a.number, &mut b.number);
        (swapped[index - 1], swapped[index]) = (b, a);
        assert_eq!(only(&verified(&swapped, Scope::default()), first), ["reordered"]);
        swaps += 1;
    }
    assert_eq!(swaps, 56);
}

#[test]
fn an_effect_that_nobody_asks_for_is_extra() {
    let events = history();
    for (index, event) in some(&events) {
        let mut more = events.clone();
        let mut extra = event.clone();
        extra.id = format!("{}-again", event.id);
        extra.position = event.position.successor();
        if extra.meta.command.is_some() {
            extra.meta.command = Some("of nobody".into());
        }
        if events.get(index + 1).is_some_and(|next| next.position <= extra.position) {
            continue;
        }
        more.insert(index + 1, extra);
        assert_eq!(only(&verified(&more, Scope::default()), event), ["extra"]);
    }
}

#[test]
fn the_first_difference_is_enough_if_asked_for() {
    let mut events = history();
    let reactions: Vec<_> =
        events.iter().filter(|event| &*event.topic == "inventory" && is_reaction(event)).cloned().collect();
    let (first, later) = (&reactions[3], &reactions[100]);
    events.retain(|event| event.id != first.id && event.id != later.id);
    let all = verified(&events, Scope::default());
    assert_eq!((all.divergent, all.stopped), (2, false));
    let entries = events.iter().cloned().map(Entry::Event);
    let report = verify_entries(&ordershop::domain(), entries, Scope::default(), Until::FirstDifference);
    assert_eq!((only(&report, first), report.stopped), (vec!["missing"], true));
}

#[test]
fn what_is_found_first_is_what_comes_first() {
    let events = history();
    let reactions: Vec<_> = events.iter().filter(|event| is_reaction(event)).cloned().collect();
    let mut found = 0;
    for (one, other) in reactions.iter().step_by(23).zip(reactions.iter().skip(9).step_by(23)) {
        let (mut torn, doubled) = (events.clone(), Event { id: "again".into(), ..other.clone() });
        torn.retain(|event| event.id != one.id);
        let after = torn.iter().position(|event| event.id == other.id).unwrap() + 1;
        let position = doubled.position.successor();
        if torn.get(after).is_some_and(|next| next.position > position) {
            torn.insert(after, Event { position, number: None, ..doubled });
        }
        let all = verified(&torn, Scope::default());
        let entries = torn.into_iter().map(Entry::Event);
        let first = verify_entries(&ordershop::domain(), entries, Scope::default(), Until::FirstDifference);
        assert_eq!(first.divergences.first(), all.divergences.first());
        assert_eq!((first.divergent, first.stopped), (all.divergent.min(1), all.divergent > 0));
        found += first.divergent;
    }
    assert_eq!(found, 23);
}

#[test]
fn a_hole_in_the_log_is_told() {
    let mut events = history();
    let gone = events.remove(10);
    let report = verified(&events, Scope::default());
    assert_eq!((report.hole, gone.number.map(|number| number.0)), (Some(11), Some(11)));
}

#[test]
fn only_what_was_asked_for_is_decided_again() {
    let mut events = history();
    let gone = events.iter().find(|event| &*event.topic == "shipping" && is_reaction(event)).cloned().unwrap();
    let cause = events.iter().find(|event| Some(&event.id) == gone.meta.cause.as_ref()).cloned().unwrap();
    events.retain(|event| event.id != gone.id);
    let at = cause.position;
    let same = |scope| verified(&events, scope).is_same();
    assert!(!same(Scope { from: at, to: at, ..Scope::default() }));
    assert!(!same(Scope { topic: Some("billing".into()), handler: Some("shipping".into()), ..Scope::default() }));
    assert!(same(Scope { to: at.predecessor(), ..Scope::default() }));
    assert!(same(Scope { topic: Some("customer".into()), ..Scope::default() }));
    assert!(same(Scope { handler: Some("inventory".into()), ..Scope::default() }));
}

#[test]
fn sagas_that_the_log_does_not_know_and_those_that_are_gone_are_told_once() {
    struct Auditor;
    impl Saga for Auditor {
        const NAME: &'static str = "auditor";

        fn triggers() -> &'static [(&'static str, &'static str)] {
            &[("billing", "entity_created")]
        }

        fn reads() -> &'static [&'static str] {
            &[]
        }

        fn react(_: &Occurrence<'_>, decision: &mut Decision<'_>) -> Result<(), Failure> {
            decision.send(&ordershop::Mail { recipient: "office".into(), message: "billed".into() })
        }
    }
    let events = || history().into_iter().map(Entry::Event);
    let all = |shop: Domain| shop.saga::<InventorySaga>().saga::<OrderSaga>().saga::<CrmSaga>();
    let more = shop(|shop| all(shop).saga::<ShippingSaga>().saga::<Auditor>());
    let report = verify_entries(&more, events(), Scope::default(), Until::End);
    assert_eq!(report.never_ran, [Count { handler: "auditor".into(), events: 42 }]);
    assert!(report.is_same());
    let report = verify_entries(&shop(all), events(), Scope::default(), Until::End);
    assert_eq!(report.gone, [Count { handler: "shipping".into(), events: 42 }]);
    assert_eq!((report.is_same(), report.divergent), (false, 0));
}

/// The same history in a store of its own.
async fn imported(url: StoreUrl) -> Engine {
    let topics: Vec<_> = ordershop::domain().topics().map(|topic| topic.name).collect();
    let engine = Engine::open(&url, &Namespace::default(), &topics).await.unwrap();
    let append = history().into_iter().map(runtime::history::draft).collect();
    engine.commit_one(Commit { append, ..Commit::default() }).await.unwrap();
    engine
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_makes_no_difference_and_nothing_is_appended_or_sent() {
    let folder = tempfile::tempdir().unwrap();
    for url in [StoreUrl::Memory, StoreUrl::Sqlite(folder.path().join("log.db"))] {
        let engine = imported(url).await;
        let domain = ordershop::domain();
        let before = (engine.head().await.unwrap(), engine.queues(&domain.services()).await.unwrap());
        let report = replay::verify::verify(&domain, &engine, Scope::default(), Until::End).await.unwrap();
        assert_eq!(report, verified(&history(), Scope::default()));
        let after = (engine.head().await.unwrap(), engine.queues(&domain.services()).await.unwrap());
        assert_eq!(format!("{before:?}"), format!("{after:?}"));
        engine.close().await.unwrap();
    }
}

#[test]
fn what_is_found_does_not_depend_on_how_far_is_read_ahead() {
    let mut events = history();
    let is_stock = |event: &&Event| &*event.topic == "inventory" && is_reaction(event);
    let dropped = events.iter().filter(is_stock).nth(40).unwrap().id.clone();
    events.retain(|event| event.id != dropped);
    let read = |ahead: usize| {
        let entries = events.iter().cloned().map(Entry::Event);
        verify_entries(&ordershop::domain(), entries, Scope { ahead, ..Scope::default() }, Until::End)
    };
    let whole = read(4_096);
    assert_eq!((whole.divergent, whole.unchecked), (1, 0));
    for ahead in [979, 400, 200] {
        assert_eq!(read(ahead), whole, "{ahead}");
    }
    // What can't be made again is no difference.
    for ahead in [100, 30, 10] {
        let report = read(ahead);
        assert!(report.divergent <= 1, "{ahead}: {report:?}");
        assert_eq!(report.unchecked > 0, ahead < 100, "{ahead}");
    }
}
