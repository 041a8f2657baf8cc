//! Gives a whole log's events the origins that they don't say.

use std::{collections::VecDeque, sync::Arc};

use kernel::{Domain, Entry, Event, Position};

use super::{
    Fit, Inference, Window,
    pending::{Chosen, Pending},
};

/// Gives events that don't say where they came from the cause, the saga and the position of the decision that today's
/// sagas speak for.
///
/// What comes out is as if this program had written it, as far as that can be known. It comes out later than it went
/// in: when all that its sagas may do about it has come or is not waited for any more.
#[derive(Debug)]
pub struct Attribution {
    inference: Inference,
    window: Window,
    held: VecDeque<Held>,
    /// How many entries have come out.
    out: u64,
}

/// What comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all are entries")]
pub enum Attributed {
    /// An entry; with how it was found out what it is a reaction to, if it does not say so itself.
    Entry(Entry, Option<Match>),
    /// A saga has decided about an event as of later, for all that can be known, and has appended nothing then; this
    /// comes before the effects that others had for it.
    Decided {
        /// The event's identifier.
        cause: String,
        /// The saga.
        handler: &'static str,
        /// Where what it read was so that it would do as the log has it.
        as_of: Position,
    },
}

/// How an event was found to be a reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// Somebody would do exactly so.
    Exact,
    /// Somebody would do something like it.
    Alike,
    /// Somebody does so elsewhere, and had read what is changed, but would do nothing.
    Beside,
}

#[derive(Debug)]
struct Held {
    entry: Entry,
    origin: Option<Origin>,
    /// Decisions as of this entry of which nothing else tells.
    decided: Vec<Attributed>,
}

/// What an event that does not say is found to be a reaction to.
#[derive(Debug)]
struct Origin {
    event: Arc<Event>,
    handler: &'static str,
    as_of: Position,
    command: Option<String>,
    found: Match,
}

impl Attribution {
    /// Begins at the beginning of a log.
    #[must_use]
    pub fn new(domain: &Domain, window: Window) -> Self {
        let inference = Inference::new(domain, window);
        Self { inference, window, held: VecDeque::new(), out: 0 }
    }

    /// Takes in the next entry, and gives to `next` what is known by now.
    pub fn take(&mut self, entry: Entry, next: &mut impl FnMut(Attributed)) {
        self.inference.expire(entry.position());
        self.settle();
        let chosen = self.inference.follow(&entry, Pending::choose_beside);
        self.held.push_back(Held::new(entry, chosen));
        if self.held.len() > self.window.most
            && let Some(first) = self.held.front()
        {
            self.inference.pending.give_up(first.entry.position());
        }
        self.inference.pending.decide_over(&self.inference.domain, &self.inference.view, &self.inference.touched);
        self.settle();
        self.release(self.inference.pending.oldest(), next);
    }

    /// Gives all that is left: the log ends here.
    pub fn end(&mut self, next: &mut impl FnMut(Attributed)) {
        self.inference.expire(Position::MAX);
        self.settle();
        self.release(Position::MAX, next);
    }

    /// How many entries could not be read and how many reactions failed.
    #[must_use]
    pub const fn failures(&self) -> u64 {
        self.inference.failures()
    }

    /// Takes note of when what is over was decided.
    fn settle(&mut self) {
        for reaction in self.inference.pending.over() {
            let event = &reaction.event;
            let as_of = reaction.account.as_of(event.position);
            let mut appends = false;
            for effect in &reaction.account.effects {
                let Some(Held { origin: Some(origin), .. }) = self.held_at(effect.seq) else { continue };
                origin.as_of = as_of;
                appends |= origin.command.is_none();
            }
            for seq in &reaction.account.mistaken {
                let Some(held) = self.held_at(*seq) else { continue };
                held.origin = None;
            }
            if as_of > event.position && !appends && !reaction.account.is_recorded {
                let (cause, handler) = (event.id.clone(), reaction.saga.name);
                let until = self.held.partition_point(|held| held.entry.position() <= as_of);
                let last = until.checked_sub(1).and_then(|last| self.held.get_mut(last));
                last.into_iter().for_each(|held| {
                    held.decided.push(Attributed::Decided { cause: cause.clone(), handler, as_of });
                });
            }
        }
    }

    /// What stands at this place of the log, if it has not come out.
    fn held_at(&mut self, seq: u64) -> Option<&mut Held> {
        self.held.get_mut(usize::try_from(seq.checked_sub(self.out)?).ok()?)
    }

    /// Lets go what nothing more will be known about: what lies before the oldest reaction that is waited for.
    fn release(&mut self, oldest: Position, next: &mut impl FnMut(Attributed)) {
        while let Some(held) = self.held.pop_front_if(|held| held.entry.position() < oldest) {
            self.out += 1;
            held.give(next);
        }
    }
}

impl Held {
    fn new(entry: Entry, chosen: Option<Chosen>) -> Self {
        let origin = chosen.map(|Chosen { event, handler, fit, command }| {
            let found = match fit {
                Some(Fit::Exact) => Match::Exact,
                Some(Fit::Alike) => Match::Alike,
                None => Match::Beside,
            };
            Origin { as_of: event.position, event, handler, command, found }
        });
        Self { entry, origin, decided: Vec::new() }
    }

    fn give(self, next: &mut impl FnMut(Attributed)) {
        let entry = match (self.entry, self.origin) {
            (Entry::Event(mut event), Some(origin)) => {
                event.meta.cause = Some(origin.event.id.clone());
                event.meta.handler = Some(origin.handler.to_owned());
                event.meta.as_of = Some(origin.as_of);
                event.meta.command = origin.command;
                Attributed::Entry(Entry::Event(event), Some(origin.found))
            }
            (entry, _) => Attributed::Entry(entry, None),
        };
        next(entry);
        self.decided.into_iter().for_each(next);
    }
}

#[cfg(test)]
mod tests;
