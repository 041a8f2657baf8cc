//! A rebuild that is broken off anywhere leaves the served rows alone, and the next run comes right.

use crate::common::{self, Place, Projector, append, caught_up, contract::contract, event, until, whole, within};
use crate::rebuilding::{
    self, beside, building, commit_every, entries, fold, grow, grown_log, is_whole_log, rebuild, refused, roll_back,
    run, sqlite_log,
};
use ::redis::aio::MultiplexedConnection;
use kernel::{CREATED, DELETED, Position, UPDATED};
use projector::{
    ReadModel, Stage,
    rebuild::{Limits, Phase, Progress, Rebuild, RebuildError, Report},
};
use runtime::Engine;
use testkit::RedisServer;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

contract! {
    a_rebuild_dropped_anywhere_is_gone_on_with,
    a_rebuild_that_was_dropped_writes_nothing_once_another_may,
    a_rebuild_told_to_stop_says_where_it_stood,
    one_rebuild_at_a_time,
    a_process_that_ends_anywhere_leaves_what_the_next_can_go_on_with,
    a_roll_back_dropped_anywhere_is_gone_on_with,
    a_first_rebuild_and_a_first_projector_do_not_meet,
}

/// Waits until nobody has the right to rebuild; whoever is dropped gives it up a little later.
async fn is_free(model: &ReadModel) {
    until("the right to rebuild is free", async || {
        let hold = model.hold("who waits").await.unwrap();
        match hold {
            Ok(hold) => {
                hold.give_up().await;
                true
            }
            Err(_) => false,
        }
    })
    .await;
}

/// A rebuild whose future is dropped while its process lives on.
struct Dropped {
    rebuild: Rebuild,
    commit_every: u64,
}

impl Dropped {
    fn start(&self) -> JoinHandle<Result<Report, RebuildError>> {
        let rebuild = Rebuild { limits: commit_every(self.commit_every), ..self.rebuild.clone() };
        tokio::spawn(async move { run(&rebuild).await })
    }

    /// Drops it so many turns of other tasks after it has read so many entries, if it has not ended by then.
    async fn after(&self, entries: u64, turns: usize) {
        let (progress, stop) = (watch::Sender::new(Progress::default()), CancellationToken::new());
        let rebuild = Rebuild { limits: commit_every(self.commit_every), ..self.rebuild.clone() };
        let mut seen = progress.subscribe();
        let task = tokio::spawn(async move { rebuild.run(&progress, &stop).await });
        // A lease that is taken and forgotten at one stroke would have to run out.
        if turns % 2 == 1 || entries > 0 || matches!(self.rebuild.model, ReadModel::Redis(_)) {
            let reads = |progress: &Progress| progress.phase != Phase::Begin && progress.events >= entries;
            let _ = seen.wait_for(reads).await;
        }
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        task.abort();
        let _ = task.await;
    }

    /// Drops it once so many entries have been committed, if it has not ended by then.
    async fn once_committed(&self, model: &ReadModel, entries: u64) {
        let task = self.start();
        until("enough is committed", async || {
            let begun = building(model).await;
            task.is_finished() || begun.is_some_and(|begun| begun.state.checkpoint.number.0 > entries)
        })
        .await;
        task.abort();
        let _ = task.await;
    }
}

/// Where the generation that is being built has been committed.
async fn committed(model: &ReadModel) -> Position {
    building(model).await.map_or(Position::ZERO, |begun| begun.state.checkpoint.position)
}

async fn a_rebuild_dropped_anywhere_is_gone_on_with(place: Place) {
    let engine = grown_log(300, 50).await;
    let model = place.open().await;
    run(&rebuild(&engine, &model)).await.unwrap();
    let mut resumed = 0;
    for round in 0..16_usize {
        grow(&engine, 40, 60, &format!("round {round}")).await;
        append(&engine, vec![event("tree", DELETED, &(round % 50).to_string(), "felled")]).await;
        let before = whole(&model).await;
        let base = Dropped { rebuild: rebuild(&engine, &model), commit_every: 16 };
        for attempt in 0..3 {
            // The last one at least has committed something, if it was not too fast.
            let entries = if attempt == 2 { 40 } else { 0 };
            base.after(entries, round * (round + attempt) / 2).await;
            is_free(&model).await;
            let now = whole(&model).await;
            if now.1.generation == before.1.generation {
                assert_eq!((now.0.0, now.1), (before.0.0.clone(), before.1.clone()), "the served rows are untouched");
            }
            append(&engine, vec![event("leaf", [CREATED, UPDATED, DELETED][attempt], "a", "green")]).await;
        }
        let had_begun = committed(&model).await > Position::ZERO;
        let report = run(&rebuild(&engine, &model)).await.unwrap();
        assert_eq!(report.resumed, had_begun, "{report:?}");
        resumed += u64::from(report.resumed);
        is_whole_log(&engine, &model).await;
        assert_eq!(beside(&model).await.len(), 1, "what was begun is gone on with or gone");
    }
    assert!(resumed > 0, "none was gone on with");
}

