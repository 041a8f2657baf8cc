//! The vocabulary and the one fold of Retrace.
//!
//! Everything here is a function of its arguments: there is no clock, no chance, no environment, no I/O, no
//! `async`, and no map whose order depends on a seed. `clippy.toml` refuses them, so a domain that depends on
//! this crate alone can be replayed.
//!
//! | module | what it holds |
//! |---|---|
//! | [`position`], [`moment`], [`checkpoint`] | the rulers: [`Position`], [`Number`], [`Epoch`], [`Checkpoint`] |
//! | [`event`], [`command`] | facts and intents |
//! | [`field`], [`topic`], [`canonical`] | what entities look like, and the one fold (R8) |
//! | [`view`], [`decision`] | what handlers see, and what they ask for (R5, R6, R7) |
//! | [`domain`] | what a user adds, and the version of its projection |
//! | [`scenario`] | simulated clients of a domain |
//! | [`digest`] | one number for all rows (R9) |

pub mod canonical;
pub mod checkpoint;
pub mod command;
pub mod decision;
pub mod digest;
pub mod domain;
pub mod event;
pub mod field;
mod fingerprint;
pub mod moment;
pub mod position;
pub mod scenario;
mod service;
pub mod topic;
pub mod view;

pub use canonical::{Complaint, ENTITY_ID};
pub use checkpoint::{Checkpoint, Epoch, Number};
pub use command::{Command, Intent, Outcome, Rejection, RejectionKind};
pub use decision::{Context, Decided, Decision, Effect, Failure, Read, Refusal, Then};
pub use digest::Digest;
pub use domain::{
    Change, DECISIONS, Domain, Entity, Journal, Occurrence, OnFailure, Page, Query, QueryHandler, Saga, SagaHandler,
    Tables,
};
pub use event::{CREATED, DELETED, Draft, Entry, Event, EventRef, Junk, Meta, MetaRef, SCHEMA, Seen, UPDATED};
pub use field::{Field, Kind};
pub use moment::{MalformedMoment, Moment};
pub use position::{MalformedPosition, Position};
pub use scenario::{Chance, Method, Request, Scenario};
pub use topic::{Content, FOLD, Keyed, Row, Step, Topic, TopicKind, Touch, Unreadable};
pub use view::{Ahead, View};
