//! A timeline that is kept: by several at once, stopped and killed and gone on with, read all the while.

use std::path::Path;

use crate::common::{DEADLINE, TOPICS, append, domain, draft, event, within};
use crate::rebuilding::{self, entries, fold, grow, grown_log, logs::Log, memory_log};
use crate::timelines::{Expected, Keeping, build, file, is_exact_at_head, is_exact_everywhere, open};
use kernel::{CREATED, Checkpoint, DELETED, Position, UPDATED};
use projector::timeline::{Standing, Timeline, Way};
use runtime::{Engine, StoreError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A commit about some trees, a leaf and a note.
async fn grow_a_little(engine: &Engine, round: usize) -> Position {
    let action = |n: usize| if (round + n).is_multiple_of(7) { DELETED } else { [CREATED, UPDATED][n % 2] };
    let tree = |n: usize| event("tree", action(n), &((round * 3 + n) % 11).to_string(), &format!("{round} {n}"));
    let mut drafts: Vec<_> = (0..6).map(tree).collect();
    drafts.push(event("leaf", [CREATED, UPDATED, DELETED][round % 3], "only", &round.to_string()));
    drafts.push(draft("note", "noted", format!(r#"{{"text":"{round}"}}"#)));
    append(engine, drafts).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_keep_one_file() {
    let engine = grown_log(50, 11).await;
    let (_folder, path) = file();
    let mut keepers =
        [Keeping::start(&open(&engine, &path, 4).await).await, Keeping::start(&open(&engine, &path, 4).await).await];
    for round in 0..6 {
        for n in 0..5 {
            grow_a_little(&engine, round * 5 + n).await;
            tokio::task::yield_now().await;
        }
        for keeper in &mut keepers {
            is_exact_at_head(&keeper.timeline, "meanwhile").await;
            keeper.caught_up().await;
        }
    }
    for keeper in keepers {
        is_exact_everywhere(&keeper.timeline, "both keep it").await;
        keeper.stop().await;
    }
    is_exact_everywhere(&open(&engine, &path, 4).await, "nobody keeps it").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_kept_twice_in_one_process_is_kept_once() {
    let engine = memory_log().await;
    let timeline = Timeline::in_memory(domain(), engine.clone());
    let first = Keeping::start(&timeline).await;
    let second = Keeping::start(&timeline).await;
    for round in 0..20 {
        grow_a_little(&engine, round).await;
        is_exact_at_head(&timeline, "both keep it").await;
    }
    first.stop().await;
    grow_a_little(&engine, 20).await;
    is_exact_everywhere(&timeline, "one keeps it").await;
    second.stop().await;
    assert_eq!(timeline.standing().await.unwrap(), Standing { place: "memory:".to_owned(), ..Standing::default() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_stopped_goes_on_where_it_stood() {
    let engine = memory_log().await;
    let (_folder, path) = file();
    for round in 0..4 {
        let mut keeper = Keeping::start(&open(&engine, &path, 3).await).await;
        keeper.caught_up().await;
        for n in 0..4 {
            grow_a_little(&engine, round * 8 + n).await;
        }
        keeper.caught_up().await;
        is_exact_everywhere(&keeper.timeline, "kept").await;
        let timeline = keeper.timeline.clone();
        keeper.stop().await;
        for n in 4..8 {
            grow_a_little(&engine, round * 8 + n).await;
        }
        is_exact_everywhere(&timeline, "left behind").await;
        let standing = timeline.standing().await.unwrap();
        assert!(standing.checkpoint.position > Position::ZERO && !standing.stale, "{standing:?}");
        assert!(standing.checkpoint.position < engine.head().await.unwrap().position, "{standing:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_killed_anywhere_goes_on_where_it_stood() {
    let engine = grown_log(40, 11).await;
    let (_folder, path) = file();
    let before = engine.head().await.unwrap().position;
    let expected = Expected::of(&engine).await.tables(before);
    for round in 0..60 {
        let timeline = open(&engine, &path, 2).await;
        let keeper = Keeping::start(&timeline).await;
        for _ in 0..round % 4 {
            grow_a_little(&engine, round).await;
        }
        for _ in 0..round * round / 8 {
            tokio::task::yield_now().await;
        }
        keeper.kill().await;
        assert_eq!(timeline.tables(&TOPICS, before).await.unwrap().0, expected, "round {round}");
        is_exact_at_head(&timeline, &format!("killed in round {round}")).await;
    }
    is_exact_everywhere(&open(&engine, &path, 2).await, "opened again").await;
    let mut keeper = Keeping::start(&open(&engine, &path, 2).await).await;
    keeper.caught_up().await;
    is_exact_everywhere(&keeper.timeline, "kept again").await;
    keeper.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_whose_keeper_died_does_not_wait_for_it() {
    let engine = grown_log(20, 5).await;
    let timeline = Timeline::in_memory(domain(), engine.clone());
    let mut keeper = Keeping::start(&timeline).await;
    keeper.caught_up().await;
    keeper.kill().await;
    assert_eq!(timeline.standing().await.unwrap().checkpoint, Checkpoint::default());
    is_exact_everywhere(&timeline, "nobody keeps it").await;
}

/// Asks for one moment all the time; it must never change.
fn asks(timeline: Timeline, engine: Engine, at: Position, stop: CancellationToken) -> JoinHandle<u32> {
    tokio::spawn(async move {
        let expected = Expected::of(&engine).await;
        let (tables, versions) = (expected.tables(at), expected.versions("tree", "3", at));
        let first = expected.log.entries[0].position();
        let changes = expected.changes(first, at);
        let mut asked = 0;
        while !stop.is_cancelled() || asked == 0 {
            assert_eq!(timeline.tables(&TOPICS, at).await.unwrap().0, tables, "at {at}");
            assert_eq!(timeline.row("tree", "3", at).await.unwrap().as_ref(), versions.last(), "at {at}");
            assert_eq!(timeline.versions("tree", "3", at).await.unwrap(), versions, "at {at}");
            assert_eq!(timeline.changes(at, first, &TOPICS).await.unwrap().len(), changes.len(), "at {at}");
            assert_eq!(timeline.changes(first, at, &TOPICS).await.unwrap(), changes, "at {at}");
            asked += 1;
        }
        asked
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moment_never_changes_while_it_is_kept() {
    let engine = grown_log(40, 11).await;
    let (_folder, path) = file();
    let timeline = open(&engine, &path, 1).await;
    let mut keeper = Keeping::start(&timeline).await;
    keeper.caught_up().await;
    let reading = Timeline::open_reading(domain(), engine.clone(), &path).await.unwrap();
    let stop = CancellationToken::new();
    let middle = entries(&engine).await[20].position();
    let head = engine.head().await.unwrap().position;
    let mut asking = Vec::new();
    for timeline in [&timeline, &reading] {
        for at in [middle, head] {
            asking.push(asks(timeline.clone(), engine.clone(), at, stop.clone()));
        }
    }
    for round in 0..60 {
        let at = grow_a_little(&engine, round).await;
        asking.extend((round == 20).then(|| asks(timeline.clone(), engine.clone(), at, stop.clone())));
        if round % 10 == 0 {
            is_exact_at_head(&reading, "beside the keeper").await;
            is_exact_at_head(&timeline, "kept").await;
        }
    }
    keeper.caught_up().await;
    stop.cancel();
    for asking in asking {
        assert!(within(asking).await.unwrap() > 0);
    }
    is_exact_everywhere(&reading, "beside the keeper").await;
    keeper.stop().await;
}

/// The scan shows a log in memory while it is locked, and hands runs over to who writes them.
#[test]
fn one_thread_may_write_runs_and_wait_for_the_log() {
    let (done, ended) = std::sync::mpsc::channel();
    // Were it stuck, nothing on its runtime would come to say so.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let engine = grown_log(2_000, 50).await;
            let (_folder, path) = file();
            let timeline = open(&engine, &path, 1).await;
            let stop = CancellationToken::new();
            let (log, told) = (engine.clone(), stop.clone());
            let looking = tokio::spawn(async move {
                while !told.is_cancelled() {
                    log.head().await.unwrap();
                    tokio::task::yield_now().await;
                }
            });
            let built = tokio::spawn(async move { build(&timeline, Way::Onward).await }).await.unwrap().unwrap();
            stop.cancel();
            looking.await.unwrap();
            done.send(built.checkpoint == engine.head().await.unwrap()).unwrap();
        });
    });
    assert!(ended.recv_timeout(3 * DEADLINE).expect("within the deadline"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_ask_the_log_at_once() {
    let engine = grown_log(60, 11).await;
    let (_folder, path) = file();
    let timeline = open(&engine, &path, 5).await;
    build(&timeline, Way::Onward).await.unwrap();
    grow(&engine, 60, 11, "later").await;
    let head = engine.head().await.unwrap().position;
    let expected = fold(&entries(&engine).await).0;
    let ask = || {
        let timeline = timeline.clone();
        tokio::spawn(async move { timeline.tables(&TOPICS, head).await.unwrap().0 })
    };
    for asked in (0..40).map(|_| ask()).collect::<Vec<_>>() {
        assert_eq!(within(asked).await.unwrap(), expected);
    }
}

/// Whatever is asked ends with this error.
async fn is_refused(timeline: &Timeline, at: Position, expected: &str) {
    let answers = [
        timeline.row("tree", "1", at).await.map(drop),
        timeline.tables(&TOPICS, at).await.map(drop),
        timeline.versions("tree", "1", at).await.map(drop),
        timeline.changes(Position::ZERO, at, &TOPICS).await.map(drop),
        timeline.mentioning(&["any"], at).await.map(drop),
    ];
    for (index, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.unwrap_err().to_string(), expected, "answer {index} at {at}");
    }
}

/// The keeper of such a file stops with this error, and answers say the same.
async fn has_diverged(engine: &Engine, path: &Path, expected: &str) {
    let timeline = open(engine, path, 5).await;
    let reached = timeline.standing().await.unwrap().checkpoint.position;
    let positions = entries(engine).await.into_iter().map(|entry| entry.position());
    let positions: Vec<_> = positions.chain([reached, reached.predecessor()]).collect();
    for when in ["before it is kept", "after"] {
        for at in &positions {
            is_refused(&timeline, *at, expected).await;
        }
        let keeper = Keeping::start(&timeline).await;
        let ended = keeper.ended().await.unwrap_err();
        assert!(matches!(ended, StoreError::Diverged { .. }), "{when}: {ended:?}");
        assert_eq!(ended.to_string(), expected, "{when}");
    }
    let reading = Timeline::open_reading(domain(), engine.clone(), path).await.unwrap();
    is_refused(&reading, positions[0], expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_begun_again_is_not_gone_on_with() {
    let engine = grown_log(60, 11).await;
    let (_folder, path) = file();
    build(&open(&engine, &path, 5).await, Way::Onward).await.unwrap();
    let again = grown_log(90, 11).await;
    let [before, now] = [engine.head().await.unwrap(), again.head().await.unwrap()];
    let expected = format!(
        "the log does not continue from {before}: it was begun again: its epoch is \"{}\", not \"{}\"",
        now.epoch, before.epoch
    );
    has_diverged(&again, &path, &expected).await;
    // Anew it is a timeline of the log as it is.
    let timeline = open(&again, &path, 5).await;
    build(&timeline, Way::Anew).await.unwrap();
    is_exact_everywhere(&timeline, "anew").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_has_lost_events_is_not_gone_on_with() {
    let memory = grown_log(60, 11).await;
    let log = Log::history(
        &memory,
        &[rebuilding::logs::Step { events: vec![event("tree", CREATED, "1", ""); 60], stranger: None }],
    )
    .await;
    let (_folder, path) = file();
    build(&open(&log.engine, &path, 5).await, Way::Onward).await.unwrap();
    let before = log.engine.head().await.unwrap();
    let then = log.history_until(entries(&memory).await[39].position()).await.unwrap();
    let expected = format!("the log does not continue from {before}: it ends at {}", then.head().await.unwrap());
    has_diverged(&then, &path, &expected).await;
}
