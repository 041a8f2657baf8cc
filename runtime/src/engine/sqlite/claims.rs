//! Claims, leases, dead letters and roles in the writer's transaction.

use kernel::Outcome;
use sqlx::{Row as _, SqliteConnection};

use super::{
    bulk::{Bulk, signed},
    changes::json,
    failure::Failure,
    known::Known,
    request::Answers,
};
use crate::{
    Claim, Failing, Token,
    commit::KEEP_OUTCOME,
    engine::memory::{deadline, now_ms},
    queue::{FIRST_LEASE, LONGEST_LEASE},
};

/// The writer's transaction, and what it knows.
pub(super) struct Claims<'w> {
    pub(super) connection: &'w mut SqliteConnection,
    pub(super) known: &'w mut Known,
    pub(super) answers: &'w mut Answers,
}

impl Claims<'_> {
    pub(super) async fn claim(&mut self, service: &str, worker: &str, limit: usize) -> Result<Vec<Claim>, Failure> {
        if self.known.waiting.get(service).is_none_or(|waiting| *waiting == 0) {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let waiting = sqlx::query(include_str!("waiting.sql")).bind(service).bind(limit);
        let waiting = waiting.fetch_all(&mut *self.connection).await?;
        let mut claims = Vec::with_capacity(waiting.len());
        let mut taken = Bulk::new(include_str!("write/taken.sql"));
        let mut held = Bulk::new(include_str!("write/claimed.sql"));
        let mut count = 0;
        for row in &waiting {
            let failed = row.try_get::<Option<u32>, _>(3)?.unwrap_or(0);
            if failed > 0 && !claims.is_empty() {
                break;
            }
            count += 1;
            let id: String = row.try_get(1)?;
            taken.push([row.try_get::<i64, _>(0)?.into()]);
            held.push([self.known.back().into(), service.into(), worker.into(), id.as_str().into()]);
            let Some(command) = row.try_get::<Option<&str>, _>(2)? else { continue };
            let corrupt = |error| Failure::corrupt(format!("command {id}"), error);
            let command = serde_json::from_str(command).map_err(corrupt)?;
            let token = Token { service: service.to_owned(), worker: worker.to_owned(), command: id };
            claims.push(Claim { token, command, failed });
            if failed > 0 {
                break;
            }
        }
        if count > 0 {
            let sql = "INSERT OR IGNORE INTO leases (worker, deadline_ms) VALUES (?, ?)";
            let first = sqlx::query(sql).bind(worker).bind(signed(deadline(FIRST_LEASE)));
            first.execute(&mut *self.connection).await?;
        }
        taken.execute(self.connection).await?;
        held.execute(self.connection).await?;
        if let Some(known) = self.known.waiting.get_mut(service) {
            *known = known.saturating_sub(count);
        }
        Ok(claims)
    }

    pub(super) async fn heartbeat(&mut self, worker: &str, deadline_ms: u64) -> Result<(), Failure> {
        let sql = "INSERT OR REPLACE INTO leases (worker, deadline_ms) VALUES (?, ?)";
        sqlx::query(sql).bind(worker).bind(signed(deadline_ms)).execute(&mut *self.connection).await?;
        Ok(())
    }

    pub(super) async fn release(&mut self, worker: &str) -> Result<(), Failure> {
        let held = self.end_lease(worker).await?;
        let mut waiting = Bulk::new(include_str!("write/waiting.sql"));
        for Token { service, command, .. } in held {
            self.known.waits(&service, 1);
            waiting.push([self.known.front().into(), service.into(), command.into()]);
        }
        sqlx::query("DELETE FROM claimed WHERE worker = ?").bind(worker).execute(&mut *self.connection).await?;
        waiting.execute(self.connection).await?;
        self.answers.queued();
        Ok(())
    }

    pub(super) async fn reap(&mut self, most_attempts: u32) -> Result<Vec<(String, Failing)>, Failure> {
        let sql = "SELECT worker FROM leases WHERE deadline_ms <= ? OR deadline_ms > ? ORDER BY worker";
        let expired = sqlx::query_scalar(sql).bind(signed(now_ms())).bind(signed(deadline(LONGEST_LEASE)));
        let workers: Vec<String> = expired.fetch_all(&mut *self.connection).await?;
        let mut reaped = Vec::new();
        for worker in workers {
            let error = format!("worker {worker} stopped answering");
            for token in self.end_lease(&worker).await? {
                let failing = self.fail(&token, &error, most_attempts).await?;
                reaped.push((token.command, failing));
            }
        }
        self.answers.queued();
        Ok(reaped)
    }

    /// Ends a worker's lease and tells what it holds, by service, newest first: handed back in this order,
    /// each to the front, the queue keeps its order.
    async fn end_lease(&mut self, worker: &str) -> Result<Vec<Token>, Failure> {
        sqlx::query("DELETE FROM leases WHERE worker = ?").bind(worker).execute(&mut *self.connection).await?;
        let sql = "SELECT service, command FROM claimed WHERE worker = ? ORDER BY service, place DESC";
        let rows = sqlx::query(sql).bind(worker).fetch_all(&mut *self.connection).await?;
        let token = |row: &sqlx::sqlite::SqliteRow| {
            Ok(Token { service: row.try_get(0)?, worker: worker.to_owned(), command: row.try_get(1)? })
        };
        rows.iter().map(token).collect()
    }

    pub(super) async fn fail(&mut self, token: &Token, error: &str, most_attempts: u32) -> Result<Failing, Failure> {
        let Token { service, worker, command } = token;
        let sql = "DELETE FROM claimed WHERE command = ? AND worker = ? AND service = ?";
        let unclaimed = sqlx::query(sql).bind(command).bind(worker).bind(service);
        if unclaimed.execute(&mut *self.connection).await?.rows_affected() == 0 {
            return Ok(Failing::Unclaimed);
        }
        let sql = "UPDATE commands SET failed = failed + 1, error = ? WHERE id = ? RETURNING failed";
        let failed = sqlx::query_scalar(sql).bind(error).bind(command).fetch_optional(&mut *self.connection).await?;
        let Some(failed): Option<u32> = failed else { return Ok(Failing::Unclaimed) };
        if failed < most_attempts {
            let place = self.known.front();
            self.wait(place, service, command).await?;
            return Ok(Failing::Requeued);
        }
        let outcome = Outcome::Dead { error: error.to_owned() };
        let json = json(&outcome)?;
        let sql = "UPDATE commands SET outcome = ?, expires_ms = NULL WHERE id = ?";
        sqlx::query(sql).bind(json).bind(command).execute(&mut *self.connection).await?;
        let sql = "INSERT INTO dead (place, service, command) VALUES (?, ?, ?)";
        sqlx::query(sql).bind(self.known.back()).bind(service).bind(command).execute(&mut *self.connection).await?;
        self.answers.ended(command, outcome);
        Ok(Failing::Dead)
    }

    pub(super) async fn requeue(&mut self, service: &str, command: &str) -> Result<bool, Failure> {
        self.answers.queued();
        if !self.take_dead(service, command).await? {
            return Ok(false);
        }
        let sql = "UPDATE commands SET outcome = NULL, expires_ms = NULL, failed = 0 WHERE id = ?";
        sqlx::query(sql).bind(command).execute(&mut *self.connection).await?;
        let place = self.known.back();
        self.wait(place, service, command).await?;
        Ok(true)
    }

    pub(super) async fn discard(&mut self, service: &str, command: &str) -> Result<bool, Failure> {
        let dropped = self.take_dead(service, command).await?;
        if dropped {
            let sql = "UPDATE commands SET expires_ms = ? WHERE id = ? AND outcome IS NOT NULL";
            sqlx::query(sql).bind(signed(deadline(KEEP_OUTCOME))).bind(command).execute(&mut *self.connection).await?;
        }
        Ok(dropped)
    }

    async fn take_dead(&mut self, service: &str, command: &str) -> Result<bool, Failure> {
        let sql = "DELETE FROM dead WHERE service = ? AND command = ?";
        let taken = sqlx::query(sql).bind(service).bind(command).execute(&mut *self.connection).await?;
        Ok(taken.rows_affected() > 0)
    }

    pub(super) async fn hold(&mut self, role: &str, holder: &str, deadline_ms: u64) -> Result<Option<String>, Failure> {
        let sql = "SELECT holder FROM roles WHERE role = ? AND holder <> ? AND deadline_ms > ? AND deadline_ms <= ?";
        let other = sqlx::query_scalar(sql).bind(role).bind(holder);
        let other = other.bind(signed(now_ms())).bind(signed(deadline(LONGEST_LEASE)));
        let other: Option<String> = other.fetch_optional(&mut *self.connection).await?;
        if other.is_none() {
            let sql = "INSERT OR REPLACE INTO roles (role, holder, deadline_ms) VALUES (?, ?, ?)";
            let hold = sqlx::query(sql).bind(role).bind(holder).bind(signed(deadline_ms));
            hold.execute(&mut *self.connection).await?;
        }
        Ok(other)
    }

    pub(super) async fn let_go(&mut self, role: &str, holder: &str) -> Result<(), Failure> {
        let sql = "DELETE FROM roles WHERE role = ? AND holder = ?";
        sqlx::query(sql).bind(role).bind(holder).execute(&mut *self.connection).await?;
        Ok(())
    }

    async fn wait(&mut self, place: i64, service: &str, command: &str) -> Result<(), Failure> {
        let sql = "INSERT INTO waiting (place, service, command) VALUES (?, ?, ?)";
        sqlx::query(sql).bind(place).bind(service).bind(command).execute(&mut *self.connection).await?;
        self.known.waits(service, 1);
        self.answers.queued();
        Ok(())
    }
}
