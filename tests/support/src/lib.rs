//! What tests of several crates need: real servers, started and stopped.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test that can't be set up has failed")]

pub mod bank;
mod cluster;
pub mod fuzz;
mod node;
mod proxy;
mod redis;
mod replica;
mod sentinel;

pub use cluster::{Cluster, Migration};
pub use node::Node;
pub use proxy::{Fault, Proxy};
pub use redis::{APPENDING, Clock, RedisServer};
pub use replica::Replicated;
pub use sentinel::Sentinel;

/// A command as the gateway would make it.
#[must_use]
pub fn command(id: &str, topic: &str, intent: kernel::Intent) -> kernel::Command {
    kernel::Command {
        id: id.into(),
        topic: topic.into(),
        intent,
        issued_ms: 1_795_341_904_000,
        meta: kernel::Meta::default(),
    }
}

/// JSON text as it stands.
#[must_use]
pub fn raw(json: &str) -> Box<serde_json::value::RawValue> {
    serde_json::value::RawValue::from_string(json.to_owned()).expect("valid JSON in a test")
}