async fn a_rebuild_that_was_dropped_writes_nothing_once_another_may(place: Place) {
    let engine = grown_log(1_500, 100).await;
    let model = place.open().await;
    for round in 0..6 {
        let victim = Dropped { rebuild: rebuild(&engine, &model), commit_every: 1 };
        victim.once_committed(&model, round * 5).await;
        is_free(&model).await;
        let had_begun = committed(&model).await > Position::ZERO;
        let report = run(&rebuild(&engine, &model)).await.unwrap();
        assert_eq!(report.resumed, had_begun);
        is_whole_log(&engine, &model).await;
    }
}

async fn a_rebuild_told_to_stop_says_where_it_stood(place: Place) {
    let engine = grown_log(400, 50).await;
    let model = place.open().await;
    run(&rebuild(&engine, &model)).await.unwrap();
    for events in [0, 1, 7, 100, 101, 399] {
        append(&engine, vec![event("leaf", CREATED, &events.to_string(), "green")]).await;
        let before = whole(&model).await;
        let limited = Rebuild { limits: commit_every(10), ..rebuild(&engine, &model) };
        let (progress, stop) = (watch::Sender::new(Progress::default()), CancellationToken::new());
        let mut seen = progress.subscribe();
        let told = stop.clone();
        let watching = tokio::spawn(async move {
            seen.wait_for(|progress| progress.events >= events).await.unwrap();
            told.cancel();
        });
        let result = within(limited.run(&progress, &stop)).await;
        watching.await.unwrap();
        let stood = committed(&model).await;
        match result {
            Err(error) => {
                let expected =
                    format!("interrupted; everything up to {stood} is kept, and the same rebuild goes on from there");
                assert_eq!(error.to_string(), expected);
                let now = whole(&model).await;
                assert_eq!((now.0.0, now.1), (before.0.0, before.1));
                let report = run(&limited).await.unwrap();
                assert_eq!(report.resumed, stood > Position::ZERO);
            }
            // It was told when there was nothing left to read.
            Ok(report) => assert!(report.served && !report.resumed),
        }
        is_whole_log(&engine, &model).await;
    }
    let stopped = CancellationToken::new();
    stopped.cancel();
    let error = rebuild(&engine, &model).run(&watch::Sender::new(Progress::default()), &stopped).await.unwrap_err();
    let stood = committed(&model).await;
    let expected = format!("interrupted; everything up to {stood} is kept, and the same rebuild goes on from there");
    assert_eq!(error.to_string(), expected);
}

async fn one_rebuild_at_a_time(place: Place) {
    let engine = grown_log(100, 10).await;
    let (model, other) = (place.open().await, place.open().await);
    let hold = model.hold("process 17 on host").await.unwrap().unwrap();
    let expected = format!(
        "read model {} is being rebuilt by process 17 on host; wait for it, `retrace status` shows how far it is",
        model.place()
    );
    assert_eq!(refused(&rebuild(&engine, &other)).await, expected);
    assert_eq!(roll_back(&rebuild(&engine, &other)).await.unwrap_err().to_string(), expected);
    assert_eq!(beside(&model).await, [], "nothing was begun");
    hold.give_up().await;
    run(&rebuild(&engine, &other)).await.unwrap();
    is_whole_log(&engine, &model).await;

    // Of many at once, each that is not refused builds one after the other.
    let start = |n: usize| {
        let one = Rebuild { holder: format!("builder {n}"), ..rebuild(&engine, &model) };
        tokio::spawn(async move { run(&one).await })
    };
    let tasks: Vec<_> = (0..4).map(start).collect();
    let mut built = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => built += 1,
            // Of a lock that was taken this moment, nobody may have written down whose it is.
            Err(error) => {
                let error = error.to_string();
                let holders = ["builder ", "another process"].map(|who| format!("is being rebuilt by {who}"));
                assert!(holders.iter().any(|holder| error.contains(holder)), "{error}");
            }
        }
    }
    assert!(built > 0);
    assert_eq!(is_whole_log(&engine, &model).await.generation, 1 + built);
}

/// What becomes of a process that ends while it works.
#[derive(Clone, Copy)]
enum Way {
    Rebuild,
    RollBack,
}

