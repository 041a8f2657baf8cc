//! The state at a position is what a rebuild stopped there gives (R10), wherever the timeline has it from.

use std::{collections::BTreeMap, path::Path};

use crate::common::{self, Place, TOPICS, domain, draft, event, whole};
use crate::rebuilding::{
    Rows,
    logs::{Log, Step, any_step},
    rebuild, run,
};
use crate::timelines::{Expected, Keeping, build, open, pages_are_tables};
use kernel::{CREATED, Digest, Draft, Entry, Meta, Position};
use projector::{
    rebuild::{Plan, Rebuild},
    timeline::{Timeline, Way},
};
use proptest::{prelude::*, sample::Index};
use runtime::Engine;

/// A log to be, and what is asked of its timeline.
#[derive(Clone, Debug)]
struct Case {
    /// What is there when the timeline is built or kept, and what comes later.
    commits: [Vec<Step>; 2],
    /// How many entries make a run.
    entries: u64,
    /// Where to look, in parts of the log, and whether right before an entry rather than right at it.
    cuts: Vec<(Index, bool)>,
    /// Which rows and which events to look for.
    picks: Vec<Index>,
}

/// What an event comes of: the event before it by so much, one of some commands.
type Origin = (Option<Index>, Option<u8>);

/// Commits of events that come of each other; some are about keys that are hard to tell apart.
fn any_commits() -> impl Strategy<Value = Vec<Step>> {
    let key = prop::option::weighted(0.15, prop::sample::select(vec!["n", "n\0", "n\0m", "N", "n "]));
    let origin = (prop::option::weighted(0.4, any::<Index>()), prop::option::weighted(0.4, 0..4_u8));
    let origins = prop::collection::vec((origin, key), 80);
    (prop::collection::vec(any_step(), 0..10), origins).prop_map(|(mut steps, origins)| {
        let events = steps.iter_mut().flat_map(|step| &mut step.events);
        let mut before = Vec::new();
        for (draft, (origin, key)) in events.zip(origins) {
            before.push(draft.id.clone());
            *draft = with_origin(draft, &origin, &before);
            if let Some(key) = key.filter(|_| draft.topic != "note") {
                draft.data = event(&draft.topic, CREATED, key, "a name").data;
            }
        }
        steps
    })
}

fn with_origin(draft: &Draft, (cause, command): &Origin, before: &[String]) -> Draft {
    let cause = cause.as_ref().map(|index| index.get(before).clone());
    let command = command.map(|command| format!("command-{command}"));
    let is_plain = cause.is_none() && command.is_none();
    let schema = draft.meta.as_ref().and_then(|meta| meta.schema);
    let meta = Meta { cause, command, schema, ..Meta::default() };
    Draft { meta: if is_plain { draft.meta.clone() } else { Some(meta) }, ..draft.clone() }
}

