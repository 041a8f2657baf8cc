//! One saga's reactions, in log order of their events.

use std::{collections::VecDeque, sync::Arc};

use hashbrown::HashMap;
use kernel::{Decided, Event, Failure, Position, Row, SagaHandler, Then, View};
use xxhash_rust::xxh3::xxh3_128;

use super::{Happening, Reaction, Standing, watch::Out};
use crate::causes::Match;

/// Which of a saga's reactions, counted from 0 in log order of their events.
pub(super) type Turn = u64;

/// What stands for an event's identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id(u128);

impl Id {
    pub(super) fn of(id: &str) -> Self {
        Self(xxh3_128(id.as_bytes()))
    }
}

/// Reactions in log order of their events: those in sight, in flight, and over only lately.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: VecDeque<Slot>,
    /// The turn of the first.
    first: Turn,
    /// The turn of the first whose event the view has not reached.
    next: Turn,
    turns: HashMap<Id, Turn>,
}

impl Slots {
    pub(super) fn push(&mut self, slot: Slot) {
        let turn = self.first + self.slots.len() as u64;
        self.turns.insert(Id::of(&slot.event.id), turn);
        self.slots.push_back(slot);
    }

    /// The turn of the reaction to this event.
    pub(super) fn turn(&self, event: Id) -> Option<Turn> {
        self.turns.get(&event).copied()
    }

    pub(super) fn get(&mut self, turn: Turn) -> Option<&mut Slot> {
        let index = turn.checked_sub(self.first)?;
        self.slots.get_mut(usize::try_from(index).ok()?)
    }

    /// The turn whose event the view reaches next.
    pub(super) const fn next(&mut self) -> Turn {
        let next = self.next;
        self.next += 1;
        next
    }

    pub(super) fn find(&self, is_meant: impl Fn(&Slot) -> bool) -> Option<Turn> {
        let index = self.slots.iter().position(is_meant)?;
        Some(self.first + index as u64)
    }

    /// Forgets the first ones as long as they may be forgotten; gives the first turn that is left.
    pub(super) fn forget(&mut self, may_go: impl Fn(&Slot) -> bool) -> Turn {
        while let Some(gone) = self.slots.pop_front_if(|slot| may_go(slot)) {
            let id = Id::of(&gone.event.id);
            if self.turns.get(&id) == Some(&self.first) {
                self.turns.remove(&id);
            }
            self.first += 1;
        }
        self.first
    }
}

/// A reaction to the event at a place in the log.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) place: u64,
    pub(super) event: Arc<Event>,
    /// When it was decided, if it says so.
    pub(super) as_of: Option<Position>,
    /// What the log has as the reaction; records of decisions are no effects.
    pub(super) held: Vec<Arc<Event>>,
    /// Which of these don't say so themselves.
    pub(super) inferred: Vec<(usize, Match)>,
    pub(super) state: State,
}

/// How far a reaction is.
#[derive(Debug)]
pub(super) enum State {
    /// The view has not reached the event.
    Ahead,
    /// The view has passed the event and will come to where it was decided: the row just before, and what the saga
    /// asked of the past.
    Met(Option<Row>, Then),
    /// It is decided.
    Made(Made),
    /// It is told.
    Over,
    /// It is of no concern, or can't be made again.
    Skipped,
}

/// A decision made again.
#[derive(Debug)]
pub(super) struct Made {
    /// The row just before the event, for when it is decided again.
    pub(super) before: Option<Row>,
    /// How many entries were read by then; what the saga had in front may stand behind them. All, when it was decided
    /// again later.
    pub(super) read: u64,
    pub(super) outcome: Result<Decided, Failure>,
}

impl Made {
    /// Whether nothing would come of it.
    pub(super) fn is_quiet(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|decided| decided.effects.is_empty())
    }
}

impl Slot {
    /// Whether it says that it was decided after its event.
    pub(super) fn is_late(&self) -> bool {
        self.as_of.is_some_and(|as_of| as_of > self.event.position)
    }

    /// Takes note of when it was decided, where that is not known; tells whether that is later than the event.
    pub(super) fn decided(&mut self, as_of: Position, view: &View, out: &mut Out) -> bool {
        if self.as_of.is_some() {
            return false;
        }
        self.as_of = Some(as_of);
        if self.is_late() {
            self.expect_late(view, out);
        }
        self.is_late()
    }

    /// What was decided at the event is decided again later; once the view is behind that, it is too late.
    pub(super) fn expect_late(&mut self, view: &View, out: &mut Out) {
        self.state = match std::mem::replace(&mut self.state, State::Skipped) {
            State::Ahead | State::Made(_) | State::Met(..) if self.as_of < Some(view.position()) => {
                out.push_back(Happening::Unchecked);
                State::Skipped
            }
            State::Made(made) => State::Met(made.before, made.outcome.map(|decided| decided.then).unwrap_or_default()),
            other @ (State::Ahead | State::Met(..) | State::Over | State::Skipped) => other,
        };
    }

    /// Tells the decision that was made.
    pub(super) fn tell(&mut self, saga: &SagaHandler, then: State, standing: Standing, is_exact: bool, out: &mut Out) {
        let State::Made(made) = std::mem::replace(&mut self.state, then) else { return };
        let reaction = Reaction {
            place: self.place,
            event: Arc::clone(&self.event),
            handler: saga.name,
            as_of: self.as_of.unwrap_or(self.event.position),
            is_recorded: self.as_of.is_some(),
            outcome: made.outcome,
            held: std::mem::take(&mut self.held),
            inferred: std::mem::take(&mut self.inferred),
            standing,
            is_exact,
        };
        out.push_back(Happening::Reacted(Box::new(reaction)));
    }
}
