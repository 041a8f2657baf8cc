//! One saga's reactions: recorded, decided, concluded.

use std::{collections::VecDeque, sync::Arc};

use hashbrown::HashSet;
use kernel::{DECISIONS, Effect, Event, Position, Row, SagaHandler, Then, View};

use super::{
    Happening, Loose, Origin, Standing, decide,
    own::Own,
    slots::{Id, Made, Slot, Slots, State, Turn},
};

/// What comes of it.
pub(super) type Out = VecDeque<Happening>;

/// After how many times as many entries as are read ahead a reaction that asks for nothing, and of which there is no
/// trace, is taken to be over.
const QUIET: u64 = 8;

/// How many reactions may wait to be heard of; of more, the oldest is told as it stands.
const MOST_OPEN: usize = 65_536;

/// One saga, and what it has to do with the log.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) saga: SagaHandler,
    /// How many entries are read ahead of the view.
    ahead: u64,
    /// How far it has come, where the store knows.
    reacted_to: Option<Position>,
    slots: Slots,
    /// Decided and not concluded, in order.
    open: VecDeque<Turn>,
    /// To be decided when the view gets there, in order.
    late: VecDeque<Turn>,
    own: Own,
    /// Events that it has set aside, or had: what comes of them comes out of turn, if anything does.
    aside: HashSet<Id>,
    /// The last turn that it is known to have taken.
    passed: Option<Turn>,
    /// Whether a reaction was taken to be over that may not be.
    presumes: bool,
    /// Whether it has left any trace in the log.
    has_run: bool,
    /// Of each reaction that appended something its turn, and the place of the last that it appended.
    fed: VecDeque<(Turn, u64)>,
}

impl Watch {
    pub(super) fn new(saga: SagaHandler, ahead: usize) -> Self {
        Self {
            saga,
            ahead: ahead as u64,
            reacted_to: None,
            slots: Slots::default(),
            open: VecDeque::new(),
            late: VecDeque::new(),
            own: Own::default(),
            aside: HashSet::default(),
            passed: None,
            presumes: false,
            has_run: false,
            fed: VecDeque::new(),
        }
    }

    /// Takes note of how far it has come, from who knows.
    pub(super) const fn has_reacted_to(&mut self, position: Option<Position>) {
        self.reacted_to = position;
    }

    /// Takes note of an event that it reacts to, before the view gets there.
    pub(super) fn expect(&mut self, place: u64, event: &Arc<Event>, is_covered: bool) {
        let state = if is_covered { State::Ahead } else { State::Skipped };
        let (held, inferred, event) = (Vec::new(), Vec::new(), Arc::clone(event));
        self.slots.push(Slot { place, event, as_of: None, held, inferred, state });
    }

    /// Takes note of an event that it has set aside, before the view gets there.
    pub(super) fn set_aside(&mut self, place: u64, event: &Arc<Event>) {
        self.aside.insert(Id::of(&event.id));
        self.expect(place, event, false);
    }

    /// Takes note of an effect of its own or of a service that it sent a command to, before the view gets there.
    ///
    /// Tells whether it belongs to a reaction that is not over.
    pub(super) fn note(
        &mut self,
        cause: Id,
        (place, origin): (u64, Origin),
        event: &Arc<Event>,
        view: &View,
        out: &mut Out,
    ) -> bool {
        self.has_run = true;
        let Some(turn) = self.slots.turn(cause) else { return false };
        let Some(slot) = self.slots.get(turn) else { return false };
        let mut belongs = true;
        if event.meta.command.is_none() {
            let told = out.len();
            if slot.decided(event.meta.as_of.unwrap_or_default(), view, out) {
                self.late.push_back(turn);
            }
            // What was given up will be forgotten before all that came of it has come.
            self.presumes |= out.len() > told;
            belongs = !matches!(slot.state, State::Over);
            match self.fed.back_mut() {
                Some((last, fed)) if *last == turn => *fed = place,
                Some(_) | None => self.fed.push_back((turn, place)),
            }
            if &*event.topic != DECISIONS {
                if let Origin::Inferred(how) = origin {
                    slot.inferred.push((slot.held.len(), how));
                }
                slot.held.push(Arc::clone(event));
                if self.saga.reads.contains(&&*event.topic) {
                    self.own.push(turn, event);
                }
            }
        }
        self.advance(turn, out);
        belongs
    }

