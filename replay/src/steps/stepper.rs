//! Gathers what belongs to each event of a log.

use std::{
    collections::{HashMap, VecDeque},
    ops::ControlFlow,
    sync::Arc,
};

use kernel::{DECISIONS, Domain, Effect, Entry, Event, Junk, Position};

use super::{
    AHEAD, Scope, Step,
    lately::Lately,
    marks::{self, Answer, Reacted},
    rows::Rows,
};
use crate::{
    life::Mention,
    reactions::{Happening, Known, Loose, Origin, Reaction, Replay, Standing},
};

/// How many entries a step waits for what its sagas decide, at most: longer than any reaction is left open of which
/// there is no trace.
const PATIENCE: u64 = 12 * AHEAD as u64;

/// Gives the steps of a log, as its entries come.
///
/// It holds the living entities and the last [`AHEAD`] steps, more where a saga is late.
#[derive(Debug)]
pub struct Stepper {
    domain: Domain,
    scope: Scope,
    replay: Replay,
    known: Known,
    /// Entries that are no events, until it is their turn.
    junk: VecDeque<Junk>,
    rows: Rows,
    lately: Lately,
    /// In log order.
    waiting: VecDeque<Waiting>,
    /// The places of those, by the event's identifier.
    places: HashMap<String, u64>,
    /// The latest cause of which a command was served, by saga and topic of the command.
    served: HashMap<(&'static str, String), u64>,
    /// How many entries were folded.
    folded: u64,
    /// How many of those that were asked for say what was decided.
    recorded: u64,
    /// Where the last of them stands.
    position: Position,
    begins_us: Option<u64>,
    /// Whether the log does not say where its events came from.
    is_foreign: bool,
    is_over: bool,
}

/// A step, and what is known of what its sagas decide.
#[derive(Debug)]
struct Waiting {
    place: u64,
    step: Step,
    /// The sagas that decide about it.
    sagas: Vec<&'static str>,
    reactions: Vec<Reacted>,
    answers: Vec<Answer>,
}

impl Stepper {
    /// Begins at the beginning of a log.
    #[must_use]
    pub fn new(domain: &Domain, scope: Scope) -> Self {
        // What comes of the last events is seen in what comes after them.
        let replay = Replay::new(domain, Scope { to: Position::MAX, ..scope.clone() });
        Self {
            domain: domain.clone(),
            scope,
            replay,
            known: Known::default(),
            junk: VecDeque::new(),
            rows: Rows::default(),
            lately: Lately::new(PATIENCE as usize),
            waiting: VecDeque::new(),
            places: HashMap::new(),
            served: HashMap::new(),
            folded: 0,
            recorded: 0,
            position: Position::ZERO,
            begins_us: None,
            is_foreign: false,
            is_over: false,
        }
    }

    /// With what a store knows besides the log.
    #[must_use]
    pub fn known(mut self, known: Known) -> Self {
        self.replay = self.replay.known(known.clone());
        self.known = known;
        self
    }

    /// Takes in the next entry.
    pub fn take(&mut self, entry: Entry) {
        if let Entry::Junk(junk) = &entry {
            self.junk.push_back(junk.clone());
        }
        self.replay.take(entry);
        self.follow();
    }

    /// Says that the log ends here.
    pub fn end(&mut self) {
        self.replay.end();
        self.follow();
        self.is_over = true;
    }

    /// Shows `visit` the steps that nothing more belongs to; breaks off when it does, or when no more will come.
    pub fn drain(&mut self, visit: &mut impl FnMut(Step) -> ControlFlow<()>) -> ControlFlow<()> {
        while let Some(first) = self.waiting.pop_front_if(|first| first.is_ready(self.folded) || self.is_over) {
            self.places.remove(&first.step.event.id);
            visit(self.told(first))?;
        }
        let is_past = self.position > self.scope.to && self.waiting.is_empty();
        if is_past || self.is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// How many entries, of those that were asked for, say what was decided, and so are no steps of their own.
    #[must_use]
    pub const fn recorded(&self) -> u64 {
        self.recorded
    }

    /// Takes in what has come of the entries so far.
    fn follow(&mut self) {
        let mut happenings = Vec::new();
        let _ = self.replay.drain(|happening| {
            happenings.push(happening);
            ControlFlow::Continue(())
        });
        for happening in happenings {
            match happening {
                Happening::Inferring(_) => self.is_foreign = true,
                Happening::Folded { event, place, origin, .. } => self.fold(&event, place, origin),
                Happening::Junk => self.pass(),
                Happening::Reacted(reaction) => self.reacted(*reaction),
                Happening::Loose { event, of, origin, .. } => self.answered(event, &of, origin),
                Happening::Unchecked | Happening::Done => {}
            }
        }
    }

    fn fold(&mut self, event: &Arc<Event>, place: u64, origin: Origin) {
        let (change, unreadable) = match self.rows.fold(&self.domain, event, place) {
            Ok(change) => (change, None),
            Err(unreadable) => (None, Some(unreadable.0)),
        };
        self.rows.forget(place.saturating_sub(PATIENCE));
        self.lately.fold(event);
        let elapsed_us = self.reach(place, event.position);
        let sagas = if unreadable.is_none() { self.deciding(event) } else { Vec::new() };
        let is_wanted = self.scope.handler.is_none() || !sagas.is_empty();
        if !self.scope.covers(&event.topic, event.position) || !is_wanted {
            return;
        }
        // What the log says of decisions is shown with the events that they are about.
        if &*event.topic == DECISIONS {
            self.recorded += 1;
            return;
        }
        let inferred = match origin {
            Origin::Inferred(how) => Some(how),
            Origin::Recorded | Origin::Unknown => None,
        };
        let event_told = Mention::of(&self.domain, event);
        let origin = event.meta.clone();
        let cause = origin.cause.as_deref().and_then(|cause| self.lately.at(cause));
        let (event, decisions) = (event_told, Vec::new());
        let step = Step { event, elapsed_us, origin, cause, inferred, change, unreadable, decisions };
        self.places.insert(step.event.id.clone(), place);
        self.waiting.push_back(Waiting { place, step, sagas, reactions: Vec::new(), answers: Vec::new() });
    }

    /// The sagas that decide about an event.
    fn deciding(&self, event: &Event) -> Vec<&'static str> {
        let sagas = self.domain.sagas().iter().filter(|saga| saga.wants(event));
        let sagas = sagas.filter(|saga| self.scope.handler.as_deref().is_none_or(|only| only == saga.name));
        let set_aside = |saga: &str| {
            !self.known.parked.is_empty()
                && self.known.parked.contains(&(runtime::host::sagas::consumer(saga), event.position))
        };
        sagas.map(|saga| saga.name).filter(|saga| !set_aside(saga)).collect()
    }

