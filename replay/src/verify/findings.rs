//! Goes through what happens, and tells what differs.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::Arc,
};

use kernel::{Decided, Domain, Effect, Event, Number, Read};

use super::{
    MOST, Until,
    answers::{Answers, Subject},
    compare::{Rule, Side, differences},
    groups::Groups,
    report::{Cause, Count, Difference, Divergence, Inferred, Report, Told},
    taint::{By, Root, Taint},
};
use crate::{
    life::Mention,
    reactions::{Happening, Loose, Origin, Reaction, Scope, Standing},
};

/// After how many times as many entries as are read ahead nothing more is expected of a reaction.
const LATER: u64 = 4;

/// What differs so far.
#[derive(Debug)]
pub(super) struct Findings {
    domain: Domain,
    scope: Scope,
    until: Until,
    report: Report,
    groups: Groups,
    /// Those that nothing is known to have led to.
    roots: Vec<Found>,
    /// Those that follow from them.
    consequences: Vec<Found>,
    taint: Taint,
    answers: Answers,
    /// Events about rows that were others just before than they would have been.
    on_tainted: BTreeMap<u64, Root>,
    /// Reactions lately that rested on what would be otherwise: event's place, saga.
    following: BTreeMap<(u64, &'static str), Root>,
    /// Lately, on which events which sagas fail that have left no trace of a reaction, and why.
    failing: BTreeMap<(u64, &'static str), String>,
    /// Sagas that have never reacted to anything, and to how many events they would have.
    never_ran: BTreeMap<&'static str, u64>,
    /// Events of sagas that the domain does not have.
    gone: BTreeMap<String, u64>,
    /// The number of the last event that has one.
    number: Option<Number>,
    /// Whether all is decided that was asked for.
    is_done: bool,
    /// Whether the log was not looked through to its end, since there was enough.
    is_broken_off: bool,
}

/// A divergence that was found.
#[derive(Debug)]
struct Found {
    /// The place of its event in the log.
    place: u64,
    /// The event's position.
    at: Root,
    divergence: Divergence,
    /// What it read.
    reads: Vec<Read>,
}

/// What is seen of a reaction: what differs, and what the log has besides.
#[derive(Debug)]
struct Seen {
    differences: Vec<Difference>,
    same: Vec<Told>,
}

impl Seen {
    const fn only(differences: Vec<Difference>) -> Self {
        Self { differences, same: Vec::new() }
    }
}

impl Findings {
    pub(super) fn new(domain: &Domain, scope: Scope, until: Until) -> Self {
        Self {
            domain: domain.clone(),
            scope,
            until,
            report: Report::default(),
            groups: Groups::default(),
            roots: Vec::new(),
            consequences: Vec::new(),
            taint: Taint::default(),
            answers: Answers::default(),
            on_tainted: BTreeMap::new(),
            following: BTreeMap::new(),
            failing: BTreeMap::new(),
            never_ran: BTreeMap::new(),
            gone: BTreeMap::new(),
            number: None,
            is_done: false,
            is_broken_off: false,
        }
    }

    /// Takes in what happens next; breaks off when nothing more can come of it.
    pub(super) fn take(&mut self, happening: Happening) -> ControlFlow<()> {
        match happening {
            Happening::Inferring(window) => self.report.inferred = Some(Inferred::within(window)),
            Happening::Reacted(reaction) => self.reacted(*reaction),
            Happening::Unchecked => self.report.unchecked += 1,
            Happening::Loose { event, place, of, origin } => self.loose(&event, place, of, origin),
            Happening::Folded { event, place, is_readable, origin, .. } => {
                if let Some(inferred) = &mut self.report.inferred {
                    inferred.count(&event, origin);
                }
                self.folded(&event, place, is_readable);
            }
            Happening::Junk => {
                self.report.entries += 1;
                self.report.unreadable += 1;
            }
            Happening::Done => self.is_done = true,
        }
        self.is_broken_off = self.until == Until::FirstDifference && self.is_first_known();
        let is_enough = self.is_broken_off || (self.is_done && self.answers.is_empty());
        if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Takes note that no more is wanted.
    pub(super) const fn stop(&mut self) {
        (self.is_broken_off, self.report.stopped) = (true, true);
    }

    /// How many entries have been folded.
    pub(super) const fn entries(&self) -> u64 {
        self.report.entries
    }

    /// Whether nothing more is to be expected about events up to that of the first divergence: what is found first
    /// need not come first.
    fn is_first_known(&self) -> bool {
        let first = self.roots.iter().map(|root| root.place).min();
        first.is_some_and(|first| self.report.entries > first + LATER * self.scope.ahead as u64)
    }

    fn folded(&mut self, event: &Event, place: u64, is_readable: bool) {
        self.report.entries += 1;
        self.report.unreadable += u64::from(!is_readable);
        if let Some(number) = event.number {
            let missing = self.number.filter(|last| last.successor() < number).map(Number::successor);
            self.report.hole = self.report.hole.or(missing.map(|first| first.0));
            self.number = Some(number);
        }
        if let (Some(_), Some(handler)) = (&event.meta.cause, &event.meta.handler) {
            self.note_gone(event, handler);
        }
        if let Some(root) = self.taint.folded(&self.domain, event) {
            self.on_tainted.insert(place, root);
        }
        if let Some(oldest) = place.checked_sub(LATER * self.scope.ahead as u64) {
            self.on_tainted = self.on_tainted.split_off(&oldest);
            self.following = self.following.split_off(&(oldest, ""));
            self.failing = self.failing.split_off(&(oldest, ""));
        }
    }

    /// Takes note of an effect of a saga that the domain does not have.
    fn note_gone(&mut self, event: &Event, handler: &str) {
        let is_known = self.domain.sagas().iter().any(|saga| saga.name == handler);
        if !is_known && self.scope.handler.is_none() && self.scope.covers(&event.topic, event.position) {
            *self.gone.entry(handler.to_owned()).or_default() += 1;
            self.taint.suspect(&event.id, event.position);
            let by = By { handler, as_of: event.position, root: event.position };
            self.taint.leaves(&self.domain, &Side::held(event), by);
        }
    }

    fn reacted(&mut self, reaction: Reaction) {
        let is_quiet = reaction.outcome.as_ref().is_ok_and(|decided| decided.effects.is_empty());
        match reaction.standing {
            Standing::Waiting => self.report.waiting += 1,
            Standing::NeverRan if is_quiet => {}
            Standing::NeverRan => *self.never_ran.entry(reaction.handler).or_default() += 1,
            Standing::Over => match &reaction.outcome {
                Err(failure) if !reaction.is_recorded => {
                    self.report.decisions += 1;
                    self.report.failing += 1;
                    self.failing.insert((reaction.place, reaction.handler), failure.0.clone());
                }
                Ok(_) | Err(_) => self.compare(reaction),
            },
        }
    }

    /// Holds a decision against what the log has of it.
    fn compare(&mut self, reaction: Reaction) {
        self.report.decisions += 1;
        let Reaction { place, event, handler, as_of, held, inferred, outcome, is_exact, .. } = reaction;
        let is_foreign = !inferred.is_empty() || (held.is_empty() && self.report.inferred.is_some());
        let rule = if is_foreign { Rule::Foreign } else { Rule::Own };
        let mut held: Vec<_> = held.iter().map(|event| Side::held(event)).collect();
        for (index, how) in inferred {
            held.get_mut(index).into_iter().for_each(|side| side.inferred = Some(how));
        }
        let (decided, failure) = match outcome {
            Ok(decided) => (Some(decided), None),
            Err(failure) => (None, Some(failure)),
        };
        let effects = decided.as_ref().map(|decided| decided.effects.as_slice()).unwrap_or_default();
        let asked: Vec<_> = effects.iter().filter_map(Side::asked).collect();
        let differences = match failure {
            None => differences(&self.domain, rule, &asked, &held),
            Some(failure) => {
                let extra = held.iter().map(|side| Difference::Extra(side.told(&self.domain)));
                [Difference::Fails { reason: failure.0 }].into_iter().chain(extra).collect()
            }
        };
        let is_unchecked = !is_exact && !differences.is_empty();
        let differences = if is_unchecked { Vec::new() } else { differences };
        self.report.unchecked += u64::from(is_unchecked);
        let mut subject = Subject { place, event, handler, as_of, follows: None, is_exact };
        let read = || decided.iter().flat_map(read).collect();
        let reads: Vec<Read> = if differences.is_empty() && self.taint.is_clean() { Vec::new() } else { read() };
        subject.follows = self.follows(&subject, &reads);
        if let Some(root) = subject.follows {
            self.following.insert((place, handler), root);
        }
        if !differences.is_empty() {
            let by = By { handler, as_of, root: subject.follows.unwrap_or(subject.event.position) };
            // Another program decided on what its log holds, so what it did otherwise is its own doing each time.
            if rule == Rule::Own {
                let unmade = self.taint.reacted(&self.domain, by, &asked, &held);
                if subject.follows.is_none() {
                    self.claim(&unmade, &subject);
                }
            }
            let same = untouched(&differences, &held).into_iter().map(|side| side.told(&self.domain)).collect();
            self.diverged(&subject, Seen { differences, same }, reads);
        }
        for effect in decided.into_iter().flat_map(|decided| decided.effects) {
            if let Effect::Send(command) = effect {
                self.answers.expect(&subject, command);
            }
        }
    }

    /// What a decision rests on that would be otherwise.
    fn follows(&self, subject: &Subject, reads: &[Read]) -> Option<Root> {
        let saga = self.domain.sagas().iter().find(|saga| saga.name == subject.handler);
        let has_before = saga.is_some_and(|saga| saga.reads.contains(&&*subject.event.topic));
        let row = self.on_tainted.get(&subject.place).copied().filter(|_| has_before);
        row.or_else(|| self.taint.under(&subject.event.id, subject.handler, subject.as_of, reads))
    }

    /// An effect of a command that a saga sent, or one that belongs to no reaction.
    fn loose(&mut self, event: &Arc<Event>, place: u64, of: Loose, origin: Origin) {
        let awaited = event.meta.command.as_deref().and_then(|command| self.answers.served(command));
        if let Some(awaited) = awaited {
            // What was found by what it is about may be put otherwise: wording is every program's own.
            if !awaited.is_answered_by(event) && !matches!(origin, Origin::Inferred(_)) {
                let answer = awaited.answer(&self.domain);
                let decided: Vec<_> =
                    answer.iter().map(|answer| Side { id: &event.id, ..Side::decided(answer) }).collect();
                let differences = differences(&self.domain, Rule::Own, &decided, &[Side::held(event)]);
                if !differences.is_empty() && awaited.subject.is_exact {
                    self.diverged(&awaited.subject, Seen::only(differences), Vec::new());
                } else {
                    self.report.unchecked += u64::from(!awaited.subject.is_exact);
                }
            }
            return;
        }
        let handler = self.domain.sagas().iter().find(|saga| Some(saga.name) == event.meta.handler.as_deref());
        let Some(handler) = handler.map(|saga| saga.name) else { return };
        match of {
            Loose::Open => {}
            Loose::Unchecked => self.report.unchecked += 1,
            Loose::Over { cause, event: about, as_of } => {
                let root = about.position;
                let mut subject = Subject { place: cause, event: about, handler, as_of, follows: None, is_exact: true };
                let follows = self.following.get(&(cause, handler)).copied();
                subject.follows = follows.or_else(|| self.follows(&subject, &[]));
                let by = By { handler, as_of, root: subject.follows.unwrap_or(root) };
                self.taint.leaves(&self.domain, &Side::held(event), by);
                // It was thought to have been set aside; but then nothing would have come of it.
                let failed = self.failing.remove(&(cause, handler));
                self.report.failing -= u64::from(failed.is_some());
                let fails = failed.map(|reason| Difference::Fails { reason });
                let extra = Difference::Extra(Side::held(event).told(&self.domain));
                self.diverged(&subject, Seen::only(fails.into_iter().chain([extra]).collect()), Vec::new());
            }
            Loose::Unknown if self.scope.is_everything() && event.position <= self.scope.to => {
                self.stray(event, place, handler);
            }
            Loose::Unknown => {}
        }
    }

    /// An effect of something that nobody would react to.
    fn stray(&mut self, event: &Event, place: u64, handler: &str) {
        let cause = event.meta.cause.as_deref().unwrap_or_default();
        let follows = self.taint.under(cause, handler, event.position, &[]);
        let by = By { handler, as_of: event.position, root: follows.unwrap_or(event.position) };
        self.taint.leaves(&self.domain, &Side::held(event), by);
        let divergence = Divergence {
            event: Cause::Unknown { id: cause.to_owned() },
            handler: handler.to_owned(),
            as_of: event.meta.as_of.filter(|_| event.meta.command.is_none()),
            differences: vec![Difference::Extra(Side::held(event).told(&self.domain))],
            same: Vec::new(),
            follows: None,
        };
        self.add(Found { place, at: event.position, divergence, reads: Vec::new() }, follows);
    }

    /// Takes note of what is not the same in a decision that read this.
    fn diverged(&mut self, subject: &Subject, Seen { differences, same }: Seen, reads: Vec<Read>) {
        let divergence = Divergence {
            event: Cause::Known(Mention::of(&self.domain, &subject.event)),
            handler: subject.handler.to_owned(),
            as_of: Some(subject.as_of),
            differences,
            same,
            follows: None,
        };
        let at = subject.event.position;
        self.add(Found { place: subject.place, at, divergence, reads }, subject.follows);
    }

    fn add(&mut self, found: Found, follows: Option<Root>) {
        let root = follows.unwrap_or(found.at);
        for difference in &found.divergence.differences {
            match difference {
                Difference::Missing(told) | Difference::Extra(told) | Difference::Changed { effect: told, .. } => {
                    self.taint.suspect(&told.id, root);
                }
                // The same happens all the same.
                Difference::Reordered { .. } | Difference::Fails { .. } => {}
            }
        }
        self.groups.add(&found.divergence, follows.is_some());
        let (count, told) = match follows {
            None => (&mut self.report.divergent, &mut self.roots),
            Some(_) => (&mut self.report.consequences, &mut self.consequences),
        };
        *count += 1;
        if told.len() < MOST {
            let divergence = Divergence { follows, ..found.divergence };
            told.push(Found { divergence, ..found });
        }
    }

    /// What was decided after `subject` on a row that it would have made only follows from it, though it was found
    /// before.
    fn claim(&mut self, unmade: &BTreeSet<Read>, subject: &Subject) {
        let follows = |found: &Found| {
            found.divergence.as_of > Some(subject.as_of) && found.reads.iter().any(|read| unmade.contains(read))
        };
        let roots = std::mem::take(&mut self.roots);
        for mut found in roots {
            if !follows(&found) {
                self.roots.push(found);
                continue;
            }
            self.report.divergent -= 1;
            self.report.consequences += 1;
            self.groups.demote(&found.divergence);
            found.divergence.follows = Some(subject.event.position);
            if self.consequences.len() < MOST {
                self.consequences.push(found);
            }
        }
    }

    /// Forgets all but the divergence that comes first.
    fn keep_first(&mut self) {
        self.roots.sort_by_key(|root| root.place);
        self.roots.truncate(1);
        self.consequences.clear();
        (self.report.divergent, self.report.consequences) = (self.roots.len() as u64, 0);
        self.report.stopped |= !self.roots.is_empty();
        self.groups = Groups::default();
        self.roots.iter().for_each(|root| self.groups.add(&root.divergence, false));
    }

    /// Commands that seem to have been lost; who knows the queues can tell whether they are on their way.
    pub(super) fn unanswered(&self) -> Vec<String> {
        let overtaken = self.answers.overtaken().filter(|_| !self.is_broken_off);
        overtaken.cloned().collect()
    }

    /// What came of it; of the unanswered commands, these are on their way.
    pub(super) fn finish(mut self, on_their_way: &BTreeSet<String>) -> Report {
        // Where the rest was not looked at, what is missing so far may be there.
        let is_on_its_way = |command: &str| self.is_broken_off || on_their_way.contains(command);
        let (lost, late) = std::mem::take(&mut self.answers).finish(is_on_its_way);
        self.report.on_their_way = late;
        for awaited in lost {
            let Some(answer) = awaited.answer(&self.domain) else { continue };
            if !awaited.subject.is_exact {
                self.report.unchecked += 1;
                continue;
            }
            let missing = Difference::Missing(Side::decided(&answer).told(&self.domain));
            self.diverged(&awaited.subject, Seen::only(vec![missing]), Vec::new());
        }
        if self.until == Until::FirstDifference {
            self.keep_first();
        }
        let told = |mut found: Vec<Found>| {
            found.sort_by_key(|found| found.place);
            found.into_iter().map(|found| found.divergence).collect::<Vec<_>>()
        };
        let count = |(handler, events): (String, u64)| Count { handler, events };
        let never_ran = self.never_ran.into_iter().map(|(saga, events)| count((saga.to_owned(), events)));
        Report {
            divergences: told(self.roots),
            following: told(self.consequences),
            groups: self.groups.told(),
            never_ran: never_ran.collect(),
            gone: self.gone.into_iter().map(count).collect(),
            ..self.report
        }
    }
}

/// What a decision rests on: what it read, and what it asked of the past.
fn read(decided: &Decided) -> impl Iterator<Item = Read> {
    let asked = decided.then.asked().map(|(topic, id)| Read::of(topic, id));
    decided.reads.iter().cloned().chain(asked)
}

/// What the log has that no difference is about.
fn untouched<'s, 'e>(differences: &[Difference], held: &'s [Side<'e>]) -> Vec<&'s Side<'e>> {
    let is_about = |side: &Side<'_>, difference: &Difference| match difference {
        Difference::Extra(told) | Difference::Changed { effect: told, .. } => told.id == side.id,
        Difference::Reordered { .. } => true,
        Difference::Missing(_) | Difference::Fails { .. } => false,
    };
    held.iter().filter(|side| !differences.iter().any(|difference| is_about(side, difference))).collect()
}
