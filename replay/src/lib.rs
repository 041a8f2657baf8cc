//! Histories: read, written, replayed.
//!
//! Nothing here appends to a log or sends a command (R11).
//!
//! | module | what it holds |
//! |---|---|
//! | [`causes`] | what caused the events of programs that did not write it down, found by content |

pub mod causes;
