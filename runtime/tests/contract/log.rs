//! The log: order, numbers, expectations, checkpoints.

use std::time::Duration;

use kernel::{CREATED, Checkpoint, Draft, Entry, Epoch, Event, Meta, Number, Position, Read, UPDATED};
use runtime::{
    Advance, Commit, CommitError, Engine, Expect, Holder, Parked, ParkedId, Refused, StoreError, commit::MOST_AHEAD_MS,
};

pub(crate) fn draft(topic: &str, id: &str) -> Draft {
    let data = format!(r#"{{"entity_id":"{id}"}}"#);
    let meta = Some(Meta { command: Some("c".into()), ..Meta::default() });
    Draft { topic: topic.into(), id: format!("{topic}-{id}"), action: CREATED.into(), data, meta, keep: None }
}

pub(crate) fn append(drafts: Vec<Draft>) -> Commit {
    Commit { append: drafts, ..Commit::default() }
}

pub(crate) async fn read_all(engine: &Engine) -> Vec<Event> {
    events(engine.read(&Checkpoint::default(), usize::MAX).await.unwrap().entries)
}

fn events(entries: Vec<Entry>) -> Vec<Event> {
    let event = |entry| match entry {
        Entry::Event(event) => event,
        Entry::Junk(junk) => panic!("unexpected junk {junk:?}"),
    };
    entries.into_iter().map(event).collect()
}

pub(crate) async fn refusal(engine: &Engine, commit: Commit) -> Refused {
    match engine.commit_one(commit).await {
        Err(CommitError::Refused(refused)) => refused,
        other => panic!("not refused: {other:?}"),
    }
}

/// Everything that a commit could change, as text.
pub(crate) async fn everything(engine: &Engine) -> String {
    let services = ["cart-service", "order-service"];
    format!(
        "{:?} {:?} {:?} {:?} {:?}",
        engine.head().await.unwrap(),
        read_all(engine).await,
        engine.checkpoints().await.unwrap(),
        engine.queues(&services).await.unwrap(),
        (engine.parked(None, usize::MAX).await.unwrap(), engine.unparked(None, usize::MAX).await.unwrap()),
    )
}

pub(crate) async fn positions_increase_across_topics_and_numbers_have_no_holes(engine: Engine) {
    let mut positions = Vec::new();
    for round in 0..50 {
        let id = round.to_string();
        let commit = append(vec![draft("order", &id), draft("cart", &id), draft("order", &format!("{id}b"))]);
        let committed = engine.commit_one(commit).await.unwrap();
        assert_eq!(committed.head.position, committed.positions[2]);
        assert_eq!(committed.head.number, Number(3 * (round + 1)));
        positions.extend(committed.positions);
    }
    assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
    let events = read_all(&engine).await;
    assert_eq!(events.iter().map(|event| event.position).collect::<Vec<_>>(), positions);
    assert_eq!(
        events.iter().map(|event| event.number).collect::<Vec<_>>(),
        (1..=150).map(|n| Some(Number(n))).collect::<Vec<_>>()
    );
}

pub(crate) async fn a_read_gives_the_log_in_order_page_by_page(engine: Engine) {
    for round in 0..10 {
        let commit = append(vec![draft("order", &round.to_string()), draft("cart", &round.to_string())]);
        engine.commit_one(commit).await.unwrap();
    }
    let all = read_all(&engine).await;
    for limit in [1, 3, 7, 20, 100] {
        let mut after = Checkpoint::default();
        let mut paged = Vec::new();
        loop {
            let page = engine.read(&after, limit).await.unwrap();
            assert!(page.entries.len() <= limit);
            let Some(last) = page.entries.last() else { break };
            after = Checkpoint {
                epoch: page.head.epoch.clone(),
                position: last.position(),
                number: last.number().unwrap(),
            };
            paged.extend(events(page.entries));
        }
        assert_eq!(paged, all, "in pages of {limit}");
    }
}

pub(crate) async fn a_new_log_has_an_empty_head_and_its_first_commit_begins_an_epoch(engine: Engine) {
    assert_eq!(engine.head().await.unwrap(), Checkpoint::default());
    assert_eq!(read_all(&engine).await, []);
    let first = engine.commit_one(append(vec![draft("order", "1")])).await.unwrap();
    assert!(!first.head.epoch.0.is_empty());
    let second = engine.commit_one(append(vec![draft("order", "2")])).await.unwrap();
    assert_eq!(second.head.epoch, first.head.epoch);
    assert_eq!(engine.head().await.unwrap(), second.head);
}

pub(crate) async fn an_event_comes_back_as_it_was_appended(engine: Engine) {
    let meta = Meta {
        command: None,
        cause: Some("e-1".into()),
        handler: Some("crm".into()),
        as_of: Some(Position::new(7, 1)),
        correlation: Some("c-0".into()),
        schema: None,
        given: true,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
    };
    let data = "{\"entity_id\":\"ü\\n\\\"\u{1F600}\u{202E}\",\"n\":1.5}".to_owned();
    let with = Draft { data, meta: Some(meta), ..draft("order", "a") };
    let without = Draft { meta: None, action: "mail_sent".into(), ..draft("cart", "b") };
    let committed = engine.commit_one(append(vec![with.clone(), without.clone()])).await.unwrap();
    let expected = [(with, 1), (without, 2)].map(|(draft, number)| Event {
        number: Some(Number(number)),
        ..draft.at(committed.positions[usize::try_from(number).unwrap() - 1])
    });
    assert_eq!(read_all(&engine).await, expected);
}

pub(crate) async fn what_was_read_must_not_have_changed(engine: Engine) {
    let before = engine.commit_one(append(vec![draft("cart", "c1")])).await.unwrap().head.position;
    let reading = |topic: &'static str, text: &str| Commit {
        expect: Expect { as_of: before, reads: vec![Read::of(topic, text)], ..Expect::default() },
        ..append(vec![draft("order", "o")])
    };
    engine.commit_one(reading("cart", "c1")).await.unwrap();
    let after = engine.commit_one(append(vec![draft("cart", "c2")])).await.unwrap().head.position;
    engine.commit_one(reading("cart", "c1")).await.unwrap();
    engine.commit_one(reading("customer", "c2")).await.unwrap();
    let head = engine.head().await.unwrap().position;
    assert_eq!(
        refusal(&engine, reading("cart", "c2")).await,
        Refused::Stale { read: Read::of("cart", "c2"), as_of: before, head }
    );
    let later = Commit { expect: Expect { as_of: after, ..reading("cart", "c2").expect }, ..reading("cart", "c2") };
    engine.commit_one(later).await.unwrap();
}

