//! A rebuild is the fold of its stretch of the log, whatever the log, the engine, the read model and the limits.

use crate::common::{Place, TOPICS, append, draft, event, whole};
use crate::rebuilding::{
    self, Rows, beside, digest, entries, fold, is_whole_log,
    logs::{Log, Read, Step, any_step},
    memory_log, rebuild, roll_back, run, stands,
};
use kernel::{CREATED, DELETED, Entry, Position, UPDATED};
use projector::{
    Change, Changes, ModelState, Stage,
    rebuild::{Limits, Plan, Rebuild, Report},
};
use proptest::prelude::*;
use runtime::{Commit, Engine, history};
use serde_json::json;
use testkit::RedisServer;

/// A log to be, and what is asked of it.
#[derive(Clone, Debug)]
struct Case {
    commits: Vec<Step>,
    limits: Limits,
    /// Where to cut it, in parts of it, and whether right before an entry rather than right at it.
    cuts: [(prop::sample::Index, bool); 2],
    topics: Vec<String>,
}

fn any_case() -> impl Strategy<Value = Case> {
    let limits = (1..50_u64, 0..1_500_usize).prop_map(|(commit_every, memory)| Limits { memory, commit_every });
    let cut = || (any::<prop::sample::Index>(), any::<bool>());
    let topics = prop::sample::subsequence(TOPICS.to_vec(), 1..3);
    (prop::collection::vec(any_step(), 0..14), limits, [cut(), cut()], topics).prop_map(
        |(commits, limits, cuts, topics)| Case {
            commits,
            limits,
            cuts,
            topics: topics.into_iter().map(str::to_owned).collect(),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_rebuild_is_the_fold_of_its_stretch_of_the_log(case in any_case()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            for log in Log::all(&case.commits).await {
                let log = Read::of(&log.engine).await;
                for place in Place::all() {
                    is_rebuilt(&log, &place, &case).await;
                }
            }
        });
    }
}

/// Every plan in turn, each served in place of the one before.
async fn is_rebuilt(log: &Read, place: &Place, case: &Case) {
    let model = place.open().await;
    let tiny = Rebuild { limits: case.limits, ..rebuild(&log.engine, &model) };
    let [first, second] = case.cuts.each_ref().map(|cut| log.cut(cut));
    let (from, to) = (first.min(second), first.max(second));
    let all = log.stretch(Position::ZERO, Position::MAX);
    let with = |plan: Plan| Rebuild { plan, ..tiny.clone() };
    let served = async |report: Report, (generation, kept), what: &str, from, stretch: &[&Entry]| {
        let what = format!("{what} from {} into {}", log.engine.url(), model.place());
        let (rows, state) = whole(&model).await;
        let expected = fold(stretch.iter().copied()).0;
        assert_eq!(rows.0, expected, "{what}");
        assert_eq!(state.checkpoint, stands(from, stretch, &log.head.epoch), "{what}");
        assert_eq!(state.generation, generation, "{what}");
        is_told(&report, &state, &expected, &what);
        let kept: Vec<_> = Some((kept, Stage::Kept)).filter(|(kept, _)| *kept > 0).into_iter().collect();
        assert_eq!(beside(&model).await, kept, "{what}: the one before is kept, and no other");
    };

    let report = run(&tiny).await.unwrap();
    assert_eq!(report.unreadable.count, fold(&log.entries).1);
    assert_eq!(report.events, log.entries.len() as u64);
    served(report, (1, 0), "all, with tiny limits", Position::ZERO, &all).await;

    let report = run(&with(Plan { to: Some(to), ..Plan::default() })).await.unwrap();
    let until = log.stretch(Position::ZERO, to);
    if matches!(log.engine, Engine::Memory(_)) {
        assert_eq!(report.digest, rebuilt_of_a_copy(&until).await, "a log that ends there");
    }
    served(report, (2, 1), &format!("up to {to}"), Position::ZERO, &until).await;

    // The others' rows are taken over from where they stand, and all go on from there.
    let report = run(&with(Plan { topics: case.topics.clone(), ..Plan::default() })).await.unwrap();
    served(report, (3, 2), &format!("topics {:?}", case.topics), Position::ZERO, &all).await;

    let report = run(&with(Plan { from: Some(from), ..Plan::default() })).await.unwrap();
    let before = fold(log.stretch(Position::ZERO, from)).0;
    assert_eq!(report.digest_from, Some(digest(&before)), "the state as of {from}");
    served(report, (4, 3), &format!("from {from}"), Position::ZERO, &all).await;

    let plan = Plan { from: Some(from), to: Some(to), empty: true, ..Plan::default() };
    let report = run(&with(plan)).await.unwrap();
    assert_eq!(report.digest_from, None);
    served(report, (5, 4), &format!("{from} to {to} from nothing"), from, &log.stretch(from, to)).await;

    let report = run(&rebuild(&log.engine, &model)).await.unwrap();
    served(report, (6, 5), "all", Position::ZERO, &all).await;

    // The one before was built of a stretch, and is served as it was.
    let report = roll_back(&tiny).await.unwrap();
    served(report, (5, 6), "back", from, &log.stretch(from, to)).await;
    let report = roll_back(&tiny).await.unwrap();
    served(report, (6, 5), "forth", Position::ZERO, &all).await;
}

