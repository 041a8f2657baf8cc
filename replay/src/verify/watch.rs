//! One saga's reactions: recorded, decided, concluded.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use kernel::{
    DECISIONS, Decided, Effect, Entry, Event, Failure, Occurrence, Position, Read, Row, SagaHandler, Then, View,
};
use runtime::host::guarded;

use super::{
    AHEAD,
    compare::{self, Side},
    findings::{Findings, Subject},
    reaction::{Made, Own, Reaction, State},
    report::Difference,
};

/// After how many entries a reaction that asks for nothing, and of which there is no trace, is taken to be over.
const QUIET: u64 = 8 * AHEAD as u64;

/// One saga, and what it has to do with the log.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) saga: SagaHandler,
    /// By the place of the event in the log: those in sight, in flight, and over only lately.
    reactions: BTreeMap<u64, Reaction>,
    /// The same by the event's identifier.
    places: HashMap<String, u64>,
    /// Decided and not concluded, in order.
    open: VecDeque<u64>,
    /// To be decided again when the view gets there, in order.
    late: VecDeque<u64>,
    /// Its own events that the view has not reached.
    own: VecDeque<Own>,
    /// The last event that it is known to have reacted to.
    passed: Option<u64>,
    /// Whether a reaction was taken to be over that may not be.
    presumes: bool,
    /// How many traces it has left in the log.
    pub(super) traces: u64,
    /// Of each reaction that appended something the event's place, and the place of the last that it appended.
    fed: VecDeque<(u64, u64)>,
}

impl Watch {
    pub(super) fn new(saga: SagaHandler) -> Self {
        Self {
            saga,
            reactions: BTreeMap::new(),
            places: HashMap::new(),
            open: VecDeque::new(),
            late: VecDeque::new(),
            own: VecDeque::new(),
            passed: None,
            presumes: false,
            traces: 0,
            fed: VecDeque::new(),
        }
    }

    /// Takes note of an event that it reacts to, before the view gets there.
    pub(super) fn expect(&mut self, seq: u64, entry: &Arc<Entry>, event: &Event, is_covered: bool) {
        let state = if is_covered { State::Ahead } else { State::Skipped };
        let reaction = Reaction { entry: entry.clone(), as_of: None, held: Vec::new(), state };
        self.reactions.insert(seq, reaction);
        self.places.insert(event.id.clone(), seq);
    }

    /// Takes note of an effect of its own or of a service that it sent a command to, before the view gets there.
    ///
    /// Tells whether it belongs to a reaction that is not over.
    pub(super) fn note(
        &mut self,
        seq: u64,
        entry: &Arc<Entry>,
        event: &Event,
        view: &View,
        findings: &mut Findings,
    ) -> bool {
        self.traces += 1;
        let cause = event.meta.cause.as_deref().and_then(|cause| self.places.get(cause)).copied();
        let Some((cause, reaction)) = cause.and_then(|cause| Some((cause, self.reactions.get_mut(&cause)?))) else {
            return false;
        };
        let is_own = event.meta.command.is_none();
        let mut belongs = true;
        if is_own {
            if reaction.held.is_empty() {
                let as_of = event.meta.as_of.unwrap_or_default();
                reaction.as_of = Some(as_of);
                if as_of > reaction.entry.position() && matches!(reaction.state, State::Ahead | State::Made(_)) {
                    if as_of < view.position() {
                        reaction.state = State::Skipped;
                        findings.report.unchecked += 1;
                    } else {
                        self.late.push_back(cause);
                    }
                }
            }
            belongs = !matches!(reaction.state, State::Over { .. });
            reaction.held.push(entry.clone());
            match self.fed.back_mut() {
                Some((last, fed)) if *last == cause => *fed = seq,
                Some(_) | None => self.fed.push_back((cause, seq)),
            }
            if view.holds(&event.topic) {
                let draft = runtime::history::draft(event.clone());
                self.own.push_back(Own { position: event.position, cause, draft });
            }
        }
        self.advance(cause, findings);
        belongs
    }

    /// Whether the reaction to `cause` is over: what comes of it yet was never asked for.
    pub(super) fn is_over(&self, cause: &str) -> Option<bool> {
        let reaction = self.reactions.get(self.places.get(cause)?)?;
        Some(matches!(reaction.state, State::Over { .. }))
    }

    /// Whether what reacts to an event unknown may react to one that was given up.
    pub(super) const fn presumes(&self) -> bool {
        self.presumes
    }

    /// What an extra effect of a reaction that is over is told with.
    pub(super) fn subject(&self, cause: &str, findings: &Findings) -> Option<Subject> {
        let seq = *self.places.get(cause)?;
        let reaction = self.reactions.get(&seq)?;
        let subject = reaction.subject(seq, self.saga.name);
        let follows = matches!(reaction.state, State::Over { follows: true }) || findings.follows(&subject, &[]);
        Some(Subject { follows, ..subject })
    }