pub(crate) async fn a_sagas_own_events_are_no_change(engine: Engine) {
    let by = |handler: &str| Some(Meta { handler: Some(handler.into()), cause: Some("e".into()), ..Meta::default() });
    engine.commit_one(append(vec![Draft { meta: by("crm"), ..draft("cart", "c") }])).await.unwrap();
    let except = |handler: &str| Commit {
        expect: Expect { reads: vec![Read::of("cart", "c")], except: Some(handler.into()), ..Expect::default() },
        ..Commit::default()
    };
    engine.commit_one(except("crm")).await.unwrap();
    assert!(matches!(refusal(&engine, except("cr")).await, Refused::Stale { .. }));
    let commanded = Meta { command: Some("x".into()), ..by("crm").unwrap() };
    engine
        .commit_one(append(vec![Draft { meta: Some(commanded), action: UPDATED.into(), ..draft("cart", "c") }]))
        .await
        .unwrap();
    assert!(matches!(refusal(&engine, except("crm")).await, Refused::Stale { .. }), "a service's event is a change");
}

pub(crate) async fn the_head_must_be_where_it_is_expected(engine: Engine) {
    let at = |number| Commit {
        expect: Expect { head: Some(Number(number)), ..Expect::default() },
        ..append(vec![draft("order", "o")])
    };
    engine.commit_one(at(0)).await.unwrap();
    assert_eq!(refusal(&engine, at(0)).await, Refused::HeadMoved { expected: Number(0), found: Number(1) });
    engine.commit_one(at(1)).await.unwrap();
}

pub(crate) async fn kept_positions_are_kept_and_must_increase(engine: Engine) {
    let at = |ms, seq| Draft { keep: Some(Position::new(ms, seq)), ..draft("order", "o") };
    let committed =
        engine.commit_one(append(vec![at(1_795_341_904, 815_177), at(1_795_341_904, 834_647)])).await.unwrap();
    assert_eq!(committed.positions, [Position::new(1_795_341_904, 815_177), Position::new(1_795_341_904, 834_647)]);
    let last = Position::new(1_795_341_904, 834_647);
    for position in [last, Position::new(1_795_341_904, 5)] {
        let refused = refusal(&engine, append(vec![at(position.ms(), position.seq())])).await;
        assert_eq!(refused, Refused::OutOfOrder { position, last });
    }
    let native = engine.commit_one(append(vec![draft("order", "o")])).await.unwrap().positions[0];
    assert!(native.ms() > 1_700_000_000_000, "{native} is by the store's clock again");
}

