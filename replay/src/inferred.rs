//! Causes of events that don't say, found in short stretches of the log before them.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use kernel::{Checkpoint, Domain, Position, Tables};
use projector::timeline::Timeline;
use runtime::{StoreError, Stretch};

use crate::causes::{Cause, Inference, Window};

#[cfg(test)]
mod tests;

/// How long after its cause an effect may come, to be told in somebody's life.
pub(crate) const SOON: Duration = Duration::from_secs(2);

/// How many entries are looked at for one answer: somebody waits for it.
const MOST: u64 = 20_000;

/// How long it is looked for causes, however few entries that are.
const MOST_TIME: Duration = Duration::from_secs(3);

/// How many rows are loaded for one answer; the sagas decide on whole topics.
const MOST_ROWS: usize = 1_000_000;

/// Causes by the topic and position of what they caused.
pub(crate) type Causes = BTreeMap<(Arc<str>, Position), Cause>;

/// What was found, and whether it was looked for everywhere.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) causes: Causes,
    pub(crate) is_complete: bool,
}

/// The stretches of the log in which the causes of events at these positions, in log order, are looked for.
pub(crate) fn stretches(positions: impl IntoIterator<Item = Position>) -> Vec<(Position, Position)> {
    let mut stretches: Vec<(Position, Position)> = Vec::new();
    for position in positions {
        let begin = before(position, SOON);
        match stretches.last_mut() {
            Some((_, end)) if begin <= *end => *end = position,
            Some(_) | None => stretches.push((begin, position)),
        }
    }
    stretches
}

/// What probably caused the events in these stretches of the log that don't say: each from one position, whose rows
/// the sagas begin with, up to and at another.
pub(crate) async fn causes(
    timeline: &Timeline,
    domain: &Domain,
    stretches: Vec<(Position, Position)>,
) -> Result<Found, StoreError> {
    let mut topics: Vec<_> = domain.sagas().iter().flat_map(|saga| saga.reads.iter().copied()).collect();
    topics.sort_unstable();
    topics.dedup();
    let mut found = Found::default();
    let (mut entries, mut rows) = (0, 0);
    let deadline = Instant::now() + MOST_TIME;
    for (begin, end) in stretches {
        let tables = timeline.tables(&topics, begin).await?;
        rows += tables.0.values().map(BTreeMap::len).sum::<usize>();
        if rows > MOST_ROWS || entries >= MOST || Instant::now() >= deadline {
            return Ok(found);
        }
        let (causes, looked_at) = search(timeline, domain, tables, (begin, end), (MOST - entries, deadline)).await?;
        entries += looked_at;
        found.causes.extend(causes);
    }
    found.is_complete = entries < MOST && Instant::now() < deadline;
    Ok(found)
}

/// Looks at no more than `most` entries of a stretch; tells at how many.
async fn search(
    timeline: &Timeline,
    domain: &Domain,
    rows: Tables,
    (begin, end): (Position, Position),
    (most, deadline): (u64, Instant),
) -> Result<(Causes, u64), StoreError> {
    let window = Window { time: SOON, ..Window::default() };
    let domain = domain.clone();
    let start = tokio::task::spawn_blocking(move || Inference::from_state(&domain, &rows, begin, window));
    let died = |error: tokio::task::JoinError| StoreError::Unavailable {
        url: timeline.engine().url(),
        reason: format!("looking for causes died: {error}"),
    };
    let search = Search { inference: start.await.map_err(died)?, causes: Causes::new(), seen: 0 };
    let after = Checkpoint { position: begin, ..Checkpoint::default() };
    let found = timeline.scan(Stretch { after, until: end }, search, move |search, entry| {
        search.seen += 1;
        if let Some(cause) = search.inference.take(&entry.to_entry()) {
            search.causes.insert((entry.topic().into(), entry.position()), cause);
        }
        let is_enough = search.seen >= most || Instant::now() >= deadline;
        if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let Search { causes, seen, .. } = found.await?;
    Ok((causes, seen))
}

/// A search on its way through the log.
struct Search {
    inference: Inference,
    causes: Causes,
    seen: u64,
}

/// The last position that is more than so much time before another, by the wall clock: what is after it is not.
pub(crate) fn before(position: Position, time: Duration) -> Position {
    let micros = position.unix_micros().saturating_sub(time.as_micros() as u64);
    let first = if position.is_foreign() {
        Position::new(micros / 1_000_000, micros % 1_000_000)
    } else {
        Position::new(micros / 1_000, 0)
    };
    first.predecessor()
}

/// The last position that is no more than so much time after another, by the wall clock.
pub(crate) fn after(position: Position, time: Duration) -> Position {
    let micros = position.unix_micros().saturating_add(time.as_micros() as u64);
    if position.is_foreign() {
        Position::new(micros / 1_000_000, micros % 1_000_000)
    } else {
        Position::new(micros / 1_000, u64::MAX)
    }
}
