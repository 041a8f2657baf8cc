//! A made-up log for each violation gives exactly that violation.

use kernel::{Checkpoint, Command, Draft, Entry, Epoch, Event, Intent, Meta, Number};

use super::*;
use crate::{Advance, Commit, Enqueue, Holder, Namespace, Settlement, Standing, StoreUrl, Token};

const SERVICES: &[&str] = &["order-service"];

fn at(seq: u64) -> Position {
    Position::new(1_795_341_904_000, seq)
}

fn event(topic: &str, number: u64, id: &str, meta: Meta) -> Event {
    let (action, data) = ("entity_created".to_owned(), "{}".to_owned());
    Event { topic: topic.into(), position: at(number), number: Some(Number(number)), id: id.into(), action, data, meta }
}

fn of_command(command: &str) -> Meta {
    Meta { command: Some(command.into()), as_of: Some(at(0)), ..Meta::default() }
}

fn of_saga(handler: &str, cause: &str, as_of: u64) -> Meta {
    let (cause, handler) = (Some(cause.into()), Some(handler.into()));
    Meta { cause, handler, as_of: Some(at(as_of)), ..Meta::default() }
}

/// What a log of these events, numbered from 1, violates.
async fn violations(events: &[(&str, Meta)]) -> Vec<Violation> {
    let numbered = (1..).zip(events).map(|(number, (id, meta))| event("order", number, id, meta.clone()));
    of_entries(numbered.collect()).await
}

async fn of_entries(events: Vec<Event>) -> Vec<Violation> {
    let engine = Engine::of_history("made up".into(), events.into_iter().map(Entry::Event).collect());
    let report = check(&engine, SERVICES, Rest::Expected).await.unwrap();
    assert_eq!(report.more, 0);
    assert_eq!(report.is_clean(), report.violations.is_empty());
    report.violations
}

fn texts(violations: &[Violation]) -> Vec<String> {
    violations.iter().map(|violation| violation.to_string().replace("1795341904000", "t")).collect()
}

#[tokio::test]
async fn what_has_happened_once_is_no_violation() {
    let log = [
        ("a", of_command("c1")),
        ("b", of_command("c1")),
        ("c", of_saga("crm", "a", 1)),
        ("d", of_saga("crm", "a", 1)),
        ("e", of_saga("shipping", "a", 1)),
        ("f", of_saga("crm", "b", 2)),
        // A command that the saga sent is another thing than its reaction.
        ("g", Meta { command: Some("c2".into()), ..of_saga("crm", "a", 1) }),
        ("h", Meta { command: Some("c3".into()), ..of_saga("crm", "a", 1) }),
    ];
    assert_eq!(violations(&log).await, []);
}

#[tokio::test]
async fn an_event_that_comes_again_is_named_with_both_its_places() {
    let log = [("a", of_command("c1")), ("b", of_command("c1")), ("a", of_command("c1"))];
    let found = violations(&log).await;
    let repeat = Repeat::Event { event: "a".into(), first: at(1), again: at(3) };
    assert_eq!(found, [Violation::Repeat(repeat)]);
    assert_eq!(texts(&found), ["I2: event a is in the log twice, at t-1 and at t-3"]);
}

#[tokio::test]
async fn a_command_that_has_taken_effect_twice_is_named() {
    let found = violations(&[("a", of_command("c1")), ("b", of_command("c2")), ("c", of_command("c1"))]).await;
    assert_eq!(found, [Violation::Repeat(Repeat::Command { command: "c1".into(), first: at(1), again: at(3) })]);
    assert_eq!(texts(&found), ["I2: command c1 has taken effect twice, at t-1 and at t-3"]);

    // One after the other, but not decided at once.
    let later = Meta { as_of: Some(at(1)), ..of_command("c1") };
    let found = violations(&[("a", of_command("c1")), ("b", later)]).await;
    assert_eq!(texts(&found), ["I2: command c1 has taken effect twice, at t-1 and at t-2"]);
}

