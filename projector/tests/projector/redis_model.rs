//! What only a read model in Redis can meet: lost messages, forgotten scripts, a server that goes and comes back.

use std::time::Duration;

use crate::common::{
    DEADLINE, Place, Projector, TOPICS, append, caught_up,
    contract::{change, state},
    event, until, whole, within,
};
use kernel::CREATED;
use projector::{ModelState, ReadModel};
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

/// A generation that was begun, with a load of a row, and what a load of it would start from.
async fn begun(model: &ReadModel, generation: u64) -> (ReadModel, ModelState) {
    let building = model.begin(generation, "plan").await.unwrap();
    let fresh = building.state().await.unwrap();
    let to = at(generation, 1);
    assert!(building.load(&fresh, &to, &[change("tree", "a", Some("oak"))]).await.unwrap());
    (building, to)
}

fn at(generation: u64, n: u64) -> ModelState {
    ModelState { generation, ..state(n) }
}

async fn torn(model: &ReadModel) -> Vec<(u64, bool)> {
    let generations = model.generations().await.unwrap();
    generations.into_iter().map(|generation| (generation.state.generation, generation.torn)).collect()
}

#[tokio::test]
async fn a_load_that_was_broken_off_leaves_a_torn_generation() {
    let server = RedisServer::start();
    let model = ReadModel::redis(&server.url().parse().unwrap(), &"shop".parse().unwrap()).await.unwrap();
    let (building, from) = begun(&model, 2).await;
    assert_eq!(torn(&model).await, [(2, false)]);

    // The server has room for the mark, but not for the rows.
    tell(&server, &["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
    tell(&server, &["CONFIG", "SET", "maxmemory", "20mb"]).await;
    let rows: Vec<_> = (0..100_000).map(|n| change("leaf", &format!("{n:06}"), Some(&"x".repeat(300)))).collect();
    let error = building.load(&from, &at(2, 2), &rows).await.unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    tell(&server, &["CONFIG", "SET", "maxmemory", "0"]).await;

    assert_eq!(torn(&model).await, [(2, true)]);
    assert_eq!(building.state().await.unwrap(), from, "its rows are ahead of it");
    assert_ne!(building.tables(&["leaf"]).await.unwrap().0.0["leaf"].len(), 0);
    assert!(!model.serve(&ModelState::default(), &from).await.unwrap(), "torn, it is not served");

    // Nor does a later load know that it has mended all of it.
    assert!(building.load(&from, &at(2, 3), &rows[..10]).await.unwrap());
    assert_eq!(torn(&model).await, [(2, true)]);
    assert!(!model.serve(&ModelState::default(), &at(2, 3)).await.unwrap());
    assert!(!building.mend(&from, &at(2, 3)).await.unwrap(), "it stands elsewhere");
    assert!(building.mend(&at(2, 3), &at(2, 4)).await.unwrap());
    assert_eq!(torn(&model).await, [(2, false)]);
    assert!(model.serve(&ModelState::default(), &at(2, 4)).await.unwrap());
    assert_eq!(model.state().await.unwrap(), at(2, 4));
}

#[tokio::test]
async fn a_torn_generation_is_discarded_whole() {
    let server = RedisServer::start();
    let model = ReadModel::redis(&server.url().parse().unwrap(), &"shop".parse().unwrap()).await.unwrap();
    let (_, from) = begun(&model, 2).await;
    // As a crash leaves it: marked, its topics named, some rows written.
    tell(&server, &["HSET", "{shop}:retrace:model:2", "torn", "x", "rows:leaf", ""]).await;
    tell(&server, &["HSET", "{shop}:retrace:model:2:leaf", "a", "green"]).await;
    assert_eq!(torn(&model).await, [(2, true)]);
    assert!(!model.serve(&ModelState::default(), &from).await.unwrap());
    model.discard(2).await.unwrap();
    assert_eq!(tell(&server, &["KEYS", "*"]).await, redis::Value::Array(vec![]));
}

/// The rows of a load that was paused must not get into a generation that was begun anew meanwhile.
#[tokio::test]
async fn a_load_ends_when_its_mark_is_gone() {
    let server = RedisServer::start();
    let model = ReadModel::redis(&server.url().parse().unwrap(), &Namespace::default()).await.unwrap();
    let building = model.begin(2, "plan").await.unwrap();
    let fresh = building.state().await.unwrap();
    let rows: Vec<_> = (0..300_000).map(|n| change("leaf", &format!("{n:06}"), Some("green"))).collect();
    let loading = tokio::spawn({
        let fresh = fresh.clone();
        async move { building.load(&fresh, &at(2, 1), &rows).await.unwrap() }
    });
    until("the load is under way", async || torn(&model).await == [(2, true)]).await;
    model.discard(2).await.unwrap();
    let again = model.begin(2, "another").await.unwrap();
    assert!(!within(loading).await.unwrap(), "it ends");
    assert_eq!(again.state().await.unwrap(), fresh);
    assert_eq!(torn(&model).await, [(2, false)]);
}

#[tokio::test]
async fn a_dead_holders_lease_runs_out() {
    let server = RedisServer::start();
    let model = ReadModel::redis(&server.url().parse().unwrap(), &"shop".parse().unwrap()).await.unwrap();
    tell(&server, &["SET", "{shop}:retrace:model:rebuild", "dead 1", "PX", "400"]).await;
    let hold = within(model.hold("mine")).await.unwrap().unwrap();
    drop(hold);
    // A lease that never runs out is somebody's for good.
    until("it is free", async || tell(&server, &["GET", "{shop}:retrace:model:rebuild"]).await == redis::Value::Nil)
        .await;
    tell(&server, &["SET", "{shop}:retrace:model:rebuild", "for ever 1"]).await;
    assert_eq!(within(model.hold("mine")).await.unwrap().unwrap_err(), "for ever");
}

#[tokio::test]
async fn a_lease_that_another_has_is_lost_and_left_alone() {
    let server = RedisServer::start();
    let model = ReadModel::redis(&server.url().parse().unwrap(), &"shop".parse().unwrap()).await.unwrap();
    let hold = model.hold("mine").await.unwrap().unwrap();
    tell(&server, &["SET", "{shop}:retrace:model:rebuild", "theirs 1"]).await;
    within(hold.lost()).await;
    within(hold.give_up()).await;
    let held = tell(&server, &["GET", "{shop}:retrace:model:rebuild"]).await;
    assert_eq!(held, redis::Value::BulkString(b"theirs 1".to_vec()));
}

#[tokio::test]
async fn a_lease_is_lost_with_its_server() {
    let mut server = RedisServer::start();
    let model = ReadModel::redis(&server.url().parse().unwrap(), &"shop".parse().unwrap()).await.unwrap();
    let hold = model.hold("mine").await.unwrap().unwrap();
    server.kill();
    within(hold.lost()).await;
}

#[tokio::test]
async fn its_place_has_no_password() {
    let server = RedisServer::start();
    let url = format!("{}?pass=", server.url());
    let model = ReadModel::redis(&url.parse().unwrap(), &"shop".parse().unwrap()).await;
    let place = model.map_or_else(|error| error.to_string(), |model| model.place());
    assert!(place.contains("?pass=***"), "{place}");
    let model = ReadModel::redis(&server.url().parse().unwrap(), &"shop".parse().unwrap()).await.unwrap();
    assert_eq!(model.place(), format!("{}, read model of namespace shop", server.url()));
    let error = ReadModel::redis(&StoreUrl::Memory, &Namespace::default()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unusable { url, .. } if url == "memory:"), "{error:?}");
}
