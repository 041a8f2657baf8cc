//! Scans: the log as reads give it, only faster.

use std::ops::ControlFlow;

use kernel::{Checkpoint, Draft, Entry, Epoch, Event, Number, Position};
use runtime::{Engine, Namespace, StoreError, StoreUrl, Stretch, history};

use super::log::{append, draft};

/// How many entries are read at once: fewer than a store does, so that its pages and these do not coincide.
const PAGE: usize = 100;

/// What a scan shows until `most` entries have come, and what it ends with.
async fn scan(engine: &Engine, after: &Checkpoint, until: Position, most: usize) -> (Vec<Entry>, Ended) {
    let (engine, stretch) = (engine.clone(), Stretch { after: after.clone(), until });
    let scanning = tokio::task::spawn_blocking(move || {
        let mut entries = Vec::new();
        let ended = engine.scan(&stretch, &mut |seen| {
            entries.push(seen.to_entry());
            if entries.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        (entries, ended)
    });
    scanning.await.unwrap()
}

type Ended = Result<Checkpoint, StoreError>;

/// What reads give of the same, and where the last one stands.
async fn read(engine: &Engine, after: &Checkpoint, until: Position) -> (Vec<Entry>, Checkpoint) {
    let mut at = Checkpoint { epoch: engine.head().await.unwrap().epoch, ..after.clone() };
    let mut all = Vec::new();
    while at.position < until {
        let page = engine.read(&Checkpoint { epoch: Epoch::default(), ..at.clone() }, PAGE).await.unwrap();
        let Some(last) = page.entries.last() else { break };
        at.position = last.position();
        all.extend(page.entries.into_iter().filter(|entry| entry.position() <= until));
    }
    at.position = all.last().map_or(after.position, Entry::position);
    at.number = all.iter().rev().find_map(Entry::number).unwrap_or(at.number);
    (all, at)
}

/// Scans the same stretches both ways.
async fn compare(engine: &Engine, afters: &[Checkpoint], untils: &[Position]) {
    for after in afters {
        for until in untils {
            let (shown, ended) = scan(engine, after, *until, usize::MAX).await;
            let (entries, end) = read(engine, after, *until).await;
            assert!(shown == entries, "after {after} until {until}: {} and {}", shown.len(), entries.len());
            assert_eq!(ended.unwrap(), end, "after {after} until {until}");
        }
    }
}

/// A log of some thousand entries of all sizes; their positions.
pub(crate) async fn fill(engine: &Engine) -> Vec<Position> {
    let mut positions = Vec::new();
    for round in 0..20_u32 {
        let one = |n: u32| {
            let id = format!("{round}-{n} \u{1F600}\u{0}\n\"");
            let mut draft = draft(["order", "cart", "customer"][(n % 3) as usize], &id);
            if n % 50 == 7 {
                draft.data = format!("{{\"entity_id\":\"{}\"}}", "ü".repeat(1 << (round % 16)));
            }
            let meta = draft.meta.take().filter(|_| !n.is_multiple_of(4));
            Draft { meta, ..draft }
        };
        let committed = engine.commit_one(append((0..150).map(one).collect())).await.unwrap();
        positions.extend(committed.positions);
    }
    positions
}

fn at(position: Position) -> Checkpoint {
    Checkpoint { position, ..Checkpoint::default() }
}

pub(crate) async fn a_scan_shows_what_reads_give(engine: Engine) {
    compare(&engine, &[Checkpoint::default(), at(Position::new(5, 0))], &[Position::ZERO, Position::MAX]).await;
    let positions = fill(&engine).await;
    let (first, middle, last) = (positions[0], positions[1_234], positions[2_999]);
    let epoch = engine.head().await.unwrap().epoch;
    let known = |position, number| Checkpoint { epoch: epoch.clone(), position, number: Number(number) };
    let afters = [
        Checkpoint::default(),
        at(first.predecessor()),
        at(first),
        at(middle),
        at(last.predecessor()),
        at(last),
        at(last.successor()),
        known(Position::ZERO, 0),
        known(middle, 1_235),
        known(last, 3_000),
    ];
    let untils = [first.predecessor(), first, middle.predecessor(), middle, positions[2_000], last, Position::MAX];
    compare(&engine, &afters, &untils).await;
}

pub(crate) async fn breaking_off_ends_a_scan(engine: Engine) {
    let positions = fill(&engine).await;
    let epoch = engine.head().await.unwrap().epoch;
    for most in [1, 600, 3_000] {
        let (shown, ended) = scan(&engine, &Checkpoint::default(), Position::MAX, most).await;
        assert_eq!(shown.len(), most);
        let end = Checkpoint { epoch: epoch.clone(), position: positions[most - 1], number: Number(most as u64) };
        assert_eq!(ended.unwrap(), end);
    }
    // Nothing that was broken off keeps the store from closing.
    engine.close().await.unwrap();
}

pub(crate) async fn a_scan_tells_what_is_missing(engine: Engine) {
    let commit = append(vec![draft("order", "a"), draft("cart", "b"), draft("order", "c")]);
    let committed = engine.commit_one(commit).await.unwrap();
    let (first, second, head) = (committed.positions[0], committed.positions[1], committed.head);
    let known = |position, number| Checkpoint { position, number: Number(number), ..head.clone() };
    for (after, shown, reason) in [
        (known(first, 0), 0, format!("event 1 is missing: {second} is event 2")),
        (known(head.position, 2), 0, "events 3 to 3 are missing".to_owned()),
        (known(head.position.successor(), 3), 0, format!("it ends at {head}")),
        (
            Checkpoint { epoch: Epoch("other".into()), ..known(first, 1) },
            0,
            format!("it was begun again: its epoch is \"{}\", not \"other\"", head.epoch),
        ),
    ] {
        let (entries, ended) = scan(&engine, &after, Position::MAX, usize::MAX).await;
        assert_eq!(entries.len(), shown);
        match ended {
            Err(StoreError::Diverged { checkpoint, reason: said }) => assert_eq!((checkpoint, said), (after, reason)),
            other => panic!("{after}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_history_is_shown_with_its_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part.jsonl");
    let line = |number: u64| {
        let event = draft("order", &number.to_string()).at(Position::new(number, 0));
        history::write_line(&Event { number: Some(Number(number)), ..event })
    };
    let lines: Vec<_> = (5..1_000).filter(|number| number % 7 != 0).map(line).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    let engine = Engine::open(&StoreUrl::History(path), &Namespace::default(), &[]).await.unwrap();
    let known = |number| Checkpoint {
        epoch: Epoch("history".into()),
        position: Position::new(number, 0),
        number: Number(number),
    };
    let untils = [Position::new(3, 0), Position::new(600, 0), Position::MAX];
    compare(&engine, &[Checkpoint::default(), at(Position::new(48, 0)), known(48), known(999)], &untils).await;
    assert_eq!(engine.read(&known(48), 2_000).await.unwrap().entries.len(), lines.len() - 38);
    let (tail, task) = runtime::Tail::follow(engine).await.unwrap();
    let entries = tail.next(&known(48), 2_000, std::time::Duration::ZERO).await.unwrap();
    assert_eq!(entries.entries.len(), lines.len() - 38);
    task.abort();
}
