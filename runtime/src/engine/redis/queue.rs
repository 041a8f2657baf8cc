//! Leases, failed attempts, dead letters and roles.

use std::time::Duration;

use kernel::{Outcome, Position};

use super::{Redis, claims::ms, script};
use crate::{
    CommandRecord, CommandState, DeadLetter, Failing, Listed, Listing, QueueStatus, Queued, Standing, StoreError,
    Token, queue::LONGEST_LEASE,
};

/// What scripts call the standings of commands, in the order in which they are listed.
const STANDINGS: [(&str, Standing); 3] =
    [("claimed", Standing::Claimed), ("waiting", Standing::Waiting), ("dead", Standing::Dead)];

impl Redis {
    pub(in crate::engine) async fn heartbeat(&self, worker: &str, lease: Duration) -> Result<(), StoreError> {
        self.run(&script::HEARTBEAT, &self.keys().workers, |run| run.arg(worker).arg(ms(lease))).await
    }

    pub(in crate::engine) async fn release(&self, worker: &str) -> Result<(), StoreError> {
        let keys = self.keys();
        self.run(&script::RELEASE, &keys.workers, |run| run.arg(&keys.prefix).arg(worker)).await
    }

    pub(in crate::engine) async fn reap(&self, most_attempts: u32) -> Result<Vec<(String, Failing)>, StoreError> {
        let keys = self.keys();
        let reap = self
            .run(&script::REAP, &keys.workers, |run| run.arg(&keys.prefix).arg(most_attempts).arg(ms(LONGEST_LEASE)));
        let reaped: Vec<(String, String)> = reap.await?;
        reaped.into_iter().map(|(command, failing)| Ok((command, self.read_failing(&failing)?))).collect()
    }

    pub(in crate::engine) async fn fail(
        &self,
        token: &Token,
        error: &str,
        most_attempts: u32,
    ) -> Result<Failing, StoreError> {
        let keys = self.keys();
        let claimed = keys.claimed(&token.service, &token.worker);
        let fail = self.run(&script::FAIL, &claimed, |run| {
            run.arg(&keys.prefix).arg(&token.service).arg(&token.command).arg(error).arg(most_attempts)
        });
        let failing: String = fail.await?;
        self.read_failing(&failing)
    }

    fn read_failing(&self, failing: &str) -> Result<Failing, StoreError> {
        match failing {
            "requeued" => Ok(Failing::Requeued),
            "dead" => Ok(Failing::Dead),
            "unclaimed" => Ok(Failing::Unclaimed),
            other => Err(self.corrupt(&self.keys().workers, &format!("a script answered \"{other}\""))),
        }
    }

    pub(in crate::engine) async fn command(&self, id: &str) -> Result<Option<CommandRecord>, StoreError> {
        type Record = (Option<String>, Option<u32>, Option<String>, Option<String>, Option<String>);
        let key = self.keys().command(id);
        let mut get = redis::cmd("HMGET");
        get.arg(&key).arg(&["service", "failed", "error", "outcome", "position"]);
        let record: Record = self.answer(&key, self.0.ordinary.send(&get).await?)?;
        let (Some(_service), failed, error, outcome, position) = record else { return Ok(None) };
        let unreadable = |reason: &dyn std::fmt::Display| self.corrupt(&key, &reason.to_string());
        let state = match outcome {
            None => CommandState::Pending,
            Some(outcome) => {
                // Whoever is told acts on it.
                self.confirm().await?;
                let outcome = serde_json::from_str(&outcome).map_err(|error| unreadable(&error))?;
                let position = position.map(|position| position.parse()).transpose();
                CommandState::Ended(positioned(outcome, position.map_err(|error| unreadable(&error))?))
            }
        };
        Ok(Some(CommandRecord { id: id.to_owned(), state, failed: failed.unwrap_or_default(), error }))
    }

    pub(in crate::engine) async fn queues(&self, services: &[&str]) -> Result<Vec<QueueStatus>, StoreError> {
        let keys = self.keys();
        let count = self.run(&script::QUEUES, &keys.workers, |run| run.arg(&keys.prefix).arg(services));
        let counts: Vec<(u64, u64, u64)> = count.await?;
        let status = |(service, (waiting, claimed, dead)): (&&str, _)| QueueStatus {
            service: (*service).to_owned(),
            waiting,
            claimed,
            dead,
        };
        Ok(services.iter().zip(counts).map(status).collect())
    }

