//! The last thing that happened up to a position.

use kernel::{Domain, Entry, Event, Position};
use projector::timeline::RowChange;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    live::{Shown, key, visible},
    pace::Pace,
    problem::Problem,
    source::Source,
};

/// How many entries are read at first for one that clients see: the log's own records come a few at a time.
const FIRST: usize = 8;

/// An event, and what it did to its row.
#[derive(Debug, Default, Serialize)]
pub(super) struct Step {
    /// The event as clients see it.
    event: Option<Box<RawValue>>,
    /// Nothing where it did nothing.
    change: Option<RowChange>,
}

impl Step {
    /// The last event at or before `at`, which is the position of the last entry; none where it is too far back to be
    /// looked for.
    pub(super) async fn at(source: &Source<'_>, domain: &Domain, at: Position) -> Result<Self, Problem> {
        let (mut entries, mut pace) = (source.asked(source.engine.entries_at(&[at])).await?, Pace::of(FIRST));
        let mut before = at;
        while last(&entries).is_none() && !pace.is_over() {
            entries = source.asked(source.engine.entries_before(before, pace.next())).await?;
            let Some(first) = entries.first() else { break };
            before = first.position();
            pace.read(&entries);
            entries.iter().for_each(|entry| pace.look(entry));
        }
        let Some(event) = last(&entries) else { return Ok(Self::default()) };
        let shown = Shown::event(domain, event).and_then(|shown| RawValue::from_string(shown.json).ok());
        Ok(Self { event: shown, change: change(source, domain, event).await? })
    }
}

/// The last event that clients see.
fn last(entries: &[Entry]) -> Option<&Event> {
    entries.iter().rev().find_map(visible)
}

async fn change(source: &Source<'_>, domain: &Domain, event: &Event) -> Result<Option<RowChange>, Problem> {
    let (Some(topic), Some(key)) = (domain.topic(&event.topic), key(domain, event)) else { return Ok(None) };
    let at = event.position;
    let (before, after) = tokio::try_join!(
        source.remembered(source.timeline.row(topic.name, &key, at.predecessor())),
        source.remembered(source.timeline.row(topic.name, &key, at)),
    )?;
    let [before, after] = [before, after].map(|version| version.and_then(|version| version.row));
    let change = RowChange { topic: topic.name, key, before, after };
    Ok(Some(change).filter(|change| change.before.is_some() || change.after.is_some()))
}
