//! A connection that comes back by itself, also when nothing comes through it any more.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use redis::{
    Client, RedisError, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

/// A connection that is made anew when it breaks, which the client crate sees to, and when an answer does not come in
/// time, which it does not: through a connection whose other end has gone without a word nothing ever comes. Clones
/// share it.
#[derive(Clone)]
pub(super) struct Managed(Arc<Inner>);

struct Inner {
    client: Client,
    config: ConnectionManagerConfig,
    /// The connection in use, and how many there were before it.
    current: Mutex<(u64, ConnectionManager)>,
}

impl fmt::Debug for Managed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Managed").finish_non_exhaustive()
    }
}

impl Managed {
    /// Connects now.
    pub(super) async fn connect(client: &Client, config: ConnectionManagerConfig) -> RedisResult<Self> {
        let first = client.get_connection_manager_with_config(config.clone()).await?;
        Ok(Self::of(client, config, first))
    }

    /// Connects when it is first used.
    pub(super) fn lazy(client: &Client, config: ConnectionManagerConfig) -> RedisResult<Self> {
        let first = client.get_connection_manager_lazy(config.clone())?;
        Ok(Self::of(client, config, first))
    }

    fn of(client: &Client, config: ConnectionManagerConfig, first: ConnectionManager) -> Self {
        Self(Arc::new(Inner { client: client.clone(), config, current: Mutex::new((0, first)) }))
    }

    /// The connection in use, and what to give [`Managed::check`] with its answer.
    pub(super) fn get(&self) -> (u64, ConnectionManager) {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives a connection up whose answer did not come in time.
    pub(super) fn check(&self, count: u64, error: &RedisError) {
        let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        if !error.is_timeout() || current.0 != count {
            return;
        }
        // Nothing is connected to yet: it fails only where the first one would have failed.
        if let Ok(next) = self.0.client.get_connection_manager_lazy(self.0.config.clone()) {
            *current = (count + 1, next);
        }
    }
}
