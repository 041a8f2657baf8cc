//! A history step by step: what each event changed, and what today's sagas decide about it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    path::PathBuf,
    sync::mpsc,
};

use kernel::{DECISIONS, Entry, Event, Position};
use replay::{
    steps::{Effect, Mark, Scope, Step, Verdict, steps, steps_of},
    verify::{Until, report::Cause, verify_entries},
};
use runtime::{Engine, history};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn demo() -> Vec<Event> {
    let event = |entry| match entry {
        Entry::Event(event) => event,
        Entry::Junk(junk) => panic!("{junk:?}"),
    };
    history::read(&fixture("ordershop-demo.jsonl")).unwrap().into_iter().map(event).collect()
}

fn told(events: Vec<Event>, scope: Scope) -> Vec<Step> {
    steps_of(&ordershop::domain(), events.into_iter().map(Entry::Event), scope)
}

fn count<T: Ord>(items: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    items.for_each(|item| *counts.entry(item).or_default() += 1);
    counts
}

fn verdicts(steps: &[Step]) -> BTreeMap<String, usize> {
    count(steps.iter().flat_map(|step| &step.decisions).map(|decision| format!("{:?}", decision.verdict)))
}

#[test]
fn every_decision_of_a_history_of_this_program_is_what_the_log_has() {
    let events = demo();
    let steps = told(events.clone(), Scope::default());
    let places: Vec<_> = steps.iter().map(|step| step.event.position).collect();
    let own = events.iter().filter(|event| &*event.topic != DECISIONS);
    assert_eq!(places, own.map(|event| event.position).collect::<Vec<_>>());
    assert_eq!(verdicts(&steps), BTreeMap::from([("Same".to_owned(), 470)]));
    let effects: Vec<&Effect> = steps.iter().flat_map(|step| &step.decisions).flat_map(|made| &made.effects).collect();
    let reactions = events.iter().filter(|event| event.meta.handler.is_some() && &*event.topic != DECISIONS).count();
    assert_eq!(effects.len(), reactions);
    let held: Vec<_> = effects.iter().map(|effect| effect.position.unwrap()).collect();
    let by_place: BTreeMap<_, _> = steps.iter().map(|step| (step.event.position, step)).collect();
    for (effect, position) in effects.iter().zip(held) {
        let change = by_place[&position].change.as_ref().unwrap();
        if let Some(before) = &effect.before {
            assert_eq!(Some(before), change.before.as_ref(), "it was decided on the row that it replaced");
        }
    }
}

fn is_reaction(event: &Event, topic: &str) -> bool {
    &*event.topic == topic && event.meta.handler.is_some()
}

/// What is not the same: verdict and handler of the decision, mark and topic of its effects.
fn different(steps: &[Step]) -> Vec<String> {
    let decisions = steps.iter().flat_map(|step| step.decisions.iter().map(|made| (&step.event, made)));
    let different = decisions.filter(|(_, made)| made.verdict != Verdict::Same);
    let effect = |effect: &Effect| format!("{:?} {}", effect.mark, effect.topic);
    let told = |(event, made): (&replay::life::Mention, &replay::steps::Decision)| {
        let effects: Vec<_> = made.effects.iter().map(effect).collect();
        format!("{:?}: {} on {}: {}", made.verdict, made.handler, event.topic, effects.join(", "))
    };
    different.map(told).collect()
}

#[test]
fn what_the_log_holds_otherwise_is_marked_effect_by_effect() {
    let events = demo();
    let is_alone = |index: &usize| events[*index].position.successor() < events[index + 1].position;
    let mut stocks = (0..events.len() - 1).filter(|index| is_reaction(&events[*index], "inventory"));
    let stock = stocks.find(is_alone).unwrap();

    let mut missing = events.clone();
    missing.remove(stock);
    assert_eq!(different(&told(missing, Scope::default()))[0], "Different: inventory on order: Missing inventory");

    let mut changed = events.clone();
    let mut data: Value = serde_json::from_str(&changed[stock].data).unwrap();
    let amount = data["amount"].take();
    data["amount"] = 7_777.into();
    changed[stock].data = data.to_string();
    let steps = told(changed, Scope::default());
    assert_eq!(different(&steps)[0], "Different: inventory on order: Changed inventory");
    let step = steps.iter().find(|step| step.diverges()).unwrap();
    let effect = &step.decisions.iter().find(|made| made.handler == "inventory").unwrap().effects[0];
    let differs: Vec<_> = effect.differs().into_iter().map(|field| (field.field, field.before, field.after)).collect();
    assert_eq!(differs, [("amount".to_owned(), Some(7_777.into()), Some(amount))]);

    let mut renamed = events.clone();
    renamed[stock].id.push('x');
    let steps = told(renamed, Scope::default());
    assert_eq!(different(&steps)[0], "Different: inventory on order: Changed inventory");
    let differs = steps.iter().find(|step| step.diverges()).unwrap().decisions[0].effects[0].differs();
    assert_eq!((differs.len(), &*differs[0].field), (1, "event_id"));

    let mut extra = events.clone();
    let mut more = extra[stock].clone();
    more.id.push_str("-again");
    more.position = more.position.successor();
    extra.insert(stock + 1, more);
    let first = &different(&told(extra, Scope::default()))[0];
    assert_eq!(first, "Different: inventory on order: Same inventory, Extra inventory");
}