pub(crate) async fn a_position_far_ahead_of_the_clock_is_refused(engine: Engine) {
    let now = engine.commit_one(append(vec![draft("order", "o")])).await.unwrap().positions[0].ms();
    let hour = Position::new(now + 3_600_000, 0);
    let refused = refusal(&engine, append(vec![Draft { keep: Some(hour), ..draft("order", "o") }])).await;
    assert!(
        matches!(refused, Refused::AheadOfClock { position, now_ms } if position == hour && now_ms >= now),
        "{refused:?}"
    );
}

pub(crate) async fn the_order_is_kept_when_the_clock_is_behind_the_log(engine: Engine) {
    let keep = |ms| append(vec![Draft { keep: Some(Position::new(ms, 7)), ..draft("cart", "c") }]);
    let refused = refusal(&engine, keep(u64::MAX)).await;
    let Refused::AheadOfClock { now_ms, .. } = refused else { panic!("{refused:?}") };
    // The clock goes on: what was 5 s ahead of it is now no more than that, and what was 60 s ahead is still more.
    let ahead = engine.commit_one(keep(now_ms + MOST_AHEAD_MS)).await.unwrap().positions[0];
    assert!(matches!(refusal(&engine, keep(now_ms + 60_000)).await, Refused::AheadOfClock { .. }));
    // The clock is behind the log now, as after it was set back.
    let next = engine.commit_one(append(vec![draft("order", "a"), draft("cart", "b")])).await.unwrap().positions;
    assert_eq!(next, [Position::new(ahead.ms(), 8), Position::new(ahead.ms(), 9)]);
    let events = read_all(&engine).await;
    assert_eq!(events.iter().map(|event| event.position).collect::<Vec<_>>(), [ahead, next[0], next[1]]);
}

pub(crate) async fn a_refused_commit_does_nothing_at_all(engine: Engine) {
    engine.commit_one(append(vec![draft("cart", "c")])).await.unwrap();
    let full = || Commit {
        enqueue: vec![super::queue::enqueue("k", "cart-service")],
        advance: Some(Advance {
            consumer: "saga/x".into(),
            holder: Holder::Taking("somebody".into()),
            from: Checkpoint::default(),
            to: Checkpoint { number: Number(1), ..Checkpoint::default() },
        }),
        park: vec![aside("saga/x", "cart", 1)],
        unpark: vec![aside("saga/x", "cart", 0).id()],
        ..append(vec![draft("order", "a"), draft("order", "b")])
    };
    let stale = Commit { expect: Expect { reads: vec![Read::of("cart", "c")], ..Expect::default() }, ..full() };
    let moved = Commit { expect: Expect { head: Some(Number(9)), ..Expect::default() }, ..full() };
    let mut fenced = full();
    fenced.advance.as_mut().unwrap().from.number = Number(5);
    let mut late = full();
    late.append[1].keep = Some(Position::new(1, 0));
    let unclaimed = Commit { settle: Some(super::queue::settlement("nobody", "k")), ..full() };
    let not_parked = Commit { unpark: vec![aside("saga/x", "cart", 7).id()], ..full() };
    engine.commit_one(Commit { park: vec![aside("saga/x", "cart", 0)], ..Commit::default() }).await.unwrap();
    let before = everything(&engine).await;
    for commit in [stale, moved, fenced, late, unclaimed, not_parked] {
        refusal(&engine, commit).await;
        assert_eq!(everything(&engine).await, before);
    }
    assert!(engine.command("k").await.unwrap().is_none());
    let mut holding = full();
    holding.advance.as_mut().unwrap().holder = Holder::Holding("somebody".into());
    assert_eq!(refusal(&engine, holding).await, Refused::TakenOver { consumer: "saga/x".into() });
    engine.commit_one(full()).await.unwrap();
    assert_ne!(everything(&engine).await, before);
}

