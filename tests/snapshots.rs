//! What today's sagas decide about each fixture, as text; it is the same wherever the history is kept.

use std::path::Path;

use crate::replaying::{NATIVE, events, fixture};
use kernel::{Entry, Event};
use replay::{
    reactions::reactions,
    record::{self, Window},
    snapshot::of_part,
};
use runtime::{Commit, Engine, Namespace, StoreUrl};
use testkit::RedisServer;

/// Too long to be read, so nobody would read it.
const TOO_LONG: &str = "ordershop-v2-busy";

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
    for file in std::fs::read_dir(fixture("")).unwrap() {
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

#[tokio::test(flavor = "multi_thread")]
async fn the_snapshot_of_a_closure_is_the_entity_s_part_of_the_whole() {
    let domain = ordershop::domain();
    let mut closures = 0;
    for (name, ..) in NATIVE {
        let log = Engine::open(&StoreUrl::History(fixture(name)), &Namespace::default(), &[]).await.unwrap();
        let whole: Vec<_> = events(name).into_iter().map(Entry::Event).collect();
        let decided = reactions(&domain, whole.iter().cloned());
        let rows = whole.iter().filter_map(|entry| {
            let Entry::Event(event) = entry else { return None };
            let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
            let topic = domain.topic(&event.topic).filter(|_| event.action == kernel::CREATED)?;
            Some((topic.name, data["entity_id"].as_str()?.to_owned()))
        });
        let step = if name == "ordershop-demo.jsonl" { 40 } else { 1 };
        for (topic, key) in rows.step_by(step) {
            let part = record::closure(&domain, &log, (topic, &key), Window::default()).await.unwrap().unwrap();
            let own = of_part(&domain, &part.entries, &reactions(&domain, part.entries.iter().cloned()), |_| true);
            let of_whole = of_part(&domain, &whole, &decided, |event| part.own.holds(&event.id));
            assert!(own == of_whole, "{topic}/{key} of {name}:\n{own}\nof the whole:\n{of_whole}");
            assert!(own.lines().count() > 0, "{topic}/{key} of {name}");
            closures += 1;
        }
    }
    assert_eq!(closures, 137);
}