#[test]
fn steps_and_verify_find_the_same_of_a_log_of_another_program() {
    let domain = ordershop::domain();
    for (name, same, different) in [("small", 39, 1), ("busy", 1_655, 45)] {
        let entries = history::read(&fixture(&format!("ordershop-v2-{name}.jsonl"))).unwrap();
        let report = verify_entries(&domain, entries.clone(), Scope::default(), Until::End);
        let steps = steps_of(&domain, entries, Scope::default());
        let expected = BTreeMap::from([("Different".to_owned(), different), ("Same".to_owned(), same)]);
        assert_eq!(verdicts(&steps), expected, "{name}");
        assert_eq!(report.divergent + report.consequences, different as u64);
        let diverging: BTreeSet<_> =
            steps.iter().filter(|step| step.diverges()).map(|step| step.event.id.clone()).collect();
        let told = report.divergences.iter().filter_map(|divergence| match &divergence.event {
            Cause::Known(event) => Some(event.id.clone()),
            Cause::Unknown { .. } => None,
        });
        assert_eq!(diverging, told.collect());
        let inferred = steps.iter().filter(|step| step.inferred.is_some()).count();
        let effects = steps.iter().flat_map(|step| &step.decisions).flat_map(|made| &made.effects);
        assert_eq!(effects.filter(|effect| effect.is_inferred).count(), inferred);
    }
}

#[test]
fn what_sagas_have_not_come_to_is_open() {
    let mut events = demo();
    // All that sagas did is cut off, so that none has come to anything.
    let first = events.iter().position(|event| event.meta.handler.is_some()).unwrap();
    events.truncate(first);
    let steps = told(events, Scope::default());
    let marks = count(
        steps
            .iter()
            .flat_map(|step| &step.decisions)
            .flat_map(|made| &made.effects)
            .map(|effect| effect.mark == Mark::Unrecorded),
    );
    assert_eq!(marks.keys().collect::<Vec<_>>(), [&true]);
    assert!(!steps.iter().any(Step::diverges));
}

#[test]
fn only_what_was_asked_for_is_told_as_if_all_had_been() {
    let all = told(demo(), Scope::default());
    let (from, to) = (all[300].event.position, all[399].event.position);
    let lines = |steps: &[Step]| steps.iter().map(|step| serde_json::to_string(step).unwrap()).collect::<Vec<_>>();
    assert_eq!(lines(&told(demo(), Scope { from, to, ..Scope::default() })), lines(&all[300..=399]));
    let billings: Vec<_> = all.iter().filter(|step| step.event.topic == "billing").cloned().collect();
    assert_eq!(lines(&told(demo(), Scope { topic: Some("billing".into()), ..Scope::default() })), lines(&billings));
    let of_shipping = told(demo(), Scope { handler: Some("shipping".into()), ..Scope::default() });
    let (events, sagas): (Vec<_>, Vec<_>) =
        of_shipping.iter().map(|step| (&*step.event.topic, step.decisions.len())).unzip();
    assert_eq!((events, sagas), (vec!["billing"; 42], vec![1; 42]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_gives_the_steps_of_its_log_until_enough_is_seen() {
    let domain = ordershop::domain();
    let engine = Engine::open_history(&fixture("ordershop-demo.jsonl"), &domain).unwrap();
    for most in [usize::MAX, 10, 1] {
        let (tell, hear) = mpsc::channel();
        let mut left = most;
        let limited = move |step: Step| {
            tell.send(step).unwrap();
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        steps(&domain, &engine, Scope::default(), limited).await.unwrap();
        let seen: Vec<_> = hear.iter().map(|step| serde_json::to_string(&step).unwrap()).collect();
        let all: Vec<_> =
            told(demo(), Scope::default()).iter().map(|step| serde_json::to_string(step).unwrap()).collect();
        assert_eq!(seen, all[..all.len().min(most)]);
    }
}

#[test]
fn what_nobody_can_read_is_told_in_its_place() {
    let mut events = demo();
    events[0].action = "product_dreamt".into();
    let junk =
        kernel::Junk { topic: "order".into(), position: Position::new(1, 1), number: None, reason: "lost".into() };
    let entries = std::iter::once(Entry::Junk(junk)).chain(events.into_iter().map(Entry::Event));
    let steps = steps_of(&ordershop::domain(), entries, Scope::default());
    assert_eq!(steps[0].unreadable.as_deref(), Some("lost"));
    let reason = steps[1].unreadable.as_deref().unwrap();
    assert!(reason.starts_with("unknown action product_dreamt; product knows"), "{reason}");
    assert!(steps[..2].iter().all(|step| step.change.is_none() && step.decisions.is_empty()));
}