fn is_told(report: &Report, state: &ModelState, rows: &Rows, what: &str) {
    let told = (&report.checkpoint, report.digest, report.version, report.generation);
    assert_eq!(told, (&state.checkpoint, state.digest, state.version, state.generation), "{what}");
    assert!(report.served && report.differences.is_none(), "{what}");
    let counts = rows.iter().map(|(topic, rows)| (topic.clone(), rows.len() as u64)).collect();
    assert_eq!(report.rows, counts, "{what}");
}

/// The digest of a rebuild of a log of these entries and no others.
async fn rebuilt_of_a_copy(stretch: &[&Entry]) -> kernel::Digest {
    let copy = memory_log().await;
    for entry in stretch {
        let Entry::Event(event) = entry else { panic!("{entry:?}") };
        let draft = history::draft(event.clone());
        copy.commit_one(Commit { append: vec![draft], ..Commit::default() }).await.unwrap();
    }
    let model = Place::memory().open().await;
    run(&rebuild(&copy, &model)).await.unwrap().digest
}

/// Writes rows into the served generation by hand, as no event says.
async fn tamper(model: &projector::ReadModel, rows: Vec<Change>) {
    let from = model.state().await.unwrap();
    let mut digest = from.digest;
    for Change { topic, key, row } in &rows {
        if let Some(old) = model.row(topic, key).await.unwrap() {
            digest.remove(topic, key, &old);
        }
        if let Some(row) = row {
            digest.add(topic, key, row);
        }
    }
    let to = ModelState { digest, ..from.clone() };
    assert!(model.write(&Changes { from, to, rows }).await.unwrap());
}

fn row(name: &str, id: &str) -> String {
    json!({ "entity_id": id, "name": name }).to_string()
}

fn only(topics: &[&str]) -> Plan {
    Plan { topics: topics.iter().map(|topic| (*topic).to_owned()).collect(), ..Plan::default() }
}

