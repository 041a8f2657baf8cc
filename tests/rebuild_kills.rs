//! `retrace rebuild` is killed as `kill -9` does, commit after commit: what is served stays, and the next run
//! comes right.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use crate::common::{self, DEADLINE};
use crate::rebuilding::{self, Sink, command, position, renamed_customers, report, whole};
use kernel::Position;
use projector::{Generation, ReadModel, Stage};

/// How many events there are.
const EVENTS: u64 = 16_000;

/// After how many of them rows and checkpoint are committed.
const COMMIT_EVERY: u64 = 200;

/// How many processes are killed: as many as there are commits with `--long`.
fn kills() -> u64 {
    if common::long() { EVENTS / COMMIT_EVERY - 1 } else { 8 }
}

/// The generation that is being built.
async fn building(model: &ReadModel) -> Option<Generation> {
    let generations = model.generations().await.unwrap();
    generations.into_iter().find(|generation| generation.stage == Stage::Building)
}

/// Kills a rebuild once it has committed up to an entry; tells whether it had ended by itself.
async fn killed_at(model: &ReadModel, args: &[&str], at: Position) -> bool {
    let mut process = command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + DEADLINE;
    let ended = loop {
        assert!(Instant::now() < deadline, "{at} was not committed");
        if let Some(status) = process.try_wait().unwrap() {
            assert!(status.success(), "{}", common::process::talk(&process.wait_with_output().unwrap()));
            return true;
        }
        if building(model).await.is_some_and(|begun| begun.state.checkpoint.position >= at) {
            break process.kill();
        }
    };
    ended.unwrap();
    process.wait().unwrap();
    false
}

async fn is_killed_over_and_over(sink: Sink) {
    let folder = tempfile::tempdir().unwrap();
    let history = renamed_customers(folder.path(), EVENTS, 1_500);
    let history = history.to_str().unwrap();
    let args = [["--store", history].map(str::to_owned).to_vec(), sink.args()].concat();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let half = position(EVENTS / 2).to_string();
    assert_eq!(report(&[&*args, &["--to", &half]].concat())["generation"], 1);
    let fresh = report(&["--store", history, "--into", "memory"]);

    let model = sink.open().await;
    let before = whole(&model).await;
    let rebuild = [&*args, &["--commit-every", "200"]].concat();
    let (mut killed, mut stood) = (0, Position::ZERO);
    for kill in 1..=kills() {
        let at = position(kill * EVENTS / (kills() + 1));
        if killed_at(&model, &rebuild, at.max(stood.successor())).await {
            break;
        }
        killed += 1;
        assert_eq!(whole(&model).await, before, "what is served is untouched");
        let begun = building(&model).await.expect("it is kept, to be gone on with");
        // Redis gives what is taken up a new number.
        let generation = if matches!(sink, Sink::Sqlite(_)) { 2 } else { 1 + kill };
        assert_eq!(begun.state.generation, generation, "each run goes on with the same one");
        assert!(begun.state.checkpoint.position > stood, "it went on from {stood}");
        stood = begun.state.checkpoint.position;
        if matches!(sink, Sink::Sqlite(_)) {
            model.hold("the test").await.unwrap().expect("the right ended with the process").give_up().await;
        }
    }
    assert!(killed >= kills() / 2, "it ended by itself after {killed} kills");
    let start = Instant::now();
    let last = report(&rebuild);
    assert!(start.elapsed() < Duration::from_secs(20), "the right of who was killed is free soon");
    if killed == kills() {
        assert_eq!(last["resumed"], true);
        assert!(last["events"].as_u64().unwrap() < EVENTS, "what was committed is not read again");
    }
    assert_eq!((&last["digest"], &last["rows"]), (&fresh["digest"], &fresh["rows"]));
    let (rows, state) = whole(&model).await;
    assert_eq!(state.digest.to_string(), fresh["digest"].as_str().unwrap());
    assert_eq!(rows, rebuilding::fold(&rebuilding::lines(Path::new(history))));
}

#[tokio::test]
async fn into_a_file() {
    is_killed_over_and_over(Sink::sqlite()).await;
}

#[tokio::test]
async fn into_redis() {
    is_killed_over_and_over(Sink::redis("killed")).await;
}
