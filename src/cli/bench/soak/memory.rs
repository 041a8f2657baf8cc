//! How much memory processes take while they work.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::commands::Budget;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// A process, and the memory of its own that it had, in bytes, each time it was looked at; files that it has mapped are
/// the system's and do not count.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub(super) name: &'static str,
    process: u32,
    /// What part of the work was done by then, and how much memory there was.
    looks: Vec<(f64, u64)>,
}

impl Course {
    /// A process before anybody has looked.
    pub(super) const fn of(name: &'static str, process: u32) -> Self {
        Self { name, process, looks: Vec::new() }
    }

    fn look(&mut self, done: f64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process)).unwrap_or_default();
        self.looks.extend(own(&status).map(|bytes| (done, bytes)));
    }

    /// The median between two parts of the work; nothing where nobody looked.
    pub(super) fn between(&self, from: f64, to: f64) -> Option<u64> {
        let mut looks: Vec<_> =
            self.looks.iter().filter(|(done, _)| (from..=to).contains(done)).map(|(_, bytes)| *bytes).collect();
        looks.sort_unstable();
        looks.get(looks.len() / 2).copied()
    }

    pub(super) fn most(&self) -> Option<u64> {
        self.looks.iter().map(|(_, bytes)| *bytes).max()
    }
}

/// Looks at processes until dropped; what was seen is in `courses`.
pub(super) async fn watch(courses: &mut [Course], budget: &Budget, all: u64) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let done = 1.0 - budget.left() as f64 / all.max(1) as f64;
        courses.iter_mut().for_each(|course| course.look(done));
    }
}

/// The anonymous memory that Linux says a process has, in bytes.
fn own(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_it_in_kilobytes() {
        assert_eq!(own("VmRSS:\t  900 kB\nRssAnon:\t  12 kB\nRssFile:\t 8 kB\n"), Some(12_288));
        assert_eq!(own("VmRSS:\t  900 kB\n"), None);
    }

    #[test]
    fn a_course_is_told_by_parts_of_the_work() {
        let looks = vec![(0.0, 1), (0.2, 5), (0.25, 9), (0.3, 7), (0.95, 8), (1.0, 6)];
        let course = Course { name: "up", process: 0, looks };
        assert_eq!([course.between(0.2, 0.3), course.between(0.9, 1.0), course.most()], [7, 8, 9].map(Some));
        assert_eq!(course.between(0.4, 0.5), None);
    }
}
