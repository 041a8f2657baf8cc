//! What a short stretch of the log does to rows: keys and contents side by side in one piece of memory.
//!
//! Entries are read and checked one after the other, which keeps a core busy; rows lie scattered, which keeps
//! it waiting. Apart, each can be done on its own, for many entries at a time.

use kernel::{Content, Domain, Number, Position, Seen, Step, Topic};
use xxhash_rust::xxh3::xxh3_64;

/// How many bytes of keys and contents a batch takes before it is folded, whatever their number.
const MOST_BYTES: usize = 4 << 20;

/// How many entries are folded together.
pub(crate) const FULL: u64 = 256;

/// What is kept of a row until it is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The data of an entity's event.
    Entity,
    /// The row itself.
    Written,
}

/// What one event does to a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touched {
    /// Which topic, of the batch's own.
    pub(crate) topic: usize,
    pub(crate) hash: u64,
    pub(crate) step: Step<Form>,
    /// Where the key begins in the text, where it ends and the content begins, and where that ends.
    key: usize,
    content: usize,
    end: usize,
}

/// An entry that can't be read.
#[derive(Clone, Debug)]
pub(crate) struct Unread {
    pub(crate) topic: String,
    pub(crate) position: Position,
    pub(crate) reason: String,
}

/// A short stretch of the log.
#[derive(Debug)]
pub(crate) struct Batch {
    topics: Vec<Topic>,
    /// Only these topics are read.
    only: Option<Vec<String>>,
    /// The topic of the event before: most share it with the next.
    last: usize,
    text: String,
    touched: Vec<Touched>,
    pub(crate) unread: Vec<Unread>,
    /// Entries taken in.
    pub(crate) events: u64,
    /// Where the last one stands, and the last number.
    pub(crate) position: Position,
    pub(crate) number: Option<Number>,
}

impl Batch {
    pub(crate) fn new(domain: &Domain) -> Self {
        Self {
            topics: domain.topics().cloned().collect(),
            only: None,
            last: 0,
            text: String::new(),
            touched: Vec::new(),
            unread: Vec::new(),
            events: 0,
            position: Position::ZERO,
            number: None,
        }
    }

    /// Reads only these topics from now on, or all.
    pub(crate) fn restrict(&mut self, only: Option<&[String]>) {
        self.only = only.map(<[_]>::to_vec);
    }

    /// Whether it is time to fold it: what it touches should stay at hand meanwhile.
    pub(crate) const fn is_full(&self, most: u64) -> bool {
        self.events >= most || self.text.len() >= MOST_BYTES
    }

    /// Forgets what it holds.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.touched.clear();
        self.unread.clear();
        (self.events, self.number) = (0, None);
    }

    /// What the events do, in log order.
    pub(crate) fn touched(&self) -> &[Touched] {
        &self.touched
    }

    /// The key of the row.
    pub(crate) fn key(&self, touched: &Touched) -> &str {
        self.text.get(touched.key..touched.content).unwrap_or_default()
    }

    /// The key of the row, and behind it what the row is made of.
    pub(crate) fn text(&self, touched: &Touched) -> &str {
        self.text.get(touched.key..touched.end).unwrap_or_default()
    }

    /// Takes an entry in; topics that are not the domain's are somebody else's.
    pub(crate) fn take(&mut self, seen: &Seen<'_>) {
        self.events += 1;
        self.position = seen.position();
        self.number = seen.number().or(self.number);
        let event = match seen {
            Seen::Event(event) => event,
            Seen::Junk(junk) => return self.set_aside(&junk.topic, junk.position, junk.reason.clone()),
        };
        if self.topics.get(self.last).is_none_or(|topic| topic.name != event.topic) {
            let Some(found) = self.topics.iter().position(|topic| topic.name == event.topic) else { return };
            self.last = found;
        }
        if self.only.as_ref().is_some_and(|only| !only.iter().any(|topic| topic == event.topic)) {
            return;
        }
        let topic = &self.topics[self.last];
        let touch = match topic.touch(event) {
            Ok(touch) => touch,
            Err(unreadable) => return self.set_aside(event.topic, event.position, unreadable.0),
        };
        let key = self.text.len();
        self.text.push_str(&touch.key);
        let content = self.text.len();
        let text = &mut self.text;
        let step = touch.step.map(|content| match content {
            Content::Entity(data) => {
                text.push_str(data);
                Form::Entity
            }
            Content::Journal { .. } => {
                topic.write_row_into(&content, text);
                Form::Written
            }
        });
        let (hash, end) = (hash(&touch.key), self.text.len());
        self.touched.push(Touched { topic: self.last, hash, step, key, content, end });
    }

    #[cold]
    fn set_aside(&mut self, topic: &str, position: Position, reason: String) {
        self.unread.push(Unread { topic: topic.to_owned(), position, reason });
    }
}

/// The hash by which a key is found.
pub(crate) fn hash(key: &str) -> u64 {
    xxh3_64(key.as_bytes())
}
