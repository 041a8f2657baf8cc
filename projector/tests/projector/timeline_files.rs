//! A timeline's file: built and broken off, made anew, with old versions dropped, damaged, or something else.

use std::{fs, path::Path, sync::Arc};

use crate::common::{Leaf, Note, Place, TOPICS, append, domain, draft, event, until, whole};
use crate::rebuilding::{Rows, entries, grow, grown_log, memory_log, rebuild, run};
use crate::timelines::{Expected, Keeping, build, file, is_exact_at_head, is_exact_everywhere, open};
use jiff::SignedDuration;
use kernel::{CREATED, DELETED, Domain, Entity, Field, Position, Topic, UPDATED};
use projector::{
    rebuild::{Plan, Progress, Rebuild},
    timeline::{BuildError, Retention, Timeline, Way},
};
use runtime::{Engine, StoreError};
use serde::{Deserialize, Serialize};
use sqlx::{Connection, Row as _, SqliteConnection};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap()
}

async fn sql(path: &Path, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&mut connect(path).await).await.unwrap();
}

async fn count(path: &Path, sql: &'static str) -> i64 {
    sqlx::query(sql).fetch_one(&mut connect(path).await).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_that_was_broken_off_goes_on() {
    let engine = grown_log(20_000, 300).await;
    let (_folder, path) = file();
    let timeline = open(&engine, &path, 100).await;
    let told = CancellationToken::new();
    told.cancel();
    let error = timeline.build(Way::Onward, &watch::Sender::default(), &told).await.unwrap_err();
    assert_eq!(error.to_string(), "interrupted; everything up to 0-0 is kept, and the same goes on from there");
    let positions: Vec<_> = entries(&engine).await.iter().map(kernel::Entry::position).collect();
    for least in [1, 9_000] {
        let (progress, stop) = (watch::Sender::new(Progress::default()), CancellationToken::new());
        let (mut seen, told) = (progress.subscribe(), stop.clone());
        let from = timeline.standing().await.unwrap().checkpoint.number.0;
        let telling = tokio::spawn(async move {
            seen.wait_for(|progress| progress.events >= least).await.map(drop).unwrap();
            told.cancel();
        });
        let interrupted = timeline.build(Way::Onward, &progress, &stop).await;
        telling.await.unwrap();
        let standing = timeline.standing().await.unwrap();
        match interrupted {
            Err(BuildError::Interrupted(at)) => assert_eq!(standing.checkpoint.position, at),
            // It was told when there was nothing left to read.
            other => assert_eq!(other.unwrap().checkpoint, standing.checkpoint),
        }
        assert!(standing.checkpoint.number.0 >= from + least, "{standing:?}");
        for at in [0, 5_000, 10_000, 19_999] {
            let versions = timeline.versions("tree", "7", positions[at]).await.unwrap();
            let of_it = (0..=at).filter(|n| n * 7_919 % 300 == 7).map(|n| positions[n]);
            let found: Vec<_> = versions.iter().map(|version| version.position).collect();
            assert!(found.iter().all(|position| of_it.clone().any(|of_it| of_it == *position)));
        }
    }
    let from = timeline.standing().await.unwrap().checkpoint.number.0;
    let built = build(&timeline, Way::Onward).await.unwrap();
    assert_eq!((built.events, &built.checkpoint), (20_000 - from, &engine.head().await.unwrap()));
    is_exact_rebuilt(&timeline, &domain(), &positions, "gone on with").await;
}

/// A tree of a later version, with its age.
#[derive(Serialize, Deserialize)]
struct OldTree {
    entity_id: String,
    name: String,
    age: String,
}

impl Entity for OldTree {
    const TOPIC: &'static str = "tree";

    fn topic() -> Topic {
        Topic::entity(
            Self::TOPIC,
            "trees",
            "forest",
            vec![Field::text("name").or_empty(), Field::text("age").or_empty()],
        )
    }
}

/// The domain with one field more.
fn later_domain() -> Arc<Domain> {
    Arc::new(Domain::new("forest").entity::<OldTree>().entity::<Leaf>().journal::<Note>())
}

async fn rebuilt(engine: &Engine, domain: &Arc<Domain>, at: Position) -> Rows {
    let model = Place::memory().open().await;
    let plan = Plan { to: Some(at), ..Plan::default() };
    run(&Rebuild { plan, domain: domain.clone(), ..rebuild(engine, &model) }).await.unwrap();
    whole(&model).await.0.0
}

/// At some of these positions it is what a rebuild stopped there gives.
async fn is_exact_rebuilt(timeline: &Timeline, domain: &Arc<Domain>, positions: &[Position], what: &str) {
    for at in positions.iter().rev().step_by(positions.len().div_ceil(7)) {
        let tables = timeline.tables(&TOPICS, *at).await.unwrap();
        assert_eq!(tables.0, rebuilt(timeline.engine(), domain, *at).await, "{what}: at {at}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_version_made_is_made_anew_and_read_from_the_log_meanwhile() {
    let engine = grown_log(200, 17).await;
    let (_folder, path) = file();
    build(&open(&engine, &path, 10).await, Way::Onward).await.unwrap();
    grow(&engine, 50, 17, "later").await;
    let positions: Vec<_> = entries(&engine).await.iter().map(kernel::Entry::position).collect();
    let mut domains = [domain(), later_domain()];
    for round in 0..3 {
        domains.reverse();
        let [domain, other] = &domains;
        let timeline = Timeline::open(domain.clone(), engine.clone(), &path).await.unwrap().with_runs_of(7);
        let standing = timeline.standing().await.unwrap();
        assert!(standing.stale && standing.checkpoint.position > Position::ZERO, "{round}: {standing:?}");
        is_exact_rebuilt(&timeline, domain, &positions, "stale").await;
        let mut keeper = Keeping::start(&timeline).await;
        is_exact_rebuilt(&timeline, domain, &positions, "being made anew").await;
        keeper.caught_up().await;
        let standing = timeline.standing().await.unwrap();
        assert_eq!((standing.stale, standing.since), (false, Position::ZERO), "{round}");
        is_exact_rebuilt(&timeline, domain, &positions, "made anew").await;
        let reading = Timeline::open_reading(other.clone(), engine.clone(), &path).await.unwrap();
        assert!(reading.standing().await.unwrap().stale);
        is_exact_rebuilt(&reading, other, &positions, "of another version").await;
        keeper.stop().await;
    }
}

/// Three trees, changed in each commit, and one that is felled in the first; a leaf and notes.
async fn grow_three(engine: &Engine, rounds: std::ops::Range<usize>) {
    for round in rounds {
        let mut drafts: Vec<_> = ["a", "b", "c", "a", "b"]
            .into_iter()
            .map(|id| event("tree", if round == 0 { CREATED } else { UPDATED }, id, &format!("{id} {round}")))
            .collect();
        drafts.push(event("tree", [CREATED, DELETED][usize::from(round > 0)], "felled", "early"));
        drafts.push(event("leaf", [CREATED, DELETED][round % 2], "now and then", &round.to_string()));
        drafts.extend((round == 0).then(|| event("leaf", CREATED, "once", "and never again")));
        drafts.push(draft("note", "noted", format!(r#"{{"text":"{round}"}}"#)));
        append(engine, drafts).await;
    }
}

const NOW: Retention = Retention::Last(SignedDuration::ZERO);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_versions_are_dropped_and_answers_stay_right() {
    let engine = memory_log().await;
    let (_folder, path) = file();
    grow_three(&engine, 0..10).await;
    // One run a commit and a keyframe after each: it ends with one, and all before that is dropped.
    let mut keeper = Keeping::with(&open(&engine, &path, 1).await, NOW).await;
    for round in 10..20 {
        grow_three(&engine, round..round + 1).await;
        keeper.caught_up().await;
    }
    let head = engine.head().await.unwrap().position;
    let timeline = keeper.timeline.clone();
    until("old versions are dropped", async || timeline.standing().await.unwrap().since == head).await;
    for sql in [
        "SELECT count(*) FROM block WHERE topic <> 'note' AND run < (SELECT base FROM state)",
        "SELECT count(*) FROM block WHERE topic = 'note' AND run IN (SELECT id FROM run WHERE base = id)",
    ] {
        assert_eq!(count(&path, sql).await, 0, "{sql}");
    }
    is_exact_everywhere(&timeline, "dropped at its very end").await;
    keeper.stop().await;
    is_exact_everywhere(&timeline, "not kept any more").await;

    // Whoever goes on knows what exists, and what changes is told from there.
    let mut keeper = Keeping::with(&open(&engine, &path, 1_000).await, NOW).await;
    grow_three(&engine, 20..23).await;
    keeper.caught_up().await;
    let timeline = keeper.timeline.clone();
    is_exact_everywhere(&timeline, "kept again").await;
    let standing = timeline.standing().await.unwrap();
    assert_eq!((standing.since, standing.checkpoint), (head, engine.head().await.unwrap()));
    tells_changes(&timeline).await;
    keeper.stop().await;
    build(&timeline, Way::Onward).await.unwrap();
    is_exact_everywhere(&timeline, "built on").await;
    tells_changes(&timeline).await;
    let built = build(&timeline, Way::Anew).await.unwrap();
    assert_eq!(built.events, entries(&engine).await.len() as u64);
    assert_eq!(timeline.standing().await.unwrap().since, Position::ZERO);
    is_exact_everywhere(&timeline, "anew").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_young_is_told_from_what_was_dropped_meanwhile() {
    let engine = memory_log().await;
    let (_folder, path) = file();
    grow_three(&engine, 0..1).await;
    let mut keeper = Keeping::with(&open(&engine, &path, 5).await, NOW).await;
    // `once` is in the first run, which goes; it changes while what it was is in a keyframe alone.
    for round in 1..6 {
        grow_three(&engine, round..round + 1).await;
        keeper.caught_up().await;
    }
    let head = engine.head().await.unwrap().position;
    until("old versions are dropped", async || keeper.timeline.standing().await.unwrap().since == head).await;
    for name in ["and now again", "and again"] {
        append(&engine, vec![event("leaf", CREATED, "other", name)]).await;
        append(&engine, vec![event("leaf", UPDATED, "once", name)]).await;
        keeper.caught_up().await;
        tells_changes(&keeper.timeline).await;
    }
    is_exact_everywhere(&keeper.timeline, "kept").await;
    keeper.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_versions_of_one_row_may_fill_many_blocks() {
    let engine = memory_log().await;
    let long = "so long a name that two or three versions are a block. ".repeat(30);
    for round in 0..60 {
        let action = |n: usize| if (round + n) % 9 == 8 { DELETED } else { [CREATED, UPDATED][n % 2] };
        let tree = |(n, id): (usize, &str)| event("tree", action(n), id, &format!("{round} {long}"));
        let drafts = ["a", "ab", "a", "b"].into_iter().enumerate().map(tree);
        append(&engine, drafts.chain([draft("note", "noted", format!(r#"{{"text":"{long}"}}"#))]).collect()).await;
    }
    let expected = Expected::of(&engine).await;
    for (entries, kept) in [(40, false), (7, false), (40, true)] {
        let (_folder, path) = file();
        let timeline = open(&engine, &path, entries).await;
        let keeping = if kept {
            let mut keeping = Keeping::start(&timeline).await;
            keeping.caught_up().await;
            Some(keeping)
        } else {
            build(&timeline, Way::Onward).await.unwrap();
            None
        };
        let what = format!("runs of {entries}");
        is_exact_everywhere(&timeline, &what).await;
        tells_changes(&timeline).await;
        for entry in expected.log.entries.iter().step_by(3) {
            for key in ["a", "ab", "b", "aa", "c", ""] {
                let versions = expected.versions("tree", key, entry.position());
                let found = timeline.versions("tree", key, entry.position()).await.unwrap();
                assert!(found == versions, "{what}: versions of {key} at {}", entry.position());
                let row = timeline.row("tree", key, entry.position()).await.unwrap();
                assert!(row.as_ref() == versions.last(), "{what}: {key} at {}", entry.position());
            }
        }
        if let Some(keeping) = keeping {
            keeping.stop().await;
        }
    }
}

async fn tells_changes(timeline: &Timeline) {
    let expected = Expected::of(timeline.engine()).await;
    let positions: Vec<_> = expected.log.entries.iter().map(kernel::Entry::position).collect();
    let last = positions.len() - 1;
    for from in (last.saturating_sub(4)..last).chain((0..last).step_by(5)) {
        for to in [from + 1, (from + 4).min(last), last] {
            let (from, to) = (positions[from], positions[to]);
            let changes = timeline.changes(from, to, &TOPICS).await.unwrap();
            assert_eq!(changes, expected.changes(from, to), "from {from} to {to}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_of_the_last_hour_is_all_of_a_young_log() {
    let engine = memory_log().await;
    let (_folder, path) = file();
    grow_three(&engine, 0..10).await;
    let hour = Retention::Last(SignedDuration::from_hours(1));
    let mut keeper = Keeping::with(&open(&engine, &path, 1).await, hour).await;
    keeper.caught_up().await;
    assert_eq!(keeper.timeline.standing().await.unwrap().since, Position::ZERO);
    is_exact_everywhere(&keeper.timeline, "kept").await;
    keeper.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_in_its_tables_it_is_made_anew() {
    let engine = grown_log(100, 17).await;
    let (_folder, path) = file();
    let timeline = open(&engine, &path, 10).await;
    for garbage in [
        "UPDATE block SET packed = x'00'",
        "UPDATE state SET position = x'01'",
        "UPDATE state SET runs = -1, number = -1, version = 1 << 40",
        "UPDATE run SET until = x'ff', base = 12345",
        "DELETE FROM state; INSERT INTO run (id, base, until) VALUES (9223372036854775807, 1, x'')",
        "UPDATE mention SET packed = x'00'; DELETE FROM run",
    ] {
        build(&timeline, Way::Onward).await.unwrap();
        is_exact_at_head(&timeline, "sound").await;
        sql(&path, garbage).await;
        build(&timeline, Way::Anew).await.unwrap();
        is_exact_everywhere(&timeline, garbage).await;
    }
}

/// The error that whatever is asked ends with.
async fn refusals(timeline: &Timeline, at: Position, before: Position, id: &str) -> Vec<String> {
    let answers = [
        timeline.row("tree", "1", at).await.map(drop),
        timeline.tables(&TOPICS, at).await.map(drop),
        timeline.versions("tree", "1", at).await.map(drop),
        timeline.changes(before, at, &TOPICS).await.map(drop),
        timeline.mentioning(&[id], at).await.map(drop),
    ];
    answers.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_is_told_with_the_file_and_the_way_out() {
    let engine = grown_log(100, 17).await;
    let entries = entries(&engine).await;
    let positions: Vec<_> = entries.iter().map(kernel::Entry::position).collect();
    let kernel::Entry::Event(kernel::Event { id, .. }) = &entries[0] else { panic!("{:?}", entries[0]) };
    let way_out = "delete the file: it is made again from the log";
    for (damage, at, reason, refused) in [
        ("UPDATE block SET packed = x''", "block", "its versions can't be unpacked", 4),
        ("UPDATE block SET packed = x'ffffffff00'", "block", "its versions can't be unpacked", 4),
        ("UPDATE block SET packed = x'0400000040616161'", "block", "its versions can't be unpacked", 4),
        (
            "UPDATE block SET packed = substr(packed, 1, length(packed) - 1)",
            "block",
            "its versions can't be unpacked",
            4,
        ),
        ("UPDATE mention SET packed = x'00'", "mention", "its mentions can't be read", 1),
        ("UPDATE state SET position = x'00'", "state", "it is no state of a timeline", 5),
        ("UPDATE state SET number = -1", "state", "it is no state of a timeline", 5),
    ] {
        let (_folder, path) = file();
        let timeline = open(&engine, &path, 10).await;
        build(&timeline, Way::Onward).await.unwrap();
        sql(&path, damage).await;
        let expected =
            format!("store sqlite://{} holds something unreadable at {at}: {reason}; {way_out}", path.display());
        let refusals = refusals(&timeline, positions[99], positions[95], id).await;
        assert_eq!(refusals, vec![expected.clone(); refused], "{damage}");
        if refused > 1 {
            let ended = Keeping::start(&timeline).await.ended().await.unwrap_err();
            assert!(matches!(ended, StoreError::Corrupt { .. }), "{damage}: {ended:?}");
            assert_eq!(ended.to_string(), expected, "{damage}");
        }
    }
}

async fn refused(path: &Path) -> [String; 2] {
    let engine = memory_log().await;
    let opened = Timeline::open(domain(), engine.clone(), path).await.unwrap_err();
    let reading = Timeline::open_reading(domain(), engine, path).await.unwrap_err();
    [opened.to_string(), reading.to_string()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_something_else_is_left_alone() {
    let (folder, path) = file();
    let url = format!("sqlite://{}", path.display());
    fs::write(&path, "This is a text, and long enough not to be taken for an empty file. ".repeat(99)).unwrap();
    let text = fs::read(&path).unwrap();
    for error in refused(&path).await {
        let expected = format!(
            "store {url} holds something unreadable at its pages: error returned from database: (code: 26) file is \
             not a database; name another file, or, if it was a file of Retrace's beside a log, delete the file: it is \
             made again from the log"
        );
        assert_eq!(error, expected);
    }
    assert_eq!(fs::read(&path).unwrap(), text);

    fs::remove_file(&path).unwrap();
    fs::write(&path, "").unwrap();
    sql(&path, "CREATE TABLE theirs (x)").await;
    for error in refused(&path).await {
        let reason = "it is a SQLite file, but no timeline of Retrace; name another file";
        assert_eq!(error, format!("store {url} can't be used: {reason}"));
    }

    let path = folder.path().join("newer");
    let url = format!("sqlite://{}", path.display());
    drop(open(&memory_log().await, &path, 1).await);
    sql(&path, "PRAGMA user_version = 3").await;
    for error in refused(&path).await {
        let expected = format!(
            "store {url} can't be used: it has format 3 of a newer Retrace, and this one knows up to 2; use the newer \
             one, or delete the file and let this one make it again from the log"
        );
        assert_eq!(error, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_format_1_counts_rows_from_its_next_keyframe_on() {
    let engine = grown_log(200, 17).await;
    let (_folder, path) = file();
    build(&open(&engine, &path, 10).await, Way::Onward).await.unwrap();
    sql(&path, "DROP TABLE total; PRAGMA user_version = 1").await;
    let error = Timeline::open_reading(domain(), engine.clone(), &path).await.unwrap_err().to_string();
    let remedy = "an older Retrace made it, or one that did not come to the end of that; `retrace rebuild --timeline`";
    assert!(error.contains(remedy), "{error}");
    let timeline = open(&engine, &path, 10).await;
    let before = engine.head().await.unwrap().position;
    assert!(timeline.counts(before).await.unwrap().values().all(Option::is_none));
    assert_eq!(timeline.counts(Position::ZERO).await.unwrap()["tree"], Some(0));
    grow(&engine, 300, 17, "later").await;
    build(&timeline, Way::Onward).await.unwrap();
    let head = engine.head().await.unwrap().position;
    let expected = Expected::of(&engine).await.tables(head);
    let counts = timeline.counts(head).await.unwrap();
    assert_eq!(TOPICS.map(|topic| counts[topic]), TOPICS.map(|topic| Some(expected[topic].len() as u64)));
    build(&timeline, Way::Anew).await.unwrap();
    is_exact_everywhere(&timeline, "made anew").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_file_there_is_nothing_to_build_and_all_to_read() {
    let engine = grown_log(30, 5).await;
    let error = build(&Timeline::in_memory(domain(), engine.clone()), Way::Anew).await.unwrap_err();
    assert_eq!(error.to_string(), "the timeline of memory: is kept in memory; there is nothing to build");
    let (_folder, path) = file();
    let reading = Timeline::open_reading(domain(), engine, &path).await.unwrap();
    is_exact_everywhere(&reading, "no file").await;
    assert!(!path.exists(), "whoever reads makes no file");
}
