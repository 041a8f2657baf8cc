//! One saga's reactions: recorded, decided, concluded.

use std::{collections::VecDeque, sync::Arc};

use kernel::{DECISIONS, Decided, Effect, Event, Failure, Occurrence, Position, Row, SagaHandler, Then, View};
use runtime::host::guarded;

use super::{AHEAD, Happening, Loose, Origin, Reaction, Standing, own::Own};
use crate::causes::Match;

/// After how many entries a reaction that asks for nothing, and of which there is no trace, is taken to be over.
const QUIET: u64 = 8 * AHEAD as u64;

/// One saga, and what it has to do with the log.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) saga: SagaHandler,
    /// In log order of their events: those in sight, in flight, and over only lately.
    slots: VecDeque<Slot>,
    /// Decided and not concluded, in order.
    open: VecDeque<u64>,
    /// To be decided again when the view gets there, in order.
    late: VecDeque<u64>,
    own: Own,
    /// The last event that it is known to have reacted to.
    passed: Option<u64>,
    /// Whether a reaction was taken to be over that may not be.
    presumes: bool,
    /// Whether it has left any trace in the log.
    has_run: bool,
    /// Of each reaction that appended something the event's place, and the place of the last that it appended.
    fed: VecDeque<(u64, u64)>,
}

/// A reaction to the event at a place in the log.
#[derive(Debug)]
struct Slot {
    place: u64,
    event: Arc<Event>,
    /// When it was decided, if it says so.
    as_of: Option<Position>,
    /// What the log has as the reaction; records of decisions are no effects.
    held: Vec<Arc<Event>>,
    /// Which of these don't say so themselves.
    inferred: Vec<(usize, Match)>,
    state: State,
}

/// How far a reaction is.
#[derive(Debug)]
enum State {
    /// The view has not reached the event.
    Ahead,
    /// It is decided.
    Made(Made),
    /// It is told.
    Over,
    /// It is of no concern, or can't be made again.
    Skipped,
}

/// A decision made again.
#[derive(Debug)]
struct Made {
    /// The row just before the event, until it will not be decided again.
    before: Option<Row>,
    /// How many entries were read by then; what the saga had in front may stand behind them. All, when it was decided
    /// again later.
    read: u64,
    outcome: Result<Decided, Failure>,
}

impl Slot {
    /// Takes note of when it was decided, where that is not known.
    fn decided(&mut self, as_of: Position, view: &View, late: &mut VecDeque<u64>, out: &mut VecDeque<Happening>) {
        if self.as_of.is_some() {
            return;
        }
        self.as_of = Some(as_of);
        if as_of > self.event.position && matches!(self.state, State::Ahead | State::Made(_)) {
            if as_of < view.position() {
                self.state = State::Skipped;
                out.push_back(Happening::Unchecked);
            } else {
                late.push_back(self.place);
            }
        }
    }
}

impl Made {
    /// Whether nothing would come of it.
    fn is_quiet(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|decided| decided.effects.is_empty())
    }
}

impl Watch {
    pub(super) fn new(saga: SagaHandler) -> Self {
        Self {
            saga,
            slots: VecDeque::new(),
            open: VecDeque::new(),
            late: VecDeque::new(),
            own: Own::default(),
            passed: None,
            presumes: false,
            has_run: false,
            fed: VecDeque::new(),
        }
    }

    /// Takes note of an event that it reacts to, before the view gets there.
    pub(super) fn expect(&mut self, place: u64, event: &Arc<Event>, is_covered: bool) {
        let state = if is_covered { State::Ahead } else { State::Skipped };
        let (held, inferred, event) = (Vec::new(), Vec::new(), Arc::clone(event));
        self.slots.push_back(Slot { place, event, as_of: None, held, inferred, state });
    }

    /// Takes note of an effect of its own or of a service that it sent a command to, before the view gets there.
    ///
    /// `cause` is the place of the event that it says it reacts to. Tells whether it belongs to a reaction that is
    /// not over.
    pub(super) fn note(
        &mut self,
        (cause, place): (Option<u64>, u64),
        event: &Arc<Event>,
        origin: Origin,
        view: &View,
        out: &mut VecDeque<Happening>,
    ) -> bool {
        self.has_run = true;
        let Some(slot) = cause.and_then(|cause| slot(&mut self.slots, cause)) else { return false };
        let cause = slot.place;
        let mut belongs = true;
        if event.meta.command.is_none() {
            slot.decided(event.meta.as_of.unwrap_or_default(), view, &mut self.late, out);
            belongs = !matches!(slot.state, State::Over);
            match self.fed.back_mut() {
                Some((last, fed)) if *last == cause => *fed = place,
                Some(_) | None => self.fed.push_back((cause, place)),
            }
            if &*event.topic != DECISIONS {
                if let Origin::Inferred(how) = origin {
                    slot.inferred.push((slot.held.len(), how));
                }
                slot.held.push(Arc::clone(event));
                if self.saga.reads.contains(&&*event.topic) {
                    self.own.push(cause, event);
                }
            }
        }
        self.advance(cause, out);
        belongs
    }

