//! R5 without a query: the last events of the log, as far as decisions usually look back.

use std::{collections::VecDeque, sync::Arc};

use kernel::{Meta, Position, Read};

use crate::Expect;

/// How many events are remembered.
const MOST_EVENTS: usize = 16_384;
/// How many bytes of event data are remembered.
const MOST_BYTES: usize = 16 << 20;

/// The end of the log.
#[derive(Debug)]
pub(super) struct Recent {
    /// Every event after this position is here.
    floor: Position,
    events: VecDeque<Remembered>,
    bytes: usize,
}

#[derive(Debug)]
struct Remembered {
    position: Position,
    topic: Arc<str>,
    data: String,
    /// The saga that appended it; nothing where a service did.
    saga: Option<String>,
}

impl Recent {
    /// Nothing yet, of a log that stands at `head`.
    pub(super) const fn new(head: Position) -> Self {
        Self { floor: head, events: VecDeque::new(), bytes: 0 }
    }

    /// Whether everything after `position` is remembered.
    pub(super) fn reaches(&self, position: Position) -> bool {
        position >= self.floor
    }

    /// The last position that is no longer remembered.
    pub(super) const fn floor(&self) -> Position {
        self.floor
    }

    pub(super) fn push(&mut self, position: Position, topic: &str, data: String, meta: Option<Meta>) {
        let saga = meta.and_then(|meta| meta.handler.filter(|_| meta.command.is_none()));
        let topic = match self.events.back() {
            Some(last) if *last.topic == *topic => Arc::clone(&last.topic),
            _ => topic.into(),
        };
        self.bytes += data.len();
        self.events.push_back(Remembered { position, topic, data, saga });
    }

    /// Forgets what is too much. Only events that the file holds may be forgotten.
    pub(super) fn trim(&mut self) {
        while self.events.len() > MOST_EVENTS || self.bytes > MOST_BYTES {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= oldest.data.len();
            self.floor = oldest.position;
        }
    }

    /// What of `expect`'s reads the first remembered event that mentions one mentions.
    pub(super) fn changed<'e>(&self, expect: &'e Expect) -> Option<&'e Read> {
        let start = self.events.partition_point(|event| event.position <= expect.as_of);
        self.events.range(start..).find_map(|event| {
            if expect.except.is_some() && expect.except == event.saga {
                return None;
            }
            expect.reads.iter().find(|read| *read.topic == *event.topic && event.data.contains(&read.text))
        })
    }
}
