//! The state at a position is what a rebuild stopped there gives (R10), wherever the timeline has it from.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;
mod rebuilding;

use common::{TOPICS, domain};
use projector::timeline::{Timeline, Way};
use rebuilding::{entries, fold, grown_log};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_log_at_every_position() {
    let engine = grown_log(600, 17).await;
    let folder = tempfile::tempdir().unwrap();
    let timeline = Timeline::open(domain(), engine.clone(), &folder.path().join("t")).await.unwrap().with_runs_of(10);
    let built = timeline.build(Way::Onward, &watch::Sender::default(), &CancellationToken::new()).await.unwrap();
    println!("{built:?}");
    let entries = entries(&engine).await;
    for n in 0..entries.len() {
        let at = entries[n].position();
        let tables = timeline.tables(&TOPICS, at).await.unwrap();
        assert_eq!(tables.0, fold(&entries[..=n]).0, "{at}");
    }
}