#[tokio::test]
async fn a_reaction_that_happened_twice_is_named() {
    let log = [("a", of_command("c1")), ("b", of_saga("crm", "a", 1)), ("c", of_saga("crm", "a", 2))];
    let found = violations(&log).await;
    let repeat = Repeat::Reaction { handler: "crm".into(), cause: "a".into(), first: at(2), again: at(3) };
    assert_eq!(found, [Violation::Repeat(repeat)]);
    assert_eq!(texts(&found), ["I2: crm has reacted to event a twice, at t-2 and at t-3"]);
}

#[tokio::test]
async fn what_other_programs_wrote_may_be_as_it_likes() {
    let foreign = |topic: &str, seq: u64, id: &str| Event {
        position: Position::new(1_795_341_904, seq),
        number: None,
        ..event(topic, 1, id, Meta::default())
    };
    let log = vec![foreign("cart", 7, "x"), foreign("order", 7, "x"), foreign("order", 9, "")];
    assert_eq!(of_entries(log).await, []);
    let given = || Meta { given: true, ..Meta::default() };
    assert_eq!(violations(&[("a", given()), ("a", given())]).await, []);
}

#[tokio::test]
async fn numbers_and_positions_out_of_order_are_named() {
    let mut log = vec![event("order", 1, "a", of_command("c1")), event("order", 2, "b", of_command("c2"))];
    log[1].number = Some(Number(1));
    let found = of_entries(log).await;
    let repeated = Disorder::Repeated { number: Number(1), position: at(2), greatest: Number(1), at: at(1) };
    assert_eq!(found, [Violation::Disorder(repeated)]);
    assert_eq!(texts(&found), ["I3: t-2 is event 1, after event 1 at t-1"]);

    let mut log = vec![event("order", 1, "a", of_command("c1")), event("cart", 2, "b", of_command("c2"))];
    log[1].position = at(1);
    let found = of_entries(log).await;
    assert_eq!(texts(&found), ["I3: t-1 is the position of two entries, in topics order and cart"]);
}

async fn memory() -> Engine {
    Engine::open(&StoreUrl::Memory, &Namespace::default(), &["order"]).await.unwrap()
}

fn enqueue(id: &str) -> Commit {
    let command = Command {
        id: id.into(),
        topic: "order".into(),
        intent: Intent::Delete { id: "o".into() },
        issued_ms: 0,
        meta: Meta::default(),
    };
    let enqueue = Enqueue { command, service: "order-service".into(), idempotency: None };
    Commit { enqueue: vec![enqueue], ..Commit::default() }
}

fn effect(id: &str) -> Commit {
    let draft = Draft {
        topic: "order".into(),
        id: format!("event of {id}"),
        action: "entity_created".into(),
        data: "{}".into(),
        meta: Some(of_command(id)),
        keep: None,
    };
    Commit { append: vec![draft], ..Commit::default() }
}

#[tokio::test]
async fn a_command_left_in_a_queue_is_named_where_nothing_should_be_left() {
    let engine = memory().await;
    for id in ["c1", "c2", "c3"] {
        engine.commit_one(enqueue(id)).await.unwrap();
    }
    let claimed =
        engine.claimer("order-service", "w").await.unwrap().claim(2, std::time::Duration::ZERO).await.unwrap();
    engine.fail(&claimed[1].token, "no", 1).await.unwrap();
    assert!(check(&engine, SERVICES, Rest::NotExpected).await.unwrap().is_clean());
    let found = check(&engine, SERVICES, Rest::Expected).await.unwrap().violations;
    let left = |command: &str, standing, worker: Option<&str>| {
        let (command, service) = (command.to_owned(), "order-service".to_owned());
        Violation::Unsettled(Unsettled::Left { command, service, standing, worker: worker.map(str::to_owned) })
    };
    assert_eq!(found, [left("c1", Standing::Claimed, Some("w")), left("c3", Standing::Waiting, None)]);
    assert_eq!(
        texts(&found),
        [
            "I6: command c1 is claimed from the queue of order-service by worker w, and nothing should be left to do",
            "I6: command c3 is waiting in the queue of order-service, and nothing should be left to do",
        ]
    );
}

