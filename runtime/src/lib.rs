//! Everything of Retrace that touches a log: engines, commit, queue, service host, saga host.
//!
//! There is one way to change a log, [`Engine::commit`], and one way to read it, [`Engine::read`]. The
//! engines differ in where they keep things and in nothing that a caller can tell: one contract suite runs
//! on all of them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`commit`] | what a commit is, and why one is refused |
//! | [`durability`] | how sure it must be that what is acknowledged stays |
//! | [`engine`] | the engines behind one enum |
//! | [`parking`] | what consumers could not process and have set aside |
//! | [`queue`] | commands on their way: claims, attempts, dead letters |
//! | [`fault`] | places at which tests let a process die |
//! | [`history`] | logs as files |
//! | [`host`] | what runs services and sagas |
//! | [`invariants`] | what must hold of any log, looked for in the log itself |
//! | [`location`] | store URLs and namespaces |
//! | [`moment`] | moments as people write them |
//! | [`scan`] | long stretches of a log, fast |
//! | [`tail`] | the log followed once per process |
//! | [`trouble`] | what fails for a while, told when it begins and when it is over |
//! | [`wire`] | what a Redis server answers, read in place |

pub mod commit;
pub mod durability;
pub mod engine;
pub mod error;
pub mod fault;
pub mod history;
pub mod host;
pub mod invariants;
pub mod location;
pub mod moment;
pub mod parking;
pub mod queue;
pub mod scan;
pub mod tail;
pub mod trouble;
pub mod wire;

pub use commit::{Advance, Commit, CommitError, Committed, Enqueue, Expect, Holder, Idempotency, Refused, Settlement};
pub use durability::Durability;
pub use engine::{Bell, Claimer, Engine, Hint, Outcomes, Page};
pub use error::StoreError;
pub use location::{Namespace, StoreUrl, UnknownStore};
pub use parking::{Parked, ParkedId};
pub use queue::{
    Claim, CommandRecord, CommandState, DeadLetter, Failing, Listed, Listing, QueueStatus, Queued, Standing, Token,
};
pub use scan::{Stretch, Visit};
pub use tail::{Entries, Tail};
pub use trouble::Trouble;
