//! Feeds a log to the sagas that would have reacted to it.

use std::{collections::VecDeque, ops::ControlFlow, sync::Arc};

use kernel::{Domain, Entry, Event, Junk, Position, View};
use runtime::host::sagas::consumer;

use super::{Happening, Known, Loose, Origin, Scope, slots::Id, watch::Watch};
use crate::causes::{Attributed, Attribution, Window};

/// Makes the decisions of a log again, as its entries come.
///
/// It holds the entities that the sagas read, the entries that are read [ahead](Scope::ahead), and reactions in flight.
#[derive(Debug)]
pub struct Replay {
    domain: Domain,
    scope: Scope,
    source: Source,
    view: View,
    /// Read and not folded yet.
    ahead: VecDeque<Ahead>,
    /// How many entries were read.
    read: u64,
    watches: Vec<Watch>,
    known: Known,
    /// Whether all that is asked for is decided and told.
    is_done: bool,
    out: VecDeque<Happening>,
}

/// Whether a log says where its events came from.
#[derive(Debug)]
enum Source {
    /// No event has been read but given ones, which are looked at in case it does not.
    Unread(Option<Box<Attribution>>),
    /// It does.
    Recorded,
    /// It is looked for.
    Inferred(Box<Attribution>),
}

/// An entry on its way to the view.
#[derive(Debug)]
enum Ahead {
    Event {
        event: Arc<Event>,
        /// Its place in the log.
        place: u64,
        /// Whether it is an effect that belongs to no reaction.
        is_stray: bool,
        origin: Origin,
    },
    /// Which saga has decided about the event at a place, and when, of which no event tells.
    Decided {
        watch: usize,
        cause: Id,
        as_of: Position,
    },
    Junk(Junk),
}

impl Replay {
    /// Begins at the beginning of a log.
    #[must_use]
    pub fn new(domain: &Domain, scope: Scope) -> Self {
        let sagas = domain.sagas().iter();
        let sagas = sagas.filter(|saga| scope.handler.as_deref().is_none_or(|only| only == saga.name));
        let read: Vec<&str> = sagas.clone().flat_map(|saga| saga.reads.iter().copied()).collect();
        Self {
            view: View::of(domain, &read),
            watches: sagas.map(|saga| Watch::new(*saga, scope.ahead)).collect(),
            domain: domain.clone(),
            scope,
            source: Source::Unread(None),
            ahead: VecDeque::new(),
            read: 0,
            known: Known::default(),
            is_done: false,
            out: VecDeque::new(),
        }
    }

    /// With what a store knows besides the log.
    #[must_use]
    pub fn known(mut self, known: Known) -> Self {
        for watch in &mut self.watches {
            watch.has_reacted_to(known.reacted.get(watch.saga.name).copied());
        }
        self.known = known;
        self
    }

    /// Takes in the next entry; what comes of it is [drained](Replay::drain).
    pub fn take(&mut self, entry: Entry) {
        if let Source::Unread(attribution) = &mut self.source {
            let attribution = attribution.take();
            self.source = self.source_of(&entry, attribution);
        }
        match std::mem::replace(&mut self.source, Source::Recorded) {
            Source::Recorded => {
                let origin = unfound(&entry);
                self.read(entry, origin);
            }
            Source::Unread(attribution) => {
                let mut attribution = attribution.unwrap_or_else(|| self.attribution());
                attribution.take(entry, &mut |next| self.attributed(next));
                self.source = Source::Unread(Some(attribution));
            }
            Source::Inferred(mut attribution) => {
                attribution.take(entry, &mut |next| self.attributed(next));
                self.source = Source::Inferred(attribution);
            }
        }
    }

    /// What the first event that is not only given says about the log.
    fn source_of(&mut self, entry: &Entry, attribution: Option<Box<Attribution>>) -> Source {
        match entry {
            Entry::Event(event) if event.meta.given => Source::Unread(attribution),
            Entry::Event(event) if event.meta.says_origin() => {
                attribution.into_iter().for_each(|mut begun| begun.end(&mut |next| self.attributed(next)));
                Source::Recorded
            }
            Entry::Event(_) => {
                self.out.push_back(Happening::Inferring(self.window()));
                Source::Inferred(attribution.unwrap_or_else(|| self.attribution()))
            }
            Entry::Junk(_) => Source::Unread(attribution),
        }
    }

    fn attribution(&self) -> Box<Attribution> {
        Box::new(Attribution::new(&self.domain, self.window()))
    }

    fn window(&self) -> Window {
        Window { time: self.scope.window, ..Window::default() }
    }

    /// Takes in what is known of the next entry of a log that does not say.
    fn attributed(&mut self, next: Attributed) {
        match next {
            Attributed::Entry(entry, found) => {
                let origin = found.map_or_else(|| unfound(&entry), Origin::Inferred);
                self.read(entry, origin);
            }
            Attributed::Decided { cause, handler, as_of } => {
                let watch = self.watches.iter().position(|watch| watch.saga.name == handler);
                if let Some(watch) = watch {
                    let cause = Id::of(&cause);
                    self.watches[watch].note_decided(cause, as_of, &self.view, &mut self.out);
                    self.ahead.push_back(Ahead::Decided { watch, cause, as_of });
                }
            }
        }
    }

