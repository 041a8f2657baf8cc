//! What today's sagas decide about the events of a log, beside what the log has as their reactions.
//!
//! Each event that a saga wants is decided again, on the view exactly as of the position at which its decision was
//! made and with the saga's own earlier effects in front (R7). Effects stay data: nothing is appended, nothing is sent
//! (R11). Verifying, snapshots, stepping through a history and recording one all begin here.
//!
//! | part | what it does |
//! |---|---|
//! | [`Replay`] | is fed a log once, in its order, and folds it a bounded way behind what it has read |
//! | `slots` | a saga's reactions in log order, and how far each is |
//! | `watch` | one saga's reactions: recorded, or [attributed](crate::causes::Attribution), decided, concluded |
//! | `own` | what a saga had in front |
//!
//! When a decision was made stands in its effects, or in the topic `decision` where it had none: both come later in
//! the log than the decision. So entries are folded only when [`AHEAD`] more have been read, and a decision's record
//! is known by the time that the view has reached its position. What was decided earlier than that before it was
//! committed can't be made again in one pass; that is told, and never taken for a difference.
//!
//! A log whose first event, but for given ones, does not say where it came from is another program's. Its reactions are
//! found by content, and are from there on what they would be had this program written them down.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::Arc,
    time::Duration,
};

use kernel::{Checkpoint, Decided, Domain, Entry, Event, Failure, Occurrence, Position, Row, SagaHandler, Then, View};
use runtime::{
    Engine, ParkedId, StoreError, Stretch,
    host::{guarded, sagas::consumer},
    parking::MOST_LISTED,
};

use crate::apart::apart;
use crate::causes::{Match, Window};

mod own;
mod replay;
mod slots;
mod watch;

pub use replay::Replay;

/// How many entries are read ahead of the view: more than lie between a decision and its commit.
///
/// A shop driven as fast as it can has had 234 between them.
pub const AHEAD: usize = 4_096;

/// Which decisions are made again.
#[derive(Clone, Debug)]
pub struct Scope {
    /// About events at and after this position.
    pub from: Position,
    /// About events up to and at this position; their reactions may stand behind it.
    pub to: Position,
    /// About events of this topic only.
    pub topic: Option<String>,
    /// Of this saga only.
    pub handler: Option<String>,
    /// How many entries are read ahead of the view: [`AHEAD`], or more where sagas lagged by more than that.
    ///
    /// With fewer, more decisions can't be made again; what comes out of the others is the same, as long as one
    /// commit's events are no more than that.
    pub ahead: usize,
    /// How long after its cause an effect is looked for in a log that does not say.
    pub window: Duration,
}

impl Default for Scope {
    fn default() -> Self {
        Self { from: Position::ZERO, to: Position::MAX, topic: None, handler: None, ahead: AHEAD, window: Window::TIME }
    }
}

impl Scope {
    /// Whether nothing of a log is left out.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let is_all_of_it = self.from == Position::ZERO && self.to == Position::MAX;
        is_all_of_it && self.topic.is_none() && self.handler.is_none()
    }

    /// Whether every decision is made again, so that whatever reacts to nothing known is one too many.
    pub(crate) const fn is_everything(&self) -> bool {
        self.from.ms() == 0 && self.topic.is_none()
    }

    pub(crate) fn covers(&self, topic: &str, position: Position) -> bool {
        self.from <= position && position <= self.to && self.topic.as_deref().is_none_or(|only| only == topic)
    }
}

/// One saga's decision about one event, made again.
#[derive(Clone, Debug)]
pub struct Reaction {
    /// The event's place in the log, counted from 0.
    pub place: u64,
    /// The event.
    pub event: Arc<Event>,
    /// The saga.
    pub handler: &'static str,
    /// Where the view stood that was decided on.
    pub as_of: Position,
    /// Whether that stands in the log, or the store knows that the saga has reacted; as of the event's own position
    /// otherwise.
    pub is_recorded: bool,
    /// What is decided today.
    pub outcome: Result<Decided, Failure>,
    /// The events that the log has as the reaction; those of commands that it sent come later, by themselves.
    pub held: Vec<Arc<Event>>,
    /// Which of these don't say so themselves, and how it was found out.
    pub inferred: Vec<(usize, Match)>,
    /// What is known of it.
    pub standing: Standing,
    /// Whether all that the saga had in front was known when it was decided again; otherwise what differs may differ
    /// for that.
    pub is_exact: bool,
}

/// What is known of a reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The saga has reacted: what is held is all there is.
    Over,
    /// The saga has not come that far.
    Waiting,
    /// The saga has never reacted to anything in this log.
    NeverRan,
}

/// What comes of feeding a log to today's sagas, in the order in which it is found out.
#[derive(Clone, Debug)]
pub enum Happening {
    /// The log does not say where its events came from; that is looked for within this window from here on.
    Inferring(Window),
    /// A saga's decision was made again.
    Reacted(Box<Reaction>),
    /// A decision was made too long before it was committed to be made again.
    Unchecked,
    /// An effect of a command that a saga sent, or one that belongs to no reaction; it is about to be folded.
    Loose {
        /// The effect.
        event: Arc<Event>,
        /// Its place in the log.
        place: u64,
        /// What is known of its cause.
        of: Loose,
        /// How that was found out.
        origin: Origin,
    },
    /// The view has folded an event.
    Folded {
        /// The event.
        event: Arc<Event>,
        /// Its place in the log.
        place: u64,
        /// The row that it is about, just before; of topics only that some saga reads.
        before: Option<Row>,
        /// Whether it could be read; nobody reacts to what can't be.
        is_readable: bool,
        /// How it is known where it came from.
        origin: Origin,
    },
    /// The view has passed an entry that is no event.
    Junk,
    /// All that was asked for is decided; effects of commands may still come.
    Done,
}