pub(crate) async fn commits_of_one_batch_are_independent(engine: Engine) {
    let refused =
        Commit { expect: Expect { head: Some(Number(7)), ..Expect::default() }, ..append(vec![draft("order", "x")]) };
    let answers =
        engine.commit(&[append(vec![draft("order", "a")]), refused, append(vec![draft("order", "b")])]).await.unwrap();
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(
        read_all(&engine).await.iter().map(|event| event.id.clone()).collect::<Vec<_>>(),
        ["order-a", "order-b"]
    );
}

pub(crate) async fn a_checkpoint_moves_only_from_where_it_stands(engine: Engine) {
    let head = engine.commit_one(append(vec![draft("order", "a")])).await.unwrap().head;
    let step = |from: &Checkpoint, to: &Checkpoint| Commit {
        advance: Some(Advance {
            consumer: "saga/crm".into(),
            holder: Holder::Taking("somebody".into()),
            from: from.clone(),
            to: to.clone(),
        }),
        ..Commit::default()
    };
    let none = Checkpoint::default();
    assert_eq!(engine.checkpoint("saga/crm").await.unwrap(), None);
    engine.commit_one(step(&none, &head)).await.unwrap();
    assert_eq!(engine.checkpoint("saga/crm").await.unwrap(), Some(head.clone()));
    assert_eq!(
        refusal(&engine, step(&none, &head)).await,
        Refused::Fenced { consumer: "saga/crm".into(), expected: none, found: head.clone() }
    );
    engine.commit_one(step(&head, &head)).await.unwrap();
}

pub(crate) async fn who_was_taken_over_makes_no_step_wherever_the_consumer_stands(engine: Engine) {
    let consumer = || "saga/crm".to_owned();
    let step = |holder: Holder, from: &Checkpoint, to: &Checkpoint| Commit {
        advance: Some(Advance { consumer: consumer(), holder, from: from.clone(), to: to.clone() }),
        ..Commit::default()
    };
    let taking = |name: &str| Holder::Taking(name.into());
    let holding = |name: &str| Holder::Holding(name.into());
    let none = Checkpoint::default();
    let taken_over = Refused::TakenOver { consumer: consumer() };
    assert_eq!(refusal(&engine, step(holding("one"), &none, &none)).await, taken_over, "nobody has taken it over");
    engine.commit_one(step(taking("one"), &none, &none)).await.unwrap();
    assert!(engine.checkpoints().await.unwrap().is_empty(), "to take over is no step");
    let first = engine.commit_one(append(vec![draft("order", "a")])).await.unwrap().head;
    let second = engine.commit_one(append(vec![draft("order", "b")])).await.unwrap().head;
    let late = Refused::Fenced { consumer: consumer(), expected: first.clone(), found: none.clone() };
    assert_eq!(refusal(&engine, step(taking("late"), &first, &first)).await, late);
    engine.commit_one(step(holding("one"), &none, &none)).await.unwrap();
    engine.commit_one(step(taking("two"), &none, &none)).await.unwrap();
    engine.commit_one(step(holding("two"), &none, &first)).await.unwrap();

    // The first of these was overtaken; the second begins exactly where the consumer now stands.
    let before = everything(&engine).await;
    let steps = [step(holding("one"), &none, &first), step(holding("one"), &first, &second)];
    // What they have read has changed as well: they are not told so, for there is nothing to read on for.
    let expect = || Expect { reads: vec![Read::of("order", "b")], ..Expect::default() };
    let effects = steps.map(|step| Commit { expect: expect(), append: vec![draft("order", "c")], ..step });
    let refused = |answer| match answer {
        Err(refused) => refused,
        Ok(committed) => panic!("{committed:?}"),
    };
    let answers: Vec<_> = engine.commit(&effects).await.unwrap().into_iter().map(refused).collect();
    assert_eq!(answers, [taken_over.clone(), taken_over]);
    assert_eq!(everything(&engine).await, before);

    engine.commit_one(step(holding("two"), &first, &first)).await.unwrap();
    let moved = Refused::Fenced { consumer: consumer(), expected: second.clone(), found: first.clone() };
    assert_eq!(refusal(&engine, step(holding("two"), &second, &second)).await, moved);
    engine.commit_one(step(taking("three"), &first, &second)).await.unwrap();
    assert_eq!(engine.checkpoint(&consumer()).await.unwrap(), Some(second));
}