    /// Goes on behind an entry that is no event.
    fn pass(&mut self) {
        let Some(junk) = self.junk.pop_front() else { return };
        let place = self.folded;
        let elapsed_us = self.reach(place, junk.position);
        if self.scope.covers(&junk.topic, junk.position) && self.scope.handler.is_none() {
            let step = no_event(&junk, elapsed_us);
            let (sagas, reactions, answers) = Default::default();
            self.waiting.push_back(Waiting { place, step, sagas, reactions, answers });
        }
    }

    /// Takes note that an entry is folded; tells how long after the log's beginning it stands.
    fn reach(&mut self, place: u64, position: Position) -> u64 {
        (self.folded, self.position) = (place + 1, position);
        let now_us = position.unix_micros();
        now_us.saturating_sub(*self.begins_us.get_or_insert(now_us))
    }

    fn reacted(&mut self, reaction: Reaction) {
        let Some(waiting) = at_place(&mut self.waiting, reaction.place) else { return };
        waiting.reactions.push(Reacted::new(&self.domain, reaction, &self.rows, self.is_foreign));
    }

    /// Takes note of the event that a command led to, or of one that belongs to no reaction.
    fn answered(&mut self, event: Arc<Event>, of: &Loose, origin: Origin) {
        let handler = self.domain.sagas().iter().find(|saga| Some(saga.name) == event.meta.handler.as_deref());
        let Some(handler) = handler.map(|saga| saga.name) else { return };
        let place = match of {
            Loose::Over { cause, .. } => Some(*cause),
            Loose::Open => event.meta.cause.as_deref().and_then(|cause| self.places.get(cause)).copied(),
            Loose::Unknown | Loose::Unchecked => None,
        };
        let Some(place) = place else { return };
        if event.meta.command.is_some() {
            let latest = self.served.entry((handler, event.topic.to_string())).or_default();
            *latest = place.max(*latest);
        }
        if let Some(waiting) = at_place(&mut self.waiting, place) {
            waiting.answers.push(Answer { handler, event, is_inferred: matches!(origin, Origin::Inferred(_)) });
        }
    }

    /// The step with its decisions.
    fn told(&self, waiting: Waiting) -> Step {
        let Waiting { place, mut step, sagas, mut reactions, mut answers } = waiting;
        for handler in sagas {
            let of_it = |answer: &mut Answer| answer.handler == handler;
            let answers: Vec<_> = answers.extract_if(.., of_it).collect();
            let reaction = reactions.iter().position(|reacted| reacted.reaction.handler == handler);
            let is_overtaken =
                |topic: &str| self.served.get(&(handler, topic.to_owned())).is_some_and(|latest| *latest > place);
            step.decisions.push(match reaction.map(|index| reactions.swap_remove(index)) {
                Some(reacted) => marks::decision(&self.domain, reacted, &answers, is_overtaken),
                None => marks::unchecked(handler),
            });
        }
        step
    }
}

impl Waiting {
    /// Whether all that belongs to it has come, or it has been waited for long enough.
    fn is_ready(&self, folded: u64) -> bool {
        let is_decided = self.sagas.len() == self.reactions.len();
        let is_answered = self.reactions.iter().all(|Reacted { reaction, .. }| {
            let effects = reaction.outcome.as_ref().map(|decided| decided.effects.as_slice()).unwrap_or_default();
            let has_answer =
                |id: &str| self.answers.iter().any(|answer| answer.event.meta.command.as_deref() == Some(id));
            let is_answered = |effect: &Effect| match effect {
                Effect::Append(_) => true,
                Effect::Send(command) => has_answer(&command.id) || reaction.standing == Standing::NeverRan,
            };
            effects.iter().all(is_answered)
        });
        // An effect that nobody asks for may come a while later.
        let waits = if is_decided && is_answered { AHEAD as u64 } else { PATIENCE };
        self.place + waits < folded
    }
}

fn at_place(waiting: &mut VecDeque<Waiting>, place: u64) -> Option<&mut Waiting> {
    let index = waiting.binary_search_by_key(&place, |waiting| waiting.place).ok()?;
    waiting.get_mut(index)
}

/// The step of an entry that is no event.
fn no_event(junk: &Junk, elapsed_us: u64) -> Step {
    let event = Mention {
        id: String::new(),
        topic: junk.topic.to_string(),
        action: String::new(),
        key: None,
        position: junk.position,
        number: junk.number.map(|number| number.0),
        time: junk.position.time().map(|time| time.to_string()),
    };
    let (origin, cause, inferred, change, decisions) = Default::default();
    Step { event, elapsed_us, origin, cause, inferred, change, unreadable: Some(junk.reason.clone()), decisions }
}
