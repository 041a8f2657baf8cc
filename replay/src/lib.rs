//! Histories: read, written, replayed.
