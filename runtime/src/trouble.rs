//! What fails for a while, told as whoever watches wants to be told: when it begins, now and then while it lasts, and
//! when it is over.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How often trouble that lasts is told again.
const AGAIN: Duration = Duration::from_secs(30);

/// Something that may fail many times in a row, such as to reach a store that is away.
#[derive(Debug)]
pub struct Trouble {
    what: String,
    spell: Mutex<Option<Spell>>,
}

/// Failures in a row.
#[derive(Debug)]
struct Spell {
    began: Instant,
    told: Instant,
    attempts: u64,
}

impl Trouble {
    /// None so far; `what` fails then, as in "commands of order-service wait".
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), spell: Mutex::new(None) }
    }

    /// It has failed, perhaps not for the first time.
    pub fn failed(&self, error: &impl fmt::Display) {
        let what = &self.what;
        let now = Instant::now();
        let mut spell = self.spell();
        let Some(spell) = &mut *spell else {
            tracing::warn!(%error, "{what}");
            *spell = Some(Spell { began: now, told: now, attempts: 1 });
            return;
        };
        spell.attempts += 1;
        if now - spell.told >= AGAIN {
            spell.told = now;
            let (seconds, attempts) = ((now - spell.began).as_secs(), spell.attempts);
            tracing::warn!(%error, attempts, seconds, "{what}");
        }
    }

    /// It has gone well. That is as loud as what it ends: who sees the one sees the other.
    pub fn over(&self) {
        if let Some(Spell { began, attempts, .. }) = self.spell().take() {
            tracing::warn!(attempts, seconds = began.elapsed().as_secs(), "over: {}", self.what);
        }
    }

    fn spell(&self) -> MutexGuard<'_, Option<Spell>> {
        self.spell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
