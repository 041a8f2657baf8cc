//! Rows in the making: what each row is made of, kept until it is written out once.
//!
//! The fold decides; this keeps. For each key there is one piece of memory, the key and behind it the data of
//! the event that the row comes from, overwritten in place by each later event. The canonical row is written
//! when it is taken out ([`Table::changes`]), so a row that a hundred events touch is written once.

use std::{collections::BTreeMap, sync::Arc};

use hashbrown::{HashTable, hash_table::Entry};
use kernel::{Content, Digest, Domain, EventRef, Row, Topic, Unreadable};
use xxhash_rust::xxh3::xxh3_64;

use crate::Change;

/// Rows of every topic of a domain, and their digest.
#[derive(Debug)]
pub(crate) struct Table {
    topics: Vec<Rows>,
    /// The topic of the event before: most events share it with the next.
    last: usize,
    /// The digest of the rows as they were last taken out.
    digest: Digest,
}

#[derive(Debug)]
struct Rows {
    topic: Topic,
    name: &'static str,
    slots: HashTable<Slot>,
    /// Rows that there are, here or forgotten.
    count: u64,
    /// Bytes of memory that the slots take, about.
    bytes: usize,
    /// Slots that have changed since rows were taken out.
    changed: usize,
}

/// What is known of one key.
#[derive(Debug)]
struct Slot {
    /// The key, and behind it what the row is made of.
    text: String,
    key: u32,
    state: State,
    is_changed: bool,
    /// The part of the digest that is this row's, as it was last taken out.
    counted: Digest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is no row.
    Absent,
    /// The text behind the key is the data of an entity's event.
    Entity,
    /// The text behind the key is the row itself.
    Written,
}

/// What one slot takes besides its text.
const SLOT: usize = size_of::<Slot>() + size_of::<usize>();

impl Slot {
    fn new(key: &str) -> Self {
        let mut text = String::with_capacity(key.len() + 160);
        text.push_str(key);
        let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
        Self { text, key: length, state: State::Absent, is_changed: false, counted: Digest::default() }
    }

    fn key(&self) -> &str {
        self.text.get(..self.key as usize).unwrap_or(&self.text)
    }

    fn rest(&self) -> &str {
        self.text.get(self.key as usize..).unwrap_or_default()
    }

    fn bytes(&self) -> usize {
        SLOT + self.text.capacity()
    }

    fn put(&mut self, topic: &Topic, content: Option<&Content<'_>>) {
        self.text.truncate(self.key as usize);
        self.state = match content {
            None => State::Absent,
            Some(Content::Entity(data)) => {
                self.text.push_str(data);
                State::Entity
            }
            Some(content @ Content::Journal { .. }) => {
                topic.write_row_into(content, &mut self.text);
                State::Written
            }
        };
    }
}

impl Table {
    /// No rows, of these topics of the domain.
    pub(crate) fn new<'t>(topics: impl IntoIterator<Item = &'t Topic>) -> Self {
        let rows = |topic: &Topic| Rows {
            name: topic.name,
            topic: topic.clone(),
            slots: HashTable::new(),
            count: 0,
            bytes: 0,
            changed: 0,
        };
        Self { topics: topics.into_iter().map(rows).collect(), last: 0, digest: Digest::default() }
    }

    /// No rows, of all topics of the domain.
    pub(crate) fn of(domain: &Domain) -> Self {
        Self::new(domain.topics())
    }

    /// Folds an event in; topics that it has no rows of are passed over.
    pub(crate) fn fold(&mut self, event: &EventRef<'_>) -> Result<(), Unreadable> {
        match self.rows_of(event.topic) {
            Some(rows) => rows.fold(event),
            None => Ok(()),
        }
    }

    fn rows_of(&mut self, topic: &str) -> Option<&mut Rows> {
        if self.topics.get(self.last).is_none_or(|rows| rows.name != topic) {
            self.last = self.topics.iter().position(|rows| rows.name == topic)?;
        }
        self.topics.get_mut(self.last)
    }

    /// The key that an event is about, where nothing is known of it yet.
    pub(crate) fn lacks(&mut self, event: &EventRef<'_>) -> Option<(&'static str, Arc<str>)> {
        let rows = self.rows_of(event.topic)?;
        let touch = rows.topic.touch(event).ok()?;
        rows.find(&touch.key).is_none().then(|| (rows.name, touch.key.into()))
    }

    /// Takes in that a row is this one, or that there is none, in what the rows are written to.
    pub(crate) fn learn(&mut self, topic: &str, key: &str, row: Option<&str>) {
        if let Some(rows) = self.rows_of(topic) {
            rows.learn(key, row);
        }
    }

    /// Takes in a row that its read model has, and counts it.
    pub(crate) fn restore(&mut self, topic: &str, key: &str, row: &str) {
        self.digest.count(Digest::of(topic, key, row));
        if let Some(rows) = self.rows_of(topic) {
            rows.learn(key, Some(row));
            rows.count += 1;
        }
    }

    /// Takes in a row as it stands elsewhere, to be written with the others.
    pub(crate) fn adopt(&mut self, topic: &str, key: &str, row: &str) {
        if let Some(rows) = self.rows_of(topic) {
            let mut slot = Slot::new(key);
            slot.text.push_str(row);
            (slot.state, slot.is_changed) = (State::Written, true);
            rows.count += 1;
            rows.changed += 1;
            rows.bytes += slot.bytes();
            rows.slots.insert_unique(hash(key), slot, |slot| hash(slot.key()));
        }
    }

    /// The digest of the rows as they were last taken out.
    pub(crate) const fn digest(&self) -> Digest {
        self.digest
    }

    /// The names of its topics.
    pub(crate) fn topics(&self) -> Vec<&'static str> {
        self.topics.iter().map(|rows| rows.name).collect()
    }

    /// How many rows there are of each topic.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.topics.iter().map(|rows| (rows.name, rows.count)).collect()
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.topics.iter().map(|rows| rows.bytes).sum()
    }

    /// What has changed since the last time, by topic and key, each row written out once; and the digest of all
    /// rows as they are now.
    pub(crate) fn changes(&mut self) -> (Vec<Change>, Digest) {
        let mut changes = Vec::with_capacity(self.topics.iter().map(|rows| rows.changed).sum());
        let digest = &mut self.digest;
        for rows in &mut self.topics {
            rows.take(&mut changes, digest);
        }
        (changes, self.digest)
    }

    /// Forgets all rows; they have been written out.
    pub(crate) fn forget(&mut self) {
        for rows in &mut self.topics {
            rows.slots = HashTable::new();
            (rows.bytes, rows.changed) = (0, 0);
        }
    }
}

