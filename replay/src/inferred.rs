//! Causes of events that don't say, found in a stretch of the log around them.

use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc, time::Duration};

use kernel::{Domain, Position};
use projector::timeline::Timeline;
use runtime::{StoreError, Stretch};

use crate::causes::{Cause, Inference, Window};

/// How many entries are looked at, at most, to find what caused an event.
const MOST: u64 = 200_000;

/// Causes by the topic and position of what they caused.
pub(crate) type Causes = BTreeMap<(Arc<str>, Position), Cause>;

/// What probably caused each event from `first` to `last` that does not say, as far as `wants` them.
///
/// The rows from which the sagas decide are as of a window's length before `first`. Of a very long stretch, causes
/// are found in the first [`MOST`] entries only.
pub(crate) async fn causes(
    timeline: &Timeline,
    domain: &Domain,
    (first, last): (Position, Position),
    wants: impl Fn(&str, Position) -> bool + Send + 'static,
) -> Result<Causes, StoreError> {
    let window = Window::default();
    let begin = before(first, window.time);
    let topics: Vec<_> = domain.topics().map(|topic| topic.name).collect();
    let rows = timeline.tables(&topics, begin).await?;
    let mut inference = Inference::from_state(domain, &rows, begin, window);
    let engine = timeline.engine().clone();
    let after = kernel::Checkpoint { position: begin, ..kernel::Checkpoint::default() };
    let scanning = tokio::task::spawn_blocking(move || {
        let (mut causes, mut seen) = (Causes::new(), 0);
        engine.scan(&Stretch { after, until: last }, &mut |entry| {
            seen += 1;
            if let Some(cause) = inference.take(&entry.to_entry())
                && wants(entry.topic(), entry.position())
            {
                causes.insert((entry.topic().into(), entry.position()), cause);
            }
            if seen < MOST { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(causes)
    });
    let died = |error: tokio::task::JoinError| StoreError::Unavailable {
        url: timeline.engine().url(),
        reason: format!("looking for causes died: {error}"),
    };
    scanning.await.map_err(died)?
}

/// The last position that is so much time before another, by the wall clock.
pub(crate) fn before(position: Position, time: Duration) -> Position {
    let micros = position.unix_micros().saturating_sub(time.as_micros() as u64);
    if position.is_foreign() {
        Position::new(micros / 1_000_000, micros % 1_000_000)
    } else {
        Position::new(micros / 1_000, 0)
    }
}

/// The first position that is so much time after another, by the wall clock.
pub(crate) fn after(position: Position, time: Duration) -> Position {
    let micros = position.unix_micros().saturating_add(time.as_micros() as u64);
    if position.is_foreign() {
        Position::new(micros / 1_000_000, micros % 1_000_000)
    } else {
        Position::new(micros / 1_000, u64::MAX)
    }
}
