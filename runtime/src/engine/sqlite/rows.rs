//! Many rows as one JSON array: what `json_each` takes apart again, in one statement for a whole group.

use serde::Serialize;

use super::failure::Failure;

/// Rows for one statement; each is an array of its columns, or one value.
#[derive(Debug, Default)]
pub(super) struct Rows(String);

impl Rows {
    pub(super) fn push(&mut self, row: &impl Serialize) -> Result<(), Failure> {
        self.0.push(if self.0.is_empty() { '[' } else { ',' });
        let row = serde_json::to_string(row).map_err(|error| Failure::corrupt("a row", error))?;
        self.0.push_str(&row);
        Ok(())
    }

    /// The array, and no more rows; nothing when there are none.
    pub(super) fn take(&mut self) -> Option<String> {
        let mut rows = std::mem::take(&mut self.0);
        if rows.is_empty() {
            return None;
        }
        rows.push(']');
        Some(rows)
    }
}