/// How it is known where an event came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It says so itself.
    Recorded,
    /// It does not say; it was found by content.
    Inferred(Match),
    /// It does not say, and no saga would have done it: somebody asked for it, as far as can be told.
    Unknown,
}

/// What is known of the cause of an effect.
#[derive(Clone, Debug)]
pub enum Loose {
    /// The reaction is not over.
    Open,
    /// The reaction was over.
    Over {
        /// The place of the event that it was about.
        cause: u64,
        /// That event.
        event: Arc<Event>,
        /// Where the view stood that was decided on.
        as_of: Position,
    },
    /// The log does not hold it, or nobody would react to it.
    Unknown,
    /// It may have been a reaction that was given up too early.
    Unchecked,
}

/// What a store knows besides the log.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// How far each saga has come.
    pub reacted: BTreeMap<&'static str, Position>,
    /// What sagas have set aside, by consumer, or had: what is tried again is decided out of its turn.
    pub parked: BTreeSet<(String, Position)>,
}

impl Known {
    /// Asks the store: what the sagas have reacted to by now, they had when the log is read later.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn of(domain: &Domain, engine: &Engine) -> Result<Self, StoreError> {
        let mut reacted = BTreeMap::new();
        for saga in domain.sagas() {
            if let Some(checkpoint) = engine.checkpoint(&consumer(saga.name)).await? {
                reacted.insert(saga.name, checkpoint.position);
            }
        }
        let mut known = Self { reacted, parked: BTreeSet::new() };
        for saga in domain.sagas() {
            known.learn_parked(engine, &consumer(saga.name)).await?;
        }
        Ok(known)
    }

    async fn learn_parked(&mut self, engine: &Engine, consumer: &str) -> Result<(), StoreError> {
        let mut after = ParkedId::before(consumer);
        loop {
            let page = engine.parked(Some(&after), MOST_LISTED).await?.into_iter().map(|parked| parked.id()).collect();
            let Some(last) = self.learn(page, consumer) else { break };
            after = last;
        }
        after = ParkedId::before(consumer);
        while let Some(last) = self.learn(engine.unparked(Some(&after), MOST_LISTED).await?, consumer) {
            after = last;
        }
        Ok(())
    }

    /// Takes note of a page of what a consumer has set aside; gives the last if more may come.
    fn learn(&mut self, page: Vec<ParkedId>, consumer: &str) -> Option<ParkedId> {
        let own = page.into_iter().take_while(|id| id.consumer == consumer);
        let mut last = None;
        for id in own {
            self.parked.insert((id.consumer.clone(), id.position));
            last = Some(id);
        }
        last
    }
}

/// Feeds a store's log to today's sagas and hands what happens to `state`, until that breaks off.
///
/// # Errors
/// When the store failed, or the log has lost events (R3).
pub async fn follow<S: Send + 'static>(
    domain: &Domain,
    engine: &Engine,
    scope: Scope,
    mut state: S,
    mut happens: impl FnMut(&mut S, Happening) -> ControlFlow<()> + Send + 'static,
) -> Result<S, StoreError> {
    let mut replay = Replay::new(domain, scope).known(Known::of(domain, engine).await?);
    apart(engine, "deciding again", move |reader| {
        let stretch = Stretch { after: Checkpoint::default(), until: Position::MAX };
        let mut flow = ControlFlow::Continue(());
        reader.scan(&stretch, &mut |seen| {
            replay.take(seen.to_entry());
            flow = replay.drain(|happening| happens(&mut state, happening));
            flow
        })?;
        if flow.is_continue() {
            replay.end();
            let _ = replay.drain(|happening| happens(&mut state, happening));
        }
        Ok(state)
    })
    .await
}

/// As [`follow`], of entries in log order that are there already, such as those of a history.
pub fn happenings(
    mut replay: Replay,
    entries: impl IntoIterator<Item = Entry>,
    mut happens: impl FnMut(Happening) -> ControlFlow<()>,
) {
    for entry in entries {
        replay.take(entry);
        if replay.drain(&mut happens).is_break() {
            return;
        }
    }
    replay.end();
    let _ = replay.drain(happens);
}

/// All decisions about a history, in log order of their events; of one event, in the order of the domain's sagas.
#[must_use]
pub fn reactions(domain: &Domain, entries: impl IntoIterator<Item = Entry>) -> Vec<Reaction> {
    let mut reactions = Vec::new();
    happenings(Replay::new(domain, Scope::default()), entries, |happening| {
        match happening {
            Happening::Reacted(reaction) => reactions.push(*reaction),
            Happening::Done => return ControlFlow::Break(()),
            Happening::Inferring(_)
            | Happening::Unchecked
            | Happening::Loose { .. }
            | Happening::Folded { .. }
            | Happening::Junk => {}
        }
        ControlFlow::Continue(())
    });
    let order = |handler: &str| domain.sagas().iter().position(|saga| saga.name == handler);
    reactions.sort_by_key(|reaction| (reaction.place, order(reaction.handler)));
    reactions
}

/// Lets a saga decide about an event on a view, with the row that was there before and what it asked of the past when
/// it decided the first time; a panic is a failure.
pub(crate) fn decide(
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
