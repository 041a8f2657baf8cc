//! Feeds a log to the sagas that would have reacted to it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::ControlFlow,
    sync::Arc,
};

use kernel::{Domain, Entry, Event, Position, View};
use runtime::host::sagas::consumer;

use super::{AHEAD, Report, Scope, compare::Side, findings::Findings, report::Difference, watch::Watch};

/// Makes the decisions of a log again, as its entries come.
///
/// It holds the entities that the sagas read, [`AHEAD`] entries, and reactions in flight.
#[derive(Debug)]
pub struct Verifier {
    domain: Domain,
    scope: Scope,
    view: View,
    /// Read and not folded yet.
    ahead: VecDeque<Ahead>,
    /// How many entries were read.
    read: u64,
    watches: Vec<Watch>,
    findings: Findings,
    /// How far sagas had come, where that is known.
    reacted: BTreeMap<&'static str, Position>,
    /// What was set aside, by consumer.
    parked: BTreeSet<(String, Position)>,
    /// How many entries are read before the first is folded.
    most_ahead: usize,
}

#[derive(Debug)]
struct Ahead {
    entry: Arc<Entry>,
    seq: u64,
    /// Whether it is an effect that belongs to no reaction.
    is_stray: bool,
}

impl Verifier {
    /// Begins at the beginning of a log.
    #[must_use]
    pub fn new(domain: &Domain, scope: Scope) -> Self {
        let sagas = domain.sagas().iter();
        let sagas = sagas.filter(|saga| scope.handler.as_deref().is_none_or(|only| only == saga.name));
        let read: Vec<&str> = sagas.clone().flat_map(|saga| saga.reads.iter().copied()).collect();
        Self {
            view: View::of(domain, &read),
            watches: sagas.copied().map(Watch::new).collect(),
            findings: Findings::new(domain),
            domain: domain.clone(),
            scope,
            ahead: VecDeque::new(),
            read: 0,
            reacted: BTreeMap::new(),
            parked: BTreeSet::new(),
            most_ahead: AHEAD,
        }
    }

    /// With what a store knows besides the log: how far its sagas have come, and what they have set aside, by consumer.
    #[must_use]
    pub fn known(mut self, reacted: BTreeMap<&'static str, Position>, parked: BTreeSet<(String, Position)>) -> Self {
        (self.reacted, self.parked) = (reacted, parked);
        self
    }

    /// Reads so many entries ahead of the view, instead of [`AHEAD`].
    ///
    /// With fewer, more decisions can't be made again; what comes out of the others is the same, as long as one
    /// commit's events are no more than that.
    #[must_use]
    pub const fn reading_ahead(mut self, entries: usize) -> Self {
        self.most_ahead = entries;
        self
    }

