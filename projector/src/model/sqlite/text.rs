//! How rows and states are written down in SQLite.

use kernel::{Checkpoint, Epoch, Number};
use serde::Serialize;
use sqlx::{Sqlite, Transaction};

use crate::ModelState;

/// A state as the table holds it: epoch, position, number, digest, version, generation.
pub(super) type StateRow = (String, String, i64, String, i64, i64);

/// A count as SQLite holds it; none of ours comes near the limit.
pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The state that a row of the table says.
pub(super) fn state((epoch, position, number, digest, version, generation): &StateRow) -> Option<ModelState> {
    Some(ModelState {
        checkpoint: Checkpoint {
            epoch: Epoch(epoch.clone()),
            position: position.parse().ok()?,
            number: Number(u64::try_from(*number).ok()?),
        },
        digest: digest.parse().ok()?,
        version: u32::try_from(*version).ok()?,
        generation: u64::try_from(*generation).ok()?,
    })
}

pub(super) async fn set_state(
    transaction: &mut Transaction<'_, Sqlite>,
    slot: i64,
    state: &ModelState,
) -> Result<(), sqlx::Error> {
    sqlx::query(include_str!("set_state.sql"))
        .bind(slot)
        .bind(&*state.checkpoint.epoch.0)
        .bind(state.checkpoint.position.to_string())
        .bind(integer(state.checkpoint.number.0))
        .bind(state.digest.to_string())
        .bind(state.version)
        .bind(integer(state.generation))
        .execute(&mut **transaction)
        .await
        .map(drop)
}

/// Rows or keys as the JSON that bulk statements take.
pub(super) fn json<T: Serialize>(values: &[T]) -> String {
    // Texts and tuples of texts can't fail to be written.
    serde_json::to_string(values).unwrap_or_default()
}

/// Takes rows out of packed text; nothing when the lengths do not measure it.
pub(super) fn unpack(lengths: &str, packed: &str, rows: &mut Vec<(String, String)>) -> Option<()> {
    let mut lengths = lengths.split(' ').map(str::parse::<usize>);
    let mut rest = packed;
    while let Some(length) = lengths.next() {
        let (key, after) = rest.split_at_checked(length.ok()?)?;
        let (row, after) = after.split_at_checked(lengths.next()?.ok()?)?;
        rows.push((key.to_owned(), row.to_owned()));
        rest = after;
    }
    rest.is_empty().then_some(())
}
