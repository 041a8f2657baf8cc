//! Histories: read, written, replayed.
//!
//! Nothing here appends to a log or sends a command (R11).
//!
//! | module | what it holds |
//! |---|---|
//! | [`life`] | one entity's life: every version and why it came about |
//! | [`trace`] | what led to an event and what came of it |
//! | [`causes`] | what caused the events of programs that did not write it down, found by content |
//! | [`reactions`] | what today's sagas decide about each event of a log |
//! | [`mod@snapshot`] | what today's sagas decide about a history, as text made to be read in a diff |
//! | [`record`] | parts of a log that replay as the whole does |
//! | [`steps`] | a history one event at a time: what it changed, and what is decided about it |
//! | [`verify`] | whether today's sagas would decide the same again |

mod apart;
pub mod causes;
mod inferred;
pub mod life;
pub mod reactions;
pub mod record;
#[cfg(test)]
mod sample;
pub mod snapshot;
pub mod steps;
pub mod trace;
pub mod verify;

pub use snapshot::snapshot;
