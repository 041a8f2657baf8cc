//! What a timeline must answer, made out of the log's entries alone; and timelines that are built or kept.
#![allow(dead_code, unreachable_pub, clippy::panic, reason = "each test file uses a part of this")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use kernel::{CREATED, DELETED, Entry, Event, Position, Row, Tables, UPDATED};
use projector::timeline::{BuildError, Built, Retention, RowChange, Timeline, Version, Way};
use runtime::{Engine, StoreError, Tail};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    common::{TOPICS, domain, until, within},
    rebuilding::{Rows, fold, fold_onto, logs::Read, no_rows},
};

/// Where a timeline's file may be; it lasts as long as the folder.
pub fn file() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db.timeline");
    (folder, path)
}

/// The right answers.
pub struct Expected {
    pub log: Read,
    /// Each row's versions, by topic and key.
    pub versions: BTreeMap<(String, String), Vec<Version>>,
}

impl Expected {
    pub async fn of(engine: &Engine) -> Self {
        let log = Read::of(engine).await;
        let versions = versions(&log.entries);
        Self { log, versions }
    }

    pub fn tables(&self, at: Position) -> Rows {
        fold(self.log.stretch(Position::ZERO, at)).0
    }

    pub fn versions(&self, topic: &str, key: &str, until: Position) -> Vec<Version> {
        let versions = self.versions.get(&(topic.to_owned(), key.to_owned()));
        versions.into_iter().flatten().filter(|version| version.position <= until).cloned().collect()
    }

    pub fn changes(&self, from: Position, to: Position) -> Vec<RowChange> {
        let [before, after] = [self.tables(from), self.tables(to)];
        let row = |rows: &Rows, topic: &str, key: &str| rows[topic].get(key).map(|row| Row::from(row.as_str()));
        let changes = TOPICS.iter().flat_map(|topic| {
            let keys: BTreeSet<_> = before[*topic].keys().chain(after[*topic].keys()).collect();
            keys.into_iter().map(|key| RowChange {
                topic,
                key: key.clone(),
                before: row(&before, topic, key),
                after: row(&after, topic, key),
            })
        });
        changes.filter(|change| change.before != change.after).collect()
    }

    pub fn mentioning(&self, ids: &[&str], until: Position) -> Vec<Event> {
        let events = self.log.stretch(Position::ZERO, until).into_iter().filter_map(|entry| match entry {
            Entry::Event(event) => Some(event.clone()),
            Entry::Junk(_) => None,
        });
        let is = |id: &Option<String>| id.as_ref().is_some_and(|id| ids.contains(&&**id));
        let mentions =
            |event: &Event| is(&Some(event.id.to_string())) || is(&event.meta.cause) || is(&event.meta.command);
        events.filter(mentions).collect()
    }
}

/// The versions of each row, event by event: what stood there after each that did something to it.
fn versions(entries: &[Entry]) -> BTreeMap<(String, String), Vec<Version>> {
    let mut versions: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut rows = no_rows();
    for entry in entries {
        let is_read = fold_onto(&mut rows, entry);
        let Entry::Event(event) = entry else { continue };
        if !is_read || !TOPICS.contains(&&*event.topic) {
            continue;
        }
        let key = match serde_json::from_str::<serde_json::Value>(&event.data).unwrap().get("entity_id") {
            Some(id) if &*event.topic != "note" => id.as_str().unwrap().to_owned(),
            _ => event.position.to_string(),
        };
        let of_it = versions.entry((event.topic.to_string(), key.clone())).or_default();
        let existed = of_it.last().is_some_and(|version: &Version| version.row.is_some());
        let row = match event.action.as_str() {
            UPDATED | DELETED if !existed => continue,
            CREATED | UPDATED | DELETED | "noted" => rows[&*event.topic].get(&key).cloned(),
            other => panic!("{other}"),
        };
        of_it.push(Version { position: event.position, row: row.map(|row| Row::from(row.as_str())) });
    }
    versions
}

/// A timeline in the file at `path`, of runs of so many entries.
pub async fn open(engine: &Engine, path: &Path, entries: u64) -> Timeline {
    Timeline::open(domain(), engine.clone(), path).await.unwrap().with_runs_of(entries)
}

pub async fn build(timeline: &Timeline, way: Way) -> Result<Built, BuildError> {
    timeline.build(way, &watch::Sender::default(), &CancellationToken::new()).await
}

/// A timeline that is kept.
pub struct Keeping {
    pub timeline: Timeline,
    pub stop: CancellationToken,
    pub task: JoinHandle<Result<(), StoreError>>,
    follower: JoinHandle<StoreError>,
}

