//! What differs, and what only follows from that.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use kernel::{Domain, Draft, Entry, Event, Position, Read, Step, Topic};

use super::{
    MOST,
    compare::{Side, differences},
    report::{Cause, Difference, Divergence, Report},
};
use crate::life::Mention;

/// What differs so far, and what must not be trusted because of it.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) domain: Domain,
    pub(super) report: Report,
    /// Those that are told.
    told: Vec<Root>,
    /// Events that would not be there or would be others, whether the log holds them or not.
    suspects: HashSet<String>,
    /// Events of the log that leave their row otherwise than it would be.
    tainting: HashSet<String>,
    /// The same of events that are not folded yet, which their sagas have in front: saga, position, mentions.
    ahead: Vec<(String, Position, BTreeSet<Read>)>,
    /// Rows that would be others by now, and what mentions them.
    tainted: HashMap<(String, String), Tainted>,
    /// Commands that sagas sent, by id, until their event comes.
    awaited: HashMap<String, Awaited>,
    /// The latest cause of which a command was served, by saga and topic of the command.
    served: BTreeMap<(&'static str, String), u64>,
    /// Events of sagas that the domain does not have.
    pub(super) gone: BTreeMap<String, u64>,
}

/// A decision, as what differs in it is told.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// The place of the event in the log.
    pub(super) seq: u64,
    pub(super) entry: Arc<Entry>,
    pub(super) handler: &'static str,
    pub(super) as_of: Position,
    /// Whether it rests on what would not be there, or would be otherwise.
    pub(super) follows: bool,
}

/// A row that would be another one, or that would be there.
#[derive(Debug)]
struct Tainted {
    since: Position,
    /// The saga that made it so, which has its own effects in front.
    by: String,
    mentions: BTreeSet<Read>,
}

/// A divergence that nothing is known to have led to.
#[derive(Debug)]
struct Root {
    /// The place of its event in the log.
    seq: u64,
    divergence: Divergence,
    /// What it read.
    reads: Vec<Read>,
}

#[derive(Debug)]
struct Awaited {
    subject: Subject,
    /// The event that it leads to, with the command's id.
    answer: Draft,
}

impl Findings {
    pub(super) fn new(domain: &Domain) -> Self {
        Self {
            domain: domain.clone(),
            report: Report::default(),
            told: Vec::new(),
            suspects: HashSet::new(),
            tainting: HashSet::new(),
            ahead: Vec::new(),
            tainted: HashMap::new(),
            awaited: HashMap::new(),
            served: BTreeMap::new(),
            gone: BTreeMap::new(),
        }
    }

    /// Whether a decision that read this rests on what would be otherwise.
    pub(super) fn follows(&self, subject: &Subject, reads: &[Read]) -> bool {
        let Entry::Event(event) = &*subject.entry else { return false };
        let rows = self
            .tainted
            .values()
            .filter(|row| row.since <= subject.as_of || row.by == subject.handler)
            .map(|row| &row.mentions);
        let own = self.ahead.iter().filter(|(saga, ..)| saga == subject.handler).map(|(_, _, row)| row);
        self.suspects.contains(&event.id) || rows.chain(own).any(|row| reads.iter().any(|read| row.contains(read)))
    }

    /// Whether the row that an event is about would be another one by now.
    pub(super) fn is_tainted(&self, event: &Event) -> bool {
        if self.tainted.is_empty() {
            return false;
        }
        let touch = self.domain.topic(&event.topic).and_then(|topic| topic.touch(&event.as_ref()).ok().map(|t| t.key));
        touch.is_some_and(|key| self.tainted.contains_key(&(event.topic.to_string(), key.into_owned())))
    }

    /// Takes note that an event was folded: its row is what it made it, for better or for worse.
    pub(super) fn folded(&mut self, event: &Event) {
        if self.tainting.is_empty() && self.tainted.is_empty() {
            return;
        }
        self.ahead.retain(|(_, position, _)| *position > event.position);
        let Some(topic) = self.domain.topic(&event.topic) else { return };
        let Ok(keyed) = topic.step(event) else { return };
        let place = (event.topic.to_string(), keyed.key.to_string());
        if self.tainting.remove(&event.id) {
            let row = match &keyed.step {
                Step::Put(row) | Step::Replace(row) => row,
                Step::Remove => "",
            };
            let mentions = mentions(topic, &keyed.key, row);
            self.tainted.insert(
                place,
                Tainted { since: event.position, by: event.meta.handler.clone().unwrap_or_default(), mentions },
            );
        } else {
            self.tainted.remove(&place);
        }
    }

    /// Takes note of an event that would not be there.
    pub(super) fn suspect(&mut self, event: &str) {
        self.suspects.insert(event.to_owned());
        self.tainting.insert(event.to_owned());
    }