fn any_case() -> impl Strategy<Value = Case> {
    let cuts = prop::collection::vec((any::<Index>(), any::<bool>()), 5);
    let picks = prop::collection::vec(any::<Index>(), 3);
    (any_commits(), any_commits(), 1..20_u64, cuts, picks).prop_map(|(first, mut later, entries, cuts, picks)| {
        // Nobody writes where a reader has been: what comes later begins with a commit, and strangers follow it. It
        // ends with one too, which rings the bell.
        let quiet = || Step { events: vec![draft("note", "noted", r#"{"text":"now"}"#.to_owned())], stranger: None };
        later.iter_mut().filter_map(|step| step.stranger.as_mut()).for_each(|stranger| stranger.is_level = false);
        let later = [vec![quiet()], later, vec![quiet()]].concat();
        Case { commits: [first, later], entries, cuts, picks }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn the_state_at_a_position_is_what_a_rebuild_stopped_there_gives(case in any_case()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            for log in Log::empty().await {
                grows(&log, &case).await;
            }
            a_history(&case).await;
        });
    }
}

/// A timeline of every kind of a log that grows.
async fn grows(log: &Log, case: &Case) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    log.write(&case.commits[0]).await;
    log.is_past().await;
    let behind = open(&log.engine, &folder.join("behind"), case.entries).await;
    build(&behind, Way::Onward).await.unwrap();
    let kept = Keeping::start(&open(&log.engine, &folder.join("kept"), case.entries).await).await;
    let remembered = Timeline::in_memory(domain(), log.engine.clone()).with_runs_of(case.entries);
    let remembered = Keeping::start(&remembered).await;
    for step in &case.commits[1] {
        log.is_past().await;
        log.write(std::slice::from_ref(step)).await;
    }
    let asked = Asked::of(&log.engine, case).await;
    for mut kept in [kept, remembered] {
        kept.caught_up().await;
        asked.of_timeline(&kept.timeline, "kept").await;
        let timeline = kept.timeline.clone();
        kept.stop().await;
        asked.of_timeline(&timeline, "not kept any more").await;
    }
    asked.of_every_other(&behind, case, folder).await;
}

/// A timeline of every kind of a log that is a file.
async fn a_history(case: &Case) {
    let folder = tempfile::tempdir().unwrap();
    let [memory, ..] = Log::empty().await;
    memory.write(&case.commits[0]).await;
    let half = memory.engine.head().await.unwrap().position;
    memory.write(&case.commits[1]).await;
    let log = Log::history(&memory.engine, &case.commits.concat()).await;
    let then = log.history_until(half).await.unwrap();
    let path = folder.path().join("behind");
    build(&open(&then, &path, case.entries).await, Way::Onward).await.unwrap();
    let behind = open(&log.engine, &path, case.entries).await;
    let asked = Asked::of(&log.engine, case).await;
    let mut kept = Keeping::start(&open(&log.engine, &folder.path().join("kept"), case.entries).await).await;
    kept.caught_up().await;
    asked.of_timeline(&kept.timeline, "kept").await;
    kept.stop().await;
    asked.of_every_other(&behind, case, folder.path()).await;
}

/// What is asked of every timeline of a log, and the answers.
struct Asked {
    expected: Expected,
    engine: Engine,
    /// Positions, in no order.
    at: Vec<Position>,
    rows: Vec<(String, String)>,
    ids: Vec<String>,
    rebuilt: BTreeMap<Position, (Rows, Digest)>,
}

impl Asked {
    async fn of(engine: &Engine, case: &Case) -> Self {
        let expected = Expected::of(engine).await;
        let first = expected.log.entries.first().map(Entry::position).unwrap_or_default();
        let ends = [Position::ZERO, first.predecessor(), expected.log.head.position];
        let at: Vec<_> = case.cuts.iter().map(|cut| expected.log.cut(cut)).chain(ends).collect();
        let mut rebuilt = BTreeMap::new();
        for at in &at {
            rebuilt.insert(*at, rebuilt_up_to(engine, *at).await);
        }
        let known: Vec<_> = expected.versions.keys().cloned().chain([("tree".into(), "never".into())]).collect();
        let rows = case.picks.iter().map(|pick| pick.get(&known).clone()).collect();
        let ids = expected.log.entries.iter().filter_map(|entry| match entry {
            Entry::Event(event) => Some(event.id.to_string()),
            Entry::Junk(_) => None,
        });
        let ids: Vec<_> = ids.chain(["command-0".into(), "command-1".into(), "nobody's".into()]).collect();
        let ids = case.picks.iter().map(|pick| pick.get(&ids).clone()).collect();
        Self { expected, engine: engine.clone(), at, rows, ids, rebuilt }
    }

    /// Of one with nothing, of one that was built before there was more, of the same built on, of one built at once.
    async fn of_every_other(&self, behind: &Timeline, case: &Case, folder: &Path) {
        self.of_timeline(&Timeline::in_memory(domain(), self.engine.clone()), "nothing is written down").await;
        self.of_timeline(behind, "left behind").await;
        let built = build(behind, Way::Onward).await.unwrap();
        assert_eq!(built.checkpoint, self.expected.log.head);
        self.of_timeline(behind, "built on").await;
        let whole = open(&self.engine, &folder.join("whole"), case.entries).await;
        let built = build(&whole, Way::Onward).await.unwrap();
        let entities = self.expected.tables(Position::MAX);
        let entities = entities.iter().filter(|(topic, _)| *topic != "note").map(|(_, rows)| rows.len() as u64).sum();
        assert_eq!((built.entities, built.events), (entities, self.expected.log.entries.len() as u64));
        self.of_timeline(&whole, "built").await;
        let reading = Timeline::open_reading(domain(), self.engine.clone(), &folder.join("whole")).await.unwrap();
        self.of_timeline(&reading, "read").await;
    }

    async fn of_timeline(&self, timeline: &Timeline, what: &str) {
        let Self { expected, engine, at, rows, ids, rebuilt } = self;
        let what = format!("{what}, of {}", engine.url());
        for &at in at {
            let tables = timeline.tables(&TOPICS, at).await.unwrap();
            let (rebuilt, digest) = &rebuilt[&at];
            assert_eq!(common::digest(&tables), *digest, "{what}: at {at}");
            assert_eq!(tables.0, expected.tables(at), "{what}: at {at}");
            assert_eq!(tables.0, *rebuilt, "{what}: at {at}");
            pages_are_tables(timeline, &tables, at, &what).await;
            for (topic, key) in rows {
                let versions = expected.versions(topic, key, at);
                let row = timeline.row(topic, key, at).await.unwrap();
                assert_eq!(row.as_ref(), versions.last(), "{what}: {topic}/{key} at {at}");
                let found = timeline.versions(topic, key, at).await.unwrap();
                assert_eq!(found, versions, "{what}: versions of {topic}/{key} until {at}");
            }
            let ids: Vec<_> = ids.iter().map(String::as_str).collect();
            let found = timeline.mentioning(&ids, at).await.unwrap();
            assert_eq!(found, expected.mentioning(&ids, at), "{what}: mentioning {ids:?} until {at}");
        }
        for (&from, &to) in at.iter().zip(at.iter().cycle().skip(1)) {
            for (from, to) in [(from, to), (to, from)] {
                let changes = timeline.changes(from, to, &TOPICS).await.unwrap();
                assert_eq!(changes, expected.changes(from, to), "{what}: from {from} to {to}");
            }
        }
    }
}

async fn rebuilt_up_to(engine: &Engine, at: Position) -> (Rows, Digest) {
    let model = Place::memory().open().await;
    let plan = Plan { to: Some(at), ..Plan::default() };
    let report = run(&Rebuild { plan, ..rebuild(engine, &model) }).await.unwrap();
    (whole(&model).await.0.0, report.digest)
}