impl Keeping {
    pub async fn start(timeline: &Timeline) -> Self {
        Self::with(timeline, Retention::Everything).await
    }

    pub async fn with(timeline: &Timeline, retention: Retention) -> Self {
        let (tail, follower) = Tail::follow(timeline.engine().clone()).await.unwrap();
        let stop = CancellationToken::new();
        let (keeper, told) = (timeline.clone(), stop.clone());
        let task = tokio::spawn(async move { keeper.keep(&tail, retention, &told).await });
        Self { timeline: timeline.clone(), stop, task, follower }
    }

    /// Waits until it is kept up to the log's head.
    pub async fn caught_up(&mut self) {
        let head = self.timeline.engine().head().await.unwrap();
        until("the timeline is kept", async || {
            if self.task.is_finished() {
                panic!("it ended: {:?}", (&mut self.task).await);
            }
            self.timeline.standing().await.unwrap().checkpoint == head
        })
        .await;
    }

    /// Tells it to stop and waits until it has.
    pub async fn stop(self) {
        self.stop.cancel();
        self.ended().await.unwrap();
    }

    /// Waits until it has ended by itself.
    pub async fn ended(self) -> Result<(), StoreError> {
        let ended = within(self.task).await.unwrap();
        self.follower.abort();
        ended
    }

    /// Ends it wherever it is, as a crash would.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
        self.follower.abort();
    }
}

/// Pages of every size are the tables, and counts those of their rows, where they are told; they are where the timeline
/// is kept, or reaches that far.
pub async fn pages_are_tables(timeline: &Timeline, tables: &Tables, at: Position, what: &str) {
    let counts = timeline.counts(at).await.unwrap();
    let standing = timeline.standing().await.unwrap();
    let is_told = at == Position::ZERO || (standing.since <= at && at <= standing.checkpoint.position);
    for topic in TOPICS {
        assert_eq!(counts[topic].is_some(), is_told, "{what}: {topic} at {at}");
        let rows: Vec<_> = tables.rows(topic).map(|(key, row)| (key.to_owned(), Row::from(row))).collect();
        if let Some(count) = counts[topic] {
            assert_eq!(count, rows.len() as u64, "{what}: {topic} at {at}");
        }
        for limit in [rows.len() / 4 + 1, rows.len().max(1), 1_000] {
            let (mut found, mut after, mut pages) = (Vec::new(), None::<String>, 0);
            loop {
                let page = timeline.page(topic, at, after.as_deref(), limit).await.unwrap();
                pages += 1;
                found.extend(page.rows);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, rows, "{what}: {topic} at {at}, {limit} at a time");
            assert_eq!(pages, rows.len().div_ceil(limit).max(1), "{what}: {topic} at {at}, {limit} at a time");
        }
    }
}

/// The timeline answers right at every position of the log.
pub async fn is_exact_everywhere(timeline: &Timeline, what: &str) {
    let expected = Expected::of(timeline.engine()).await;
    let mut rows = no_rows();
    for (index, entry) in expected.log.entries.iter().enumerate() {
        assert!(fold_onto(&mut rows, entry));
        let at = entry.position();
        if expected.log.entries.get(index + 1).is_none_or(|next| next.position() > at) {
            let tables = timeline.tables(&TOPICS, at).await.unwrap();
            assert_eq!(tables.0, rows, "{what}: at {at}");
            pages_are_tables(timeline, &tables, at, what).await;
        }
    }
    is_exact_at_head(timeline, what).await;
}

/// The timeline answers right at the log's head: all rows, and all versions of each.
pub async fn is_exact_at_head(timeline: &Timeline, what: &str) {
    let expected = Expected::of(timeline.engine()).await;
    let head = expected.log.head.position;
    let has_forgotten = timeline.standing().await.unwrap().since > Position::ZERO;
    assert_eq!(timeline.tables(&TOPICS, head).await.unwrap().0, expected.tables(head), "{what}");
    for ((topic, key), versions) in &expected.versions {
        assert_eq!(timeline.versions(topic, key, head).await.unwrap(), *versions, "{what}: versions of {topic}/{key}");
        let row = timeline.row(topic, key, head).await.unwrap();
        // Where old versions were dropped, what ended long ago may look like what never was.
        let is_over = versions.last().is_some_and(|version| version.row.is_none());
        if !(has_forgotten && is_over && row.is_none()) {
            assert_eq!(row.as_ref(), versions.last(), "{what}: {topic}/{key}");
        }
    }
}
