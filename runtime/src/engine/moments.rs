//! Single places in the log, found by an index: it costs the same however long the log is.

use kernel::{Checkpoint, Entry, Position};

use super::Engine;
use crate::StoreError;

impl Engine {
    /// Where the last entry at or before `position` stands, and the head's epoch; nothing but that epoch where
    /// the log begins later.
    ///
    /// An entry without a number, as other programs write them, has [`kernel::Number::ZERO`] here: how many
    /// numbered ones come before it is not known. Junk is an entry too.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn last_at(&self, position: Position) -> Result<Checkpoint, StoreError> {
        match self {
            Self::Memory(engine) | Self::History(engine) => Ok(engine.last_at(position)),
            Self::Redis(engine) => engine.last_at(position).await,
            Self::Sqlite(engine) => engine.last_at(position).await,
        }
    }

    /// Entries before `before`, in log order: the last ones, at most `limit`, or somewhat more so as not to part entries
    /// that foreign programs gave the same position.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn entries_before(&self, before: Position, limit: usize) -> Result<Vec<Entry>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        match self {
            Self::Memory(engine) | Self::History(engine) => Ok(engine.entries_before(before, limit)),
            Self::Redis(engine) => engine.entries_before(before, limit).await,
            Self::Sqlite(engine) => engine.entries_before(before, limit).await,
        }
    }

    /// The entries of all topics that stand at these positions, in log order, each once.
    ///
    /// Positions may come in any order; one that nothing stands at gives nothing. All that is found is held in
    /// memory.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn entries_at(&self, positions: &[Position]) -> Result<Vec<Entry>, StoreError> {
        let mut positions = positions.to_vec();
        positions.sort_unstable();
        positions.dedup();
        match self {
            Self::Memory(engine) | Self::History(engine) => Ok(engine.entries_at(&positions)),
            Self::Redis(engine) => engine.entries_at(&positions).await,
            Self::Sqlite(engine) => engine.entries_at(&positions).await,
        }
    }
}

/// What [`Engine::last_at`] tells of the entry that it found.
pub(super) fn checkpoint_at(entry: Option<&Entry>, head: Checkpoint) -> Checkpoint {
    Checkpoint {
        epoch: head.epoch,
        position: entry.map(Entry::position).unwrap_or_default(),
        number: entry.and_then(Entry::number).unwrap_or_default(),
    }
}