    fn read(&mut self, entry: Entry, origin: Origin) {
        let place = self.read;
        self.read += 1;
        let ahead = match entry {
            Entry::Junk(junk) => Ahead::Junk(junk),
            Entry::Event(event) => {
                let event = Arc::new(event);
                self.expect(place, &event);
                let is_stray = self.note(place, &event, origin);
                Ahead::Event { event, place, is_stray, origin }
            }
        };
        self.ahead.push_back(ahead);
        if self.ahead.len() > self.scope.ahead {
            self.step();
        }
    }

    fn expect(&mut self, place: u64, event: &Arc<Event>) {
        let Self { scope, watches, known, .. } = self;
        let is_covered = scope.covers(&event.topic, event.position);
        for watch in watches.iter_mut().filter(|watch| watch.saga.wants(event)) {
            let is_parked =
                !known.parked.is_empty() && known.parked.contains(&(consumer(watch.saga.name), event.position));
            if is_parked {
                watch.set_aside(place, event);
            } else {
                watch.expect(place, event, is_covered);
            }
        }
    }

    /// Takes note of what a saga has done; tells whether it belongs to no reaction.
    fn note(&mut self, place: u64, event: &Arc<Event>, origin: Origin) -> bool {
        let Some((index, cause)) = self.origin(event) else { return false };
        !self.watches[index].note(cause, (place, origin), event, &self.view, &mut self.out)
    }

    /// Whose effect an event is, and of what.
    fn origin(&self, event: &Event) -> Option<(usize, Id)> {
        let (handler, cause) = (event.meta.handler.as_deref()?, event.meta.cause.as_deref()?);
        let index = self.watches.iter().position(|watch| watch.saga.name == handler)?;
        Some((index, Id::of(cause)))
    }

    /// Gives what has come of the entries so far, until it is told to break off.
    pub fn drain(&mut self, mut happens: impl FnMut(Happening) -> ControlFlow<()>) -> ControlFlow<()> {
        while let Some(happening) = self.out.pop_front() {
            happens(happening)?;
        }
        ControlFlow::Continue(())
    }

    /// Folds the next entry, and decides what is to be decided there.
    fn step(&mut self) {
        let Some(next) = self.ahead.pop_front() else { return };
        let position = match &next {
            Ahead::Event { event, .. } => event.position,
            Ahead::Decided { as_of, .. } => as_of.successor(),
            Ahead::Junk(junk) => junk.position,
        };
        for watch in &mut self.watches {
            watch.decide_late(position, &mut self.view, &mut self.out);
        }
        match next {
            Ahead::Event { event, place, is_stray, origin } => {
                self.arrive(place, &event, is_stray, origin);
                self.meet(place, &event, origin);
            }
            Ahead::Decided { watch, cause, .. } => self.watches[watch].arrive(cause, &mut self.out),
            Ahead::Junk(junk) => {
                // The view stands behind it now, and that is all there is to junk.
                let _ = self.view.apply(&Entry::Junk(junk));
                self.out.push_back(Happening::Junk);
            }
        }
        if !self.is_done && self.view.position() > self.scope.to && self.watches.iter().all(Watch::is_settled) {
            self.is_done = true;
            self.out.push_back(Happening::Done);
        }
    }

    /// Holds what a saga has done against what it would do.
    fn arrive(&mut self, place: u64, event: &Arc<Event>, is_stray: bool, origin: Origin) {
        let Some((index, cause)) = self.origin(event) else { return };
        if event.meta.command.is_none() && !is_stray {
            return self.watches[index].arrive(cause, &mut self.out);
        }
        let of = self.watches[index].cause(cause);
        if let (Loose::Unknown, true) = (&of, self.scope.is_everything()) {
            let cause = event.meta.cause.as_deref().unwrap_or_default();
            for watch in &mut self.watches {
                watch.betray(cause, &mut self.out);
            }
        }
        self.out.push_back(Happening::Loose { event: Arc::clone(event), place, of, origin });
    }

    /// Folds an event and lets the sagas decide about it.
    fn meet(&mut self, place: u64, event: &Arc<Event>, origin: Origin) {
        let applied = self.view.apply_event(event);
        let is_readable = applied.is_ok();
        let before = applied.unwrap_or_default();
        let folded = Arc::clone(event);
        self.out.push_back(Happening::Folded { event: folded, place, before: before.clone(), is_readable, origin });
        for watch in &mut self.watches {
            if watch.saga.wants(event) {
                if is_readable {
                    watch.meet(before.as_ref(), (place, self.read), &mut self.view, &mut self.out);
                } else {
                    watch.skip();
                }
            }
            watch.forget(place, self.view.position());
        }
    }

    /// Decides about all that was read: the log ends here.
    pub fn end(&mut self) {
        if let Source::Inferred(mut attribution) | Source::Unread(Some(mut attribution)) =
            std::mem::replace(&mut self.source, Source::Recorded)
        {
            attribution.end(&mut |next| self.attributed(next));
        }
        while !self.ahead.is_empty() && !self.is_done {
            self.step();
        }
        if !self.is_done {
            for watch in &mut self.watches {
                watch.decide_late(Position::MAX, &mut self.view, &mut self.out);
                watch.end(&mut self.out);
            }
        }
    }
}

/// How it is known where something came from that was not looked for, or not found.
fn unfound(entry: &Entry) -> Origin {
    match entry {
        Entry::Event(event) if !event.meta.says_origin() => Origin::Unknown,
        Entry::Event(_) | Entry::Junk(_) => Origin::Recorded,
    }
}
