//! Keeps a read model at the head of the log.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kernel::{Digest, Domain, Entry, Row};
use runtime::{Entries, StoreError, Tail};
use tokio_util::sync::CancellationToken;

use crate::{Change, Changes, ModelState, ReadModel};

/// Version of the projection of entities and journals to rows; a read model of another one is stale.
pub const VERSION: u32 = 1;

/// How many entries go into one write.
const PAGE: usize = 1_024;

/// How long to wait for entries before looking around.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause after the store failed, or while another projector writes.
const PAUSE: Duration = Duration::from_millis(500);

/// Follows the log until told to stop.
///
/// # Errors
/// When the log is not the one that the read model was made of, or has lost events (R3).
pub async fn run(domain: Arc<Domain>, tail: Tail, model: ReadModel, stop: CancellationToken) -> Result<(), StoreError> {
    loop {
        let followed = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            followed = follow(&domain, &tail, &model) => followed,
        };
        match followed {
            Err(error) if error.is_transient() => tracing::warn!(%error, "projection waits"),
            Err(error) => return Err(error),
            Ok(()) => tracing::warn!("another projector has moved the read model; following from where it stands"),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Follows the log from where the read model stands, until somebody else moves it.
async fn follow(domain: &Domain, tail: &Tail, model: &ReadModel) -> Result<(), StoreError> {
    let mut state = model.state().await?;
    loop {
        let page = tail.next(&state.checkpoint, PAGE, PATIENCE).await?;
        if page.entries.is_empty() {
            continue;
        }
        let changes = project(domain, model, &state, &page).await?;
        if !model.write(&changes).await? {
            return Ok(());
        }
        state = changes.to;
    }
}

/// Folds a page over the rows that it touches.
async fn project(domain: &Domain, model: &ReadModel, from: &ModelState, page: &Entries) -> Result<Changes, StoreError> {
    let mut steps = Vec::new();
    for entry in &page.entries {
        let Entry::Event(event) = &**entry else {
            tracing::warn!(position = %entry.position(), topic = %entry.topic(), "entry passed over: it is no event");
            continue;
        };
        let Some(topic) = domain.topic(&event.topic) else { continue };
        match topic.step(event) {
            Ok(keyed) => steps.push((topic.name, keyed)),
            Err(unreadable) => {
                tracing::warn!(position = %event.position, topic = topic.name, %unreadable, "event passed over");
            }
        }
    }
    let mut keys: Vec<_> = steps.iter().map(|(topic, keyed)| (*topic, &*keyed.key)).collect();
    keys.sort_unstable();
    keys.dedup();
    let before = model.rows(&keys).await?;
    let before: BTreeMap<_, _> =
        before.into_iter().map(|((topic, key), row)| ((topic, Arc::from(key)), Row::from(row))).collect();

    let mut after: BTreeMap<(&'static str, Arc<str>), Option<Row>> = BTreeMap::new();
    let mut digest = from.digest;
    for (topic, keyed) in steps {
        let key = (topic, keyed.key);
        let known = after.get(&key).cloned();
        let row = known.unwrap_or_else(|| before.get(&(topic.to_owned(), key.1.clone())).cloned());
        let folded = keyed.step.fold(row.as_ref());
        count(&mut digest, &key, row.as_ref(), folded.as_ref());
        after.insert(key, folded);
    }
    let to = ModelState {
        checkpoint: page.end(&from.checkpoint),
        digest,
        version: VERSION,
        generation: from.generation.max(1),
    };
    let rows = after.into_iter().map(|((topic, key), row)| Change { topic, key, row }).collect();
    Ok(Changes { from: from.clone(), to, rows })
}

fn count(digest: &mut Digest, (topic, key): &(&'static str, Arc<str>), before: Option<&Row>, after: Option<&Row>) {
    if let Some(row) = before {
        digest.remove(topic, key, row);
    }
    if let Some(row) = after {
        digest.add(topic, key, row);
    }
}
