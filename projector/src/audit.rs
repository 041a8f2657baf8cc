//! Proves read models equal to a fresh fold of the log at the position where each stands (I4, R9), and looks
//! whether everything is in the log once (I2), the log is in order (I3) and no checkpoint is where it can't be (I5).
//!
//! Nothing is written and nobody is kept waiting (I8). The rows of each model and of the fold are in memory at
//! once; the log is read once for all models and [invariants](runtime::invariants), and never held.

mod fold;

use std::{collections::BTreeMap, sync::Arc};

use kernel::{Checkpoint, Digest, Domain};
use runtime::{
    Engine, StoreError,
    invariants::{Rest, Watch, Watched},
};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

pub use runtime::invariants::{Astray, Disorder, Disorders, Repeat, Repeats, Unsettled};

use crate::{Differences, ReadModel};
use fold::{Fold, Folded, Waiting};

/// How far an audit has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Entries read so far.
    pub entries: u64,
    /// Events that the log has counted up to its head.
    pub of: u64,
}

/// What an audit has found.
#[derive(Clone, Debug, Serialize)]
pub struct Audit {
    /// The log's head when it was read.
    pub head: Checkpoint,
    /// Entries of the log up to there.
    pub entries: u64,
    /// How many of them are no events that can be folded, and so are in no read model.
    pub unreadable: u64,
    /// Version of this program's projection.
    pub version: u32,
    /// The read models, in the order they were given.
    pub models: Vec<Audited>,
    /// What is in the log twice (I2).
    pub repeats: Repeats,
    /// Commands that have taken effect and are in their queues all the same (I2).
    pub unsettled: Vec<Unsettled>,
    /// Where the log is not in order (I3).
    pub disorders: Disorders,
    /// How many consumers' checkpoints were looked at.
    pub consumers: u64,
    /// Checkpoints of consumers and read models that are where they can't be (I5).
    pub astray: Vec<Astray>,
}

impl Audit {
    /// The audit as JSON, with the log that it is of, and whether all is in order.
    #[must_use]
    pub fn document(&self, log: &str) -> Value {
        let mut document = serde_json::to_value(self).unwrap_or_default();
        document["log"] = log.into();
        document["clean"] = self.is_clean().into();
        document
    }

    /// Whether every read model is equal to the fold, the log in order with everything in it once, and every
    /// checkpoint sound.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let once = self.repeats.count == 0 && self.unsettled.is_empty();
        let sound = self.disorders.count == 0 && self.astray.is_empty();
        self.models.iter().all(|model| model.is_equal) && once && sound
    }
}

/// One read model, held against a fresh fold of the log at the position where it stands.
///
/// One that was never written stands before the first event, where the fold has no rows either.
#[derive(Clone, Debug, Serialize)]
pub struct Audited {
    /// Where it is kept, its password masked.
    pub place: String,
    /// Which build of the read model it is; 0 for one that was never written.
    pub generation: u64,
    /// Version of the projection that made it.
    pub version: u32,
    /// Whether that is another than this program's.
    #[serde(rename = "stale")]
    pub is_stale: bool,
    /// Where it stands.
    pub checkpoint: Checkpoint,
    /// The digest of the rows that are there.
    pub digest: Digest,
    /// The digest that it has recorded of itself.
    pub recorded: Digest,
    /// The digest of the fold at that position, or at the log's head where the log ends before it.
    pub expected: Digest,
    /// Rows by topic.
    pub rows: BTreeMap<String, u64>,
    /// Where its rows are not those of the fold.
    pub differences: Differences,
    /// Whether rows and recorded digest are those of the fold.
    #[serde(rename = "equal")]
    pub is_equal: bool,
}

/// Audits read models and the log that they are made of.
///
/// The models are read first, one cut each, then the log up to its head.
///
/// # Errors
/// When a store failed. What is wrong with what the stores hold is no error: the audit names it.
pub async fn audit(
    domain: Arc<Domain>,
    engine: &Engine,
    models: &[ReadModel],
    progress: Option<&watch::Sender<Progress>>,
) -> Result<Audit, StoreError> {
    let topics: Vec<_> = domain.topics().map(|topic| topic.name).collect();
    let mut waiting = Vec::new();
    for (index, model) in models.iter().enumerate() {
        let (rows, state) = model.tables(&topics).await?;
        waiting.push(Waiting { index, place: model.place(), state, rows });
    }
    // The head after everything that must not be ahead of it.
    let checkpoints = engine.checkpoints().await?;
    let head = engine.head().await?;
    let mut astray: Vec<_> = checkpoints
        .iter()
        .filter_map(|(consumer, at)| Astray::check(&format!("consumer {consumer}"), at, &head))
        .collect();
    let of_model = |model: &Waiting| {
        let at = &model.state.checkpoint;
        // A history does not say which log it is of, nor how many events that had.
        let bare = Checkpoint { position: at.position, ..Checkpoint::default() };
        let at = if matches!(engine, Engine::History(_)) { &bare } else { at };
        Astray::check(&format!("read model {}", model.place), at, &head)
    };
    astray.extend(waiting.iter().filter_map(of_model));

    let watch = Watch::begin(engine, &domain.services(), &head, Rest::NotExpected).await?;
    let fold = Fold::new(&domain, watch, waiting, progress.cloned());
    let (log, until) = (engine.clone(), head.clone());
    let folding = tokio::task::spawn_blocking(move || fold.read(&log, &until));
    let died = |error| StoreError::Unavailable { url: engine.url(), reason: format!("its reading died: {error}") };
    let Folded { models, watched, unreadable } = folding.await.map_err(died)??;
    let Watched { disorders, repeats, unsettled, entries, .. } = watched;
    let (version, consumers) = (domain.projection(), checkpoints.len() as u64);
    Ok(Audit { head, entries, unreadable, version, models, repeats, unsettled, disorders, consumers, astray })
}
