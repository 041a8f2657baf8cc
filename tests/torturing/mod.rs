//! Processes that die at their fault points, and what must hold all the same.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that can't be set up has failed"
)]

pub mod clients;
pub mod plan;
pub mod victim;
pub mod world;