pub(crate) async fn a_checkpoint_of_another_epoch_or_beyond_the_head_has_diverged(engine: Engine) {
    let first = engine.commit_one(append(vec![draft("order", "a")])).await.unwrap().head;
    let second = engine.commit_one(append(vec![draft("order", "b")])).await.unwrap().head;
    assert_eq!(engine.read(&first, 10).await.unwrap().entries.len(), 1);
    let elsewhere = Checkpoint { epoch: Epoch("other".into()), ..first.clone() };
    let beyond = Checkpoint { position: second.position.successor(), ..second.clone() };
    let ahead = Checkpoint { number: Number(3), ..second };
    let gap = Checkpoint { number: Number(0), ..first };
    for after in [elsewhere, beyond, ahead, gap] {
        match engine.read(&after, 10).await {
            Err(StoreError::Diverged { checkpoint, .. }) => assert_eq!(checkpoint, after),
            other => panic!("{after:?}: {other:?}"),
        }
    }
}

/// An entry as a consumer sets it aside.
fn aside(consumer: &str, topic: &str, ms: u64) -> Parked {
    Parked { since_ms: 7, ..Parked::now(consumer, topic, Position::new(ms, 1), "r") }
}

async fn park(engine: &Engine, park: Vec<Parked>) {
    engine.commit_one(Commit { park, ..Commit::default() }).await.unwrap();
}

pub(crate) async fn parked_entries_are_listed_in_order_a_page_at_a_time(engine: Engine) {
    assert_eq!((engine.parked(None, 9).await.unwrap(), engine.parked_count().await.unwrap()), (vec![], 0));
    let [a9, a10, a10_too] = [aside("saga/a", "cart", 9), aside("saga/a", "cart", 10), aside("saga/a", "order", 10)];
    let b = aside("saga/b", "a topic", u64::MAX);
    park(&engine, vec![b.clone(), a10_too.clone(), a10.clone(), a9.clone()]).await;
    let all = [a9.clone(), a10.clone(), a10_too.clone(), b.clone()];
    assert_eq!(engine.parked(None, usize::MAX).await.unwrap(), all);
    assert_eq!(engine.parked(None, 2).await.unwrap(), all[..2]);
    assert_eq!(engine.parked(Some(&a10.id()), 9).await.unwrap(), all[2..]);
    assert_eq!(engine.parked(Some(&ParkedId::before("saga/b")), 9).await.unwrap(), std::slice::from_ref(&b));
    assert_eq!(engine.parked(Some(&b.id()), 9).await.unwrap(), []);
    assert_eq!(engine.parked_count().await.unwrap(), 4);
    assert_eq!(engine.parked_one(&a10_too.id()).await.unwrap(), Some(a10_too));
    assert_eq!(engine.parked_one(&aside("saga/a", "mail", 10).id()).await.unwrap(), None);
    // Aside again is aside once.
    let again = a9.failed_again("still");
    park(&engine, vec![again.clone()]).await;
    assert_eq!((engine.parked(None, 1).await.unwrap(), engine.parked_count().await.unwrap()), (vec![again], 4));
}

