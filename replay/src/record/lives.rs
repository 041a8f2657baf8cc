//! The versions of the rows that were read, and which of them have to be there.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ops::ControlFlow,
    sync::Arc,
};

use kernel::{Checkpoint, Domain, Event, EventRef, Position, Seen, Step, TopicKind};
use runtime::{Engine, StoreError, Stretch};

use crate::apart::apart;

use super::{
    Own, Window,
    reads::{Place, Reading, Reads},
};

/// The lives of all rows that own events are about or that decisions about them read, and the own events.
#[derive(Debug, Default)]
pub(super) struct Lives {
    pub(super) own: Vec<Arc<Event>>,
    pub(super) lives: HashMap<Place, Life>,
    /// Rows that mentioned at some time what was looked up by.
    mentioning: HashMap<Place, BTreeSet<Place>>,
}

/// One row's versions, in log order; what changed nothing is none.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) versions: Vec<Version>,
}

/// What an event made of a row.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) position: Position,
    kind: Kind,
    /// The saga that appended it itself.
    by: Option<String>,
    /// What it refers to, as far as anything was looked up by that.
    mentions: Vec<String>,
    /// Whether its event is own, and stands where it does.
    pub(super) is_own: bool,
    /// Whether it is what the part is about, own or cut.
    belongs: bool,
    pub(super) is_there: bool,
    /// Where it has to stand at the latest, if not where it does.
    pub(super) latest: Option<Position>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Put,
    Replace,
    Remove,
}

impl Lives {
    /// Reads them from the log.
    pub(super) async fn of(
        domain: &Domain,
        engine: &Engine,
        own: &Own,
        reads: &Reads,
        window: Window,
    ) -> Result<Self, StoreError> {
        let places = || reads.readings.iter().flat_map(|reading| &reading.places);
        let rows: HashSet<Place> = own.rows.iter().chain(places()).cloned().collect();
        let mut reader = Reader {
            domain: domain.clone(),
            own: own.clone(),
            topics: rows.iter().map(|(topic, _)| topic.clone()).collect(),
            looked_up: places().cloned().collect(),
            rows,
            lives: Self::default(),
        };
        apart(engine, "recording", move |engine| {
            let stretch = Stretch { after: Checkpoint::default(), until: window.to };
            engine.scan(&stretch, &mut |seen| {
                if let Seen::Event(event) = seen {
                    reader.take(event);
                }
                ControlFlow::Continue(())
            })?;
            Ok(reader.lives)
        })
        .await
    }

    /// Marks what has to be there, so that whatever was read is as it was; of `whole` rows all is.
    pub(super) fn choose(&mut self, readings: &[Reading], whole: &HashSet<Place>) {
        let last = readings.iter().map(|reading| reading.at).max().unwrap_or_default();
        for place in whole {
            let Some(life) = self.lives.get_mut(place) else { continue };
            life.versions.iter_mut().filter(|version| version.position <= last).for_each(|version| {
                version.is_there = true;
            });
        }
        let mut is_done = false;
        while !is_done {
            is_done = true;
            for life in self.lives.values_mut() {
                is_done &= !life.choose_before_own();
            }
            for reading in readings {
                for place in &reading.places {
                    is_done &= !self.choose_row(place, reading);
                    // A row that was not found must not be found for want of what changed it.
                    for other in self.mentioning.get(place).cloned().unwrap_or_default() {
                        is_done &= !(self.shows(&other, place, reading.at) && self.choose_row(&other, reading));
                    }
                }
            }
        }
    }

    /// Whether a row would be there that mentions what was looked up by.
    fn shows(&self, row: &Place, (_, text): &Place, at: Position) -> bool {
        let versions = self.lives.get(row).map(|life| life.versions.as_slice()).unwrap_or_default();
        let mut there = versions.iter().filter(|version| version.is_there && version.position <= at);
        there.any(|version| version.mentions.contains(text))
    }

    fn choose_row(&mut self, place: &Place, reading: &Reading) -> bool {
        let Some(life) = self.lives.get_mut(place) else { return false };
        life.seen_by(reading).is_some_and(|index| life.choose(index, reading.at))
    }
}

