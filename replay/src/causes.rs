//! Why events happened, where nobody wrote it down: matched by content.
//!
//! Events of this system say what caused them. Those of other programs don't, so today's sagas are asked what
//! they would do about each event, and what they would do is remembered for a while. An event that looks like
//! it was caused by the one that was reacted to.
//!
//! | part | what it does |
//! |---|---|
//! | `content` | compares what was predicted with what happened |
//! | `reaction` | one saga's reaction to one event: decided at the event, and again when what it read has changed |
//! | `pending` | reactions that are waited for, in the order of their causes, and the choice among them |
//! | `account` | what came of a reaction, and when it was decided by that |
//! | `touched` | what has changed lately, to tell which decisions no longer hold |
//! | [`Attribution`] | gives a whole log's events the origins that they don't say |
//!
//! It is a guess, and [`Fit`] says how good a one. A saga of this system decides as of its event or, when that
//! no longer holds, later, but nothing it read changes between decision and commit (R5, R7): so what it would
//! decide just before an event is what was decided if the event is its first effect. Both are compared; where
//! two causes fit equally, the earlier one is taken.

use std::{sync::Arc, time::Duration};

use kernel::{Domain, Entry, Event, Position, Tables, View};

use content::Content;
use pending::{Chosen, Pending, Spot};
use reaction::Reaction;
use touched::Touched;

pub use attribution::{Attributed, Attribution, Match};

mod account;
mod attribution;
mod content;
mod pending;
mod reaction;
mod touched;

/// How long effects are waited for, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How long after its cause an effect may come, by the wall-clock times of their positions.
    pub time: Duration,
    /// How many predictions may wait at once; when there are more, the oldest reactions are given up.
    ///
    /// A reaction that predicts nothing yet counts as one.
    pub most: usize,
}

impl Window {
    /// Long enough for a busy system: the original reacts within some 100 ms.
    pub const TIME: Duration = Duration::from_secs(10);

    /// More than a system that keeps up has in the air.
    pub const MOST: usize = 4_096;
}

impl Default for Window {
    fn default() -> Self {
        Self { time: Self::TIME, most: Self::MOST }
    }
}

/// Why an event happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Where the event stands that was reacted to.
    pub event: Position,
    /// Its topic.
    pub topic: Arc<str>,
    /// Its identifier.
    pub id: String,
    /// The saga that would have reacted so.
    pub handler: &'static str,
    /// How well what it would have done fits what happened.
    pub fit: Fit,
}

/// How well a prediction fits what happened; the better one is the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Topic, action and all content are the same; a new entity's id is not compared, since every program
    /// assigns its own.
    Exact,
    /// Topic and action are the same, and the entity, if it was there before; what is referred to is the same.
    /// The rest may differ, such as the wording of a mail or a stock's amount.
    ///
    /// What refers to nothing and is new must agree in at least one field.
    Alike,
}

/// Finds the causes of events that don't say.
#[derive(Debug)]
pub struct Inference {
    domain: Domain,
    window: Window,
    view: View,
    pending: Pending,
    touched: Touched,
    failures: u64,
    /// How many entries were taken in.
    taken: u64,
}

/// What an event may be where nothing that was predicted fits.
type Otherwise = fn(&mut Pending, &Content, &Domain, Spot) -> Option<Chosen>;

impl Inference {
    /// Begins at the beginning of a log.
    #[must_use]
    pub fn new(domain: &Domain, window: Window) -> Self {
        let read: Vec<&str> = domain.sagas().iter().flat_map(|saga| saga.reads.iter().copied()).collect();
        Self {
            view: View::of(domain, &read),
            domain: domain.clone(),
            window,
            pending: Pending::default(),
            touched: Touched::default(),
            failures: 0,
            taken: 0,
        }
    }

    /// Begins behind `at`, from the rows as of there.
    ///
    /// Effects of what came before are not recognised: who wants the cause of one event begins a
    /// [`Window::time`] before it.
    #[must_use]
    pub fn from_state(domain: &Domain, rows: &Tables, at: Position, window: Window) -> Self {
        let mut inference = Self::new(domain, window);
        for (topic, rows) in &rows.0 {
            rows.iter().for_each(|(key, row)| inference.view.restore(topic, key, row.as_str()));
        }
        inference.view = inference.view.at(at);
        inference
    }