pub(crate) async fn a_listing_of_parked_entries_is_never_longer_than_its_limit(engine: Engine) {
    let many: Vec<_> = (0..2_500).map(|ms| aside("projector", "order", ms)).collect();
    park(&engine, many.clone()).await;
    assert_eq!(engine.parked(None, usize::MAX).await.unwrap(), many[..runtime::parking::MOST_LISTED]);
    let mut all: Vec<Parked> = Vec::new();
    loop {
        let page = engine.parked(all.last().map(Parked::id).as_ref(), 700).await.unwrap();
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    assert_eq!(all, many);
}

pub(crate) async fn an_entry_is_set_aside_no_more_in_the_commit_of_what_is_done_about_it(engine: Engine) {
    let (first, second) = (aside("saga/a", "cart", 1), aside("saga/a", "cart", 2));
    park(&engine, vec![first.clone(), second.clone()]).await;
    let done = || Commit { unpark: vec![first.id()], ..append(vec![draft("order", "late")]) };
    let stale = Commit { expect: Expect { head: Some(Number(9)), ..Expect::default() }, ..done() };
    refusal(&engine, stale).await;
    assert_eq!(engine.parked(None, 9).await.unwrap(), [first.clone(), second.clone()], "all of it or nothing");
    // Two who do it at once: one has done it, and all of the other's commit is refused.
    let answers = engine.commit(&[done(), done()]).await.unwrap();
    assert!(answers[0].is_ok());
    assert_eq!(answers[1], Err(Refused::NotParked { id: first.id() }));
    let sentence = "saga/a has not set aside cart 1-1; it was tried again or dropped before";
    assert_eq!(answers[1].as_ref().unwrap_err().to_string(), sentence);
    assert_eq!(engine.head().await.unwrap().number, Number(1));
    assert_eq!(engine.parked(None, 9).await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(engine.unparked(None, 9).await.unwrap(), [first.id()]);
    engine.commit_one(Parked::dropped(second.id())).await.unwrap();
    assert_eq!((engine.parked(None, 9).await.unwrap(), engine.parked_count().await.unwrap()), (vec![], 0));
    assert_eq!(engine.unparked(Some(&first.id()), 9).await.unwrap(), [second.id()]);
    // Parked and gone in commits that go out together.
    let third = aside("saga/a", "cart", 3);
    let parking = Commit { park: vec![third.clone()], ..Commit::default() };
    let answers = engine.commit(&[parking, Parked::dropped(third.id()), Parked::dropped(third.id())]).await.unwrap();
    assert_eq!(answers[2], Err(Refused::NotParked { id: third.id() }));
    assert_eq!(engine.parked_count().await.unwrap(), 0);
}

pub(crate) async fn who_wants_an_entry_tried_again_marks_it(engine: Engine) {
    let [a, aa, b] = ["saga/a", "saga/aa", "saga/b"].map(|consumer| aside(consumer, "cart", 1));
    let later = aside("saga/a", "cart", 2);
    park(&engine, vec![a.clone(), aa.clone(), b.clone(), later.clone()]).await;
    assert_eq!(engine.to_retry("saga/a").await.unwrap(), []);
    for parked in [&later, &a, &aa] {
        engine.commit_one(parked.wanted_again()).await.unwrap();
    }
    let wanted = |parked: &Parked| Parked { retry: true, ..parked.clone() };
    assert_eq!(engine.to_retry("saga/a").await.unwrap(), [wanted(&a), wanted(&later)]);
    assert_eq!(engine.to_retry("saga/b").await.unwrap(), []);
    let again = Commit { unpark: vec![a.id()], park: vec![wanted(&a).failed_again("still")], ..Commit::default() };
    engine.commit_one(again).await.unwrap();
    engine.commit_one(Parked::dropped(later.id())).await.unwrap();
    assert_eq!(engine.to_retry("saga/a").await.unwrap(), []);
    let failed = Parked { reason: "still".into(), attempts: 2, ..a };
    assert_eq!(engine.parked(None, 9).await.unwrap(), [failed, wanted(&aa), b]);
    let refused = engine.commit_one(later.wanted_again()).await;
    let expected = Refused::NotParked { id: later.id() };
    assert!(matches!(&refused, Err(CommitError::Refused(refused)) if *refused == expected), "{refused:?}");
    assert_eq!(engine.parked_count().await.unwrap(), 3, "what was dropped does not come back by being wanted");
}

pub(crate) async fn the_bell_rings_for_what_comes_and_for_what_was_there(engine: Engine) {
    let mut bell = engine.bell().await.unwrap();
    let most = Duration::from_secs(60);
    let writer = engine.clone();
    let waiting = tokio::spawn(async move {
        bell.wait(Position::ZERO, most).await.unwrap();
        bell
    });
    let head = writer.commit_one(append(vec![draft("customer", "a")])).await.unwrap().head;
    let mut bell = waiting.await.unwrap();
    bell.wait(Position::ZERO, most).await.unwrap();
    bell.wait(head.position, Duration::from_millis(1)).await.unwrap();
}

pub(crate) async fn many_writers_make_one_order(engine: Engine) {
    let writers = (0..8).map(|writer| {
        let engine = engine.clone();
        tokio::spawn(async move {
            for n in 0..25 {
                let topic = ["order", "cart"][n % 2];
                engine.commit_one(append(vec![draft(topic, &format!("{writer}-{n}"))])).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let events = read_all(&engine).await;
    assert!(events.is_sorted_by(|a, b| a.position < b.position));
    assert_eq!(
        events.iter().filter_map(|event| event.number).collect::<Vec<_>>(),
        (1..=200).map(Number).collect::<Vec<_>>()
    );
}