    /// Takes note of the rows that a saga's reaction leaves otherwise than it would.
    pub(super) fn leaves(&mut self, subject: &Subject, decided: &[Side<'_>], held: &[Side<'_>]) {
        let mut last: BTreeMap<(&str, String), [Option<&Side<'_>>; 2]> = BTreeMap::new();
        for (side, sides) in [decided, held].into_iter().enumerate() {
            for effect in sides {
                if let Some(key) = effect.key(&self.domain) {
                    last.entry((effect.topic, key)).or_default()[side] = Some(effect);
                }
            }
        }
        for ((topic, key), last) in last {
            let Some(of) = self.domain.topic(topic) else { continue };
            match last {
                [Some(decided), Some(held)] if decided.says_the_same(held, &self.domain) => {}
                // The row is what the reaction's last event about it makes it, once that is folded.
                [_, Some(held)] => {
                    self.tainting.insert(held.id.to_owned());
                    let mentions = mentions(of, &key, &held.row(&self.domain));
                    self.ahead.push((subject.handler.to_owned(), held.position.unwrap_or_default(), mentions));
                }
                [Some(decided), None] => {
                    let mentions = mentions(of, &key, &decided.row(&self.domain));
                    self.follow(&mentions, subject);
                    self.tainted.insert(
                        (topic.to_owned(), key),
                        Tainted { since: subject.as_of, by: subject.handler.to_owned(), mentions },
                    );
                }
                [None, None] => {}
            }
        }
    }

    /// What was decided after `subject` on a row that it would have made only follows from it, though it was found
    /// before.
    fn follow(&mut self, mentions: &BTreeSet<Read>, subject: &Subject) {
        let before = self.told.len();
        self.told.retain(|Root { divergence, reads, .. }| {
            subject.follows
                || divergence.as_of <= Some(subject.as_of)
                || !reads.iter().any(|read| mentions.contains(read))
        });
        let following = (before - self.told.len()) as u64;
        self.report.divergent -= following;
        self.report.consequences += following;
    }

    /// Takes note of what is not the same in a decision that read this.
    pub(super) fn diverged(&mut self, subject: &Subject, differences: Vec<Difference>, reads: &[Read]) {
        let Entry::Event(event) = &*subject.entry else { return };
        let divergence = Divergence {
            event: Cause::Known(Mention::of(&self.domain, event)),
            handler: subject.handler.to_owned(),
            as_of: Some(subject.as_of),
            differences,
        };
        let reads = reads.to_vec();
        self.add(Root { seq: subject.seq, divergence, reads }, subject.follows);
    }

    /// Takes note of an effect of something that nobody would react to, and that stands at place `seq`.
    pub(super) fn stray(&mut self, seq: u64, event: &Event) {
        let (Some(cause), Some(handler)) = (&event.meta.cause, &event.meta.handler) else { return };
        let extra = Difference::Extra(Side::held(event).told(&self.domain));
        let divergence = Divergence {
            event: Cause::Unknown { id: cause.clone() },
            handler: handler.clone(),
            as_of: event.meta.as_of.filter(|_| event.meta.command.is_none()),
            differences: vec![extra],
        };
        let follows = self.suspects.contains(cause);
        self.tainting.insert(event.id.clone());
        self.add(Root { seq, divergence, reads: Vec::new() }, follows);
    }

    fn add(&mut self, root: Root, follows: bool) {
        for difference in &root.divergence.differences {
            match difference {
                Difference::Missing(told) | Difference::Extra(told) | Difference::Changed { effect: told, .. } => {
                    self.suspects.insert(told.id.clone());
                }
                // The same happens all the same.
                Difference::Reordered { .. } | Difference::Fails { .. } => {}
            }
        }
        if follows {
            self.report.consequences += 1;
        } else {
            self.report.divergent += 1;
            if self.told.len() < MOST {
                self.told.push(root);
            }
        }
    }

    /// Waits for the event that a command leads to, whose id the answer has.
    pub(super) fn await_answer(&mut self, subject: &Subject, answer: Draft) {
        self.awaited.insert(answer.id.clone(), Awaited { subject: subject.clone(), answer });
    }

    /// Holds the event of a command against what the saga asks for; tells whether the saga sent it.
    pub(super) fn answered(&mut self, command: &str, event: &Event) -> bool {
        let Some(Awaited { subject, answer }) = self.awaited.remove(command) else { return false };
        let latest = self.served.entry((subject.handler, answer.topic.clone())).or_default();
        *latest = subject.seq.max(*latest);
        let decided = Side { id: &event.id, ..Side::decided(&answer) };
        let differences = differences(&self.domain, &[decided], &[Side::held(event)]);
        if !differences.is_empty() {
            self.diverged(&subject, differences, &[]);
        }
        true
    }

    pub(super) fn awaits_nothing(&self) -> bool {
        self.awaited.is_empty()
    }

    /// Commands without an event that others have overtaken which were sent later.
    pub(super) fn unanswered(&self) -> Vec<String> {
        let overtaken = self.awaited.iter().filter(|(_, awaited)| self.is_overtaken(awaited));
        overtaken.map(|(command, _)| command.clone()).collect()
    }

    fn is_overtaken(&self, Awaited { subject, answer }: &Awaited) -> bool {
        self.served.get(&(subject.handler, answer.topic.clone())).is_some_and(|latest| *latest > subject.seq)
    }

    /// What came of it; commands that are on their way will have their events later.
    pub(super) fn finish(mut self, on_their_way: &BTreeSet<String>) -> Report {
        let awaited = std::mem::take(&mut self.awaited);
        let mut awaited: Vec<_> = awaited.into_iter().collect();
        awaited.sort_by(|(a, first), (b, second)| (first.subject.seq, a).cmp(&(second.subject.seq, b)));
        for (command, awaited) in awaited {
            if self.is_overtaken(&awaited) && !on_their_way.contains(&command) {
                let missing = Difference::Missing(Side::decided(&awaited.answer).told(&self.domain));
                self.diverged(&awaited.subject, vec![missing], &[]);
            } else {
                self.report.on_their_way += 1;
            }
        }
        self.told.sort_by_key(|root| root.seq);
        self.report.divergences = self.told.into_iter().map(|root| root.divergence).collect();
        let gone = self.gone.into_iter().map(|(handler, events)| super::report::Count { handler, events });
        self.report.gone = gone.collect();
        self.report
    }
}

/// What a decision asks for that meets a row: its id, or one that it refers to.
fn mentions(topic: &Topic, key: &str, row: &str) -> BTreeSet<Read> {
    let referred = topic.references(row).into_iter().map(|(_, id)| Read::of(topic.name, &id));
    referred.chain([Read::of(topic.name, key)]).collect()
}
