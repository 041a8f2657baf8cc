//! What today's sagas decide about each fixture, as text; it is the same wherever the history is kept.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};

use kernel::{Entry, Event};
use runtime::{Commit, Engine, Namespace, StoreUrl};
use testkit::RedisServer;

/// Too long to be read, so nobody would read it.
const TOO_LONG: &str = "ordershop-v2-busy";

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn name(history: &Path) -> &str {
    history.file_stem().unwrap().to_str().unwrap()
}

#[test]
fn decisions() {
    insta::glob!("../fixtures", "*.jsonl", |history| {
        if name(history) != TOO_LONG {
            insta::assert_snapshot!(replay::snapshot(&ordershop::domain(), history).unwrap());
        }
    });
}

/// The same history in a store of its own.
async fn imported(url: &StoreUrl, history: &Path) -> Engine {
    let topics: Vec<_> = ordershop::domain().topics().map(|topic| topic.name).collect();
    let namespace: Namespace = name(history).parse().unwrap();
    let engine = Engine::open(url, &namespace, &topics).await.unwrap();
    let event = |entry| match entry {
        Entry::Event(event) => event,
        Entry::Junk(junk) => panic!("{junk:?}"),
    };
    let events: Vec<Event> = runtime::history::read(history).unwrap().into_iter().map(event).collect();
    for page in events.chunks(500) {
        let append = page.iter().cloned().map(runtime::history::draft).collect();
        engine.commit_one(Commit { append, ..Commit::default() }).await.unwrap();
    }
    engine
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_history_in_another_store_gives_the_same_bytes() {
    let domain = ordershop::domain();
    let mut histories = 0;
    for file in std::fs::read_dir(fixtures()).unwrap() {
        let history = file.unwrap().path();
        if history.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let text = replay::snapshot(&domain, &history).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let sqlite = StoreUrl::Sqlite(folder.path().join("log.db"));
        let redis = RedisServer::shared().url().parse().unwrap();
        for url in [StoreUrl::History(history.clone()), StoreUrl::Memory, sqlite, redis] {
            let log = match &url {
                StoreUrl::History(_) => Engine::open(&url, &Namespace::default(), &[]).await.unwrap(),
                StoreUrl::Redis(_) | StoreUrl::Sqlite(_) | StoreUrl::Memory => imported(&url, &history).await,
            };
            let head = log.head().await.unwrap();
            let told = replay::snapshot::of_log(&domain, &log).await.unwrap();
            assert!(told == text, "{url:?} of {}:\n{told}", name(&history));
            assert_eq!(log.head().await.unwrap(), head);
            log.close().await.unwrap();
        }
        histories += 1;
    }
    assert_eq!(histories, 11);
}
