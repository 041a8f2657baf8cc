//! Read models: rows that a projection made of the log, with their checkpoint.
//!
//! The served read model is changed by [`ReadModel::write`] alone: rows, checkpoint and digest together or not at
//! all. One that is built beside it can also be [loaded in bulk](ReadModel::load), and is then
//! [served](ReadModel::serve) at one stroke.
//! What a row becomes is the kernel's one fold ([`kernel::Topic::step`]); this crate reads, keeps and serves.
//!
//! | module | what it holds |
//! |---|---|
//! | [`model`] | where a read model is kept, behind one enum |
//! | [`live`] | keeps a read model at the head of the log |
//! | [`parked`] | what can be done about entries that were set aside |
//! | [`rebuild`] | builds one anew, in bulk, beside the one that is served |
//! | [`audit`] | proves read models equal to a fresh fold of the log |
//! | [`difference`] | rows that are not what the log says they are |
//! | [`timeline`] | the rows as they stood at any position |
//! | [`field_changes`] | what became of a row, field by field |

pub mod audit;
pub mod difference;
pub mod field_changes;
mod file;
pub mod live;
pub mod model;
pub mod parked;
pub mod rebuild;
pub mod timeline;

pub use difference::{Difference, Differences};
pub use model::{Change, Changes, Generation, Hold, ModelState, ReadModel, Stage};

/// Who does something to a read model, for whoever wants to as well: `retrace rebuild (process 17 on web-2)`.
#[must_use]
pub fn holder(what: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let on = if host.trim().is_empty() { String::new() } else { format!(" on {}", host.trim()) };
    format!("{what} (process {}{on})", std::process::id())
}
