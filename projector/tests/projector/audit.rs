//! What an audit finds in read models, logs and checkpoints that somebody has been at, on every engine.

use std::{collections::BTreeMap, sync::Arc};

use crate::common::{
    Place, Projector, TOPICS, append, caught_up, contract::contract, digest, domain, draft, event, whole,
};
use kernel::{CREATED, Checkpoint, DELETED, Digest, Epoch, Number, Position, UPDATED};
use projector::{
    Change, Changes, Difference, ModelState, ReadModel,
    audit::{Astray, Audit, Disorder, audit},
};
use runtime::{Advance, Commit, Engine, Enqueue, Holder, Namespace, StoreError, StoreUrl};
use sqlx::{ConnectOptions as _, Connection as _};

contract!(
    equal_models_are_clean_wherever_they_stand,
    a_row_changed_by_hand_is_named_with_both_values,
    a_row_deleted_by_hand_is_named,
    a_row_added_by_hand_is_named,
    a_recorded_digest_that_is_not_that_of_the_rows_is_found,
    a_model_of_another_version_is_stale_and_compared_all_the_same,
    a_checkpoint_ahead_of_the_log_is_named,
    a_consumer_of_another_epoch_is_named,
    nothing_is_written,
);

/// A log in the place where its read model is.
async fn log(place: &Place) -> Engine {
    match place {
        Place::Memory(_) => Engine::open(&StoreUrl::Memory, &Namespace::default(), &TOPICS).await.unwrap(),
        Place::Stored { url, namespace, .. } => Engine::open(url, namespace, &TOPICS).await.unwrap(),
    }
}

