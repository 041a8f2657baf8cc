//! Retrace: an event-sourcing replay and projection workbench.
//!
//! A binary of your own is one line, `retrace::cli::main(hotel::domain())`; what a domain is made of is in
//! [`kernel`], how to write one in [`own_domain`], and what pins its decisions in a test is [`replay::snapshot()`].
//!
//! This crate is thin: it reads the command line, opens the store, and starts the roles. It knows no domain
//! but the one it is given; only `main.rs` names the shop.

pub mod cli;

#[doc = include_str!("../docs/own-domain.md")]
pub mod own_domain {}

pub use kernel;
pub use replay;
