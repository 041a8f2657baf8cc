//! Read models: rows that a projection made of the log, with their checkpoint.
//!
//! A read model is changed by [`ReadModel::write`] alone: rows, checkpoint and digest together or not at all.
//! What a row becomes is the kernel's one fold ([`kernel::Topic::step`]); this crate reads, keeps and serves.
//!
//! | module | what it holds |
//! |---|---|
//! | [`model`] | where a read model is kept, behind one enum |
//! | [`live`] | keeps a read model at the head of the log |

pub mod live;
pub mod model;

pub use model::{Change, Changes, ModelState, ReadModel};
