//! Single places in the log: a binary search each.

use kernel::{Checkpoint, Entry, Position};

use super::Memory;
use crate::engine::moments::checkpoint_at;

impl Memory {
    pub(in crate::engine) fn last_at(&self, position: Position) -> Checkpoint {
        let state = self.state();
        let end = state.entries.partition_point(|entry| entry.position() <= position);
        checkpoint_at(state.entries[..end].last(), state.head.clone())
    }

    pub(in crate::engine) fn entries_before(&self, before: Position, limit: usize) -> Vec<Entry> {
        let state = self.state();
        let end = state.entries.partition_point(|entry| entry.position() < before);
        let mut start = end.saturating_sub(limit);
        let position = |index: usize| state.entries.get(index).map(Entry::position);
        while start > 0 && position(start) == position(start - 1) {
            start -= 1;
        }
        state.entries[start..end].to_vec()
    }

    /// The entries at these positions, which must be in order.
    pub(in crate::engine) fn entries_at(&self, positions: &[Position]) -> Vec<Entry> {
        let state = self.state();
        let mut found = Vec::new();
        for position in positions {
            let start = state.entries.partition_point(|entry| entry.position() < *position);
            let here = state.entries[start..].iter().take_while(|entry| entry.position() == *position);
            found.extend(here.cloned());
        }
        found
    }
}
