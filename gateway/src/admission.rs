//! How many commands may be under way: as many as get their outcome in good time.
//!
//! Where more come than services decide, waiting in line only makes everybody late. So a gateway turns away at once what
//! it could not answer soon, and what it takes is answered soon. How many that are nobody knows beforehand; it is found
//! out by how long outcomes take, as TCP finds its window: one more now and then, many fewer at once (Chiu and Jain,
//! "Analysis of the increase and decrease algorithms for congestion avoidance", 1989).

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How many commands may be under way before anything is known.
const FIRST: f64 = 1_024.0;

/// How many may always be: so few that one pause of the store, which makes all of them late, turns nobody away.
const LEAST: f64 = 128.0;

/// How many more may be once as many as may be have had their outcome in good time.
const MORE: f64 = 8.0;

/// What the limit is multiplied with after an outcome that was late, by how late it was.
const FEWER: (f64, f64) = (0.5, 0.9);

/// A count of the commands that are under way, and its limit. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Admission(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// How soon a command should have its outcome.
    patience: Duration,
    /// How many may ever be under way.
    most: f64,
    course: Mutex<Course>,
}

#[derive(Debug)]
struct Course {
    under_way: usize,
    limit: f64,
    /// When the limit was lowered last.
    lowered: Option<Instant>,
}

/// The place of one command that is under way, given up when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    admission: Admission,
    since: Instant,
}

impl Admission {
    /// Lets commands in as long as they have their outcome within `patience`, and `most` at a time.
    pub(crate) fn new(patience: Duration, most: usize) -> Self {
        let most = most.max(1) as f64;
        let course = Course { under_way: 0, limit: FIRST.min(most), lowered: None };
        Self(Arc::new(Shared { patience, most, course: Mutex::new(course) }))
    }

    /// Lets a command in.
    ///
    /// # Errors
    /// How many are under way, when those are enough.
    pub(crate) fn enter(&self) -> Result<Place, usize> {
        let mut course = self.course();
        if course.under_way as f64 >= course.limit {
            return Err(course.under_way);
        }
        course.under_way += 1;
        Ok(Place { admission: self.clone(), since: Instant::now() })
    }

    /// How many commands are under way, and how many may be.
    pub(crate) fn standing(&self) -> (usize, usize) {
        let course = self.course();
        (course.under_way, course.limit.ceil() as usize)
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.0.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The command has its outcome, or has been waited for long enough: how long that took tells how many there may be.
    pub(crate) fn settled(self) {
        let Shared { patience, most, .. } = *self.admission.0;
        let (took, mut course) = (self.since.elapsed(), self.admission.course());
        if took <= patience {
            // A limit that nobody comes near tells nothing.
            if course.under_way as f64 * 2.0 >= course.limit {
                course.limit = (course.limit + MORE / course.limit).min(most);
            }
        } else if course.lowered.is_none_or(|lowered| lowered <= self.since) {
            // Whoever came in before the limit was lowered says nothing about the lower one.
            let late = patience.as_secs_f64() / took.as_secs_f64();
            course.limit = (course.limit * late.clamp(FEWER.0, FEWER.1)).max(LEAST.min(most));
            course.lowered = Some(Instant::now());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.course().under_way -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Enters until there is no more room.
    fn fill(admission: &Admission) -> Vec<Place> {
        std::iter::from_fn(|| admission.enter().ok()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_are_let_in_and_the_next_ones_as_others_leave() {
        let admission = Admission::new(SECOND, 3);
        let mut places = fill(&admission);
        assert_eq!((places.len(), admission.enter().err()), (3, Some(3)));
        drop(places.pop());
        assert_eq!((fill(&admission).len(), fill(&Admission::new(SECOND, 4_096)).len()), (1, 1_024));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_late_lowers_the_limit_once_a_round_and_never_below_the_least() {
        let admission = Admission::new(SECOND, 4_096);
        let places = fill(&admission);
        tokio::time::advance(SECOND * 2).await;
        places.into_iter().for_each(Place::settled);
        // Twice as late as should be: half as many.
        assert_eq!(fill(&admission).len(), 512);
        for _ in 0..20 {
            let places = fill(&admission);
            tokio::time::advance(SECOND * 60).await;
            places.into_iter().for_each(Place::settled);
        }
        assert_eq!(fill(&admission).len(), 128);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_in_time_raises_the_limit_where_it_is_needed() {
        let admission = Admission::new(SECOND, 4_096);
        let fewer = fill(&admission);
        tokio::time::advance(SECOND * 4).await;
        fewer.into_iter().for_each(Place::settled);
        assert_eq!(fill(&admission).len(), 512);
        fill(&admission).into_iter().for_each(Place::settled);
        // The second half of those that leave is no sign that more are wanted.
        assert_eq!(fill(&admission).len(), 516);
        (0..10_000).for_each(|_| admission.enter().unwrap().settled());
        assert_eq!(fill(&admission).len(), 516);
    }
}