/// Works in a runtime of its own, which ends with everything in it at some moment.
async fn crash(place: &Place, rebuild: Rebuild, way: Way, moment: impl AsyncFnOnce(watch::Receiver<Progress>)) {
    let its_own = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (progress, stop) = (watch::Sender::new(Progress::default()), CancellationToken::new());
    let seen = progress.subscribe();
    let place_of_its_own = match place {
        Place::Memory(model) => Place::Memory(model.clone()),
        Place::Stored { url, namespace, .. } => {
            Place::Stored { url: url.clone(), namespace: namespace.clone(), folder: None }
        }
    };
    let task = its_own.spawn(async move {
        let rebuild = Rebuild { model: place_of_its_own.open().await, ..rebuild };
        match way {
            Way::Rebuild => rebuild.run(&progress, &stop).await,
            Way::RollBack => rebuild.roll_back(&progress, &stop).await,
        }
    });
    moment(seen).await;
    tokio::task::spawn_blocking(move || drop(its_own)).await.unwrap();
    drop(task);
}

/// A connection to the shared server.
async fn connect() -> MultiplexedConnection {
    let client = ::redis::Client::open(RedisServer::shared().url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

async fn tell(server: &mut MultiplexedConnection, command: &[&str]) -> ::redis::Value {
    ::redis::cmd(command[0]).arg(&command[1..]).query_async(server).await.unwrap()
}

/// Waits until so many entries are read, or nobody reads any more.
async fn has_read(mut progress: watch::Receiver<Progress>, entries: u64) {
    let _ = within(progress.wait_for(|progress| progress.events >= entries)).await;
}

async fn a_process_that_ends_anywhere_leaves_what_the_next_can_go_on_with(place: Place) {
    let engine = grown_log(200, 40).await;
    let model = place.open().await;
    run(&rebuild(&engine, &model)).await.unwrap();
    let mut resumed = 0;
    // In Redis the right of who is gone outlives it by 3 s.
    let (rounds, step) = if matches!(model, ReadModel::Redis(_)) { (4, 64) } else { (14, 16) };
    for round in 0..rounds {
        append(&engine, vec![event("tree", DELETED, &round.to_string(), "felled")]).await;
        let before = whole(&model).await;
        let base = Rebuild { limits: commit_every(8), ..rebuild(&engine, &model) };
        crash(&place, base.clone(), Way::Rebuild, async |progress| has_read(progress, round * step).await).await;
        let now = whole(&model).await;
        if now.1.generation == before.1.generation {
            assert_eq!((now.0.0, now.1), (before.0.0, before.1));
        }
        grow(&engine, 20, 60, &format!("round {round}")).await;
        let had_begun = committed(&model).await > Position::ZERO;
        let report = within(run(&base)).await.unwrap();
        assert_eq!(report.resumed, had_begun);
        resumed += u64::from(report.resumed);
        is_whole_log(&engine, &model).await;
    }
    assert!(resumed >= rounds / 4, "{resumed} were gone on with");
}

async fn a_roll_back_dropped_anywhere_is_gone_on_with(place: Place) {
    let engine = grown_log(20, 10).await;
    let model = place.open().await;
    run(&rebuild(&engine, &model)).await.unwrap();
    run(&rebuild(&engine, &model)).await.unwrap();
    for round in 1..4 {
        grow(&engine, 6_000, 300, &format!("round {round}")).await;
        let base = Rebuild { limits: commit_every(500), ..rebuild(&engine, &model) };
        let before = whole(&model).await;
        let kept = beside(&model).await;
        let [(kept, Stage::Kept)] = *kept else { panic!("one is kept, not {kept:?}") };
        crash(&place, base.clone(), Way::RollBack, async |progress| has_read(progress, round * 1_000).await).await;
        let now = whole(&model).await;
        assert_eq!((now.0.0, now.1), (before.0.0, before.1));
        let report = within(roll_back(&base)).await.unwrap();
        assert_eq!(report.generation, kept);
        assert_eq!(is_whole_log(&engine, &model).await.generation, kept);
    }
}

async fn a_first_rebuild_and_a_first_projector_do_not_meet(place: Place) {
    let (engine, _folder) = sqlite_log().await;
    grow(&engine, 2_000, 100, "first").await;
    let model = place.open().await;
    let base = Rebuild { limits: commit_every(5), is_followed: true, ..rebuild(&engine, &model) };
    let task = tokio::spawn(async move { run(&base).await });
    until("it has begun", async || committed(&model).await > Position::ZERO).await;
    let projector = Projector::start(&engine, &place.open().await).await;
    while !task.is_finished() {
        whole(&model).await;
    }
    let report = task.await.unwrap().expect("the projector's generation gives way");
    assert_eq!(report.generation, 2);
    caught_up(&engine, &model).await;
    is_whole_log(&engine, &model).await;
    append(&engine, vec![event("leaf", CREATED, "a", "green")]).await;
    caught_up(&engine, &model).await;
    let state = is_whole_log(&engine, &model).await;
    projector.stop().await.unwrap();
    for (generation, _) in beside(&model).await {
        model.discard(generation).await.unwrap();
    }
    assert_eq!(is_whole_log(&engine, &model).await, state, "nothing of the served one goes with the others");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_into_redis_that_was_broken_off_comes_right() {
    let place = Place::redis();
    let Place::Stored { namespace, .. } = &place else { panic!("on Redis") };
    let mut server = connect().await;
    let model = place.open().await;
    let engine = rebuilding::memory_log().await;
    // Every row in two pages, each of several pipelines, and gone or another one at the end.
    for name in ["first", "second"] {
        let drafts = (0..14_000).map(|n| event("tree", CREATED, &format!("{n:05}"), name));
        append(&engine, drafts.collect()).await;
    }
    let ending = (0..14_000).step_by(3).map(|n| event("tree", DELETED, &format!("{n:05}"), "felled"));
    append(&engine, ending.collect()).await;
    let expected = fold(&entries(&engine).await).0;
    let mut torn = 0;
    for rows in [1, 5_000, 9_000, 13_999] {
        let generation = model.state().await.unwrap().generation + 1;
        let table = format!("{}retrace:model:{generation}:tree", namespace.prefix());
        let base = Rebuild { limits: commit_every(14_000), ..rebuild(&engine, &model) };
        crash(&place, base.clone(), Way::Rebuild, async |_| {
            until(
                "rows arrive",
                async || matches!(tell(&mut server, &["HLEN", &table]).await, ::redis::Value::Int(count) if count >= rows),
            )
            .await;
        })
        .await;
        let begun = building(&model).await.expect("it was broken off");
        torn += u64::from(begun.torn);
        let report = within(run(&base)).await.unwrap();
        assert_eq!(report.resumed, begun.state.checkpoint.position > Position::ZERO);
        assert_eq!(whole(&model).await.0.0, expected);
        is_whole_log(&engine, &model).await;
    }
    assert!(torn > 0, "some were broken off in the middle");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_ahead_of_a_torn_generation_come_right() {
    let place = Place::redis();
    let Place::Stored { namespace, .. } = &place else { panic!("on Redis") };
    let mut server = connect().await;
    let engine = rebuilding::memory_log().await;
    append(&engine, ["a", "b", "c"].map(|id| event("tree", CREATED, id, "old")).to_vec()).await;
    let at = engine.head().await.unwrap();
    let later = vec![
        event("tree", UPDATED, "a", "new"),
        event("tree", DELETED, "b", "old"),
        event("tree", UPDATED, "short", "unknown"),
        event("tree", CREATED, "short", "lived"),
        event("tree", DELETED, "short", "lived"),
        event("tree", UPDATED, "late", "unknown"),
        event("tree", CREATED, "late", "comer"),
    ];
    append(&engine, later).await;
    for limits in [Limits::default(), commit_every(1), Limits { memory: 1, commit_every: 1 }] {
        let model = place.open().await;
        let base = Rebuild { limits, ..rebuild(&engine, &model) };
        let stopped = crash_at(&engine, &model, &at).await;
        let (state, table) = (format!("{}retrace:model:{stopped}", namespace.prefix()), |topic: &str| {
            format!("{}retrace:model:{stopped}:{topic}", namespace.prefix())
        });
        // As a load of what comes later leaves it, broken off in the middle.
        tell(&mut server, &["HSET", &state, "torn", "some load"]).await;
        for (id, name) in [("a", "new"), ("short", "lived"), ("late", "comer")] {
            let row = serde_json::json!({ "entity_id": id, "name": name }).to_string();
            tell(&mut server, &["HSET", &table("tree"), id, &row]).await;
        }
        tell(&mut server, &["HDEL", &table("tree"), "b"]).await;
        let report = run(&base).await.unwrap();
        assert!(report.resumed);
        let state = is_whole_log(&engine, &model).await;
        assert_eq!((report.generation, state.generation), (stopped + 1, stopped + 1), "taken up under a new number");
        assert_eq!(report.rows["tree"], 3);
    }
}

/// Leaves a generation behind that stands at some place; gives its number.
async fn crash_at(engine: &Engine, model: &ReadModel, at: &kernel::Checkpoint) -> u64 {
    let served = model.state().await.unwrap().generation;
    let plan = projector::rebuild::Plan::default();
    let begun = model.begin(served + 1, &serde_json::to_string(&plan).unwrap()).await.unwrap();
    let read: Vec<_> = entries(engine).await.into_iter().filter(|entry| entry.position() <= at.position).collect();
    let rows = fold(&read).0;
    let changes: Vec<_> =
        rows["tree"].iter().map(|(key, row)| common::contract::change("tree", key, Some(row))).collect();
    let from = begun.state().await.unwrap();
    let to = projector::ModelState {
        checkpoint: at.clone(),
        digest: rebuilding::digest(&rows),
        version: common::domain().projection(),
        generation: served + 1,
    };
    assert!(begun.load(&from, &to, &changes).await.unwrap());
    served + 1
}
