//! One saga following the log.
//!
//! Each event is decided on the view exactly as of that event, with the saga's own earlier effects in front
//! (R7). Commits of a page go out together: each moves the checkpoint from the one before, so when one is
//! refused all after it are, and they are decided again on a later view. That is so because nobody else moves it:
//! a follower takes its saga over before it looks at anything, and steps of whoever had it before are refused.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use kernel::{
    Checkpoint, Domain, Draft, Entry, Event, Meta, Occurrence, OnFailure, Position, Row, SagaHandler, Then, Unreadable,
    View,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    super::{guarded, service_of},
    SagaError, consumer,
};
use crate::{Advance, Commit, Holder, Parked, Refused, StoreError, Tail, Trouble, engine::DECISIONS, fault};

mod retry;

/// How many entries are taken in between two commits.
const PAGE: usize = 64;

/// How many entries are folded at once that nothing is decided about yet.
const FOLD: usize = 4_096;

/// How many events behind the head a saga decides at the head at once.
///
/// The store would have to look through all that came since for each decision, with everybody waiting, only to
/// refuse most of them.
const FAR: u64 = 256;

/// After how many entries without a reaction the checkpoint is moved all the same.
const QUIET: usize = 1_024;

/// How long to wait for entries before a quiet checkpoint is moved.
const IDLE: Duration = Duration::from_secs(1);

/// How often it is asked what shall be tried again.
const LOOK: Duration = Duration::from_secs(1);

/// The action of a decision's record.
const DECIDED: &str = "decided";

pub(super) struct Follower {
    saga: SagaHandler,
    domain: Arc<Domain>,
    tail: Tail,
    consumer: String,
    view: View,
    /// The name under which this follower has taken the saga over.
    holder: String,
    /// Where the saga stands in the log, by its last commit.
    checkpoint: Checkpoint,
    /// Where the view stands.
    at: Checkpoint,
    /// Entries since the checkpoint that call for nothing.
    quiet: usize,
    /// The last of its own effects.
    effect: Position,
    /// When it was last asked what shall be tried again.
    looked: Option<Instant>,
}

/// How following ended, when nothing went wrong.
pub(super) enum Ending {
    /// It was told to stop.
    Told,
    /// Another process has taken the saga over or moved its checkpoint, or has its role.
    Fenced,
}

/// An entry that the saga has to deal with.
struct Pending {
    entry: Arc<Entry>,
    /// Where the saga stands once it has.
    to: Checkpoint,
    /// The entity's row just before the event.
    before: Option<Row>,
    /// What the reaction asked of the past when it was decided exactly at the event.
    then: Then,
    /// Why the entry can't be read, if it can't.
    unreadable: Option<Unreadable>,
}

impl Follower {
    pub(super) fn new(saga: SagaHandler, domain: Arc<Domain>, tail: Tail) -> Self {
        let view = saga.view(&domain);
        let (checkpoint, at) = (Checkpoint::default(), Checkpoint::default());
        let effect = Position::ZERO;
        let (consumer, holder) = (consumer(saga.name), tail.engine().unique());
        Self { consumer, holder, saga, domain, tail, view, checkpoint, at, quiet: 0, effect, looked: None }
    }