    /// Takes in the next entry; breaks off when nothing more can come of it.
    pub fn take(&mut self, entry: Entry) -> ControlFlow<()> {
        let seq = self.read;
        self.read += 1;
        let entry = Arc::new(entry);
        let mut is_stray = false;
        if let Entry::Event(event) = &*entry {
            let is_covered = self.scope.covers(&event.topic, event.position);
            for watch in self.watches.iter_mut().filter(|watch| watch.saga.wants(event)) {
                let parked =
                    !self.parked.is_empty() && self.parked.contains(&(consumer(watch.saga.name), event.position));
                watch.expect(seq, &entry, event, is_covered && !parked);
            }
            if let (Some(_), Some(handler)) = (&event.meta.cause, event.meta.handler.as_deref()) {
                let watch = self.watches.iter_mut().find(|watch| watch.saga.name == handler);
                is_stray = watch.is_some_and(|watch| !watch.note(seq, &entry, event, &self.view, &mut self.findings));
                self.note_gone(handler, event);
            }
        }
        self.ahead.push_back(Ahead { entry, seq, is_stray });
        if self.ahead.len() > self.most_ahead {
            self.step();
        }
        if self.is_done() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Takes note of an effect of a saga that the domain does not have.
    fn note_gone(&mut self, handler: &str, event: &Event) {
        let is_known = self.domain.sagas().iter().any(|saga| saga.name == handler);
        if !is_known && self.scope.handler.is_none() && self.scope.covers(&event.topic, event.position) {
            *self.findings.gone.entry(handler.to_owned()).or_default() += 1;
            self.findings.suspect(&event.id);
        }
    }

    /// Whether nothing more can come of it.
    fn is_done(&self) -> bool {
        let is_behind = self.view.position() > self.scope.to && self.findings.awaits_nothing();
        self.is_enough() || (is_behind && self.watches.iter().all(Watch::is_settled))
    }

    /// Whether it was told to stop at what it has found.
    const fn is_enough(&self) -> bool {
        self.scope.stop_at_first && self.findings.report.divergent > 0
    }

    /// Folds the next entry, and decides what is to be decided there.
    fn step(&mut self) {
        let Some(Ahead { entry, seq, is_stray }) = self.ahead.pop_front() else { return };
        let Self { view, findings, watches, .. } = self;
        findings.report.entries += 1;
        for watch in &mut *watches {
            watch.decide_late(entry.position(), view, findings);
        }
        let Entry::Event(event) = &*entry else {
            // The view stands behind it now, and that is all there is to junk.
            let _ = view.apply(&entry);
            findings.report.unreadable += 1;
            return;
        };
        if event.meta.handler.is_some() && event.meta.cause.is_some() {
            self.arrive(seq, event, is_stray);
        }
        let Self { view, findings, watches, read, .. } = self;
        let is_tainted = findings.is_tainted(event);
        let applied = view.apply(&entry);
        findings.folded(event);
        findings.report.unreadable += u64::from(applied.is_err());
        for watch in watches.iter_mut() {
            if watch.saga.wants(event) {
                let has_before = watch.saga.reads.contains(&&*event.topic);
                match &applied {
                    Ok(before) => {
                        let before = before.as_ref().filter(|_| has_before);
                        watch.meet(seq, before, is_tainted && has_before, *read, view, findings);
                    }
                    Err(_) => watch.skip(seq),
                }
            }
            watch.forget(seq);
        }
    }

    /// Holds what a saga has done against what it would do.
    fn arrive(&mut self, seq: u64, event: &Event, is_stray: bool) {
        let (Some(handler), Some(cause)) = (event.meta.handler.as_deref(), event.meta.cause.as_deref()) else { return };
        let Some(index) = self.watches.iter().position(|watch| watch.saga.name == handler) else { return };
        if let Some(command) = event.meta.command.as_deref() {
            if self.findings.answered(command, event) {
                return;
            }
        } else if !is_stray {
            return self.watches[index].arrive(event, &mut self.findings);
        }
        let watch = &self.watches[index];
        match watch.is_over(cause) {
            // What nobody asked for, of a reaction that was.
            Some(true) => {
                let Some(subject) = watch.subject(cause, &self.findings) else { return };
                let extra = Difference::Extra(Side::held(event).told(&self.domain));
                self.findings.leaves(&subject, &[], &[Side::held(event)]);
                self.findings.diverged(&subject, vec![extra], &[]);
            }
            Some(false) => {}
            None if watch.presumes() => self.findings.report.unchecked += 1,
            None if self.scope.is_everything() && event.position <= self.scope.to => {
                for watch in &mut self.watches {
                    watch.betray(cause, &mut self.findings);
                }
                self.findings.stray(seq, event);
            }
            None => {}
        }
    }

    /// Decides about all that was read: the log ends here.
    pub fn end(&mut self) {
        while !self.ahead.is_empty() && !self.is_done() {
            self.step();
        }
        if !self.is_done() {
            for watch in &mut self.watches {
                watch.decide_late(Position::MAX, &mut self.view, &mut self.findings);
                watch.end(self.reacted.get(watch.saga.name).copied(), &mut self.findings);
            }
        }
        self.findings.report.stopped = self.is_enough();
    }

    /// Commands that seem to have been lost; who knows the queues can tell whether they are on their way.
    #[must_use]
    pub fn unanswered(&self) -> Vec<String> {
        self.findings.unanswered()
    }

    /// What came of it; of the unanswered commands, these are on their way.
    #[must_use]
    pub fn finish(self, on_their_way: &BTreeSet<String>) -> Report {
        self.findings.finish(on_their_way)
    }
}
