//! Claiming commands.

use std::time::Duration;

use redis::Value;
use tokio::time::Instant;

use super::{Redis, bell::BLOCK, connect::Dedicated, script};
use crate::{Claim, StoreError, Token, queue::FIRST_LEASE};

/// Claims commands of one service for one worker. Holds a connection of its own to wait on.
///
/// Waiting and claiming are two things: the blocking command only looks (it moves the oldest command to
/// where it is already), and a script claims. So a wait that is given up, or whose connection breaks, has
/// claimed nothing; and when it is the script's answer that is lost, the script gives it again.
#[derive(Debug)]
pub struct Claimer {
    engine: Redis,
    service: String,
    worker: String,
    /// Tells this claimer from others of the same worker.
    id: String,
    /// How many batches this claimer has been given, and one.
    batch: u64,
    waiting: Dedicated,
}

impl Redis {
    pub(in crate::engine) async fn claimer(&self, service: &str, worker: &str) -> Result<Claimer, StoreError> {
        Ok(Claimer {
            engine: self.clone(),
            service: service.to_owned(),
            worker: worker.to_owned(),
            id: uuid::Uuid::new_v4().simple().to_string(),
            batch: 1,
            waiting: Dedicated::to(self.0.server.clone()).await?,
        })
    }
}

impl Claimer {
    pub(in crate::engine) async fn claim(&mut self, limit: usize, most: Duration) -> Result<Vec<Claim>, StoreError> {
        let until = Instant::now() + most;
        loop {
            let claims = self.take(limit).await?;
            let left = until.saturating_duration_since(Instant::now());
            if !claims.is_empty() || left.is_zero() {
                return Ok(claims);
            }
            self.wait(left.min(BLOCK)).await?;
        }
    }

    /// Claims what there is.
    async fn take(&mut self, limit: usize) -> Result<Vec<Claim>, StoreError> {
        let keys = self.engine.keys();
        let queue = keys.queue(&self.service);
        let claim = self.engine.run(&script::CLAIM, &queue, |run| {
            run.arg(&keys.prefix).arg(&self.service).arg(&self.worker).arg(&self.id).arg(self.batch).arg(limit);
            run.arg(ms(FIRST_LEASE))
        });
        let given: Vec<(String, String, u32)> = claim.await?;
        if given.is_empty() {
            return Ok(Vec::new());
        }
        self.batch += 1;
        let mut claims = Vec::with_capacity(given.len());
        for (id, body, failed) in given {
            let token = Token { service: self.service.clone(), worker: self.worker.clone(), command: id };
            match serde_json::from_str(&body) {
                Ok(command) => claims.push(Claim { token, command, failed }),
                // No attempt could end otherwise.
                Err(error) => {
                    let error = format!("the command can't be read: {error}");
                    tracing::error!(command = token.command, error, "a command is set aside unread");
                    self.engine.fail(&token, &error, 0).await?;
                }
            }
        }
        Ok(claims)
    }

    /// Returns when the queue holds something, or after `most`.
    async fn wait(&mut self, most: Duration) -> Result<(), StoreError> {
        let queue = self.engine.keys().queue(&self.service);
        let mut look = redis::cmd("BLMOVE");
        // To block for 0 seconds is to block for ever, and some servers round down to milliseconds.
        let seconds = most.as_secs_f64().max(0.002);
        look.arg(&queue).arg(&queue).arg("LEFT").arg("LEFT").arg(format!("{seconds:.3}"));
        let _: Value = self.waiting.block(&look, most).await?;
        Ok(())
    }
}

/// A duration as the scripts take it; more than a hundred years are a hundred years.
pub(super) fn ms(duration: Duration) -> u64 {
    const CENTURY: u64 = 100 * 365 * 24 * 60 * 60 * 1_000;
    u64::try_from(duration.as_millis()).unwrap_or(CENTURY).min(CENTURY)
}
