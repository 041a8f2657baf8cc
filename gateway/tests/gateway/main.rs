//! The gateway over real TCP, in front of a small domain of the tests' own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod app;
mod bank;
mod client;
#[path = "../../examples/library/domain.rs"]
mod domain;

mod audits;
mod commands;
mod describing;
mod entities;
mod histories;
mod idempotency;
mod live;
mod log;
mod opened;
mod parked;
mod past;
mod problems;
mod queues;
mod rebuilds;
mod refusals;
mod replays;
mod security;
mod state;
mod stopping;
mod vendored;
