//! Row versions of a stretch of the log, in memory: of what no file holds yet.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
};

use kernel::{Checkpoint, Domain, EventRef, Position, Row, Seen, Topic, TopicKind};
use rayon::prelude::*;
use smallvec::SmallVec;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::Version;
use crate::rebuild::prefix;

/// Which rows are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All of every topic, and which events mention which identifiers.
    All,
    /// All of these topics.
    Topics(Vec<&'static str>),
    /// One row.
    Row(&'static str, Arc<str>),
    /// No rows, but which events mention these identifiers.
    Mentions(HashSet<u64>),
}

impl Scope {
    fn holds_topic(&self, topic: &str) -> bool {
        match self {
            Self::All => true,
            Self::Topics(topics) => topics.contains(&topic),
            Self::Row(only, _) => *only == topic,
            Self::Mentions(_) => false,
        }
    }

    fn holds_key(&self, key: &str) -> bool {
        if let Self::Row(_, only) = self { &**only == key } else { true }
    }
}

/// Which versions of a row are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Versions {
    /// Every one.
    All,
    /// Only the last.
    Last,
}

/// Which entities exist, and which block holds the last version of each. Keys are told apart by their hashes: of
/// 128 bits no two are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Living(HashMap<u128, u32, BuildHasherDefault<Hashed>>);

/// Hashes what is a hash already.
#[derive(Clone, Debug, Default)]
pub(super) struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        // Only numbers are hashed; whatever else comes still counts.
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Living {
    /// Notes which block holds the last version of an entity, or that there is none.
    pub(super) fn set(&mut self, entity: u128, block: Option<u32>) {
        match block {
            Some(block) => self.0.insert(entity, block),
            None => self.0.remove(&entity),
        };
    }

    /// The block that holds the last version, where there is one.
    pub(super) fn block(&self, entity: u128) -> Option<u32> {
        self.0.get(&entity).copied()
    }

    /// How many entities exist.
    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

/// By what a row is known.
pub(super) fn name(topic: &str, key: &str) -> u128 {
    let mut hasher = Xxh3::new();
    hasher.update(&(topic.len() as u64).to_le_bytes());
    hasher.update(topic.as_bytes());
    hasher.update(key.as_bytes());
    hasher.digest128()
}

/// By what an identifier is found.
pub(super) fn mention(id: &str) -> u64 {
    xxh3_64(id.as_bytes())
}

/// A row's versions.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// Which topic, of the domain's in order.
    topic: usize,
    pub(super) key: Arc<str>,
    /// The block that holds the version before these, where there was a row.
    pub(super) before: Option<u32>,
    /// In log order.
    pub(super) versions: SmallVec<[Version; 1]>,
}

/// Row versions of a stretch of the log.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    scope: Scope,
    keeps: Versions,
    /// Entities that existed where the stretch begins.
    pub(super) living: Living,
    /// The stretch begins after this.
    pub(super) after: Checkpoint,
    /// Where its last entry stands.
    pub(super) at: Checkpoint,
    topics: Vec<Topic>,
    /// By what a row is known: [`name`].
    rows: HashMap<u128, Kept, BuildHasherDefault<Hashed>>,
    /// The topic of the event before: most share it with the next.
    last: usize,
    /// Which event mentions which identifier.
    mentions: Vec<(u64, Position)>,
    /// How many entries were taken in.
    pub(super) entries: u64,
    /// The row in the making.
    text: String,
}

impl Recent {
    /// An empty stretch after `after`, where the rows in `living` exist.
    pub(super) fn new(domain: &Domain, after: Checkpoint, living: Living, scope: Scope, keeps: Versions) -> Self {
        let topics = domain.topics().cloned().collect();
        let at = after.clone();
        Self {
            scope,
            keeps,
            living,
            after,
            at,
            topics,
            rows: HashMap::default(),
            last: 0,
            mentions: Vec::new(),
            entries: 0,
            text: String::new(),
        }
    }

