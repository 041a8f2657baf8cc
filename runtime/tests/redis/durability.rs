//! What a store can't promise is refused when it is opened, with what is asked, what is found and the way out.

use runtime::{Durability, Engine, Namespace, StoreError, StoreUrl};
use testkit::{RedisServer, Replicated};

use super::{TOPICS, append};

async fn open(url: &str, durability: &str) -> Result<Engine, StoreError> {
    let durability: Durability = durability.parse().unwrap();
    Engine::open_durable(&url.parse().unwrap(), &Namespace::default(), TOPICS, durability).await
}

async fn refused(url: &str, durability: &str) -> String {
    match open(url, durability).await {
        Err(StoreError::Unusable { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_does_not_sync_before_it_answers_can_not_promise_fsync() {
    let forgets = RedisServer::start();
    let expected = "--durability fsync needs an append-only file, and it has appendonly no; \
                    set appendonly yes and appendfsync always, or choose --durability local";
    assert_eq!(refused(&forgets.url(), "fsync").await, expected);
    assert_eq!(open(&forgets.url(), "local").await.unwrap().durability(), Durability::Local);

    let every_second = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "everysec"]);
    let expected = "--durability fsync needs appendfsync always, and it has everysec; \
                    set it with CONFIG SET, or choose --durability local";
    assert_eq!(refused(&every_second.url(), "fsync").await, expected);

    let pauses = ["--appendonly", "yes", "--appendfsync", "always", "--no-appendfsync-on-rewrite", "yes"];
    let pauses = RedisServer::start_with(&pauses);
    let expected = "--durability fsync needs no-appendfsync-on-rewrite no, and it has yes; \
                    set it with CONFIG SET, or choose --durability local";
    assert_eq!(refused(&pauses.url(), "fsync").await, expected);

    let always = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let engine = open(&always.url(), "fsync").await.unwrap();
    assert_eq!(engine.durability(), Durability::Fsync);
    engine.commit_one(append(&["order"])).await.unwrap();
}

#[tokio::test]
async fn a_server_that_no_longer_syncs_is_refused_when_it_comes_back() {
    let mut server = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let engine = open(&server.url(), "fsync").await.unwrap();
    engine.commit_one(append(&["order"])).await.unwrap();
    server.kill();
    server.restart_with(&["--appendonly", "yes", "--appendfsync", "everysec"]);
    let last = loop {
        match engine.head().await {
            Ok(head) => panic!("{head}"),
            Err(error) if error.is_transient() => {}
            Err(error) => break error.to_string(),
        }
    };
    assert!(last.contains("needs appendfsync always, and it has everysec"), "{last}");
}

#[tokio::test]
async fn without_enough_replicas_nothing_is_promised_of_them() {
    let alone = RedisServer::start();
    let expected = "--durability replicated:1 needs a replica, and 0 are online; \
                    connect more, or choose --durability local";
    assert_eq!(refused(&alone.url(), "replicated:1").await, expected);
    let pair = Replicated::start(&[]);
    let engine = open(&pair.master.url(), "replicated:1").await.unwrap();
    assert_eq!(engine.durability().to_string(), "replicated:1");
    engine.commit_one(append(&["order"])).await.unwrap();
    let expected = "--durability replicated:2 needs 2 replicas, and 1 are online; \
                    connect more, or choose --durability local";
    assert_eq!(refused(&pair.master.url(), "replicated:2").await, expected);
}

#[tokio::test]
async fn a_server_that_does_not_tell_is_trusted_with_nothing_more_than_local() {
    let syncs = ["--appendonly", "yes", "--appendfsync", "always"];
    let user = ["--user", "default", "on", "nopass", "~*", "&*", "+@all", "-config", "-info"];
    let server = RedisServer::start_with(&[&user[..], &syncs].concat());
    let expected = "--durability fsync needs to know appendonly, appendfsync and no-appendfsync-on-rewrite, \
                    and it does not tell; let its user run INFO and CONFIG GET, or choose --durability local";
    assert_eq!(refused(&server.url(), "fsync").await, expected);
    let expected = "--durability replicated:1 needs to know its replicas, and it does not tell; \
                    let its user run INFO, or choose --durability local";
    assert_eq!(refused(&server.url(), "replicated:1").await, expected);
    open(&server.url(), "local").await.unwrap().commit_one(append(&["order"])).await.unwrap();

    let renamed = ["--rename-command", "CONFIG", ""];
    let server = RedisServer::start_with(&[&renamed[..], &syncs].concat());
    assert!(refused(&server.url(), "fsync").await.contains("it does not tell"));
    open(&server.url(), "local").await.unwrap().commit_one(append(&["order"])).await.unwrap();
}

#[tokio::test]
async fn engines_promise_what_they_can() {
    let folder = tempfile::tempdir().unwrap();
    let file = StoreUrl::Sqlite(folder.path().join("log.db")).to_string();
    let expected =
        "--durability replicated:1 needs replicas, and a SQLite file has none; choose fsync, or a Redis store";
    assert_eq!(refused(&file, "replicated:1").await, expected);
    for asked in ["local", "fsync"] {
        let engine = open(&file, asked).await.unwrap();
        assert_eq!(engine.durability(), Durability::Fsync, "SQLite syncs every commit");
        engine.close().await.unwrap();
    }
    for asked in ["fsync", "replicated:1"] {
        let expected =
            format!("--durability {asked} needs a store that lasts, and memory ends with its process; choose local");
        assert_eq!(refused("memory:", asked).await, expected);
    }
    assert_eq!(open("memory:", "local").await.unwrap().durability(), Durability::Local);
}