#[tokio::test]
async fn a_command_that_has_taken_effect_and_waits_all_the_same_is_named() {
    let engine = memory().await;
    engine.commit_one(enqueue("c1")).await.unwrap();
    let position = engine.commit_one(effect("c1")).await.unwrap().positions[0];
    let found = check(&engine, SERVICES, Rest::NotExpected).await.unwrap().violations;
    let (command, service, standing) = ("c1".to_owned(), "order-service".to_owned(), Standing::Waiting);
    assert_eq!(found, [Violation::Unsettled(Unsettled::Effective { command, service, standing, position })]);
    assert_eq!(
        found[0].to_string(),
        format!(
            "I2: command c1 has taken effect at {position} and is waiting in the queue of order-service all the same"
        )
    );

    let token = Token { service: "order-service".into(), worker: "w".into(), command: "c1".into() };
    engine.claimer("order-service", "w").await.unwrap().claim(1, std::time::Duration::ZERO).await.unwrap();
    let outcome = kernel::Outcome::Done { result: true.into(), position: None };
    let settle = Some(Settlement { token, outcome });
    engine.commit_one(Commit { settle, ..Commit::default() }).await.unwrap();
    assert!(check(&engine, SERVICES, Rest::Expected).await.unwrap().is_clean());
}

#[tokio::test]
async fn a_checkpoint_that_is_ahead_or_of_another_log_is_named() {
    let engine = memory().await;
    let head = engine.commit_one(effect("c1")).await.unwrap().head;
    let ahead = Checkpoint { number: Number(2), ..head.clone() };
    let other = Checkpoint { epoch: Epoch("before".into()), ..head.clone() };
    for (consumer, to) in [("saga/a", &ahead), ("saga/b", &other), ("saga/c", &head)] {
        let (holder, from) = (Holder::Taking("somebody".into()), Checkpoint::default());
        let advance = Advance { consumer: consumer.into(), holder, from, to: to.clone() };
        engine.commit_one(Commit { advance: Some(advance), ..Commit::default() }).await.unwrap();
    }
    let report = check(&engine, SERVICES, Rest::Expected).await.unwrap();
    assert_eq!((report.entries, report.consumers), (1, 3));
    let ahead = Astray::Ahead { who: "consumer saga/a".into(), at: ahead, head: head.clone() };
    let other = Astray::OtherEpoch { who: "consumer saga/b".into(), epoch: other.epoch, current: head.epoch };
    assert_eq!(report.violations, [Violation::Astray(ahead), Violation::Astray(other)]);
}

#[tokio::test]
async fn a_log_longer_than_what_is_remembered_is_read_in_parts() {
    let mut log: Vec<_> =
        (1..=300).map(|n| event("order", n, &format!("e{n}"), of_command(&format!("c{n}")))).collect();
    log[250].id = "e7".into();
    log[280].meta = of_command("c9");
    let engine = Engine::of_history("made up".into(), log.into_iter().map(Entry::Event).collect());
    let until = engine.head().await.unwrap().position;
    let expected = [
        Repeat::Event { event: "e7".into(), first: at(7), again: at(251) },
        Repeat::Command { command: "c9".into(), first: at(9), again: at(281) },
    ];
    for parts in [1, 2, 7] {
        let engine = engine.clone();
        let found = tokio::task::spawn_blocking(move || {
            let mut once = Once::in_parts(0, parts);
            let mut pass = |seen: &Seen<'_>| {
                if let Seen::Event(event) = seen {
                    once.pass(event);
                }
                ControlFlow::Continue(())
            };
            engine.survey(until, &mut pass).unwrap();
            repeats(once, &engine, until).unwrap()
        });
        assert_eq!(found.await.unwrap(), Repeats { count: 2, first: expected.to_vec() }, "in {parts} parts");
    }
}

#[tokio::test]
async fn only_the_first_repeats_are_told_and_all_are_counted() {
    let log = (1..=100).map(|n| event("order", n, "e", of_command(&format!("c{n}"))));
    let engine = Engine::of_history("made up".into(), log.map(Entry::Event).collect());
    let report = check(&engine, SERVICES, Rest::Expected).await.unwrap();
    assert_eq!((report.violations.len(), report.more), (SHOWN, 99 - SHOWN as u64));
    assert!(report.to_string().ends_with("\n  and 79 more"), "{report}");
}
