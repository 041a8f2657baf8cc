//! Fault points: named places at which a process can be made to die or to freeze, so that tests are there when it
//! hurts most.
//!
//! `RETRACE_FAULT=<point>:<hit>` aborts the process when it comes to the point for the `hit`-th time, without
//! unwinding and without destructors, as a power cut would; `RETRACE_FAULT=<point>:<hit>:freeze` stops it there with
//! SIGSTOP until somebody sends SIGCONT. Only debug builds and builds with the feature `faults` have them: in all
//! others [`point`] is nothing, and [`arm`] refuses the variable.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

/// The environment variable that arms a point.
pub const VARIABLE: &str = "RETRACE_FAULT";

/// A place at which a process can be made to die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// What `RETRACE_FAULT` calls it: the part of the system, and where in it.
    pub name: &'static str,
    /// What has happened when it is come to, and what has not.
    pub at: &'static str,
}

/// Every point there is.
pub const POINTS: &[Point] = &[
    Point { name: "gateway.enqueue", at: "requests have become commands, which are in no queue" },
    Point { name: "gateway.enqueued", at: "the commands are in their queues, and nobody was told" },
    Point { name: "gateway.answer", at: "a command has its outcome, and nobody was told" },
    Point { name: "worker.begins", at: "services are to begin, with the store open and nothing asked of it" },
    Point { name: "worker.claimed", at: "commands are in a worker's hands, and not decided" },
    Point { name: "worker.decided", at: "commands are decided, and nothing of that is committed" },
    Point { name: "worker.committed", at: "decisions are committed, and the worker does not know" },
    Point { name: "reaper.handed_back", at: "what a dead worker held is in its queue again" },
    Point { name: "saga.read", at: "a saga has read events, and reacted to none of them" },
    Point { name: "saga.decided", at: "a saga has decided, and nothing of that is committed" },
    Point { name: "saga.committed", at: "reactions are committed, and the saga does not know" },
    Point { name: "projector.folded", at: "a page is folded, and nothing of it is written" },
    Point { name: "projector.uncommitted", at: "rows and checkpoint are in a transaction of SQLite, not committed" },
    Point { name: "projector.written", at: "a page is written, and the projector does not know" },
    Point { name: "rebuild.taken_up", at: "an interrupted generation is taken up, and not begun again" },
    Point { name: "rebuild.begun", at: "a generation is begun, and empty or as it was" },
    Point { name: "rebuild.loading", at: "rows of a load are written, its checkpoint is not" },
    Point { name: "rebuild.loaded", at: "a load is committed, and the rebuild does not know" },
    Point { name: "rebuild.swap", at: "a generation is complete, and not served" },
    Point { name: "rebuild.swapped", at: "a generation is served, and what it makes superfluous is still there" },
    Point { name: "rebuild.discarding", at: "a generation is discarded, and its rows are not deleted yet" },
    Point { name: "sqlite.commit", at: "a group of writes is done, and not committed" },
    Point { name: "sqlite.committed", at: "a group of writes is on the disk, and nobody was told" },
    Point { name: "timeline.run", at: "a run of the timeline is in a transaction, not committed" },
    Point { name: "timeline.written", at: "a run of the timeline is written, and its keeper does not know" },
];

/// Why `RETRACE_FAULT` can't be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// It is not of the form that it must have.
    #[error("{VARIABLE} is \"{0}\"; expected <point>:<hit> or <point>:<hit>:freeze, counting hits from 1; {all}", all = known())]
    Malformed(String),
    /// There is no such point.
    #[error("{VARIABLE} names fault point \"{0}\", which there is not; {all}", all = known())]
    Unknown(String),
    /// This build has none.
    #[error("{VARIABLE} is set, and this build has no fault points; unset it, or use a debug build")]
    Absent,
}

fn known() -> String {
    let names: Vec<_> = POINTS.iter().map(|point| point.name).collect();
    format!("the points are {}", names.join(", "))
}

/// What happens at the point that is armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Abort,
    Freeze,
}

/// The point that is armed, and how often it was come to.
#[derive(Debug)]
struct Armed {
    point: &'static str,
    hit: u64,
    fault: Fault,
    hits: AtomicU64,
}

static ARMED: OnceLock<Armed> = OnceLock::new();

/// Arms the point that `RETRACE_FAULT` names; without the variable none is.
///
/// # Errors
/// When the variable is set to what can't be followed, or this build has no points.
pub fn arm() -> Result<(), FaultError> {
    let Some(asked) = std::env::var_os(VARIABLE).filter(|asked| !asked.is_empty()) else { return Ok(()) };
    if !cfg!(any(debug_assertions, feature = "faults")) {
        return Err(FaultError::Absent);
    }
    let armed = parse(&asked.to_string_lossy())?;
    // Armed before, it stays as it is.
    let _ = ARMED.set(armed);
    Ok(())
}

fn parse(asked: &str) -> Result<Armed, FaultError> {
    let malformed = || FaultError::Malformed(asked.to_owned());
    let mut parts = asked.split(':');
    let (name, hit, fault) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let hit = hit.and_then(|hit| hit.parse().ok()).filter(|hit| *hit > 0).ok_or_else(malformed)?;
    let fault = match (fault, parts.next()) {
        (None, _) => Fault::Abort,
        (Some("freeze"), None) => Fault::Freeze,
        (Some(_), _) => return Err(malformed()),
    };
    let point = POINTS.iter().find(|point| point.name == name).ok_or_else(|| FaultError::Unknown(name.to_owned()))?;
    Ok(Armed { point: point.name, hit, fault, hits: AtomicU64::new(0) })
}

/// A place at which the process dies, or freezes, if it is armed. In a build without points, nothing.
#[inline]
pub fn point(name: &'static str) {
    if cfg!(any(debug_assertions, feature = "faults"))
        && let Some(armed) = ARMED.get().filter(|armed| armed.point == name)
    {
        armed.come_to();
    }
}

impl Armed {
    fn come_to(&self) {
        if self.hits.fetch_add(1, Ordering::Relaxed) + 1 != self.hit {
            return;
        }
        let Self { point, hit, .. } = self;
        match self.fault {
            Fault::Abort => {
                tracing::error!(point, hit, "fault point: the process dies here");
                std::process::abort();
            }
            Fault::Freeze => {
                tracing::error!(point, hit, "fault point: the process freezes here");
                // Another program sends it: without unsafe code a process can't signal itself.
                let stop = std::process::Command::new("kill").args(["-STOP", &std::process::id().to_string()]).status();
                if !stop.is_ok_and(|status| status.success()) {
                    std::process::abort();
                }
                tracing::error!(point, hit, "fault point: the process goes on");
            }
        }
    }
}

#[cfg(test)]
mod tests;
