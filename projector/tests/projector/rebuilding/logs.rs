//! Logs of random commits, the same on every engine.
#![allow(dead_code, unreachable_pub, clippy::panic, reason = "each test file uses a part of this")]

use std::{collections::BTreeSet, fs};

use kernel::{CREATED, Checkpoint, DELETED, Draft, Entry, Event, Meta, Position, UPDATED};
use proptest::prelude::*;
use runtime::{Engine, Namespace, StoreUrl, history};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::RedisServer;

use super::{entries, memory_log};
use crate::common::{TOPICS, append, draft, event, until};

/// Events of one commit, and then perhaps an entry of somebody else.
#[derive(Clone, Debug)]
pub struct Step {
    pub events: Vec<Draft>,
    pub stranger: Option<Stranger>,
}

/// An entry that another program writes, which knows nothing of numbers.
#[derive(Clone, Debug)]
pub struct Stranger {
    pub event: Draft,
    /// Whether its number is none, so that it is no event.
    pub is_junk: bool,
    /// Whether it stands where another topic's last event stands.
    pub is_level: bool,
}

pub fn any_event() -> impl Strategy<Value = Draft> {
    let name = prop_oneof!["[a-z]{0,5}", "[ü😀\"\\\\\n\\PC]{0,8}"];
    let id = prop_oneof![6 => "[abcde]", 1 => "[ü😀\" ]{1,2}"];
    let topic = prop::sample::select(vec!["tree", "leaf"]);
    let action = prop::sample::select(vec![CREATED, CREATED, UPDATED, UPDATED, DELETED, DELETED]);
    let bad = prop::sample::select(vec![
        ("tree", CREATED, "no JSON"),
        ("tree", UPDATED, r#"{"entity_id":"a"}"#),
        ("tree", CREATED, r#"{"entity_id":"a","name":7}"#),
        ("leaf", DELETED, r#"{"name":"nobody"}"#),
        ("leaf", CREATED, r#"{"entity_id":"","name":"x"}"#),
        ("leaf", "entity_moved", r#"{"entity_id":"a","name":"x"}"#),
        ("note", "shouted", r#"{"text":"x"}"#),
        ("note", "noted", r#"{"word":"x"}"#),
    ]);
    let newer = |draft: Draft| Draft { meta: Some(Meta { schema: Some(2), ..Meta::default() }), ..draft };
    prop_oneof![
        16 => (topic, action, id, name).prop_map(|(topic, action, id, name)| event(topic, action, &id, &name)),
        2 => "[a-z\"]{0,6}".prop_map(|text| draft("note", "noted", json!({ "text": text }).to_string())),
        2 => bad.prop_map(|(topic, action, data)| draft(topic, action, data.to_owned())),
        1 => Just(draft("tree", DELETED, r#"{"entity_id":"a","name":7}"#.to_owned())),
        1 => Just(newer(event("tree", CREATED, "a", "from the future"))),
        1 => Just(draft("stranger", CREATED, r#"{"entity_id":"x"}"#.to_owned())),
    ]
}

pub fn any_stranger() -> impl Strategy<Value = Stranger> {
    let of_the_domain = any_event().prop_filter("of the domain", |draft| TOPICS.contains(&&*draft.topic));
    (of_the_domain, prop::bool::weighted(0.2), any::<bool>()).prop_map(|(event, is_junk, is_level)| Stranger {
        event,
        is_junk,
        is_level,
    })
}

pub fn any_step() -> impl Strategy<Value = Step> {
    (prop::collection::vec(any_event(), 0..8), prop::option::weighted(0.3, any_stranger()))
        .prop_map(|(events, stranger)| Step { events, stranger })
}

/// A log on some engine.
pub struct Log {
    pub engine: Engine,
    /// Its namespace in Redis, where other programs write too.
    namespace: Option<String>,
    folder: Option<TempDir>,
}

impl Log {
    /// The same commits on every engine. Foreign entries are only where another program can write.
    pub async fn all(commits: &[Step]) -> [Self; 4] {
        let [memory, sqlite, redis] = Self::empty().await;
        for log in [&memory, &sqlite, &redis] {
            log.write(commits).await;
        }
        let history = Self::history(&memory.engine, commits).await;
        [memory, history, sqlite, redis]
    }

    /// Each kind that can be written to.
    pub async fn empty() -> [Self; 3] {
        let memory = Self { engine: memory_log().await, namespace: None, folder: None };
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().join("log.db"));
        let engine = Engine::open(&url, &Namespace::default(), &TOPICS).await.unwrap();
        let sqlite = Self { engine, namespace: None, folder: Some(folder) };
        let (url, name) = (RedisServer::shared().url(), format!("log-{}", uuid::Uuid::new_v4()));
        let engine = Engine::open(&url.parse().unwrap(), &name.parse().unwrap(), &TOPICS).await.unwrap();
        [memory, sqlite, Self { engine, namespace: Some(name), folder: None }]
    }

    /// Commits more; strangers write where there may be any.
    pub async fn write(&self, commits: &[Step]) {
        for step in commits {
            append(&self.engine, step.events.clone()).await;
            if let (Some(namespace), Some(stranger)) = (&self.namespace, &step.stranger) {
                self.intrude(namespace, stranger).await;
            }
        }
    }

    /// Waits until the log's last millisecond is over: a commit in it may get the very position where a stranger
    /// wrote that the log's head knows nothing of, and whoever has read that does not go back.
    pub async fn is_past(&self) {
        let head = self.engine.head().await.unwrap().position;
        let now = || jiff::Timestamp::now().as_millisecond();
        until("the clock goes on", async || now() > i64::try_from(head.ms()).unwrap()).await;
    }

    async fn intrude(&self, namespace: &str, Stranger { event, is_junk, is_level }: &Stranger) {
        let client = redis::Client::open(RedisServer::shared().url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let head = self.engine.head().await.unwrap().position;
        let places = if *is_level { vec![head, head.successor()] } else { vec![head.successor()] };
        for position in places {
            let mut add = redis::cmd("XADD");
            add.arg(format!("{{{namespace}}}:events:{}", event.topic)).arg(position.to_string());
            add.arg("event_id").arg(&event.id).arg("event_action").arg(&event.action);
            add.arg("event_data").arg(&event.data);
            if *is_junk {
                add.arg("event_number").arg("none");
            }
            // Refused where the topic's own last entry stands there.
            let added: redis::RedisResult<String> = add.query_async(&mut connection).await;
            if added.is_ok() {
                break;
            }
        }
    }

    /// What stands in memory, and the foreign entries where they fit in.
    pub async fn history(memory: &Engine, commits: &[Step]) -> Self {
        let mut lines = Vec::new();
        let mut taken = BTreeSet::new();
        let mut last = Position::ZERO;
        let mut ahead = entries(memory).await.into_iter();
        let strange = |event: &Event, number| {
            let data = json!({ "event_id": event.id, "event_action": event.action, "event_data": event.data });
            let mut line = json!({ "stream": format!("events:{}", event.topic), "id": event.position, "fields": data });
            if let Some(number) = number {
                line["fields"]["event_number"] = number;
            }
            line.to_string()
        };
        for step in commits {
            for entry in ahead.by_ref().take(step.events.len()) {
                let Entry::Event(event) = entry else { panic!("{entry:?}") };
                last = event.position;
                taken.insert((last, event.topic.to_string()));
                lines.push(history::write_line(&event));
            }
            let Some(Stranger { event, is_junk, .. }) = &step.stranger else { continue };
            if last > Position::ZERO && taken.insert((last, event.topic.clone())) {
                lines.push(strange(&event.at(last), is_junk.then(|| json!("none"))));
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        let engine = Engine::open(&StoreUrl::History(path), &Namespace::default(), &TOPICS).await.unwrap();
        Self { engine, namespace: None, folder: Some(folder) }
    }

    /// The log as it was when it ended at `until`, where it is a history.
    pub async fn history_until(&self, until: Position) -> Option<Engine> {
        let folder = self.folder.as_ref().filter(|_| matches!(self.engine, Engine::History(_)))?.path();
        let text = fs::read_to_string(folder.join("log.jsonl")).unwrap();
        let position = |line: &str| {
            serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().parse::<Position>().unwrap()
        };
        let lines = text.lines().filter(|line| position(line) <= until).map(|line| format!("{line}\n"));
        let path = folder.join("then.jsonl");
        fs::write(&path, lines.collect::<String>()).unwrap();
        Some(Engine::open(&StoreUrl::History(path), &Namespace::default(), &TOPICS).await.unwrap())
    }
}

/// A log with all that is in it.
pub struct Read {
    pub engine: Engine,
    pub entries: Vec<Entry>,
    pub head: Checkpoint,
}

impl Read {
    pub async fn of(engine: &Engine) -> Self {
        let (entries, head) = (entries(engine).await, engine.head().await.unwrap());
        Self { engine: engine.clone(), entries, head }
    }

    /// The entries after one position, up to and at another.
    pub fn stretch(&self, from: Position, to: Position) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| entry.position() > from && entry.position() <= to).collect()
    }

    /// Somewhere in the log: at an entry or right before one, at its head, or before all of it.
    pub fn cut(&self, (index, is_before): &(prop::sample::Index, bool)) -> Position {
        let places: Vec<_> = self.entries.iter().map(Entry::position).chain([Position::ZERO]).collect();
        let position = places[index.index(places.len())];
        if *is_before { position.predecessor() } else { position }
    }
}