    /// Takes note that it has decided about the event at place `cause` as of `as_of`, of which no event tells.
    pub(super) fn note_decided(&mut self, cause: u64, as_of: Position, view: &View, out: &mut VecDeque<Happening>) {
        self.has_run = true;
        if let Some(slot) = slot(&mut self.slots, cause) {
            slot.decided(as_of, view, &mut self.late, out);
        }
        self.advance(cause, out);
    }

    /// What is known of the cause of an effect.
    pub(super) fn cause(&mut self, place: Option<u64>) -> Loose {
        match place.and_then(|place| slot(&mut self.slots, place)) {
            Some(Slot { place, event, as_of, state: State::Over, .. }) => {
                Loose::Over { cause: *place, event: Arc::clone(event), as_of: as_of.unwrap_or(event.position) }
            }
            Some(_) => Loose::Open,
            None if self.presumes => Loose::Unchecked,
            None => Loose::Unknown,
        }
    }

    /// Takes note that it has reacted to the event at `place`, and so to all before it.
    fn advance(&mut self, place: u64, out: &mut VecDeque<Happening>) {
        self.passed = self.passed.max(Some(place));
        self.sweep(place, out);
    }

    /// Concludes reactions that left no trace and are known to be over.
    fn sweep(&mut self, now: u64, out: &mut VecDeque<Happening>) {
        while let Some(&place) = self.open.front() {
            let Some(slot) = slot(&mut self.slots, place) else {
                self.open.pop_front();
                continue;
            };
            match &slot.state {
                State::Made(_) if slot.as_of.is_none() && self.passed >= Some(place) => self.conclude(place, out),
                State::Made(made) if slot.as_of.is_none() && made.is_quiet() && now > place + QUIET => {
                    let standing = if self.has_run { Standing::Over } else { Standing::NeverRan };
                    if let State::Made(made) = std::mem::replace(&mut slot.state, State::Skipped) {
                        out.push_back(reacted(&self.saga, slot, made, standing, true));
                    }
                    self.presumes = true;
                }
                State::Over | State::Skipped => {}
                State::Made(_) | State::Ahead => break,
            }
            self.open.pop_front();
        }
    }

    /// Decides what was decided after the event, once the view has come as far as it will before `position`.
    pub(super) fn decide_late(&mut self, position: Position, view: &mut View, out: &mut VecDeque<Happening>) {
        while let Some(&place) = self.late.front() {
            let Some(slot) = slot(&mut self.slots, place) else {
                self.late.pop_front();
                continue;
            };
            if slot.as_of.is_none_or(|as_of| as_of >= position) {
                break;
            }
            self.late.pop_front();
            match std::mem::replace(&mut slot.state, State::Skipped) {
                State::Made(made) if slot.as_of >= Some(view.position()) => {
                    let Made { before, outcome, .. } = made;
                    let then = outcome.map(|decided| decided.then).unwrap_or_default();
                    let (saga, event) = (self.saga, &slot.event);
                    let outcome = self.own.later(place, view, |view| decide(&saga, event, before.as_ref(), then, view));
                    slot.state = State::Made(Made { before: None, read: u64::MAX, outcome });
                }
                State::Made(_) => out.push_back(Happening::Unchecked),
                other @ (State::Ahead | State::Over | State::Skipped) => slot.state = other,
            }
        }
    }

    /// Decides about the event at `place`, which the view has just reached, with the row that was there before.
    pub(super) fn meet(
        &mut self,
        place: u64,
        before: Option<&Row>,
        read: u64,
        view: &mut View,
        out: &mut VecDeque<Happening>,
    ) {
        let Some(slot) = slot(&mut self.slots, place) else { return };
        if !matches!(slot.state, State::Ahead) {
            return;
        }
        let before = before.filter(|_| self.saga.reads.contains(&&*slot.event.topic)).cloned();
        let (saga, event) = (self.saga, &slot.event);
        let outcome =
            self.own.in_front(place, view, |view| decide(&saga, event, before.as_ref(), Then::default(), view));
        slot.state = State::Made(Made { before, read, outcome });
        self.open.push_back(place);
        self.sweep(place, out);
    }