impl Rows {
    fn find(&self, key: &str) -> Option<&Slot> {
        self.slots.find(hash(key), |slot| slot.key() == key)
    }

    fn learn(&mut self, key: &str, row: Option<&str>) {
        let mut slot = Slot::new(key);
        if let Some(row) = row {
            slot.text.push_str(row);
            slot.state = State::Written;
            slot.counted = Digest::of(self.name, key, row);
        }
        self.bytes += slot.bytes();
        self.slots.insert_unique(hash(key), slot, |slot| hash(slot.key()));
    }

    fn fold(&mut self, event: &EventRef<'_>) -> Result<(), Unreadable> {
        let touch = self.topic.touch(event)?;
        let key = &*touch.key;
        let entry = self.slots.entry(hash(key), |slot| slot.key() == key, |slot| hash(slot.key()));
        match entry {
            Entry::Occupied(mut found) => {
                let slot = found.get_mut();
                let existed = slot.state != State::Absent;
                let after = touch.step.onto(existed);
                if after.is_none() && !existed {
                    return Ok(());
                }
                self.changed += usize::from(!std::mem::replace(&mut slot.is_changed, true));
                let before = slot.bytes();
                slot.put(&self.topic, after.as_ref());
                self.bytes = self.bytes + slot.bytes() - before;
                match (existed, after.is_some()) {
                    (false, true) => self.count += 1,
                    (true, false) => self.count -= 1,
                    (true, true) | (false, false) => {}
                }
                // Nobody else has heard of it.
                if after.is_none() && slot.counted == Digest::default() {
                    self.changed -= 1;
                    self.bytes -= slot.bytes();
                    found.remove();
                }
            }
            Entry::Vacant(free) => {
                let Some(content) = touch.step.onto(false) else { return Ok(()) };
                let mut slot = Slot::new(key);
                slot.is_changed = true;
                slot.put(&self.topic, Some(&content));
                self.bytes += slot.bytes();
                self.changed += 1;
                self.count += 1;
                free.insert(slot);
            }
        }
        Ok(())
    }

    /// Adds what has changed to `changes`, in order of keys.
    fn take(&mut self, changes: &mut Vec<Change>, digest: &mut Digest) {
        if std::mem::take(&mut self.changed) == 0 {
            return;
        }
        let first = changes.len();
        let mut row = String::new();
        for slot in self.slots.iter_mut().filter(|slot| slot.is_changed) {
            row.clear();
            match slot.state {
                State::Absent => {}
                State::Entity => self.topic.write_row_into(&Content::Entity(slot.rest()), &mut row),
                State::Written => row.push_str(slot.rest()),
            }
            let row = (slot.state != State::Absent).then_some(row.as_str());
            digest.uncount(slot.counted);
            slot.counted = row.map_or_else(Digest::default, |row| Digest::of(self.name, slot.key(), row));
            digest.count(slot.counted);
            slot.is_changed = false;
            changes.push(Change { topic: self.name, key: slot.key().into(), row: row.map(Row::from) });
        }
        let bytes = &mut self.bytes;
        self.slots.retain(|slot| {
            let stays = slot.state != State::Absent;
            *bytes -= if stays { 0 } else { slot.bytes() };
            stays
        });
        changes[first..].sort_unstable_by(|a, b| a.key.cmp(&b.key));
    }
}

fn hash(key: &str) -> u64 {
    xxh3_64(key.as_bytes())
}