/// A log with trees a, b and c, of which one was felled, leaves, a note, and something that is no tree; and its
/// read model, at its head.
async fn forest(place: &Place) -> (Engine, ReadModel) {
    let (engine, model) = (log(place).await, place.open().await);
    let projector = Projector::start(&engine, &model).await;
    for id in ["a", "b", "c"] {
        append(&engine, vec![event("tree", CREATED, id, "oak"), event("leaf", CREATED, id, "green")]).await;
    }
    append(&engine, vec![event("tree", UPDATED, "b", "elm"), event("tree", DELETED, "c", "oak")]).await;
    append(&engine, vec![draft("note", "noted", r#"{"text":"felled"}"#.into())]).await;
    append(&engine, vec![draft("tree", CREATED, "no JSON".into())]).await;
    caught_up(&engine, &model).await;
    projector.stop().await.unwrap();
    (engine, model)
}

async fn audited(engine: &Engine, models: &[ReadModel]) -> Audit {
    audit(domain(), engine, models, None).await.unwrap()
}

async fn raw(command: &[&str]) -> ::redis::Value {
    let client = ::redis::Client::open(testkit::RedisServer::shared().url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    ::redis::cmd(command[0]).arg(&command[1..]).query_async(&mut connection).await.unwrap()
}

async fn sql(file: &std::path::Path, sql: &'static str, arguments: &[&str]) {
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    let query = arguments.iter().fold(sqlx::query(sql), |query, argument| query.bind(*argument));
    assert_eq!(query.execute(&mut connection).await.unwrap().rows_affected(), 1, "{sql}");
    connection.close().await.unwrap();
}

/// The key that somebody's hand would use in Redis.
fn key(place: &Place, rest: &str) -> String {
    let Place::Stored { namespace, .. } = place else { panic!("no server") };
    format!("{}{rest}", namespace.prefix())
}

/// Changes a row of the served generation behind the read model's back.
async fn by_hand(place: &Place, topic: &'static str, id: &str, row: Option<&str>) {
    match (place, row) {
        (Place::Memory(model), row) => {
            let state = model.state().await.unwrap();
            let rows = vec![Change { topic, key: id.into(), row: row.map(Into::into) }];
            assert!(model.write(&Changes { from: state.clone(), to: state, rows }).await.unwrap());
        }
        (Place::Stored { url: StoreUrl::Redis(_), .. }, row) => {
            let table = key(place, &format!("retrace:model:1:{topic}"));
            let done = match row {
                Some(row) => raw(&["HSET", &table, id, row]).await,
                None => raw(&["HDEL", &table, id]).await,
            };
            assert!(matches!(done, ::redis::Value::Int(0 | 1)), "{done:?}");
        }
        (Place::Stored { .. }, Some(row)) => {
            let put = "INSERT INTO rows VALUES (1, ?, ?, ?) ON CONFLICT DO UPDATE SET row = excluded.row";
            sql(&place.file(), put, &[topic, id, row]).await;
        }
        (Place::Stored { .. }, None) => {
            sql(&place.file(), "DELETE FROM rows WHERE generation = 1 AND topic = ? AND key = ?", &[topic, id]).await;
        }
    }
}

fn difference(topic: &str, key: &str, found: Option<&str>, expected: Option<&str>) -> Difference {
    let (topic, key) = (topic.to_owned(), key.to_owned());
    Difference { topic, key, found: found.map(str::to_owned), expected: expected.map(str::to_owned) }
}

/// The audit finds this one row and nothing else.
#[track_caller]
fn assert_finds(audit: &Audit, row: &Difference) {
    let [model] = audit.models.as_slice() else { panic!("one model: {audit:?}") };
    assert_eq!(model.differences.first, std::slice::from_ref(row));
    assert_eq!(model.differences.count, 1);
    assert_eq!(model.recorded, model.expected, "the model believes that it is right");
    assert_ne!(model.digest, model.expected);
    assert!(!model.is_equal && !audit.is_clean());
    assert_eq!((audit.disorders.count, audit.astray.len()), (0, 0));
}

async fn equal_models_are_clean_wherever_they_stand(place: Place) {
    let (engine, model) = forest(&place).await;
    let (tables, state) = whole(&model).await;
    let earlier = ReadModel::Memory(projector::model::MemoryModel::new());
    let rows = TOPICS.iter().flat_map(|topic| {
        tables.rows(topic).map(|(key, row)| Change { topic, key: key.into(), row: Some(row.into()) })
    });
    let copy = Changes { from: ModelState::default(), to: state.clone(), rows: rows.collect() };
    assert!(earlier.write(&copy).await.unwrap());
    let projector = Projector::start(&engine, &model).await;
    append(&engine, vec![event("tree", DELETED, "a", "oak"), event("leaf", CREATED, "d", "red")]).await;
    caught_up(&engine, &model).await;
    projector.stop().await.unwrap();

    let unwritten = ReadModel::Memory(projector::model::MemoryModel::new());
    let audit = audited(&engine, &[model.clone(), unwritten, earlier]).await;
    assert!(audit.is_clean(), "{audit:#?}");
    assert_eq!(audit.head, engine.head().await.unwrap());
    assert_eq!((audit.entries, audit.unreadable, audit.version), (12, 1, domain().projection()));
    let [now, none, then] = audit.models.as_slice() else { panic!("{audit:?}") };
    let (tables, served) = whole(&model).await;
    assert_eq!((&now.checkpoint, now.generation, now.is_stale), (&audit.head, 1, false));
    assert_eq!([now.digest, now.recorded, now.expected], [digest(&tables), served.digest, served.digest]);
    assert_eq!(now.rows, counts(&[("leaf", 4), ("note", 1), ("tree", 1)]));
    assert_eq!((&then.checkpoint, then.expected), (&state.checkpoint, state.digest));
    assert_eq!(then.rows, counts(&[("leaf", 3), ("note", 1), ("tree", 2)]));
    assert_eq!((&none.checkpoint, none.generation, none.expected), (&Checkpoint::default(), 0, Digest::default()));
    assert_eq!((none.is_equal, none.is_stale), (true, false));
}

fn counts(counts: &[(&str, u64)]) -> BTreeMap<String, u64> {
    counts.iter().map(|(topic, count)| ((*topic).to_owned(), *count)).collect()
}

async fn a_row_changed_by_hand_is_named_with_both_values(place: Place) {
    let (engine, model) = forest(&place).await;
    let wrong = r#"{"entity_id":"b","name":"fir"}"#;
    by_hand(&place, "tree", "b", Some(wrong)).await;
    let row = difference("tree", "b", Some(wrong), Some(r#"{"entity_id":"b","name":"elm"}"#));
    assert_finds(&audited(&engine, &[model]).await, &row);
}

async fn a_row_deleted_by_hand_is_named(place: Place) {
    let (engine, model) = forest(&place).await;
    by_hand(&place, "leaf", "c", None).await;
    let row = difference("leaf", "c", None, Some(r#"{"entity_id":"c","name":"green"}"#));
    assert_finds(&audited(&engine, &[model]).await, &row);
}

async fn a_row_added_by_hand_is_named(place: Place) {
    let (engine, model) = forest(&place).await;
    let dead = r#"{"entity_id":"c","name":"oak"}"#;
    by_hand(&place, "tree", "c", Some(dead)).await;
    assert_finds(&audited(&engine, &[model]).await, &difference("tree", "c", Some(dead), None));
}

/// Brings the model to another state without touching a row.
async fn declare(model: &ReadModel, change: impl FnOnce(&mut ModelState)) {
    let from = model.state().await.unwrap();
    let mut to = from.clone();
    change(&mut to);
    assert!(model.write(&Changes { from, to, rows: vec![] }).await.unwrap());
}

async fn a_recorded_digest_that_is_not_that_of_the_rows_is_found(place: Place) {
    let (engine, model) = forest(&place).await;
    declare(&model, |state| state.digest.add("tree", "z", "{}")).await;
    let audit = audited(&engine, std::slice::from_ref(&model)).await;
    let [found] = audit.models.as_slice() else { panic!("{audit:?}") };
    assert_eq!((found.differences.count, found.digest), (0, found.expected));
    assert_ne!(found.recorded, found.digest);
    assert!(!found.is_equal && !audit.is_clean());
}

async fn a_model_of_another_version_is_stale_and_compared_all_the_same(place: Place) {
    let (engine, model) = forest(&place).await;
    declare(&model, |state| state.version = 7).await;
    let audit = audited(&engine, std::slice::from_ref(&model)).await;
    assert_eq!((audit.models[0].is_stale, audit.models[0].version), (true, 7));
    assert!(audit.is_clean(), "its rows are the same");
    by_hand(&place, "leaf", "a", None).await;
    assert_eq!(audited(&engine, &[model]).await.models[0].differences.count, 1);
}

/// Has a consumer stand anywhere.
async fn stand(engine: &Engine, consumer: &str, to: &Checkpoint) {
    let advance = Advance {
        consumer: consumer.into(),
        holder: Holder::Taking("somebody".into()),
        from: Checkpoint::default(),
        to: to.clone(),
    };
    engine.commit_one(Commit { advance: Some(advance), ..Commit::default() }).await.unwrap();
}

async fn a_checkpoint_ahead_of_the_log_is_named(place: Place) {
    let (engine, model) = forest(&place).await;
    let head = engine.head().await.unwrap();
    let ahead = Checkpoint { number: head.number.successor(), ..head.clone() };
    let further = Checkpoint { position: head.position.successor(), ..head.clone() };
    stand(&engine, "saga/sound", &head).await;
    stand(&engine, "saga/ahead", &ahead).await;
    declare(&model, |state| state.checkpoint = further.clone()).await;
    let audit = audited(&engine, std::slice::from_ref(&model)).await;
    let who = format!("read model {}", model.place());
    let expected = [
        Astray::Ahead { who: "consumer saga/ahead".into(), at: ahead, head: head.clone() },
        Astray::Ahead { who, at: further, head },
    ];
    assert_eq!((audit.astray.as_slice(), audit.consumers), (expected.as_slice(), 2));
    assert!(audit.models[0].is_equal, "it is held against all there is of the log");
    assert!(!audit.is_clean());
}

async fn a_consumer_of_another_epoch_is_named(place: Place) {
    let (engine, model) = forest(&place).await;
    let head = engine.head().await.unwrap();
    let lost = Checkpoint { epoch: Epoch("before".into()), ..head.clone() };
    stand(&engine, "saga/lost", &lost).await;
    let audit = audited(&engine, &[model]).await;
    let expected =
        Astray::OtherEpoch { who: "consumer saga/lost".into(), epoch: lost.epoch, current: head.epoch.clone() };
    assert_eq!(audit.astray, [expected]);
    assert!(!audit.is_clean());
}

/// Everything that an audit could change, as text.
async fn everything(place: &Place, engine: &Engine, model: &ReadModel) -> String {
    let (tables, state) = model.tables(&TOPICS).await.unwrap();
    let entries = engine.read(&Checkpoint::default(), usize::MAX).await.unwrap().entries;
    let mut all = format!(
        "{:?} {entries:?} {:?} {:?} {:?} {tables:?} {state:?} {:?}",
        engine.head().await.unwrap(),
        engine.checkpoints().await.unwrap(),
        engine.queues(&["forest"]).await.unwrap(),
        engine.parked(None, usize::MAX).await.unwrap(),
        model.generations().await.unwrap(),
    );
    if matches!(place, Place::Stored { url: StoreUrl::Redis(_), .. }) {
        let ::redis::Value::Array(keys) = raw(&["KEYS", &key(place, "*")]).await else { panic!("no keys") };
        let mut keys: Vec<String> = keys.into_iter().map(|key| ::redis::from_redis_value(key).unwrap()).collect();
        keys.sort_unstable();
        for key in keys {
            all.push_str(&format!(" {key} {:?}", raw(&["DUMP", &key]).await));
        }
    }
    all
}

async fn nothing_is_written(place: Place) {
    let (engine, model) = forest(&place).await;
    let command = testkit::command("c1", "tree", kernel::Intent::Create(vec![testkit::raw(r#"{"name":"ash"}"#)]));
    let enqueue = vec![Enqueue { command, service: "forest".into(), idempotency: None }];
    engine.commit_one(Commit { enqueue, ..Commit::default() }).await.unwrap();
    by_hand(&place, "tree", "a", None).await;
    let before = everything(&place, &engine, &model).await;
    assert!(!audited(&engine, std::slice::from_ref(&model)).await.is_clean());
    assert_eq!(everything(&place, &engine, &model).await, before);
}

/// Where the numbers of a gap should be said to be missing.
fn missing(first: u64, last: u64, after: Position, before: Option<Position>) -> Disorder {
    Disorder::Missing { first: Number(first), last: Number(last), after, before }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gaps_are_named_all_of_them_and_the_fold_goes_on_behind_them() {
    for place in [Place::redis(), Place::sqlite()] {
        let is_redis = matches!(place, Place::Stored { url: StoreUrl::Redis(_), .. });
        let (engine, model) = forest(&place).await;
        let (end, place_of_model) = (engine.head().await.unwrap(), model.place());
        let entries = engine.read(&Checkpoint::default(), usize::MAX).await.unwrap().entries;
        let at: Vec<_> = entries.iter().map(kernel::Entry::position).collect();
        for entry in [&entries[0], &entries[3], &entries[4], &entries[9]] {
            let (topic, position) = (entry.topic(), entry.position());
            if is_redis {
                let stream = key(&place, &format!("events:{topic}"));
                assert_eq!(raw(&["XDEL", &stream, &position.to_string()]).await, ::redis::Value::Int(1));
            } else {
                let (ms, seq) = (position.ms().to_string(), position.seq().to_string());
                let file = place.file().with_extension("");
                sql(
                    &file,
                    "DELETE FROM events WHERE ms = CAST(? AS INTEGER) AND seq = CAST(? AS INTEGER)",
                    &[&ms, &seq],
                )
                .await;
            }
        }
        // As another process sees it that comes later.
        let Place::Stored { url, namespace, .. } = &place else { panic!("a store") };
        let engine = Engine::open_reading(url, namespace, &TOPICS).await.unwrap();
        let audit = audited(&engine, &[model]).await;
        let mut expected = vec![missing(1, 1, Position::ZERO, Some(at[1])), missing(4, 5, at[2], Some(at[5]))];
        // What is lost at the end the head of Redis still knows of; that of SQLite is the last event there is.
        if is_redis {
            expected.push(missing(10, 10, at[8], None));
            assert_eq!(audit.astray, []);
        } else {
            let who = format!("read model {place_of_model}");
            assert_eq!(audit.astray, [Astray::Ahead { who, at: end, head: audit.head.clone() }]);
        }
        assert_eq!(audit.disorders.first, expected);
        assert_eq!(audit.disorders.count, expected.len() as u64);
        assert!(!audit.is_clean());
        let differs: Vec<_> = audit.models[0].differences.first.iter().map(|row| (&*row.topic, &*row.key)).collect();
        assert_eq!(differs, [("leaf", "b"), ("tree", "a")], "made by events that are gone");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_entries_at_one_position_are_named() {
    let place = Place::redis();
    let (engine, model) = forest(&place).await;
    let head = engine.head().await.unwrap().position;
    let stream = key(&place, "events:leaf");
    let entry = ["event_id", "x", "event_action", CREATED, "event_data", r#"{"entity_id":"x","name":"x"}"#];
    raw(&[&["XADD", &stream, &head.to_string()], entry.as_slice()].concat()).await;
    let audit = audited(&engine, &[model]).await;
    let shared = Disorder::Shared { position: head, topics: [Arc::from("leaf"), Arc::from("tree")] };
    assert_eq!(audit.disorders.first, [shared]);
}

#[tokio::test]
async fn a_model_of_a_recorded_part_of_a_log_has_no_gaps_to_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part.jsonl");
    let line = |number: u64| {
        format!(
            r#"{{"stream":"events:tree","id":"1795341904000-{number}","fields":{{"event_id":"{number}","event_action":"{CREATED}","event_data":"{{\"entity_id\":\"{number}\",\"name\":\"oak\"}}","event_number":"{number}"}}}}"#
        )
    };
    std::fs::write(&path, format!("{}\n{}\n", line(3), line(7))).unwrap();
    let engine = Engine::open(&StoreUrl::History(path), &Namespace::default(), &TOPICS).await.unwrap();
    let audit = audited(&engine, &[]).await;
    assert!(audit.is_clean() && audit.entries == 2, "{audit:?}");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_not_made() {
    let place = Place::sqlite();
    let Place::Stored { url, namespace, .. } = &place else { panic!("a file") };
    assert!(ReadModel::open_reading(url, namespace).await.unwrap().is_none());
    let error = ReadModel::sqlite_reading(&place.file()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable { reason, .. } if reason == "there is no such file"), "{error}");
    assert!(!place.file().exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_another_writes_is_read_beside_it_and_not_written() {
    let place = Place::sqlite();
    let (engine, model) = forest(&place).await;
    let reader = ReadModel::sqlite_reading(&place.file()).await.unwrap();
    assert!(audited(&engine, std::slice::from_ref(&reader)).await.is_clean());
    let state = reader.state().await.unwrap();
    let error = reader.write(&Changes { from: state.clone(), to: state, rows: vec![] }).await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable { .. }), "{error:?}");
    declare(&model, |state| state.version = 7).await;
    assert_eq!(reader.state().await.unwrap().version, 7);
}
