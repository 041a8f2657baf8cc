//! Where a part may end, and whether it says what the whole log says.

use std::{collections::BTreeSet, ops::ControlFlow};

use kernel::{Domain, Position};
use runtime::{Engine, StoreError};

use super::{Part, RecordError, Window};
use crate::{
    reactions::{self, Happening, Scope},
    verify::{Report, Until, report::Cause, verify},
};

/// The first position from `to` on where no decision has some of its events before it and others behind it.
///
/// A log that ends amid the events of one decision holds a half of it, and would be told as deciding otherwise.
///
/// # Errors
/// When the store failed, or the log has lost events (R3).
pub async fn end_of_decisions(domain: &Domain, engine: &Engine, to: Position) -> Result<Position, StoreError> {
    let mut end = to;
    loop {
        let scope = Scope { to: end, ..Scope::default() };
        let found = reactions::follow(domain, engine, scope, end, move |furthest, happening| {
            match happening {
                Happening::Reacted(reaction) => {
                    let positions = || reaction.held.iter().map(|event| event.position);
                    if positions().any(|position| position <= end) {
                        *furthest = positions().fold(*furthest, Position::max);
                    }
                }
                Happening::Done => return ControlFlow::Break(()),
                Happening::Inferring(_)
                | Happening::Unchecked
                | Happening::Loose { .. }
                | Happening::Folded { .. }
                | Happening::Junk => {}
            }
            ControlFlow::Continue(())
        });
        let furthest = found.await?;
        if furthest == end {
            return Ok(end);
        }
        end = furthest;
    }
}

/// Refuses a part of which something differs that does not differ in the whole log.
pub(super) async fn check(domain: &Domain, engine: &Engine, part: &Part, window: Window) -> Result<(), RecordError> {
    if part.report.is_same() {
        return Ok(());
    }
    let scope = Scope { from: window.from, to: window.to, ..Scope::default() };
    let whole = verify(domain, engine, scope, Until::End).await?;
    let (ours, theirs) = (differing(&part.report), differing(&whole));
    // Only so many are told one by one.
    let is_told = theirs.len() as u64 == whole.divergent + whole.consequences;
    let other = ours.into_iter().find(|which| !theirs.contains(which));
    let is_more = part.report.divergent + part.report.consequences > whole.divergent + whole.consequences;
    match other {
        Some((handler, event)) if is_told || is_more => {
            Err(RecordError::Differs { handler: handler.to_owned(), event: event.to_owned() })
        }
        Some(_) | None => Ok(()),
    }
}

/// The decisions that a report tells as differing, by saga and event.
fn differing(report: &Report) -> BTreeSet<(&str, &str)> {
    let told = report.divergences.iter().chain(&report.following);
    let which = told.map(|divergence| {
        let event = match &divergence.event {
            Cause::Known(event) => &event.id,
            Cause::Unknown { id } => id,
        };
        (divergence.handler.as_str(), event.as_str())
    });
    which.collect()
}
