//! The memory engine: the specification of all engines in the least code.

mod claims;
mod faults;
mod listing;
mod moments;
mod state;

use std::{
    collections::BTreeMap,
    ops::{Bound, ControlFlow},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

pub use faults::{Chance, Faults, Line, Simulation};
use kernel::{Checkpoint, Entry, Outcome, Position};
use state::State;
pub(super) use state::positioned;

use super::{
    Page,
    notices::{self, Notices},
};
use crate::{
    Claim, CommandRecord, Commit, Committed, DeadLetter, Failing, Holder, Listed, Listing, Parked, ParkedId,
    QueueStatus, Refused, StoreError, Token, Visit, history, queue::FIRST_LEASE,
};

/// How many entries are shown before writers have their turn.
const PAGE: usize = 512;

/// A log in this process's memory. Clones share it.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Inner>, Option<Line>);

#[derive(Debug)]
struct Inner {
    url: String,
    state: Mutex<State>,
    notices: Notices,
    /// The world that it lives in, if that is not this one.
    simulation: Option<Simulation>,
}

impl Memory {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::of("memory:".into(), State::default(), None)
    }

    /// An empty log in a simulated world, whose clock it goes by.
    #[must_use]
    pub fn simulated(simulation: &Simulation) -> Self {
        Self::of("memory:".into(), State::default(), Some(simulation.clone()))
    }

    /// The same log at the other end of a line, which has faults.
    #[must_use]
    pub fn over(&self, line: Line) -> Self {
        Self(self.0.clone(), Some(line))
    }

    /// The log that a history file holds.
    ///
    /// # Errors
    /// When the file can't be read or a line is no entry.
    pub fn of_history(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::of_entries(path.display().to_string(), history::read(path)?))
    }

    /// The log that the entries of a history file are, which are in order.
    pub(super) fn of_entries(name: String, entries: Vec<Entry>) -> Self {
        let mut state = State::default();
        state.load(entries);
        Self::of(name, state, None)
    }

    fn of(url: String, state: State, simulation: Option<Simulation>) -> Self {
        // Nobody waits for the outcomes of a simulated log, and a history has none.
        let is_live = simulation.is_none() && state.entries.is_empty();
        let notices =
            if is_live { Notices::new(state.head.position) } else { Notices::keeping(1, state.head.position) };
        Self(Arc::new(Inner { url, state: Mutex::new(state), notices, simulation }), None)
    }

    /// Asks the log for something: it answers at once, unless there is a line in between.
    pub(super) async fn ask<T>(
        &self,
        what: impl FnOnce() -> String,
        perform: impl FnOnce() -> T,
    ) -> Result<T, StoreError> {
        match &self.1 {
            None => Ok(perform()),
            Some(line) => line.ask(what(), perform).await,
        }
    }

    pub(super) fn unique(&self) -> String {
        self.0.simulation.as_ref().map_or_else(unique, Simulation::unique)
    }

    fn now_ms(&self) -> u64 {
        self.0.simulation.as_ref().map_or_else(now_ms, Simulation::now_ms)
    }

    fn deadline(&self, lease: Duration) -> u64 {
        later(self.now_ms(), lease)
    }

    pub(super) fn url(&self) -> String {
        self.0.url.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No operation leaves the state half-changed by panicking, so a poisoned lock hides nothing.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits in a few words.
    pub(super) fn told(commits: &[Commit]) -> String {
        let told = |commit: &Commit| {
            let mut words = String::new();
            if let Some(settlement) = &commit.settle {
                words += &format!(" {} ends {}", settlement.token.worker, settlement.token.command);
            }
            commit.append.iter().for_each(|draft| words += &format!(" +{} {}", draft.topic, draft.id));
            commit.enqueue.iter().for_each(|enqueue| words += &format!(" asks {}", enqueue.command.id));
            if let Some(advance) = &commit.advance {
                words += &format!(" {} from {} to {}", advance.consumer, advance.from.number, advance.to.number);
                words += if matches!(advance.holder, Holder::Taking(_)) { ", taken over" } else { "" };
            }
            commit.park.iter().for_each(|parked| words += &format!(" parks {}", parked.position));
            words
        };
        format!("commit:{}", commits.iter().map(told).collect::<Vec<_>>().join(";"))
    }

    pub(super) fn commit(&self, commits: &[Commit]) -> Vec<Result<Committed, Refused>> {
        let mut state = self.state();
        let answers: Vec<_> = commits.iter().map(|commit| state.commit(commit, self.now_ms())).collect();
        let head = state.head.position;
        drop(state);
        for (commit, answer) in commits.iter().zip(&answers) {
            if let (Some(settlement), Ok(committed)) = (&commit.settle, answer) {
                self.0.notices.ended(&settlement.token.command, &positioned(&settlement.outcome, committed));
            }
        }
        if commits.iter().any(|commit| !commit.enqueue.is_empty()) {
            self.0.notices.queued();
        }
        self.0.notices.grown(head);
        answers
    }

    pub(super) fn head(&self) -> Checkpoint {
        self.state().head.clone()
    }

    pub(super) fn read(&self, after: Position, limit: usize) -> Page {
        let state = self.state();
        let start = state.entries.partition_point(|entry| entry.position() <= after);
        let mut end = state.entries.len().min(start.saturating_add(limit));
        let position = |index: usize| state.entries.get(index).map(Entry::position);
        while end > start && position(end).is_some() && position(end) == position(end - 1) {
            end += 1;
        }
        Page { entries: state.entries[start..end].to_vec(), head: state.head.clone() }
    }

    /// Shows `visit` all entries after `after` and up to `until`, a page at a time: writers wait for one at most.
    pub(crate) fn scan(&self, after: Position, until: Position, visit: Visit<'_>) -> ControlFlow<()> {
        let mut next = self.state().entries.partition_point(|entry| entry.position() <= after);
        loop {
            let state = self.state();
            let rest = &state.entries[next..];
            let page = &rest[..rest.len().min(PAGE)];
            let Some(last) = page.last() else { return ControlFlow::Continue(()) };
            let end = last.position() > until;
            next += page.len();
            page.iter().take_while(|entry| entry.position() <= until).try_for_each(|entry| visit(&entry.as_seen()))?;
            if end {
                return ControlFlow::Continue(());
            }
        }
    }

    pub(super) fn bell(&self) -> notices::Bell {
        self.0.notices.bell()
    }

    pub(super) fn outcomes(&self) -> notices::Outcomes {
        self.0.notices.outcomes()
    }

    pub(super) fn claimer(&self, service: &str, worker: &str) -> Claimer {
        let queue = self.0.notices.queue();
        Claimer {
            engine: self.clone(),
            service: service.to_owned(),
            worker: worker.to_owned(),
            queue,
            unheard: Vec::new(),
        }
    }

    pub(super) fn heartbeat(&self, worker: &str, lease: Duration) {
        let deadline = self.deadline(lease);
        self.state().heartbeat(worker, deadline);
    }

    pub(super) fn release(&self, worker: &str) {
        self.state().release(worker);
        self.0.notices.queued();
    }

    pub(super) fn reap(&self, most_attempts: u32) -> Vec<(String, Failing)> {
        let now_ms = self.now_ms();
        let reaped = self.state().reap(now_ms, most_attempts);
        self.tell(&reaped);
        reaped
    }

    pub(super) fn fail(&self, token: &Token, error: &str, most_attempts: u32) -> Failing {
        let failing = self.state().fail(token, error, most_attempts);
        self.tell(&[(token.command.clone(), failing)]);
        failing
    }

    /// Tells waiters what became of failed attempts.
    fn tell(&self, failed: &[(String, Failing)]) {
        for (command, failing) in failed {
            if let (Failing::Dead, Some(record)) = (failing, self.command(command)) {
                let error = record.error.unwrap_or_default();
                self.0.notices.ended(command, &Outcome::Dead { error });
            }
        }
        self.0.notices.queued();
    }

    pub(super) fn command(&self, id: &str) -> Option<CommandRecord> {
        self.state().command(id)
    }

    pub(super) fn queues(&self, services: &[&str]) -> Vec<QueueStatus> {
        let state = self.state();
        services.iter().map(|service| state.queue(service)).collect()
    }

    pub(super) fn listed(&self, service: &str, listing: &Listing) -> Listed {
        self.state().listed(service, listing)
    }

    pub(super) fn dead_letters(&self, services: &[&str]) -> Vec<DeadLetter> {
        let state = self.state();
        services.iter().flat_map(|service| state.dead_letters(service)).collect()
    }

    pub(super) fn requeue(&self, service: &str, command: &str) -> bool {
        let requeued = self.state().requeue(service, command);
        self.0.notices.queued();
        requeued
    }

    pub(super) fn discard(&self, service: &str, command: &str) -> bool {
        self.state().take_dead(service, command)
    }

    pub(super) fn checkpoints(&self) -> BTreeMap<String, Checkpoint> {
        self.state().checkpoints.clone()
    }

    pub(super) fn parked(&self, after: Option<&ParkedId>, limit: usize) -> Vec<Parked> {
        let state = self.state();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        state.parked.range((from, Bound::Unbounded)).take(limit).map(|(_, parked)| parked.clone()).collect()
    }

    pub(super) fn parked_count(&self) -> u64 {
        self.state().parked.len() as u64
    }

    pub(super) fn parked_one(&self, id: &ParkedId) -> Option<Parked> {
        self.state().parked.get(id).cloned()
    }

    pub(super) fn to_retry(&self, consumer: &str, limit: usize) -> Vec<Parked> {
        let state = self.state();
        let own = state.parked.range(ParkedId::before(consumer)..).map(|(_, parked)| parked);
        let own = own.take_while(|parked| parked.consumer == consumer);
        own.filter(|parked| parked.retry).take(limit).cloned().collect()
    }

    pub(super) fn unparked(&self, after: Option<&ParkedId>, limit: usize) -> Vec<ParkedId> {
        let state = self.state();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        state.unparked.range((from, Bound::Unbounded)).take(limit).cloned().collect()
    }

    pub(super) fn hold(&self, role: &str, holder: &str, lease: Duration) -> Option<String> {
        let (now_ms, deadline) = (self.now_ms(), self.deadline(lease));
        self.state().hold(role, holder, now_ms, deadline)
    }

    pub(super) fn let_go(&self, role: &str, holder: &str) {
        self.state().let_go(role, holder);
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// Claims commands from memory.
///
/// What it was given and has not heard of, it is given again: nothing is claimed that nobody knows of.
#[derive(Debug)]
pub struct Claimer {
    engine: Memory,
    service: String,
    worker: String,
    queue: notices::Queue,
    /// What it was given last, if it may not have heard.
    unheard: Vec<String>,
}

impl Claimer {
    pub(super) async fn claim(&mut self, limit: usize, most: Duration) -> Result<Vec<Claim>, StoreError> {
        let until = tokio::time::Instant::now() + most;
        loop {
            self.queue.mark();
            let what = || format!("{} claims from {}", self.worker, self.service);
            let claim = || {
                let mut state = self.engine.state();
                let mut claims = state.held(&self.service, &self.worker, &self.unheard);
                if claims.is_empty() {
                    let deadline = self.engine.deadline(FIRST_LEASE);
                    claims = state.claim((&self.service, &self.worker), limit, deadline);
                    self.unheard = claims.iter().map(|claim| claim.token.command.clone()).collect();
                }
                claims
            };
            let claims = self.engine.ask(what, claim).await?;
            self.unheard.clear();
            if self.engine.1.as_ref().is_some_and(|line| line.dies_of(&claims)) {
                return std::future::pending().await;
            }
            if !claims.is_empty() || tokio::time::timeout_at(until, self.queue.changed()).await.is_err() {
                return Ok(claims);
            }
        }
    }
}

/// A name that nobody else has, which says whose process it is.
pub(super) fn unique() -> String {
    format!("{}-{}", std::process::id(), uuid::Uuid::new_v4().simple())
}

/// The clock that positions and leases go by, in Unix milliseconds.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// When a lease that is taken now runs out, in Unix milliseconds.
pub(super) fn deadline(lease: Duration) -> u64 {
    later(now_ms(), lease)
}

fn later(now_ms: u64, lease: Duration) -> u64 {
    now_ms.saturating_add(u64::try_from(lease.as_millis()).unwrap_or(u64::MAX))
}
