//! Rebuilds of the forest, and a fold of its log that shares nothing with them.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of this")]

pub mod logs;

use std::collections::BTreeMap;

use kernel::{CREATED, Checkpoint, DELETED, Digest, Entry, Epoch, Event, Number, Position, Tables, UPDATED};
use projector::{
    Generation, ModelState, ReadModel, Stage,
    rebuild::{Approval, Limits, Plan, Progress, Rebuild, RebuildError, Report},
};
use runtime::{Engine, Namespace, StoreUrl};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::common::{TOPICS, append, domain, whole};

/// Rows by topic and key.
pub type Rows = BTreeMap<String, BTreeMap<String, String>>;

pub async fn memory_log() -> Engine {
    Engine::open(&StoreUrl::Memory, &Namespace::default(), &TOPICS).await.unwrap()
}

/// A log in a file: read while others read and write.
pub async fn sqlite_log() -> (Engine, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::Sqlite(folder.path().join("shop.db"));
    (Engine::open(&url, &Namespace::default(), &TOPICS).await.unwrap(), folder)
}

/// A log with so many events about fewer trees, some of them felled.
pub async fn grown_log(events: usize, trees: usize) -> Engine {
    let engine = memory_log().await;
    grow(&engine, events, trees, "first").await;
    engine
}

pub async fn grow(engine: &Engine, events: usize, trees: usize, name: &str) {
    let action = |n: usize| if n % 7 == 3 { DELETED } else { [CREATED, UPDATED][n % 2] };
    let tree = |n: usize| (n * 7_919 % trees).to_string();
    let drafts = (0..events).map(|n| crate::common::event("tree", action(n), &tree(n), &format!("{name} {n}")));
    append(engine, drafts.collect()).await;
}

pub async fn entries(engine: &Engine) -> Vec<Entry> {
    engine.read(&Checkpoint::default(), usize::MAX).await.unwrap().entries
}

/// The rows that entries make of nothing, as the log's rules say (R8), and how many can't be read.
pub fn fold<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> (Rows, u64) {
    let mut rows = no_rows();
    let unreadable = entries.into_iter().filter(|entry| !fold_onto(&mut rows, entry)).count();
    (rows, unreadable as u64)
}

pub fn no_rows() -> Rows {
    TOPICS.iter().map(|topic| ((*topic).to_owned(), BTreeMap::new())).collect()
}

/// The same, entry by entry; tells whether it can be read.
pub fn fold_onto(rows: &mut Rows, entry: &Entry) -> bool {
    match entry {
        Entry::Junk(_) => false,
        Entry::Event(event) => rows.get_mut(&*event.topic).is_none_or(|table| apply(table, event).is_some()),
    }
}

/// Nothing where the event can't be read.
fn apply(table: &mut BTreeMap<String, String>, event: &Event) -> Option<()> {
    if event.meta.schema.is_some_and(|schema| schema > 1) {
        return None;
    }
    let data: Value = serde_json::from_str(&event.data).ok()?;
    if &*event.topic == "note" {
        data.get("text")?.as_str().filter(|_| event.action == "noted")?;
        let row = json!({ "event_id": event.id, "event_action": event.action, "event_data": event.data });
        table.insert(event.position.to_string(), row.to_string());
        return Some(());
    }
    let id = data.get("entity_id")?.as_str().filter(|id| !id.is_empty())?;
    let row = || Some(json!({ "entity_id": id, "name": data.get("name")?.as_str()? }).to_string());
    match event.action.as_str() {
        CREATED => drop(table.insert(id.to_owned(), row()?)),
        UPDATED => {
            let row = row()?;
            table.entry(id.to_owned()).and_modify(|old| *old = row);
        }
        DELETED => drop(table.remove(id)),
        _ => return None,
    }
    Some(())
}

/// The digest of rows, counted afresh.
pub fn digest(rows: &Rows) -> Digest {
    crate::common::digest(&Tables(rows.clone()))
}

/// Where a reader stands that began at `from` and has read these entries, all that follow it.
pub fn stands(from: Position, entries: &[&Entry], epoch: &Epoch) -> Checkpoint {
    let position = entries.last().map_or(from, |entry| entry.position());
    let number = entries.iter().rev().find_map(|entry| entry.number()).unwrap_or_default();
    // Where no number is known, the position alone must do.
    let is_counted = number > Number::ZERO || position == Position::ZERO;
    Checkpoint { epoch: if is_counted { epoch.clone() } else { Epoch::default() }, position, number }
}

/// A rebuild of everything, its result served without a question.
pub fn rebuild(engine: &Engine, model: &ReadModel) -> Rebuild {
    Rebuild {
        domain: domain(),
        engine: engine.clone(),
        model: model.clone(),
        is_followed: false,
        plan: Plan::default(),
        approval: Approval::NotNeeded,
        limits: Limits::default(),
        holder: "the test".to_owned(),
    }
}

pub fn commit_every(commit_every: u64) -> Limits {
    Limits { commit_every, ..Limits::default() }
}

pub async fn run(rebuild: &Rebuild) -> Result<Report, RebuildError> {
    rebuild.run(&watch::Sender::new(Progress::default()), &CancellationToken::new()).await
}

pub async fn roll_back(rebuild: &Rebuild) -> Result<Report, RebuildError> {
    rebuild.roll_back(&watch::Sender::new(Progress::default()), &CancellationToken::new()).await
}

/// The message of the error that a rebuild must end with.
pub async fn refused(rebuild: &Rebuild) -> String {
    match run(rebuild).await {
        Err(error) => error.to_string(),
        Ok(report) => panic!("it went through: {report:?}"),
    }
}

/// The served rows are the fold of the whole log and stand at its head.
pub async fn is_whole_log(engine: &Engine, model: &ReadModel) -> ModelState {
    let (tables, state) = whole(model).await;
    assert_eq!(tables.0, fold(&entries(engine).await).0);
    assert_eq!(state.checkpoint, engine.head().await.unwrap());
    assert_eq!(state.version, domain().projection());
    state
}

/// The generations beside the served one, by number and stage.
pub async fn beside(model: &ReadModel) -> Vec<(u64, Stage)> {
    let generations = model.generations().await.unwrap();
    generations.iter().map(|generation| (generation.state.generation, generation.stage)).collect()
}

/// The generation that is being built, if there is one.
pub async fn building(model: &ReadModel) -> Option<Generation> {
    let generations = model.generations().await.unwrap();
    generations.into_iter().find(|generation| generation.stage == Stage::Building)
}
