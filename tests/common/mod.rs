//! Runs the binary as a person would and talks to it as a client would.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "each test file uses a part of this; a test that can't be set up has failed"
)]

pub mod http;
pub mod invariants;
pub mod process;
pub mod shop;

use std::time::{Duration, Instant};

pub use http::Http;
pub use process::{Process, Retrace, Store};

/// How long anything may take before a test gives up on it.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Asks until there is an answer; fails, naming what was waited for, when none has come in time.
#[track_caller]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {} s in vain until {what}", DEADLINE.as_secs());
        // What is waited for needs the core that asking all the time would take.
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Whether the tests that take longer than a CI run should are wanted.
pub fn long() -> bool {
    std::env::var_os("RETRACE_TEST_LONG").is_some()
}