    /// Takes the next entry in; what can't be read changes no row, and topics that are not the domain's are
    /// somebody else's.
    pub(super) fn take(&mut self, seen: &Seen<'_>) {
        self.entries += 1;
        self.at.position = seen.position();
        self.at.number = seen.number().unwrap_or(self.at.number);
        let Seen::Event(event) = seen else { return };
        self.note_mentions(event);
        if self.topics.get(self.last).is_none_or(|topic| topic.name != event.topic) {
            let Some(found) = self.topics.iter().position(|topic| topic.name == event.topic) else { return };
            self.last = found;
        }
        let topic = &self.topics[self.last];
        if !self.scope.holds_topic(topic.name) {
            return;
        }
        let Ok(touch) = topic.touch(event) else { return };
        if !self.scope.holds_key(&touch.key) {
            return;
        }
        let name = name(topic.name, &touch.key);
        let known = self.rows.get_mut(&name);
        let before = match (&known, topic.kind) {
            (Some(kept), _) => kept.before,
            (None, TopicKind::Entity) => self.living.block(name),
            (None, TopicKind::Journal { .. }) => None,
        };
        let last = known.as_ref().and_then(|kept| kept.versions.last());
        let existed = last.map_or(before.is_some(), |version| version.row.is_some());
        let content = touch.step.onto(existed);
        // Nothing comes of nothing: an update or the end of what there is none of.
        if content.is_none() && !existed {
            return;
        }
        let row = content.map(|content| {
            self.text.clear();
            topic.write_row_into(&content, &mut self.text);
            Row::from(self.text.as_str())
        });
        let version = Version { position: event.position, row };
        match known {
            Some(kept) if self.keeps == Versions::Last => kept.versions = SmallVec::from_buf([version]),
            Some(kept) => kept.versions.push(version),
            None => {
                let (topic, versions) = (self.last, SmallVec::from_buf([version]));
                self.rows.insert(name, Kept { topic, key: touch.key.into(), before, versions });
            }
        }
    }

    fn note_mentions(&mut self, event: &EventRef<'_>) {
        let meta = &event.meta;
        let ids = [Some(event.id), meta.cause.as_deref(), meta.command.as_deref()];
        match &self.scope {
            Scope::All => self.mentions.extend(ids.into_iter().flatten().map(|id| (mention(id), event.position))),
            Scope::Mentions(wanted) => {
                let ids = ids.into_iter().flatten().map(mention);
                self.mentions.extend(ids.filter(|id| wanted.contains(id)).map(|id| (id, event.position)));
            }
            Scope::Topics(_) | Scope::Row(..) => {}
        }
    }

    /// Forgets everything: the stretch begins after `after` now.
    pub(super) fn begin_after(&mut self, after: Checkpoint) {
        self.rows.clear();
        self.mentions.clear();
        (self.entries, self.after) = (0, after);
    }

    /// All rows, by topic and key.
    pub(super) fn sorted(&self) -> Vec<(&Topic, &Kept)> {
        let mut rows: Vec<_> = self.rows.values().map(|kept| (prefix(&kept.key), kept)).collect();
        rows.par_sort_unstable_by(|(a, kept), (b, other)| {
            kept.topic.cmp(&other.topic).then(a.cmp(b)).then_with(|| kept.key.cmp(&other.key))
        });
        rows.into_iter().map(|(_, kept)| (&self.topics[kept.topic], kept)).collect()
    }

    /// The versions of a topic's rows, in no order of keys.
    pub(super) fn rows(&self, topic: &str) -> impl Iterator<Item = (&Arc<str>, &[Version])> {
        let of_topic = self.rows.values().filter(move |kept| self.topics[kept.topic].name == topic);
        of_topic.map(|kept| (&kept.key, kept.versions.as_slice()))
    }

    /// The versions of every row, each with its topic and the block of the version before them.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, Option<u32>, &[Version])> {
        self.rows.values().map(|kept| (self.topics[kept.topic].name, kept.before, kept.versions.as_slice()))
    }

    /// The topics that rows are of.
    pub(super) fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// The versions of a row, in log order.
    pub(super) fn versions_of(&self, topic: &str, key: &str) -> &[Version] {
        self.rows.get(&name(topic, key)).map_or(&[], |kept| kept.versions.as_slice())
    }

    /// The events that mention an identifier by its hash, in log order.
    pub(super) fn mentions(&self) -> &[(u64, Position)] {
        &self.mentions
    }
}

/// The last version up to `at`.
pub(super) fn last_up_to(versions: &[Version], at: Position) -> Option<&Version> {
    let count = versions.partition_point(|version| version.position <= at);
    versions[..count].last()
}
