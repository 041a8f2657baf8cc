//! Hosts: what runs a domain's services and sagas over a log.
//!
//! | module | what it holds |
//! |---|---|
//! | [`services`] | workers that claim commands, decide them on a shared view, and commit |
//! | [`sagas`] | one follower per saga that reacts to each event once |
//! | [`role`] | of several that could do a job one does it |

pub mod role;
pub mod sagas;
pub mod services;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use kernel::{Domain, Failure};
use tokio_util::sync::CancellationToken;

use crate::{StoreError, Trouble};

/// How long a worker or a role may be silent before it loses what it holds.
pub const LEASE: Duration = Duration::from_secs(3);

/// How many times a command is tried before it becomes a dead letter.
pub const MOST_ATTEMPTS: u32 = 3;

/// How long to wait for something before looking around.
const PATIENCE: Duration = Duration::from_secs(5);

/// Growing pauses between attempts to reach a store.
#[derive(Debug)]
struct Backoff(Duration);

impl Backoff {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(2);

    const fn new() -> Self {
        Self(Self::FIRST)
    }

    fn reset(&mut self) {
        self.0 = Self::FIRST;
    }

    /// Pauses, less long when told to stop; tells whether it was told to.
    async fn pause(&mut self, stop: &CancellationToken) -> bool {
        let pause = self.0;
        self.0 = (pause * 2).min(Self::LONGEST);
        tokio::time::timeout(pause, stop.cancelled()).await.is_ok()
    }
}

/// Asks a store until it answers; nothing when told to stop before it does.
///
/// A store that is away when somebody begins is no more reason to end than one that goes away later.
async fn persist<T, F: Future<Output = Result<T, StoreError>>>(
    what: &str,
    stop: &CancellationToken,
    mut ask: impl FnMut() -> F,
) -> Result<Option<T>, StoreError> {
    let mut backoff = Backoff::new();
    let trouble = Trouble::new(format!("{what} can't begin"));
    loop {
        match ask().await {
            Ok(answer) => {
                trouble.over();
                return Ok(Some(answer));
            }
            Err(error) if error.is_transient() => {
                trouble.failed(&error);
                if backoff.pause(stop).await {
                    return Ok(None);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// Runs a handler; a panic is a failure like any other.
///
/// # Errors
/// What the handler fails with, or what it panicked with.
pub fn guarded<T, E: From<Failure>>(handler: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let text = |panic: Box<dyn Any + Send>| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
    };
    // What a panic could leave half-changed is the decision, and that is thrown away.
    catch_unwind(AssertUnwindSafe(handler))
        .unwrap_or_else(|panic| Err(Failure(format!("panicked: {}", text(panic))).into()))
}

/// The service that takes a topic's commands.
fn service_of(domain: &Domain, topic: &str) -> String {
    domain.topic(topic).map_or_else(|| format!("{topic}-service"), |topic| topic.service.to_owned())
}
