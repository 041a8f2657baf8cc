//! What would be otherwise because something differs, and what rests on it.
//!
//! A decision is made again on what the log holds, so one that differs has a reason of its own, unless the log holds
//! something else than what was there when it was made: an event is gone, has come, or was changed. A decision about
//! such an event, or that read a row that such an event left, only follows from that.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use kernel::{Domain, Event, Position, Read, Step, Topic};

use super::compare::Side;

/// How many events are kept in sight that would be otherwise; of more the oldest are forgotten.
const MOST_SUSPECTS: usize = 65_536;

/// Where the event stands with which something began.
pub(super) type Root = Position;

/// What must not be trusted, and because of what.
#[derive(Debug, Default)]
pub(super) struct Taint {
    /// Events that would not be there or would be others, whether the log holds them or not.
    suspects: HashMap<String, Root>,
    /// The same, oldest first.
    order: VecDeque<String>,
    /// Those that the view has not folded yet and that leave their row otherwise than it would be: saga, position,
    /// what mentions the row.
    ahead: BTreeMap<String, Coming>,
    /// Rows that would be others by now.
    rows: BTreeMap<(String, String), Row>,
}

/// An event that leaves its row otherwise than it would be.
#[derive(Debug)]
struct Coming {
    handler: String,
    mentions: BTreeSet<Read>,
    root: Root,
}

/// A row that would be another one, or that would be there.
#[derive(Debug)]
struct Row {
    since: Position,
    /// The saga that made it so, which has its own effects in front.
    by: String,
    mentions: BTreeSet<Read>,
    root: Root,
}

/// A reaction that differs, as far as what it leaves behind goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct By<'h> {
    pub(super) handler: &'h str,
    pub(super) as_of: Position,
    pub(super) root: Root,
}

impl Taint {
    /// Whether nothing is known to be otherwise.
    pub(super) fn is_clean(&self) -> bool {
        self.suspects.is_empty() && self.rows.is_empty() && self.ahead.is_empty()
    }

    /// What a decision rests on that would be otherwise, if anything.
    pub(super) fn under(&self, event: &str, handler: &str, as_of: Position, reads: &[Read]) -> Option<Root> {
        if self.is_clean() {
            return None;
        }
        let rows = self.rows.values().filter(|row| row.since <= as_of || row.by == handler);
        let rows = rows.map(|row| (&row.mentions, row.root));
        let own = self.ahead.values().filter(|coming| coming.handler == handler);
        let met = rows.chain(own.map(|coming| (&coming.mentions, coming.root)));
        let mut met = met.filter(|(mentions, _)| reads.iter().any(|read| mentions.contains(read)));
        let met = || met.by_ref().map(|(_, root)| root).min();
        self.suspects.get(event).copied().or_else(met)
    }

    /// Whether an event that is about to be folded, or one just folded, is about a row that would be another one.
    pub(super) fn of_row(&self, topic: &str, key: &str) -> Option<Root> {
        Some(self.rows.get(&(topic.to_owned(), key.to_owned()))?.root)
    }

    /// Takes note that an event was folded: its row is what it made it, for better or for worse. Gives what was wrong
    /// with the row before.
    pub(super) fn folded(&mut self, domain: &Domain, event: &Event) -> Option<Root> {
        if self.rows.is_empty() && self.ahead.is_empty() {
            return None;
        }
        let coming = self.ahead.remove(&event.id);
        let keyed = domain.topic(&event.topic)?.step(event).ok()?;
        let place = (event.topic.to_string(), keyed.key.to_string());
        let before = self.of_row(&place.0, &place.1);
        match coming {
            Some(Coming { handler, mut mentions, root }) => {
                if let (Some(topic), Step::Put(row) | Step::Replace(row)) = (domain.topic(&event.topic), &keyed.step) {
                    mentions.extend(self::mentions(topic, &keyed.key, row));
                }
                self.rows.insert(place, Row { since: event.position, by: handler, mentions, root });
            }
            None => {
                self.rows.remove(&place);
            }
        }
        before
    }

    /// Takes note of an event that would not be there, or would be another one.
    pub(super) fn suspect(&mut self, event: &str, root: Root) {
        if self.suspects.insert(event.to_owned(), root).is_none() {
            self.order.push_back(event.to_owned());
        }
        while self.order.len() > MOST_SUSPECTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.suspects.remove(&oldest);
        }
    }

    /// Takes note of an event of the log that leaves its row otherwise than it would be, once it is folded.
    pub(super) fn leaves(&mut self, domain: &Domain, side: &Side<'_>, by: By<'_>) {
        let (Some(topic), Some(key)) = (domain.topic(side.topic), side.key(domain)) else { return };
        let mentions = mentions(topic, &key, &side.row(domain));
        let coming = Coming { handler: by.handler.to_owned(), mentions, root: by.root };
        self.ahead.insert(side.id.to_owned(), coming);
    }

    /// Takes note of the rows that a saga's reaction leaves otherwise than it would. Gives what mentions those that it
    /// would have made and has not.
    pub(super) fn reacted(
        &mut self,
        domain: &Domain,
        by: By<'_>,
        decided: &[Side<'_>],
        held: &[Side<'_>],
    ) -> BTreeSet<Read> {
        let mut last: BTreeMap<(&str, String), [Option<&Side<'_>>; 2]> = BTreeMap::new();
        for (side, sides) in [decided, held].into_iter().enumerate() {
            for effect in sides {
                if let Some(key) = effect.key(domain) {
                    last.entry((effect.topic, key)).or_default()[side] = Some(effect);
                }
            }
        }
        let mut unmade = BTreeSet::new();
        for ((topic, key), last) in last {
            match last {
                [Some(decided), Some(held)] if decided.says_the_same(held, domain) => {}
                // The row is what the reaction's last event about it makes it, once that is folded.
                [_, Some(held)] => self.leaves(domain, held, by),
                [Some(decided), None] => {
                    let Some(of) = domain.topic(topic) else { continue };
                    let mentions = mentions(of, &key, &decided.row(domain));
                    unmade.extend(mentions.iter().cloned());
                    let row = Row { since: by.as_of, by: by.handler.to_owned(), mentions, root: by.root };
                    self.rows.insert((topic.to_owned(), key), row);
                }
                [None, None] => {}
            }
        }
        unmade
    }
}

/// What a decision asks for that meets a row: its id, or one that it refers to.
fn mentions(topic: &Topic, key: &str, row: &str) -> BTreeSet<Read> {
    let referred = topic.references(row).into_iter().map(|(_, id)| Read::of(topic.name, &id));
    referred.chain([Read::of(topic.name, key)]).collect()
}
