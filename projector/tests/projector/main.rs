//! Read models, rebuilds and timelines, on all engines.
//!
//! One test program: its parts share what they are built of, and run beside each other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;
mod rebuilding;
mod timelines;

mod audit;
mod generations;
mod live;
mod models;
mod rebuild;
mod rebuild_interrupted;
mod rebuild_refusals;
mod redis_model;
mod speed;
mod sqlite_model;
mod timeline;
mod timeline_files;
mod timeline_kept;
