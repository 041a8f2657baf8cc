//! Rows in the making: what each row is made of, kept until it is written out once.
//!
//! The fold decides; this keeps. For each key there is one piece of memory, the key and behind it the data of
//! the event that the row comes from, overwritten in place by each later event. The canonical row is written
//! when it is taken out ([`Table::changes`]), so a row that a hundred events touch is written once.

use std::{collections::BTreeMap, hint::black_box, sync::Arc};

use hashbrown::{HashTable, hash_table::Entry};
use kernel::{Content, Digest, Domain, Row, Topic};
use rayon::{
    iter::{IntoParallelRefMutIterator as _, ParallelExtend as _, ParallelIterator as _},
    slice::ParallelSliceMut as _,
};

use super::batch::{Batch, Form, Touched, hash};
use crate::Change;

/// Rows of every topic of a domain, and their digest.
#[derive(Debug)]
pub(crate) struct Table {
    /// In the order of the domain's topics, as in a [`Batch`].
    topics: Vec<Rows>,
    /// The digest of the rows as they were last taken out.
    digest: Digest,
}

#[derive(Debug)]
struct Rows {
    topic: Topic,
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
    /// The hash of the key, so that other keys are told apart without looking at their text.
    hash: u64,
    /// The key, and behind it what the row is made of.
    text: String,
    key: u32,
    /// How the row is kept; nothing when there is none.
    form: Option<Form>,
    is_changed: bool,
    /// The part of the digest that is this row's, as it was last taken out.
    counted: Digest,
}

/// What one slot takes besides its text.
const SLOT: usize = size_of::<Slot>() + size_of::<usize>();

/// Room for later events to be a little longer than the first.
const SLACK: usize = 16;

impl Slot {
    fn new(hash: u64, key: &str, rest: &str, form: Option<Form>) -> Self {
        let mut text = String::with_capacity(key.len() + rest.len() + SLACK);
        text.push_str(key);
        text.push_str(rest);
        let key = u32::try_from(key.len()).unwrap_or(u32::MAX);
        Self { hash, text, key, form, is_changed: false, counted: Digest::default() }
    }

    fn is(&self, hash: u64, key: &str) -> bool {
        self.hash == hash && self.key() == key
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

    /// The row in canonical form, to be written where rows are kept.
    fn write_out(&mut self, topic: &Topic) -> Change {
        let row = self.form.map(|form| match form {
            Form::Entity => Row::from(topic.write_row(&Content::Entity(self.rest()))),
            Form::Written => Row::from(self.rest()),
        });
        self.counted = row.as_deref().map_or_else(Digest::default, |row| Digest::of(topic.name, self.key(), row));
        self.is_changed = false;
        Change { topic: topic.name, key: self.key().into(), row }
    }
}

impl Table {
    /// No rows, of all topics of the domain.
    pub(crate) fn of(domain: &Domain) -> Self {
        let rows =
            |topic: &Topic| Rows { topic: topic.clone(), slots: HashTable::new(), count: 0, bytes: 0, changed: 0 };
        Self { topics: domain.topics().map(rows).collect(), digest: Digest::default() }
    }

    /// Folds events in.
    pub(crate) fn fold(&mut self, batch: &Batch) {
        // Each row lies somewhere else in memory. Looked at one after the other with nothing in between, many are
        // fetched in the time of one, and are at hand when they are written.
        let found = batch.touched().iter().map(|touched| self.topics[touched.topic].glance(touched.hash));
        black_box(found.fold(0_u8, u8::wrapping_add));
        for touched in batch.touched() {
            self.topics[touched.topic].fold(batch, touched);
        }
    }

    /// The keys of events of which nothing is known yet.
    pub(crate) fn lacking(&self, batch: &Batch) -> Vec<(&'static str, Arc<str>)> {
        let lacks = |touched: &&Touched| {
            let key = batch.key(touched);
            self.topics[touched.topic].slots.find(touched.hash, |slot| slot.is(touched.hash, key)).is_none()
        };
        let address = |touched: &Touched| (self.topics[touched.topic].topic.name, Arc::from(batch.key(touched)));
        let mut keys: Vec<_> = batch.touched().iter().filter(lacks).map(address).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    fn rows_of(&mut self, topic: &str) -> Option<&mut Rows> {
        self.topics.iter_mut().find(|rows| rows.topic.name == topic)
    }

    /// Takes in that a row is this one, or that there is none, in what the rows are written to.
    pub(crate) fn learn(&mut self, topic: &str, key: &str, row: Option<&str>) {
        if let Some(rows) = self.rows_of(topic) {
            let mut slot = Slot::new(hash(key), key, row.unwrap_or_default(), row.map(|_| Form::Written));
            slot.counted = row.map_or_else(Digest::default, |row| Digest::of(topic, key, row));
            rows.insert(slot);
        }
    }

    /// Takes in a row that its read model has, and counts it.
    pub(crate) fn restore(&mut self, topic: &str, key: &str, row: &str) {
        self.learn(topic, key, Some(row));
        self.digest.count(Digest::of(topic, key, row));
        if let Some(rows) = self.rows_of(topic) {
            rows.count += 1;
        }
    }

    /// Takes in a row as it stands elsewhere, to be written with the others.
    pub(crate) fn adopt(&mut self, topic: &str, key: &str, row: &str) {
        if let Some(rows) = self.rows_of(topic) {
            let mut slot = Slot::new(hash(key), key, row, Some(Form::Written));
            slot.is_changed = true;
            rows.count += 1;
            rows.changed += 1;
            rows.insert(slot);
        }
    }

    /// The digest of the rows as they were last taken out.
    pub(crate) const fn digest(&self) -> Digest {
        self.digest
    }

    /// The names of its topics.
    pub(crate) fn topics(&self) -> Vec<&'static str> {
        self.topics.iter().map(|rows| rows.topic.name).collect()
    }

