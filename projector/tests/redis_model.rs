//! What only a read model in Redis can meet: lost messages, forgotten scripts, a server that goes and comes back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::time::Duration;

use common::{DEADLINE, Place, Projector, TOPICS, append, caught_up, event, until, whole, within};
use kernel::CREATED;
use projector::ReadModel;
use runtime::{Engine, Namespace, StoreError, StoreUrl};
use testkit::RedisServer;

async fn tell(server: &RedisServer, command: &[&str]) -> redis::Value {
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd(command[0]).arg(&command[1..]).query_async(&mut connection).await.unwrap()
}

async fn log() -> Engine {
    Engine::open(&StoreUrl::Memory, &Namespace::default(), &TOPICS).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_subscription_only_delays() {
    let server = RedisServer::start();
    let place = Place::on(&server);
    let (engine, model, reader) = (log().await, place.open().await, place.open().await);
    let projector = Projector::start(&engine, &model).await;
    for round in 0..10 {
        let position = append(&engine, vec![event("tree", CREATED, "a", &round.to_string())]).await;
        assert!(reader.reached(position, DEADLINE).await.unwrap());
        tell(&server, &["CLIENT", "KILL", "TYPE", "pubsub"]).await;
        tell(&server, &["SCRIPT", "FLUSH"]).await;
    }
    projector.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_store_is_not_taken_for_one_that_is_further() {
    let server = RedisServer::start();
    let place = Place::on(&server);
    let (engine, model, reader) = (log().await, place.open().await, place.open().await);
    let projector = Projector::start(&engine, &model).await;
    let first = append(&engine, vec![event("tree", CREATED, "a", "oak")]).await;
    assert!(reader.reached(first, DEADLINE).await.unwrap());
    projector.stop().await.unwrap();
    tell(&server, &["FLUSHALL"]).await;
    until("the loss is noticed", async || !reader.reached(first, Duration::ZERO).await.unwrap()).await;
    assert_eq!(reader.row("tree", "a").await.unwrap(), None);
    let projector = Projector::start(&engine, &model).await;
    assert!(reader.reached(first, DEADLINE).await.unwrap(), "it is made again");
    assert_eq!(whole(&model).await.0.0["tree"].len(), 1);
    projector.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projection_survives_its_store_restarting() {
    let options = ["--appendonly", "yes", "--appendfsync", "always"];
    let mut server = RedisServer::start_with(&options);
    let place = Place::on(&server);
    let (engine, model) = (log().await, place.open().await);
    let projector = Projector::start(&engine, &model).await;
    for round in 0..3 {
        for n in 0..20 {
            append(&engine, vec![event("tree", CREATED, &n.to_string(), &round.to_string())]).await;
        }
        server.kill();
        append(&engine, vec![event("leaf", CREATED, "a", &round.to_string())]).await;
        let error = within(model.row("tree", "1")).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }) && error.is_transient(), "{error}");
        server.restart_with(&options);
        until("it answers again", async || model.state().await.is_ok()).await;
        caught_up(&engine, &model).await;
        let (tables, state) = whole(&model).await;
        assert_eq!((tables.0["tree"].len(), tables.0["leaf"].len()), (20, 1));
        assert_eq!(state.checkpoint, engine.head().await.unwrap());
    }
    projector.stop().await.unwrap();
}

#[tokio::test]
async fn a_store_without_room_refuses_a_write_whole() {
    let server = RedisServer::start();
    let place = Place::on(&server);
    let (engine, model) = (log().await, place.open().await);
    let projector = Projector::start(&engine, &model).await;
    append(&engine, vec![event("tree", CREATED, "a", "oak")]).await;
    caught_up(&engine, &model).await;
    let before = whole(&model).await;
    tell(&server, &["CONFIG", "SET", "maxmemory", "1"]).await;
    append(&engine, vec![event("tree", kernel::DELETED, "a", "oak")]).await;
    let ReadModel::Redis(_) = &model else { panic!("a model in Redis") };
    let changes = projector::Changes { from: before.1.clone(), to: before.1.clone(), rows: vec![] };
    let error = model.write(&changes).await.unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }) && error.is_transient(), "{error}");
    let now = whole(&model).await;
    assert_eq!((now.0.0, now.1), (before.0.0, before.1));
    tell(&server, &["CONFIG", "SET", "maxmemory", "0"]).await;
    caught_up(&engine, &model).await;
    assert_eq!(whole(&model).await.0.0["tree"].len(), 0);
    projector.stop().await.unwrap();
}

#[tokio::test]
async fn something_else_under_its_keys_is_told_apart() {
    let server = RedisServer::start();
    let url: StoreUrl = server.url().parse().unwrap();
    let model = ReadModel::open(&url, &"shop".parse().unwrap()).await.unwrap();
    tell(&server, &["SET", "{shop}:retrace:model:0:tree", "x"]).await;
    for error in [model.row("tree", "a").await.unwrap_err(), model.tables(&["tree"]).await.unwrap_err()] {
        assert!(matches!(&error, StoreError::Corrupt { .. }), "{error:?}");
    }
    tell(&server, &["HSET", "{shop}:retrace:model", "position", "yesterday"]).await;
    let error = model.state().await.unwrap_err();
    assert!(matches!(&error, StoreError::Corrupt { at, .. } if at == "{shop}:retrace:model"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let url: StoreUrl = "redis+unix:///nowhere/redis.sock".parse().unwrap();
    let error = ReadModel::open(&url, &Namespace::default()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable { url, .. } if url.contains("/nowhere/")), "{error:?}");
}
