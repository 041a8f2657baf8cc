//! What stores and networks do to the processes of a shop.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;
#[path = "outages/load.rs"]
mod load;

mod full;
mod network;
mod outages;