/// Trees and leaves a to d, and notes; then all of them again.
async fn mixed_log() -> (Engine, Position) {
    let engine = memory_log().await;
    let mut half = Position::ZERO;
    for round in ["old", "new"] {
        for id in ["a", "b", "c", "d"] {
            let drafts = vec![
                event("tree", if id == "d" { DELETED } else { CREATED }, id, round),
                event("leaf", if round == "old" { CREATED } else { UPDATED }, id, round),
                draft("note", "noted", json!({ "text": round }).to_string()),
            ];
            let position = append(&engine, drafts).await;
            half = if round == "old" { position } else { half };
        }
    }
    append(&engine, vec![event("leaf", DELETED, "a", "new")]).await;
    (engine, half)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_that_are_not_named_are_taken_over_as_they_are_served() {
    for place in Place::all() {
        let (engine, half) = mixed_log().await;
        let model = place.open().await;
        let limits = Limits { memory: 300, commit_every: 2 };
        for limits in [Limits::default(), limits] {
            let base = Rebuild { limits, ..rebuild(&engine, &model) };
            run(&Rebuild { plan: Plan { to: Some(half), ..Plan::default() }, ..base.clone() }).await.unwrap();
            let by_hand = [
                Change { topic: "leaf", key: "c".into(), row: None },
                Change { topic: "leaf", key: "by hand".into(), row: Some(row("x", "by hand").into()) },
                Change { topic: "tree", key: "by hand".into(), row: Some(row("x", "by hand").into()) },
            ];
            tamper(&model, by_hand.to_vec()).await;
            let report = run(&Rebuild { plan: only(&["tree"]), ..base }).await.unwrap();
            // The leaf that was taken away has an update in what follows, which finds nothing; the tree is gone.
            let mut expected = fold(&entries(&engine).await).0;
            expected.get_mut("leaf").unwrap().insert("by hand".to_owned(), row("x", "by hand"));
            expected.get_mut("leaf").unwrap().remove("c").unwrap();
            let (rows, state) = whole(&model).await;
            assert_eq!(rows.0, expected);
            assert_eq!(state.checkpoint, engine.head().await.unwrap());
            is_told(&report, &state, &expected, "tree");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_from_a_state_are_built_anew_and_the_others_are_taken_over() {
    for place in Place::all() {
        let (engine, half) = mixed_log().await;
        let model = place.open().await;
        for limits in [Limits::default(), Limits { memory: 300, commit_every: 2 }] {
            let base = Rebuild { limits, ..rebuild(&engine, &model) };
            run(&base).await.unwrap();
            let by_hand = Change { topic: "leaf", key: "a".into(), row: Some(row("by hand", "a").into()) };
            tamper(&model, vec![by_hand]).await;
            let plan = Plan { from: Some(half), ..only(&["tree", "note"]) };
            let report = run(&Rebuild { plan, ..base }).await.unwrap();
            let mut expected = fold(&entries(&engine).await).0;
            expected.get_mut("leaf").unwrap().insert("a".to_owned(), row("by hand", "a"));
            let (rows, state) = whole(&model).await;
            assert_eq!(rows.0, expected);
            is_told(&report, &state, &expected, "tree and note");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_alone_are_built_where_nothing_is_served() {
    for place in Place::all() {
        let (engine, _) = mixed_log().await;
        let model = place.open().await;
        let limits = Limits { memory: 300, commit_every: 2 };
        run(&Rebuild { plan: only(&["tree", "note"]), limits, ..rebuild(&engine, &model) }).await.unwrap();
        let mut expected = fold(&entries(&engine).await).0;
        expected.get_mut("leaf").unwrap().clear();
        assert_eq!(whole(&model).await.0.0, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generation_served_again_has_what_was_appended_meanwhile() {
    for place in Place::all() {
        let engine = memory_log().await;
        let model = place.open().await;
        let base = rebuild(&engine, &model);
        let nothing = roll_back(&base).await.unwrap_err();
        let expected = format!(
            "read model {} keeps no earlier generation to go back to; only the one that the last rebuild replaced is kept",
            model.place()
        );
        assert_eq!(nothing.to_string(), expected);
        append(&engine, vec![event("tree", CREATED, "a", "oak"), event("tree", CREATED, "b", "elm")]).await;
        run(&base).await.unwrap();
        assert_eq!(roll_back(&base).await.unwrap_err().to_string(), expected, "one generation is none to go back to");

        append(&engine, vec![event("tree", UPDATED, "a", "ash")]).await;
        run(&base).await.unwrap();
        append(&engine, vec![event("tree", DELETED, "b", "elm"), event("leaf", CREATED, "c", "green")]).await;
        for (served, kept) in [(1, 2), (2, 1), (1, 2)] {
            let report = roll_back(&base).await.unwrap();
            assert_eq!((report.generation, report.served), (served, true));
            assert_eq!(is_whole_log(&engine, &model).await.generation, served);
            assert_eq!(beside(&model).await, [(kept, Stage::Kept)]);
            append(&engine, vec![event("leaf", UPDATED, "c", &format!("red {served}"))]).await;
        }
        // A log longer than what is read at once while catching up.
        rebuilding::grow(&engine, 5_000, 900, "grown").await;
        roll_back(&base).await.unwrap();
        assert_eq!(is_whole_log(&engine, &model).await.generation, 2);
        run(&base).await.unwrap();
        assert_eq!(is_whole_log(&engine, &model).await.generation, 3, "no number is given twice");
        assert_eq!(beside(&model).await, [(2, Stage::Kept)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generations_that_are_gone_leave_nothing_in_redis() {
    let server = RedisServer::start();
    let place = Place::on(&server);
    let (engine, _) = mixed_log().await;
    let model = place.open().await;
    for _ in 0..4 {
        run(&rebuild(&engine, &model)).await.unwrap();
    }
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    let mut keys: Vec<_> = keys.iter().filter_map(|key| key.split_once("retrace:model").map(|(_, key)| key)).collect();
    keys.sort_unstable();
    let expected = ["", ":3", ":3:leaf", ":3:note", ":3:tree", ":4:leaf", ":4:note", ":4:tree", ":generations"];
    assert_eq!(keys, expected);
}