impl Life {
    /// The version that a decision sees.
    fn seen_by(&self, reading: &Reading) -> Option<usize> {
        let reached = self.versions.partition_point(|version| version.position <= reading.at);
        let in_front = reading.front.and_then(|front| {
            let beyond = self.versions[reached..].iter().take_while(|version| version.position < front.until);
            let own = beyond.enumerate().filter(|(_, version)| version.by.as_deref() == Some(front.handler));
            own.last().map(|(index, _)| reached + index)
        });
        in_front.or_else(|| reached.checked_sub(1))
    }

    /// What an own event changes has to be as it was.
    fn choose_before_own(&mut self) -> bool {
        let mut is_more = false;
        for index in 1..self.versions.len() {
            if self.versions[index].belongs {
                let before = self.versions[index].position.predecessor();
                is_more |= self.choose(index - 1, before);
            }
        }
        is_more
    }

    /// Takes a version in, to be seen from `at` on at the latest; tells whether that is news.
    fn choose(&mut self, index: usize, at: Position) -> bool {
        let mut is_more = false;
        match self.versions[index].kind {
            // What was never there need not be taken away.
            Kind::Remove if !self.versions[..index].iter().any(|version| version.is_there) => return false,
            Kind::Replace => {
                let put = self.versions[..index].iter().rposition(|version| version.kind == Kind::Put);
                is_more = put.is_some_and(|put| self.take(put, at));
            }
            Kind::Put | Kind::Remove => {}
        }
        self.take(index, at) | is_more
    }

    fn take(&mut self, index: usize, at: Position) -> bool {
        let version = &mut self.versions[index];
        if version.is_own {
            return false;
        }
        let is_news = !std::mem::replace(&mut version.is_there, true);
        let is_late = version.position > at && version.latest.is_none_or(|latest| latest > at);
        if is_late {
            version.latest = Some(at);
        }
        is_news || is_late
    }
}

struct Reader {
    domain: Domain,
    own: Own,
    topics: HashSet<String>,
    rows: HashSet<Place>,
    looked_up: HashSet<Place>,
    lives: Lives,
}

impl Reader {
    fn take(&mut self, event: &EventRef<'_>) {
        if self.own.has(event.id) {
            self.lives.own.push(Arc::new(event.to_event()));
        }
        if self.topics.contains(event.topic) {
            self.note(event);
        }
    }

    fn note(&mut self, event: &EventRef<'_>) -> Option<()> {
        let topic = self.domain.topic(event.topic).filter(|topic| topic.kind == TopicKind::Entity)?;
        let touch = topic.touch(event).ok()?;
        let place = (event.topic.to_owned(), touch.key.into_owned());
        let place = self.rows.get(&place)?;
        let life = self.lives.lives.entry(place.clone()).or_default();
        let exists = life.versions.last().is_some_and(|version| version.kind != Kind::Remove);
        let (kind, row) = match touch.step {
            Step::Put(content) => (Kind::Put, Some(content)),
            Step::Replace(content) => (Kind::Replace, Some(content)),
            Step::Remove => (Kind::Remove, None),
        };
        if !exists && kind != Kind::Put {
            return None;
        }
        let row = row.map(|content| topic.write_row(&content));
        let references = row.iter().flat_map(|row| topic.references(row));
        let mut mentions = Vec::new();
        for (_, id) in references {
            let looked_up = (event.topic.to_owned(), id.into_owned());
            if self.looked_up.contains(&looked_up) {
                mentions.push(looked_up.1.clone());
                self.lives.mentioning.entry(looked_up).or_default().insert(place.clone());
            }
        }
        life.versions.push(Version {
            position: event.position,
            kind,
            by: event.meta.handler.as_deref().filter(|_| event.meta.command.is_none()).map(str::to_owned),
            mentions,
            is_own: self.own.holds(event.id),
            belongs: self.own.has(event.id),
            is_there: self.own.has(event.id),
            latest: None,
        });
        Some(())
    }
}