    /// Reacts until told to stop; `trouble` is over once all is done.
    pub(super) async fn run(mut self, trouble: &Trouble, stop: &CancellationToken) -> Result<Ending, SagaError> {
        if !self.restore().await.map_err(|source| self.store_error(source))? {
            return Ok(Ending::Fenced);
        }
        loop {
            let page = tokio::select! {
                biased;
                () = stop.cancelled() => None,
                page = self.tail.next(&self.at, PAGE, IDLE) => Some(page.map_err(|source| self.store_error(source))?),
            };
            let told = page.is_none();
            let idle = page.as_ref().is_none_or(|page| page.entries.is_empty());
            let lags = self.quiet >= QUIET || (idle && self.at != self.checkpoint);
            if lags && let Some(ending) = self.move_quietly().await? {
                return Ok(ending);
            }
            if told {
                return Ok(Ending::Told);
            }
            let entries = page.map(|page| (page.head, page.entries)).unwrap_or_default();
            if !entries.1.is_empty() {
                fault::point("saga.read");
            }
            if let Some(ending) = self.react(entries.0, entries.1).await? {
                return Ok(ending);
            }
            if self.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
                if let Some(ending) = self.retry().await? {
                    return Ok(ending);
                }
                self.looked = Some(Instant::now());
            }
            if self.at == self.checkpoint {
                trouble.over();
            }
        }
    }

    fn store_error(&self, source: StoreError) -> SagaError {
        SagaError::Store { saga: self.saga.name, source }
    }

    /// Takes the saga over, folds the log up to its checkpoint, and puts its own effects that lie beyond in front;
    /// tells whether it did, or somebody else was faster.
    ///
    /// First of all it is taken over: another follower that came later could no longer add effects of its own, which
    /// here would count as made before.
    async fn restore(&mut self) -> Result<bool, StoreError> {
        let engine = self.tail.engine().clone();
        self.checkpoint = engine.checkpoint(&self.consumer).await?.unwrap_or_default();
        let (consumer, holder) = (self.consumer.clone(), Holder::Taking(self.holder.clone()));
        let advance = Advance { consumer, holder, from: self.checkpoint.clone(), to: self.checkpoint.clone() };
        let taken = engine.commit(&[Commit { advance: Some(advance), ..Commit::default() }]).await?;
        if taken.iter().any(Result::is_err) {
            return Ok(false);
        }
        while self.at.position < self.checkpoint.position {
            let page = engine.read(&self.at, FOLD).await?;
            if page.entries.is_empty() {
                let (checkpoint, reason) = (self.checkpoint.clone(), format!("it ends at {}", page.head));
                return Err(StoreError::Diverged { checkpoint, reason });
            }
            for entry in page.entries.iter().filter(|entry| entry.position() <= self.checkpoint.position) {
                // What can't be read was parked when the saga came by.
                let _ = self.view.apply(entry);
                self.at = step(&self.at, entry, &page.head);
            }
        }
        let mut ahead = self.checkpoint.clone();
        loop {
            let page = engine.read(&ahead, FOLD).await?;
            let Some(last) = page.entries.last() else { break };
            for entry in &page.entries {
                if let Entry::Event(event) = entry
                    && is_own(event, self.saga.name)
                {
                    // Its own effects were readable when they were asked for.
                    let _ = self.view.stage_event(&event.as_ref());
                    self.effect = event.position;
                }
            }
            ahead = step(&ahead, last, &page.head);
        }
        self.at = self.checkpoint.clone();
        Ok(true)
    }

    /// Takes entries in and reacts to those that call for it; `Some` when it is over.
    async fn react(&mut self, head: Checkpoint, entries: Vec<Arc<Entry>>) -> Result<Option<Ending>, SagaError> {
        let mut pending = VecDeque::new();
        let mut commits = Vec::new();
        let mut failed = false;
        if head.number.0.saturating_sub(self.at.number.0) > FAR {
            entries.into_iter().for_each(|entry| pending.extend(self.take_in_late(entry, &head)));
        } else {
            for entry in entries {
                if let Some(mut item) = self.take_in(entry, &head) {
                    if !failed {
                        failed = self.decide_after(&mut item, &mut commits)?;
                    }
                    pending.push_back(item);
                }
            }
        }
        self.see_through(commits, pending).await
    }

    /// Commits what is decided and decides the rest, until nothing is pending; `Some` when it is over.
    async fn see_through(
        &mut self,
        mut commits: Vec<Commit>,
        mut pending: VecDeque<Pending>,
    ) -> Result<Option<Ending>, SagaError> {
        while !pending.is_empty() {
            if commits.is_empty() {
                // As late as can be: what the store has to look through is what came since, own effects too.
                self.read_on(self.tail.head().position, &mut pending).await?;
                for item in pending.iter_mut().take(PAGE) {
                    if self.decide_after(item, &mut commits)? {
                        break;
                    }
                }
            }
            match self.commit(std::mem::take(&mut commits), &mut pending).await? {
                None => {}
                Some(Refused::Stale { head, .. }) => self.read_on(head, &mut pending).await?,
                Some(Refused::Fenced { .. } | Refused::TakenOver { .. }) => return Ok(Some(Ending::Fenced)),
                Some(other) => return Err(self.stopped(self.checkpoint.position, other.to_string())),
            }
        }
        Ok(None)
    }

    /// Commits decisions about the first of `pending`, takes those away that went through, and gives the first
    /// refusal; all after it were refused too.
    async fn commit(
        &mut self,
        commits: Vec<Commit>,
        pending: &mut VecDeque<Pending>,
    ) -> Result<Option<Refused>, SagaError> {
        fault::point("saga.decided");
        let answers = self.tail.engine().commit(&commits).await.map_err(|source| self.store_error(source))?;
        fault::point("saga.committed");
        self.view.end_speculation();
        for (commit, answer) in commits.iter().zip(answers) {
            match answer {
                Ok(committed) => {
                    pending.pop_front();
                    self.committed(commit, &committed.positions);
                }
                Err(refused) => return Ok(Some(refused)),
            }
        }
        Ok(None)
    }

    /// Folds an entry in; gives it back if the saga has to deal with it.
    fn take_in(&mut self, entry: Arc<Entry>, head: &Checkpoint) -> Option<Pending> {
        let applied = self.view.apply(&entry);
        self.at = step(&self.at, &entry, head);
        let (before, unreadable) = match applied {
            Ok(before) => (before, None),
            Err(unreadable) => (None, Some(unreadable)),
        };
        let concerns = match &*entry {
            Entry::Event(event) => self.saga.wants(event) || unreadable.is_some(),
            Entry::Junk(junk) => self.view.holds(&junk.topic),
        };
        if concerns {
            return Some(Pending { entry, to: self.at.clone(), before, then: Then::default(), unreadable });
        }
        self.quiet += 1;
        None
    }

    /// Reads on until the view has reached `head`, keeping what will have to be dealt with.
    async fn read_on(&mut self, head: Position, pending: &mut VecDeque<Pending>) -> Result<(), SagaError> {
        while self.at.position < head {
            let page = self.tail.next(&self.at, FOLD, IDLE).await.map_err(|source| self.store_error(source))?;
            page.entries.into_iter().for_each(|entry| pending.extend(self.take_in_late(entry, &page.head)));
        }
        Ok(())
    }

    /// Folds an entry in that will be decided about later, and asks now what its decision asks of the past.
    fn take_in_late(&mut self, entry: Arc<Entry>, head: &Checkpoint) -> Option<Pending> {
        let mut item = self.take_in(entry, head)?;
        if let (Entry::Event(event), None, false) = (&*item.entry, &item.unreadable, self.saga.recalls.is_empty()) {
            // The decision itself is thrown away; one that fails now may not fail later.
            let _ = self.reaction(event, item.before.as_ref(), &mut item.then);
        }
        Some(item)
    }

    /// Decides about one entry after those before it; tells whether the saga has to stop there.
    ///
    /// It stops only once all before has gone through, and it fails then too: `Err`.
    fn decide_after(&mut self, item: &mut Pending, commits: &mut Vec<Commit>) -> Result<bool, SagaError> {
        match self.decide(item, commits) {
            Ok(commit) => commits.push(commit),
            Err(_) if !commits.is_empty() => return Ok(true),
            Err(stopped) => return Err(stopped),
        }
        Ok(false)
    }

    /// Decides about one entry and speculates on the effects; `earlier` are the commits just before it.
    fn decide(&mut self, item: &mut Pending, earlier: &[Commit]) -> Result<Commit, SagaError> {
        let before = earlier.last().and_then(|commit| commit.advance.as_ref());
        let from = before.map_or(&self.checkpoint, |advance| &advance.to).clone();
        let advance = Some(self.advance(from, item.to.clone()));
        let reason = match (&*item.entry, &item.unreadable) {
            (_, Some(unreadable)) => unreadable.0.clone(),
            (Entry::Junk(junk), None) => junk.reason.clone(),
            (Entry::Event(event), None) => match self.reaction(event, item.before.as_ref(), &mut item.then) {
                Ok(commit) => {
                    for draft in &commit.append {
                        // A draft that its topic could not read would have failed the reaction.
                        let _ = self.view.speculate(draft);
                    }
                    return Ok(Commit { advance, ..commit });
                }
                Err(failure) if self.saga.on_failure == OnFailure::Stop => {
                    return Err(self.stopped(event.position, failure.0));
                }
                Err(failure) => failure.0,
            },
        };
        let (topic, position) = (item.entry.topic(), item.entry.position());
        let parked = Parked::now(&self.consumer, topic, position, &reason);
        tracing::error!(saga = self.saga.name, topic = &**topic, %position, reason = parked.reason, "event parked");
        let park = vec![parked];
        Ok(Commit { advance, park, ..Commit::default() })
    }

    fn reaction(&self, event: &Event, before: Option<&Row>, then: &mut Then) -> Result<Commit, kernel::Failure> {
        self.reaction_on(&self.view, event, before, then)
    }

    fn reaction_on(
        &self,
        view: &View,
        event: &Event,
        before: Option<&Row>,
        then: &mut Then,
    ) -> Result<Commit, kernel::Failure> {
        let mut decision = self.saga.decision(event, view).recalling(then.clone());
        let record = decision.derive("decision");
        let decided = guarded(|| {
            self.saga.react(&Occurrence { event, before }, &mut decision)?;
            Ok::<_, kernel::Failure>(decision.finish())
        })?;
        let as_of = decided.as_of;
        if as_of == event.position {
            then.clone_from(&decided.then);
        }
        let mut commit = Commit::of(decided, |topic| service_of(&self.domain, topic));
        commit.expect.except = Some(self.saga.name.to_owned());
        if as_of != event.position && commit.append.is_empty() {
            commit.append.push(decision_record(self.saga.name, event, as_of, record));
        }
        Ok(commit)
    }

    /// Takes note of a commit that went through.
    fn committed(&mut self, commit: &Commit, positions: &[Position]) {
        for (draft, position) in commit.append.iter().zip(positions) {
            let _ = self.view.stage(draft, *position);
        }
        self.effect = positions.last().copied().unwrap_or(self.effect);
        if let Some(advance) = &commit.advance {
            self.checkpoint = advance.to.clone();
        }
        self.quiet = 0;
    }

    /// Moves the checkpoint over entries that called for nothing.
    async fn move_quietly(&mut self) -> Result<Option<Ending>, SagaError> {
        let advance = self.advance(self.checkpoint.clone(), self.at.clone());
        let commit = Commit { advance: Some(advance), ..Commit::default() };
        let answers = self.tail.engine().commit(std::slice::from_ref(&commit)).await;
        match answers.map_err(|source| self.store_error(source))?.pop() {
            Some(Ok(_)) => {
                self.committed(&commit, &[]);
                Ok(None)
            }
            Some(Err(_)) | None => Ok(Some(Ending::Fenced)),
        }
    }

    /// A step of the saga, as long as nobody else has taken it over.
    fn advance(&self, from: Checkpoint, to: Checkpoint) -> Advance {
        Advance { consumer: self.consumer.clone(), holder: Holder::Holding(self.holder.clone()), from, to }
    }

    fn stopped(&self, position: Position, reason: String) -> SagaError {
        SagaError::Stopped { saga: self.saga.name, position, reason }
    }
}

/// Where a reader stands that has taken `entry` in, having stood at `before`.
fn step(before: &Checkpoint, entry: &Entry, head: &Checkpoint) -> Checkpoint {
    let number = entry.number().unwrap_or(before.number);
    Checkpoint { epoch: head.epoch.clone(), position: entry.position(), number }
}

/// Whether an event is an effect of this saga's own, as opposed to one of a service it sent a command to.
fn is_own(event: &Event, saga: &str) -> bool {
    event.meta.handler.as_deref() == Some(saga) && event.meta.command.is_none()
}

/// R7: the record of a decision that was made on a later view than its event's and appended nothing.
fn decision_record(saga: &str, event: &Event, as_of: Position, id: String) -> Draft {
    let meta = Meta {
        cause: Some(event.id.clone()),
        handler: Some(saga.to_owned()),
        as_of: Some(as_of),
        correlation: event.meta.correlation.clone(),
        ..Meta::default()
    };
    let data = serde_json::json!({ "handler": saga, "cause": event.id, "as_of": as_of }).to_string();
    Draft { topic: DECISIONS.to_owned(), id, action: DECIDED.to_owned(), data, meta: Some(meta), keep: None }
}
