//! The binary, its commands and its pages of numbers, run as people run them.
//!
//! One test program: they share what they are built of, and run beside each other. What takes all of a machine, or
//! takes it away from others, has a program of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;
mod rebuilding;
mod replaying;

mod architecture;
mod audit;
mod bad_input;
mod case_study;
mod causes;
mod corrupt_histories;
mod demo;
mod fixtures;
mod histories;
mod junk;
mod life;
mod mutations;
mod own_domain;
mod parking;
mod races;
mod rebuild;
mod rebuild_kills;
mod rebuild_readers;
mod record;
mod recording;
mod reliability;
mod replay;
mod replay_run;
mod secrets;
mod shop;
mod snapshots;
mod start;
mod steps;
mod time_travel;
mod verify;
mod verify_foreign;
