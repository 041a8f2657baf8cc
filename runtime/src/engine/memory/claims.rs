//! Claims, leases and dead letters.

use kernel::Outcome;

use super::state::{State, Stored};
use crate::{
    Claim, CommandRecord, CommandState, DeadLetter, Failing, QueueStatus, Token, engine::memory::later,
    queue::LONGEST_LEASE,
};

impl State {
    /// Claims commands for a worker, who loses them at `deadline` if it never gives a sign of life.
    pub(super) fn claim(&mut self, (service, worker): (&str, &str), limit: usize, deadline: u64) -> Vec<Claim> {
        let Some(waiting) = self.waiting.get_mut(service) else { return Vec::new() };
        let suspect = |id: &&String| self.commands.get(*id).is_some_and(|stored| stored.failed > 0);
        let good = waiting.iter().take(limit).take_while(|id| !suspect(id)).count();
        let ids: Vec<_> = waiting.drain(..good.max(1).min(limit).min(waiting.len())).collect();
        if ids.is_empty() {
            return Vec::new();
        }
        let claimed = self.claimed.entry((service.to_owned(), worker.to_owned())).or_default();
        claimed.extend(ids.iter().cloned());
        self.leases.entry(worker.to_owned()).or_insert(deadline);
        self.claims(service, worker, ids)
    }

    /// Those of a worker's claims that it still holds.
    pub(super) fn held(&self, service: &str, worker: &str, ids: &[String]) -> Vec<Claim> {
        let claimed = self.claimed.get(&(service.to_owned(), worker.to_owned()));
        let held = ids.iter().filter(|id| claimed.is_some_and(|claimed| claimed.contains(id)));
        self.claims(service, worker, held.cloned().collect())
    }

    fn claims(&self, service: &str, worker: &str, ids: Vec<String>) -> Vec<Claim> {
        let claim = |id: String| {
            let stored = self.commands.get(&id)?;
            let token = Token { service: service.to_owned(), worker: worker.to_owned(), command: id };
            Some(Claim { token, command: stored.command.clone(), failed: stored.failed })
        };
        ids.into_iter().filter_map(claim).collect()
    }

    pub(super) fn holds(&self, token: &Token) -> bool {
        let claimed = self.claimed.get(&(token.service.clone(), token.worker.clone()));
        claimed.is_some_and(|ids| ids.contains(&token.command))
    }

    pub(super) fn unclaim(&mut self, token: &Token) {
        if let Some(ids) = self.claimed.get_mut(&(token.service.clone(), token.worker.clone())) {
            ids.retain(|id| *id != token.command);
        }
    }

    pub(super) fn heartbeat(&mut self, worker: &str, deadline: u64) {
        self.leases.insert(worker.to_owned(), deadline);
    }

    pub(super) fn release(&mut self, worker: &str) {
        self.leases.remove(worker);
        for token in self.held_by(worker) {
            self.unclaim(&token);
            self.waiting.entry(token.service).or_default().push_front(token.command);
        }
    }

    /// What a worker holds, newest first: handed back in this order, each to the front, the queue keeps its
    /// order.
    fn held_by(&self, worker: &str) -> Vec<Token> {
        let claimed = self.claimed.iter().filter(|((_, holder), _)| holder == worker);
        let token = |service: &String, id: &String| Token {
            service: service.clone(),
            worker: worker.to_owned(),
            command: id.clone(),
        };
        claimed.flat_map(|((service, _), ids)| ids.iter().rev().map(move |id| token(service, id))).collect()
    }

    pub(super) fn reap(&mut self, now_ms: u64, most_attempts: u32) -> Vec<(String, Failing)> {
        let expired = self.leases.iter().filter(|(_, deadline)| has_run_out(**deadline, now_ms));
        let workers: Vec<_> = expired.map(|(worker, _)| worker.clone()).collect();
        let mut reaped = Vec::new();
        for worker in workers {
            self.leases.remove(&worker);
            let error = format!("worker {worker} stopped answering");
            for token in self.held_by(&worker) {
                let failing = self.fail(&token, &error, most_attempts);
                reaped.push((token.command, failing));
            }
        }
        reaped
    }

    pub(super) fn fail(&mut self, token: &Token, error: &str, most_attempts: u32) -> Failing {
        if !self.holds(token) {
            return Failing::Unclaimed;
        }
        self.unclaim(token);
        let Some(stored) = self.commands.get_mut(&token.command) else { return Failing::Unclaimed };
        stored.failed += 1;
        stored.error = Some(error.to_owned());
        if stored.failed < most_attempts {
            self.waiting.entry(token.service.clone()).or_default().push_front(token.command.clone());
            return Failing::Requeued;
        }
        stored.outcome = Some(Outcome::Dead { error: error.to_owned() });
        self.dead.entry(token.service.clone()).or_default().push(token.command.clone());
        Failing::Dead
    }

    pub(super) fn command(&self, id: &str) -> Option<CommandRecord> {
        let stored = self.commands.get(id)?;
        let state = stored.outcome.clone().map_or(CommandState::Pending, CommandState::Ended);
        Some(CommandRecord { id: id.to_owned(), state, failed: stored.failed, error: stored.error.clone() })
    }

    pub(super) fn queue(&self, service: &str) -> QueueStatus {
        let claimed = self.claimed.iter().filter(|((name, _), _)| name == service).map(|(_, ids)| ids.len());
        QueueStatus {
            service: service.to_owned(),
            waiting: self.waiting.get(service).map_or(0, |ids| ids.len() as u64),
            claimed: claimed.sum::<usize>() as u64,
            dead: self.dead.get(service).map_or(0, |ids| ids.len() as u64),
        }
    }

    pub(super) fn dead_letters(&self, service: &str) -> Vec<DeadLetter> {
        let letter = |stored: &Stored| DeadLetter {
            service: service.to_owned(),
            command: stored.command.clone(),
            error: stored.error.clone().unwrap_or_default(),
            failed: stored.failed,
        };
        self.dead.get(service).into_iter().flatten().filter_map(|id| self.commands.get(id)).map(letter).collect()
    }

    pub(super) fn take_dead(&mut self, service: &str, command: &str) -> bool {
        let Some(ids) = self.dead.get_mut(service) else { return false };
        let before = ids.len();
        ids.retain(|id| id != command);
        ids.len() < before
    }

    pub(super) fn requeue(&mut self, service: &str, command: &str) -> bool {
        if !self.take_dead(service, command) {
            return false;
        }
        if let Some(stored) = self.commands.get_mut(command) {
            stored.outcome = None;
            stored.failed = 0;
        }
        self.waiting.entry(service.to_owned()).or_default().push_back(command.to_owned());
        true
    }

    pub(super) fn hold(&mut self, role: &str, holder: &str, now_ms: u64, deadline: u64) -> Option<String> {
        match self.roles.get(role) {
            Some((other, until)) if other != holder && !has_run_out(*until, now_ms) => Some(other.clone()),
            _ => {
                self.roles.insert(role.to_owned(), (holder.to_owned(), deadline));
                None
            }
        }
    }

    pub(super) fn let_go(&mut self, role: &str, holder: &str) {
        if self.roles.get(role).is_some_and(|(held_by, _)| held_by == holder) {
            self.roles.remove(role);
        }
    }
}

/// Whether a lease has run out; one that ends later than any can was given by a clock that has been set back since.
fn has_run_out(deadline: u64, now_ms: u64) -> bool {
    deadline <= now_ms || deadline > later(now_ms, LONGEST_LEASE)
}
