//! The gateway over real TCP, in front of a small domain of the tests' own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod app;
mod client;
#[path = "../../examples/library/domain.rs"]
mod domain;

mod commands;
mod describing;
mod entities;
mod histories;
mod idempotency;
mod live;
mod log;
mod past;
mod rebuilds;
mod refusals;
mod security;
mod state;
mod stopping;