    /// Takes note that it has decided about this event as of `as_of`, of which no event tells.
    pub(super) fn note_decided(&mut self, cause: Id, as_of: Position, view: &View, out: &mut Out) {
        self.has_run = true;
        let Some(turn) = self.slots.turn(cause) else { return };
        if self.slots.get(turn).is_some_and(|slot| slot.decided(as_of, view, out)) {
            self.late.push_back(turn);
        }
        self.advance(turn, out);
    }

    /// What is known of the cause of an effect.
    pub(super) fn cause(&mut self, cause: Id) -> Loose {
        match self.slots.turn(cause).and_then(|turn| self.slots.get(turn)) {
            Some(Slot { place, event, as_of, state: State::Over, .. }) => {
                Loose::Over { cause: *place, event: Arc::clone(event), as_of: as_of.unwrap_or(event.position) }
            }
            Some(_) => Loose::Open,
            None if self.presumes || self.aside.contains(&cause) => Loose::Unchecked,
            None => Loose::Unknown,
        }
    }

    /// Takes note that it has taken this turn, and so all before it.
    fn advance(&mut self, turn: Turn, out: &mut Out) {
        self.passed = self.passed.max(Some(turn));
        let now = self.slots.get(turn).map_or(0, |slot| slot.place);
        self.sweep(now, out);
    }

    /// Concludes reactions that left no trace and are known to be over; `now` is where the view is at least.
    fn sweep(&mut self, now: u64, out: &mut Out) {
        while let Some(&turn) = self.open.front() {
            let Some(slot) = self.slots.get(turn) else {
                self.open.pop_front();
                continue;
            };
            match &slot.state {
                State::Made(_) if slot.as_of.is_none() && self.passed >= Some(turn) => self.conclude(turn, out),
                State::Made(made)
                    if slot.as_of.is_none() && made.is_quiet() && now > slot.place + QUIET * self.ahead =>
                {
                    let standing = if self.has_run { Standing::Over } else { Standing::NeverRan };
                    slot.tell(&self.saga, State::Skipped, standing, true, out);
                    self.presumes = true;
                }
                State::Over | State::Skipped => {}
                State::Made(_) if slot.as_of.is_none() && self.open.len() > MOST_OPEN => {
                    let standing = if self.has_run { Standing::Waiting } else { Standing::NeverRan };
                    slot.tell(&self.saga, State::Skipped, standing, true, out);
                    self.presumes = true;
                }
                State::Made(_) | State::Met(..) | State::Ahead => break,
            }
            self.open.pop_front();
        }
    }

    /// Decides what was decided after the event, once the view has come as far as it will before `position`.
    pub(super) fn decide_late(&mut self, position: Position, view: &mut View, out: &mut Out) {
        while let Some(&turn) = self.late.front() {
            let Some(slot) = self.slots.get(turn) else {
                self.late.pop_front();
                continue;
            };
            if slot.as_of.is_none_or(|as_of| as_of >= position) {
                break;
            }
            self.late.pop_front();
            match std::mem::replace(&mut slot.state, State::Skipped) {
                State::Met(before, then) if slot.as_of >= Some(view.position()) => {
                    let (saga, event) = (self.saga, &slot.event);
                    let outcome = self.own.later(turn, view, |view| decide(&saga, event, before.as_ref(), then, view));
                    slot.state = State::Made(Made { before: None, read: u64::MAX, outcome });
                }
                State::Met(..) => out.push_back(Happening::Unchecked),
                other @ (State::Ahead | State::Made(_) | State::Over | State::Skipped) => slot.state = other,
            }
        }
    }