    /// Takes note that it has reacted to the event at `seq`, and so to all before it.
    fn advance(&mut self, seq: u64, findings: &mut Findings) {
        self.passed = self.passed.max(Some(seq));
        self.sweep(seq, findings);
    }

    /// Concludes reactions that left no trace and are known to be over.
    pub(super) fn sweep(&mut self, now: u64, findings: &mut Findings) {
        while let Some(&seq) = self.open.front() {
            let Some(reaction) = self.reactions.get_mut(&seq) else {
                self.open.pop_front();
                continue;
            };
            match &reaction.state {
                State::Made(_) if reaction.as_of.is_none() && self.passed >= Some(seq) => {
                    self.conclude(seq, findings);
                }
                State::Made(made) if reaction.as_of.is_none() && made.is_quiet() && now > seq + QUIET => {
                    reaction.state = State::Skipped;
                    findings.report.decisions += u64::from(self.traces > 0);
                    self.presumes = true;
                }
                State::Over { .. } | State::Skipped => {}
                State::Made(_) | State::Ahead => break,
            }
            self.open.pop_front();
        }
    }

    /// Decides what was decided after the event, once the view has come as far as it will before `position`.
    pub(super) fn decide_late(&mut self, position: Position, view: &mut View, findings: &mut Findings) {
        while let Some(&seq) = self.late.front() {
            let Some(reaction) = self.reactions.get_mut(&seq) else {
                self.late.pop_front();
                continue;
            };
            let Some(as_of) = reaction.as_of.filter(|as_of| *as_of < position) else { break };
            self.late.pop_front();
            match std::mem::replace(&mut reaction.state, State::Skipped) {
                State::Made(made) if as_of >= view.position() => {
                    let entry = reaction.entry.clone();
                    let outcome = self.decide(seq, &entry, made.before.as_ref(), made.then.clone(), view);
                    if let Some(reaction) = self.reactions.get_mut(&seq) {
                        reaction.state = State::Made(Box::new(Made { outcome, read: u64::MAX, ..*made }));
                    }
                }
                State::Made(_) => findings.report.unchecked += 1,
                other @ (State::Ahead | State::Over { .. } | State::Skipped) => reaction.state = other,
            }
        }
    }

    /// Decides about the event at `seq`, which the view has just reached.
    pub(super) fn meet(
        &mut self,
        seq: u64,
        before: Option<&Row>,
        is_tainted: bool,
        read: u64,
        view: &mut View,
        findings: &mut Findings,
    ) {
        let Some(Reaction { entry, state: State::Ahead, .. }) = self.reactions.get(&seq) else { return };
        let entry = entry.clone();
        let outcome = self.decide(seq, &entry, before, Then::default(), view);
        let then = outcome.as_ref().map(|decided| decided.then.clone()).unwrap_or_default();
        let made = Made { before: before.cloned(), is_tainted, then, read, outcome };
        if let Some(reaction) = self.reactions.get_mut(&seq) {
            reaction.state = State::Made(Box::new(made));
        }
        self.open.push_back(seq);
        self.sweep(seq, findings);
    }

    /// Gives up an event that can't be read: its host has set it aside.
    pub(super) fn skip(&mut self, seq: u64) {
        if let Some(reaction) = self.reactions.get_mut(&seq) {
            reaction.state = State::Skipped;
        }
    }

    fn decide(
        &mut self,
        seq: u64,
        entry: &Entry,
        before: Option<&Row>,
        then: Then,
        view: &mut View,
    ) -> Result<Decided, Failure> {
        let Entry::Event(event) = entry else { return Err(Failure("it is no event".to_owned())) };
        while self.own.front().is_some_and(|own| own.position <= view.position()) {
            self.own.pop_front();
        }
        let mut is_ahead = false;
        let at = view.position();
        for own in self.own.iter().filter(|own| own.cause < seq && own.position > at) {
            // What can't be read changes no row.
            let _ = view.speculate(&own.draft);
            is_ahead = true;
        }
        let mut decision = self.saga.decision(event, view).recalling(then);
        let decided = guarded(|| {
            self.saga.react(&Occurrence { event, before }, &mut decision)?;
            Ok(decision.finish())
        });
        if is_ahead {
            view.end_speculation();
        }
        decided
    }

    /// Concludes the reaction whose first effect the view is about to reach.
    pub(super) fn arrive(&mut self, event: &Event, findings: &mut Findings) {
        let Some(&seq) = event.meta.cause.as_deref().and_then(|cause| self.places.get(cause)) else { return };
        if self.reactions.get(&seq).is_some_and(|reaction| matches!(reaction.state, State::Made(_))) {
            self.conclude(seq, findings);
            self.sweep(seq, findings);
        }
    }

