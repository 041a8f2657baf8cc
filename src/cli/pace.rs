//! A common pace: whoever wants to do something takes the next turn.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How far behind its pace a run may fall before what it has missed is let go.
const MOST_DEBT: Duration = Duration::from_millis(100);

/// Turns at equal distances, shared by all that take them.
#[derive(Debug)]
pub(super) struct Pace {
    period: Duration,
    turns: Mutex<Turns>,
}

#[derive(Debug)]
struct Turns {
    next: Instant,
    left: u64,
}

impl Pace {
    /// So many turns a second, so many in all.
    pub(super) fn new(per_second: u32, turns: u64) -> Self {
        let turns = Turns { next: Instant::now(), left: turns };
        Self { period: Duration::from_secs(1) / per_second.max(1), turns: Mutex::new(turns) }
    }

    /// Waits for the next turn; false when there are none left.
    pub(super) async fn turn(&self) -> bool {
        let Some(at) = self.take() else { return false };
        tokio::time::sleep_until(at).await;
        true
    }

    fn take(&self) -> Option<Instant> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.left = turns.left.checked_sub(1)?;
        let now = Instant::now();
        let at = turns.next.max(now.checked_sub(MOST_DEBT).unwrap_or(now));
        turns.next = at + self.period;
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_come_at_the_pace_and_end() {
        let (pace, begin) = (Pace::new(10, 5), Instant::now());
        while pace.turn().await {}
        assert_eq!(begin.elapsed(), Duration::from_millis(400));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_missed_is_let_go() {
        let (pace, begin) = (Pace::new(10, 12), Instant::now());
        tokio::time::advance(Duration::from_secs(60)).await;
        while pace.turn().await {}
        assert_eq!(begin.elapsed(), Duration::from_secs(61));
    }
}