    /// How many rows there are of each topic.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.topics.iter().map(|rows| (rows.topic.name, rows.count)).collect()
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.topics.iter().map(|rows| rows.bytes).sum()
    }

    /// What has changed since the last time, by topic and key, each row written out once; and the digest of all
    /// rows as they are now.
    pub(crate) fn changes(&mut self) -> (Vec<Change>, Digest) {
        let mut changes = Vec::with_capacity(self.topics.iter().map(|rows| rows.changed).sum());
        for rows in &mut self.topics {
            rows.take(&mut changes, &mut self.digest);
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
    fn insert(&mut self, slot: Slot) {
        self.bytes += slot.bytes();
        self.slots.insert_unique(slot.hash, slot, |slot| slot.hash);
    }

    /// Some byte of the row, so that the row has been looked at.
    fn glance(&self, hash: u64) -> u8 {
        let slot = self.slots.find(hash, |slot| slot.hash == hash);
        slot.and_then(|slot| slot.text.as_bytes().last()).copied().unwrap_or_default()
    }

    fn fold(&mut self, batch: &Batch, touched: &Touched) {
        let (hash, key) = (touched.hash, batch.key(touched));
        match self.slots.entry(hash, |slot| slot.is(hash, key), |slot| slot.hash) {
            Entry::Occupied(mut found) => {
                let slot = found.get_mut();
                let existed = slot.form.is_some();
                let after = touched.step.onto(existed);
                if after.is_none() && !existed {
                    return;
                }
                self.changed += usize::from(!std::mem::replace(&mut slot.is_changed, true));
                let before = slot.bytes();
                slot.text.clear();
                slot.text.push_str(if after.is_some() { batch.text(touched) } else { key });
                slot.form = after;
                self.bytes = self.bytes + slot.bytes() - before;
                self.count = self.count + u64::from(after.is_some()) - u64::from(existed);
                // Of a row that came and went since rows were taken out nobody else has heard.
                if after.is_none() && slot.counted == Digest::default() {
                    self.changed -= 1;
                    self.bytes -= slot.bytes();
                    found.remove();
                }
            }
            Entry::Vacant(free) => {
                let Some(form) = touched.step.onto(false) else { return };
                let text = batch.text(touched);
                let mut slot = Slot::new(hash, key, text.get(key.len()..).unwrap_or_default(), Some(form));
                slot.is_changed = true;
                self.bytes += slot.bytes();
                self.changed += 1;
                self.count += 1;
                free.insert(slot);
            }
        }
    }

    /// Adds what has changed to `changes`, in order of keys.
    fn take(&mut self, changes: &mut Vec<Change>, digest: &mut Digest) {
        if std::mem::take(&mut self.changed) == 0 {
            return;
        }
        let topic = &self.topic;
        let changed = self.slots.iter_mut().filter(|slot| slot.is_changed);
        let mut changed: Vec<_> = changed.map(|slot| (prefix(slot.key()), slot)).collect();
        changed.par_sort_unstable_by(|(a, slot), (b, other)| a.cmp(b).then_with(|| slot.key().cmp(other.key())));
        let before = changed.iter().map(|(_, slot)| slot.counted);
        before.for_each(|counted| digest.uncount(counted));
        let written = changed.par_iter_mut().map(|(_, slot)| slot.write_out(topic));
        changes.par_extend(written);
        changed.iter().for_each(|(_, slot)| digest.count(slot.counted));
        let bytes = &mut self.bytes;
        self.slots.retain(|slot| {
            let stays = slot.form.is_some();
            *bytes -= if stays { 0 } else { slot.bytes() };
            stays
        });
    }
}

/// The first bytes of a key as a number of the same order: most keys differ there, and it is at hand.
pub(crate) fn prefix(key: &str) -> u64 {
    let mut bytes = [0; 8];
    let most = key.len().min(bytes.len());
    bytes[..most].copy_from_slice(&key.as_bytes()[..most]);
    u64::from_be_bytes(bytes)
}