    /// Holds a decision against what the log has.
    fn conclude(&mut self, seq: u64, findings: &mut Findings) {
        let Some(reaction) = self.reactions.get_mut(&seq) else { return };
        let State::Made(made) = std::mem::replace(&mut reaction.state, State::Over { follows: false }) else { return };
        findings.report.decisions += 1;
        let subject = reaction.subject(seq, self.saga.name);
        let effects = reaction.held.iter().filter_map(|entry| match &**entry {
            Entry::Event(event) if &*event.topic != DECISIONS => Some(Side::held(event)),
            Entry::Event(_) | Entry::Junk(_) => None,
        });
        let held: Vec<_> = effects.collect();
        let Made { is_tainted, then, read, outcome, .. } = *made;
        let decided = match outcome {
            Ok(decided) => decided,
            Err(_) if reaction.as_of.is_none() => {
                findings.report.failing += 1;
                return;
            }
            Err(failure) => {
                let extra = held.iter().map(|side| Difference::Extra(side.told(&findings.domain)));
                let differences = [Difference::Fails { reason: failure.0 }].into_iter().chain(extra).collect();
                let subject = Subject { follows: is_tainted || findings.follows(&subject, &[]), ..subject };
                findings.leaves(&subject, &[], &held);
                return findings.diverged(&subject, differences, &[]);
            }
        };
        let Decided { effects, mut reads, .. } = decided;
        let appends = effects.iter().filter_map(|effect| match effect {
            Effect::Append(draft) => Some(Side::decided(draft)),
            Effect::Send(_) => None,
        });
        let appends: Vec<_> = appends.collect();
        let differences = compare::differences(&findings.domain, &appends, &held);
        reads.extend(then.asked().map(|(topic, id)| Read::of(topic, id)));
        let follows = is_tainted || findings.follows(&subject, &reads);
        let subject = Subject { follows, ..subject };
        reaction.state = State::Over { follows };
        let before = self.fed.partition_point(|(cause, _)| *cause < seq);
        let in_front = before.checked_sub(1).and_then(|last| self.fed.get(last));
        let is_inexact = in_front.is_some_and(|(_, fed)| *fed >= read);
        if is_inexact && !differences.is_empty() {
            reaction.state = State::Skipped;
            findings.report.unchecked += 1;
            return;
        }
        for effect in &effects {
            if let Effect::Send(command) = effect
                && let Some(answer) = compare::answer(&findings.domain, command)
            {
                findings.await_answer(&subject, answer);
            }
        }
        if !differences.is_empty() {
            findings.leaves(&subject, &appends, &held);
            findings.diverged(&subject, differences, &reads);
        }
    }

    /// Forgets what has been over for long; `seq` is where the view is.
    pub(super) fn forget(&mut self, seq: u64) {
        let oldest = self.reactions.first_key_value().map_or(u64::MAX, |(first, _)| *first);
        while self.fed.get(1).is_some_and(|(cause, _)| *cause < oldest) {
            self.fed.pop_front();
        }
        while let Some(first) = self.reactions.first_entry()
            && first.key() + (AHEAD as u64) < seq
            && matches!(first.get().state, State::Over { .. } | State::Skipped)
        {
            if let Entry::Event(event) = &*first.remove().entry {
                self.places.remove(&event.id);
            }
        }
    }

    /// Takes note that the event with this identifier happened, which the log does not hold: whoever would have
    /// appended it has done so.
    pub(super) fn betray(&mut self, id: &str, findings: &mut Findings) {
        let promises = |seq: &&u64| {
            let made = match self.reactions.get(seq).map(|reaction| &reaction.state) {
                Some(State::Made(made)) => made,
                Some(State::Ahead | State::Over { .. } | State::Skipped) | None => return false,
            };
            let effects = made.outcome.as_ref().map(|decided| decided.effects.as_slice()).unwrap_or_default();
            effects.iter().any(|effect| matches!(effect, Effect::Append(draft) if draft.id == id))
        };
        if let Some(seq) = self.open.iter().find(promises).copied() {
            self.advance(seq, findings);
        }
    }

    /// Whether nothing is left to be concluded of what the view has reached.
    pub(super) fn is_settled(&self) -> bool {
        self.open.is_empty() && self.late.is_empty()
    }

    /// Concludes all that the saga had reacted to, and counts what it still has to do.
    pub(super) fn end(&mut self, reacted: Option<Position>, findings: &mut Findings) {
        let has_run = self.traces > 0 || reacted.is_some();
        let mut left = 0;
        while let Some(seq) = self.open.pop_front() {
            let Some(Reaction { entry, state: State::Made(made), .. }) = self.reactions.get(&seq) else { continue };
            if reacted.is_some_and(|reacted| entry.position() <= reacted) {
                self.conclude(seq, findings);
            } else if made.is_quiet() {
                findings.report.decisions += u64::from(has_run);
            } else {
                left += 1;
            }
        }
        if !has_run && left > 0 {
            let count = super::report::Count { handler: self.saga.name.to_owned(), events: left };
            findings.report.never_ran.push(count);
        } else {
            findings.report.waiting += left;
        }
    }
}