    pub(in crate::engine) async fn listed(&self, service: &str, listing: &Listing) -> Result<Listed, StoreError> {
        type Row = (String, String, Vec<u8>, u32, Option<String>, Option<String>, Option<f64>);
        let Listing { only, after, limit } = listing;
        let keys = self.keys();
        let asked = STANDINGS.into_iter().filter(|(_, standing)| only.is_none_or(|only| only == *standing));
        let asked: Vec<_> = asked.map(|(name, _)| name).collect();
        let after = after.as_deref().unwrap_or_default();
        let list = self.run(&script::LISTED, &keys.workers, |run| {
            run.arg(&keys.prefix).arg(service).arg(after).arg(limit).arg(asked)
        });
        let (waiting, claimed, dead, more, rows): (u64, u64, u64, bool, Vec<Row>) = list.await?;
        let queued = |(name, id, body, failed, error, worker, lease): Row| {
            let standing = STANDINGS.into_iter().find(|(known, _)| *known == name).map(|(_, standing)| standing);
            let unknown = || self.corrupt(&keys.workers, &format!("a script answered \"{name}\""));
            Ok(Queued {
                id,
                standing: standing.ok_or_else(unknown)?,
                body: String::from_utf8_lossy(&body).into_owned(),
                failed,
                error,
                worker,
                lease_ends_ms: lease.map(unix_ms),
            })
        };
        let commands = rows.into_iter().map(queued).collect::<Result<_, _>>()?;
        let status = QueueStatus { service: service.to_owned(), waiting, claimed, dead };
        Ok(Listed { status, commands, more })
    }

    pub(in crate::engine) async fn dead_letters(&self, services: &[&str]) -> Result<Vec<DeadLetter>, StoreError> {
        let keys = self.keys();
        let mut all = Vec::new();
        for service in services {
            let dead = keys.dead(service);
            let dead = self.run(&script::DEAD_LETTERS, &dead, |run| run.arg(&keys.prefix));
            let letters: Vec<(String, String, u32)> = dead.await?;
            all.extend(letters.into_iter().filter_map(|(body, error, failed)| {
                let command = serde_json::from_str(&body).ok()?;
                Some(DeadLetter { service: (*service).to_owned(), command, error, failed })
            }));
        }
        Ok(all)
    }

    pub(in crate::engine) async fn requeue(&self, service: &str, command: &str) -> Result<bool, StoreError> {
        let keys = self.keys();
        self.run(&script::REQUEUE, &keys.dead(service), |run| run.arg(&keys.prefix).arg(service).arg(command)).await
    }

    pub(in crate::engine) async fn discard(&self, service: &str, command: &str) -> Result<bool, StoreError> {
        let keys = self.keys();
        self.run(&script::DISCARD, &keys.dead(service), |run| run.arg(&keys.prefix).arg(command)).await
    }

    pub(in crate::engine) async fn hold(
        &self,
        role: &str,
        holder: &str,
        lease: Duration,
    ) -> Result<Option<String>, StoreError> {
        self.run(&script::HOLD, &self.keys().role(role), |run| run.arg(holder).arg(ms(lease)).arg(ms(LONGEST_LEASE)))
            .await
    }

    pub(in crate::engine) async fn let_go(&self, role: &str, holder: &str) -> Result<(), StoreError> {
        self.run(&script::LET_GO, &self.keys().role(role), |run| run.arg(holder)).await
    }
}

/// A time as a sorted set has it, which are whole numbers that it tells as a floating-point one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and far from the limits")]
const fn unix_ms(score: f64) -> u64 {
    score as u64
}

/// The outcome with the position that its commit ended at, which is kept beside it.
pub(super) fn positioned(outcome: Outcome, position: Option<Position>) -> Outcome {
    match outcome {
        Outcome::Done { result, .. } => Outcome::Done { result, position },
        other @ (Outcome::Rejected(_) | Outcome::Dead { .. }) => other,
    }
}