    /// Decides about the next event that it reacts to, which the view has just reached, with the row that was there
    /// before.
    ///
    /// What is known to have been decided later is decided now only if it may have asked of the past.
    pub(super) fn meet(&mut self, before: Option<&Row>, (place, read): (u64, u64), view: &mut View, out: &mut Out) {
        let turn = self.slots.next();
        let Some(slot) = self.slots.get(turn) else { return };
        if !matches!(slot.state, State::Ahead) {
            return;
        }
        let before = before.filter(|_| self.saga.reads.contains(&&*slot.event.topic)).cloned();
        let (saga, event) = (self.saga, &slot.event);
        slot.state = if slot.is_late() && saga.recalls.is_empty() {
            State::Met(before, Then::default())
        } else {
            let outcome =
                self.own.in_front(turn, view, |view| decide(&saga, event, before.as_ref(), Then::default(), view));
            State::Made(Made { before, read, outcome })
        };
        if slot.is_late() {
            slot.expect_late(view, out);
        }
        self.open.push_back(turn);
        self.sweep(place, out);
    }

    /// Gives up the next event that it reacts to, which can't be read: its host has set it aside.
    pub(super) fn skip(&mut self) {
        let turn = self.slots.next();
        if let Some(slot) = self.slots.get(turn) {
            slot.state = State::Skipped;
        }
    }

    /// Concludes the reaction whose first effect the view is about to reach.
    pub(super) fn arrive(&mut self, cause: Id, out: &mut Out) {
        let Some(turn) = self.slots.turn(cause) else { return };
        let Some(slot) = self.slots.get(turn) else { return };
        if let (State::Made(_), place) = (&slot.state, slot.place) {
            self.conclude(turn, out);
            self.sweep(place, out);
        }
    }

    /// Tells a decision with what the log has of it.
    fn conclude(&mut self, turn: Turn, out: &mut Out) {
        let Some(slot) = self.slots.get(turn) else { return };
        let State::Made(made) = &slot.state else { return };
        let before = self.fed.partition_point(|(earlier, _)| *earlier < turn);
        let in_front = before.checked_sub(1).and_then(|last| self.fed.get(last));
        let is_exact = in_front.is_none_or(|(_, fed)| *fed < made.read);
        // What the store knows it has reacted to, and of which there is no trace, it decided at once.
        let is_known = self.reacted_to.is_some_and(|reacted| slot.event.position <= reacted);
        slot.as_of = slot.as_of.or_else(|| is_known.then_some(slot.event.position));
        slot.tell(&self.saga, State::Over, Standing::Over, is_exact, out);
    }

    /// Forgets what has been over for long; `place` is where the view is.
    pub(super) fn forget(&mut self, place: u64, position: Position) {
        self.own.pass(position);
        let oldest = self
            .slots
            .forget(|slot| slot.place + self.ahead < place && matches!(slot.state, State::Over | State::Skipped));
        while self.fed.get(1).is_some_and(|(turn, _)| *turn < oldest) {
            self.fed.pop_front();
        }
    }

    /// Takes note that the event with this identifier happened, which the log does not hold: whoever would have
    /// appended it has done so.
    pub(super) fn betray(&mut self, id: &str, out: &mut Out) {
        let promises = |slot: &Slot| {
            let State::Made(Made { outcome: Ok(decided), .. }) = &slot.state else { return false };
            decided.effects.iter().any(|effect| matches!(effect, Effect::Append(draft) if draft.id == id))
        };
        if let Some(turn) = self.slots.find(promises) {
            self.advance(turn, out);
        }
    }

    /// Whether nothing is left to be concluded of what the view has reached.
    pub(super) fn is_settled(&self) -> bool {
        self.open.is_empty() && self.late.is_empty()
    }

    /// Concludes all that the saga had reacted to, and tells what it still has to do.
    pub(super) fn end(&mut self, out: &mut Out) {
        let has_run = self.has_run || self.reacted_to.is_some();
        while let Some(turn) = self.open.pop_front() {
            let Some(slot) = self.slots.get(turn) else { continue };
            let State::Made(made) = &slot.state else { continue };
            if self.reacted_to.is_some_and(|reacted| slot.event.position <= reacted) {
                self.conclude(turn, out);
                continue;
            }
            let standing = match (has_run, made.is_quiet()) {
                (true, true) => Standing::Over,
                (true, false) => Standing::Waiting,
                (false, _) => Standing::NeverRan,
            };
            slot.tell(&self.saga, State::Over, standing, true, out);
        }
    }
}