    /// How many entries could not be read and how many reactions failed; they predict nothing.
    #[must_use]
    pub const fn failures(&self) -> u64 {
        self.failures
    }

    /// How many predictions are waited for.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.pending.weight()
    }

    /// Takes in the next entry of the log and says what caused it, if it does not say itself and a saga would
    /// have done it.
    ///
    /// An event whose origin is recorded is never given another one: its cause or, where a client asked for it,
    /// its command. Entries at or before the position that was begun at are passed over.
    pub fn take(&mut self, entry: &Entry) -> Option<Cause> {
        let found = self.follow(entry, |_, _, _, _| None);
        drop(self.pending.over());
        let Chosen { event, handler, fit, .. } = found?;
        Some(Cause { event: event.position, topic: event.topic.clone(), id: event.id.clone(), handler, fit: fit? })
    }

    /// As [`Inference::take`], of an event that no prediction fits what it is otherwise.
    fn follow(&mut self, entry: &Entry, otherwise: Otherwise) -> Option<Chosen> {
        self.taken += 1;
        if entry.position() <= self.view.position() {
            return None;
        }
        self.pending.expire(entry.position(), self.window.time);
        let Entry::Event(event) = entry else {
            self.failures += 1;
            // The view stands behind it now, and that is all there is to junk.
            let _ = self.view.apply(entry);
            return None;
        };
        let content = self.domain.topic(&event.topic).map(|topic| Content::of(topic, event)).transpose();
        let cause = match &content {
            Ok(Some(content)) => self.origin(event, content, otherwise),
            Ok(None) | Err(_) => None,
        };
        match (self.view.apply(entry), content) {
            (Ok(before), Ok(content)) => {
                content.iter().for_each(|content| self.touched.note(&self.domain, content, event.position));
                self.react(event, before.as_ref());
            }
            (Err(_), _) | (_, Err(_)) => self.failures += 1,
        }
        cause
    }

    /// Uses up the prediction that `event` fulfils; gives its cause if the event does not say.
    fn origin(&mut self, event: &Event, content: &Content, otherwise: Otherwise) -> Option<Chosen> {
        if let (Some(cause), Some(handler)) = (&event.meta.cause, &event.meta.handler) {
            self.pending.use_up(&self.domain, content, (cause, handler));
        }
        if event.meta.says_origin() {
            return None;
        }
        for reaction in self.pending.undecided() {
            if self.touched.since(reaction.as_of, &reaction.reads) {
                // What fails only now may not have failed when it was decided.
                let _ = reaction.decide_again(&self.domain, &self.view);
            }
        }
        let changes = !content.is_in(&self.view);
        let spot = Spot { position: event.position, seq: self.taken - 1, before: self.view.position() };
        let found = self.pending.choose(&self.domain, content, spot, changes);
        found.or_else(|| otherwise(&mut self.pending, content, &self.domain, spot))
    }

    /// Gives up what would have been waited for too long at `now`; decides it a last time.
    fn expire(&mut self, now: Position) {
        self.pending.expire(now, self.window.time);
        self.pending.decide_over(&self.domain, &self.view, &self.touched);
    }

    /// Lets every saga that wants the event decide on the view right after it (R7).
    fn react(&mut self, event: &Event, before: Option<&kernel::Row>) {
        let mut shared = None;
        for saga in self.domain.sagas().iter().filter(|saga| saga.wants(event)) {
            let event = shared.get_or_insert_with(|| Arc::new(event.clone()));
            let before = before.filter(|_| saga.reads.contains(&&*event.topic));
            match Reaction::new(*saga, event, before, &self.domain, &self.view) {
                Ok(reaction) => self.pending.push(reaction),
                Err(_) => self.failures += 1,
            }
        }
        self.pending.limit(self.window.most);
        self.touched.forget_before(self.pending.oldest());
    }
}

#[cfg(test)]
mod tests;