    /// Gives up an event that can't be read: its host has set it aside.
    pub(super) fn skip(&mut self, place: u64) {
        if let Some(slot) = slot(&mut self.slots, place) {
            slot.state = State::Skipped;
        }
    }

    /// Concludes the reaction to the event at place `cause`, whose first effect the view is about to reach.
    pub(super) fn arrive(&mut self, cause: u64, out: &mut VecDeque<Happening>) {
        if slot(&mut self.slots, cause).is_some_and(|slot| matches!(slot.state, State::Made(_))) {
            self.conclude(cause, out);
            self.sweep(cause, out);
        }
    }

    /// Tells a decision with what the log has of it.
    fn conclude(&mut self, place: u64, out: &mut VecDeque<Happening>) {
        let Some(slot) = slot(&mut self.slots, place) else { return };
        let State::Made(made) = std::mem::replace(&mut slot.state, State::Over) else { return };
        let before = self.fed.partition_point(|(cause, _)| *cause < place);
        let in_front = before.checked_sub(1).and_then(|last| self.fed.get(last));
        let is_exact = in_front.is_none_or(|(_, fed)| *fed < made.read);
        out.push_back(reacted(&self.saga, slot, made, Standing::Over, is_exact));
    }

    /// Forgets what has been over for long; `place` is where the view is. Gives the place of the oldest that it knows.
    pub(super) fn forget(&mut self, place: u64) -> u64 {
        while let Some(first) = self.slots.front()
            && first.place + (AHEAD as u64) < place
            && matches!(first.state, State::Over | State::Skipped)
        {
            self.slots.pop_front();
        }
        let oldest = self.slots.front().map_or(u64::MAX, |slot| slot.place);
        while self.fed.get(1).is_some_and(|(cause, _)| *cause < oldest) {
            self.fed.pop_front();
        }
        oldest
    }

    /// Takes note that the event with this identifier happened, which the log does not hold: whoever would have
    /// appended it has done so.
    pub(super) fn betray(&mut self, id: &str, out: &mut VecDeque<Happening>) {
        let promises = |slot: &&Slot| {
            let State::Made(Made { outcome: Ok(decided), .. }) = &slot.state else { return false };
            decided.effects.iter().any(|effect| matches!(effect, Effect::Append(draft) if draft.id == id))
        };
        if let Some(place) = self.slots.iter().find(promises).map(|slot| slot.place) {
            self.advance(place, out);
        }
    }

    /// Whether nothing is left to be concluded of what the view has reached.
    pub(super) fn is_settled(&self) -> bool {
        self.open.is_empty() && self.late.is_empty()
    }

    /// Concludes all that the saga had reacted to, and tells what it still has to do.
    pub(super) fn end(&mut self, reacted_to: Option<Position>, out: &mut VecDeque<Happening>) {
        let has_run = self.has_run || reacted_to.is_some();
        while let Some(place) = self.open.pop_front() {
            let Some(slot) = slot(&mut self.slots, place) else { continue };
            let State::Made(made) = &slot.state else { continue };
            let is_over = reacted_to.is_some_and(|reacted| slot.event.position <= reacted);
            if is_over {
                self.conclude(place, out);
                continue;
            }
            let standing = match (has_run, made.is_quiet()) {
                (true, true) => Standing::Over,
                (true, false) => Standing::Waiting,
                (false, _) => Standing::NeverRan,
            };
            if let State::Made(made) = std::mem::replace(&mut slot.state, State::Over) {
                out.push_back(reacted(&self.saga, slot, made, standing, true));
            }
        }
    }
}

/// The reaction to the event at `place`.
fn slot(slots: &mut VecDeque<Slot>, place: u64) -> Option<&mut Slot> {
    let index = slots.binary_search_by_key(&place, |slot| slot.place).ok()?;
    slots.get_mut(index)
}

fn reacted(saga: &SagaHandler, slot: &mut Slot, made: Made, standing: Standing, is_exact: bool) -> Happening {
    Happening::Reacted(Reaction {
        place: slot.place,
        event: Arc::clone(&slot.event),
        handler: saga.name,
        as_of: slot.as_of.unwrap_or(slot.event.position),
        is_recorded: slot.as_of.is_some(),
        outcome: made.outcome,
        held: std::mem::take(&mut slot.held),
        inferred: std::mem::take(&mut slot.inferred),
        standing,
        is_exact,
    })
}

fn decide(
    saga: &SagaHandler,
    event: &Event,
    before: Option<&Row>,
    then: Then,
    view: &View,
) -> Result<Decided, Failure> {
    let mut decision = saga.decision(event, view).recalling(then);
    guarded(|| {
        saga.react(&Occurrence { event, before }, &mut decision)?;
        Ok(decision.finish())
    })
}
