//! Whether today's sagas would decide the same again.
//!
//! Every decision of a log is made again ([`reactions`]), and what comes out is held against what
//! the log has as the reaction. Nothing is appended and nothing is sent (R11).
//!
//! | part | what it does |
//! |---|---|
//! | `compare` | what is decided against what is held, effect by effect |
//! | `findings` | goes through what happens, and tells what differs |
//! | `groups` | what divergences have in common |
//! | `answers` | commands that sagas send against the events that they led to |
//! | `taint` | what would be otherwise because something differs: what only follows from that |
//! | [`report`] | what comes of it |

use std::{collections::BTreeSet, ops::ControlFlow};

use kernel::{Domain, Entry};
use runtime::{CommandState, Engine, StoreError};

use crate::reactions::{self, Replay, Scope};

mod answers;
mod compare;
mod findings;
mod groups;
pub mod report;
mod taint;

use findings::Findings;
pub use report::{Difference, Divergence, Report, Told};

/// How many divergences are told in full, and as many that follow from them; the others are counted.
pub const MOST: usize = 100;

/// How many entries are read ahead at most, when decisions can't be made again with fewer.
const MOST_AHEAD: usize = 262_144;

/// How far a log is looked through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// Through all that is asked for.
    #[default]
    End,
    /// Up to the first decision that differs by itself.
    FirstDifference,
}

/// Makes the decisions of a store's log again and holds them against what it has.
///
/// # Errors
/// When the store failed, or the log has lost events (R3).
pub async fn verify(domain: &Domain, engine: &Engine, scope: Scope, until: Until) -> Result<Report, StoreError> {
    verify_watched(domain, engine, scope, until, |_| ControlFlow::Continue(())).await
}

/// As [`verify`], watched: `watch` is told again and again how many entries have been folded, and breaks it off where
/// it wants no more. What was found up to there is reported as stopped.
///
/// Where more has to be read ahead the log is looked through once more, and the number begins again.
///
/// # Errors
/// When the store failed, or the log has lost events (R3).
pub async fn verify_watched(
    domain: &Domain,
    engine: &Engine,
    scope: Scope,
    until: Until,
    watch: impl Fn(u64) -> ControlFlow<()> + Clone + Send + 'static,
) -> Result<Report, StoreError> {
    let mut scope = scope;
    loop {
        let report = verify_once(domain, engine, scope.clone(), until, watch.clone()).await?;
        let is_enough = report.stopped && until == Until::End;
        if report.unchecked == 0 || scope.ahead >= MOST_AHEAD || is_enough {
            return Ok(report);
        }
        // A saga lagged by more than was read ahead; with more in memory its decisions can be made again.
        scope.ahead = (scope.ahead * 8).min(MOST_AHEAD);
    }
}

async fn verify_once(
    domain: &Domain,
    engine: &Engine,
    scope: Scope,
    until: Until,
    watch: impl Fn(u64) -> ControlFlow<()> + Send + 'static,
) -> Result<Report, StoreError> {
    let findings = Findings::new(domain, scope.clone(), until);
    let take = move |findings: &mut Findings, happening| {
        findings.take(happening)?;
        let flow = watch(findings.entries());
        if flow.is_break() {
            findings.stop();
        }
        flow
    };
    let findings = reactions::follow(domain, engine, scope, findings, take).await?;
    let mut on_their_way = BTreeSet::new();
    for command in findings.unanswered() {
        let record = engine.command(&command).await?;
        if record.is_some_and(|record| !matches!(record.state, CommandState::Ended(_))) {
            on_their_way.insert(command);
        }
    }
    Ok(findings.finish(&on_their_way))
}

/// As [`verify`], of entries in log order that are there already, such as those of a history.
#[must_use]
pub fn verify_entries(domain: &Domain, entries: impl IntoIterator<Item = Entry>, scope: Scope, until: Until) -> Report {
    let mut findings = Findings::new(domain, scope.clone(), until);
    reactions::happenings(Replay::new(domain, scope), entries, |happening| findings.take(happening));
    findings.finish(&BTreeSet::new())
}
