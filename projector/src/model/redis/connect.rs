//! Connections to the server of a read model, and what its errors mean.

use std::{sync::Arc, time::Duration};

use redis::{
    Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, Script, ServerErrorKind,
    aio::{MultiplexedConnection, PubSub},
};
use runtime::{
    Namespace, StoreError,
    engine::{Locator, Shared},
};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(3);

/// How long a small answer may take, a write of a whole page of large rows included.
const ANSWER: Duration = Duration::from_secs(5);

/// How long the rows of a large model may take.
const BULK_ANSWER: Duration = Duration::from_secs(30);

/// Which connection a request takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lane {
    /// For what is small: a reply of many megabytes on it would hold all others up.
    Quick,
    /// For whole tables.
    Bulk,
}

/// A server, with a connection for each kind of work. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// The URL, its password masked.
    pub(super) url: String,
    locator: Locator,
    quick: Arc<Shared>,
    bulk: Arc<Shared>,
}

impl Server {
    /// Connects to the server that has `namespace`; `shown` is the address without its password.
    pub(super) async fn connect(address: &str, shown: &str, namespace: &Namespace) -> Result<Self, StoreError> {
        let locator = Locator::of(address, shown, namespace)?;
        let quick = Arc::new(Shared::by(locator.clone(), ANSWER));
        let bulk = Arc::new(Shared::by(locator.clone(), BULK_ANSWER));
        quick.connection().await?;
        Ok(Self { url: shown.to_owned(), locator, quick, bulk })
    }

    /// Whether it is a node of a cluster.
    pub(super) fn is_cluster(&self) -> bool {
        self.locator.is_cluster()
    }

    /// A connection of its own to be subscribed with.
    pub(super) async fn subscriber(&self) -> Result<PubSub, StoreError> {
        let client = self.locator.client().await?;
        match tokio::time::timeout(CONNECT, client.get_async_pubsub()).await {
            Ok(connected) => connected.map_err(|error| store_error(&self.url, "connection", &error)),
            Err(_) => Err(self.unavailable("it can't be connected to")),
        }
    }

    pub(super) fn unavailable(&self, reason: &str) -> StoreError {
        StoreError::Unavailable { url: self.url.clone(), reason: reason.to_owned() }
    }

    pub(super) fn corrupt(&self, at: &str, reason: String) -> StoreError {
        StoreError::Corrupt { url: self.url.clone(), at: at.to_owned(), reason }
    }

    /// Sends commands that may be sent twice; `about` is the key that an error would be about.
    ///
    /// A connection that was lost is noticed when it is used, so what only asks is asked again.
    pub(super) async fn send<T: FromRedisValue>(
        &self,
        lane: Lane,
        pipeline: &Pipeline,
        about: &str,
    ) -> Result<T, StoreError> {
        let lane = match lane {
            Lane::Quick => &self.quick,
            Lane::Bulk => &self.bulk,
        };
        let answer = match self.ask(lane, about, async |connection| pipeline.query_async(connection).await).await {
            Err(Failed { is_dropped: true, .. }) => {
                self.ask(lane, about, async |connection| pipeline.query_async(connection).await).await
            }
            answer => answer,
        };
        answer.map_err(|failed| failed.error)
    }

    /// Runs a script, loading it where the server does not have it; `fill` adds keys and arguments.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[String],
        fill: impl FnOnce(&mut Cmd),
    ) -> Result<T, StoreError> {
        let about = keys.first().map_or("", String::as_str);
        let mut command = redis::cmd("EVALSHA");
        command.arg(script.get_hash()).arg(keys.len()).arg(keys);
        fill(&mut command);
        let run = async |connection: &mut MultiplexedConnection| match command.query_async(connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                script.load_async(connection).await?;
                command.query_async(connection).await
            }
            answer => answer,
        };
        self.ask(&self.quick, about, run).await.map_err(|failed| failed.error)
    }

    /// Asks on a connection, which is made anew the next time if it turns out to be of no use any more.
    async fn ask<T>(
        &self,
        lane: &Shared,
        about: &str,
        ask: impl AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, Failed> {
        let (count, mut connection) = lane.connection().await.map_err(|error| Failed { error, is_dropped: false })?;
        ask(&mut connection).await.map_err(|error| {
            lane.heard(count, &error);
            Failed { is_dropped: error.is_connection_dropped(), error: store_error(&self.url, about, &error) }
        })
    }
}

/// What went wrong, and whether it was only that the connection was gone.
struct Failed {
    error: StoreError,
    is_dropped: bool,
}

/// What an error of the client crate means for the read model.
fn store_error(url: &str, at: &str, error: &RedisError) -> StoreError {
    let (url, reason) = (url.to_owned(), error.to_string());
    // Of commands that were sent together the first that failed tells.
    let together = error.clone().into_server_errors();
    let first = together.as_ref().and_then(|errors| errors.first()).map(|(_, error)| error.code());
    match (error.kind(), first.or(error.code())) {
        (_, Some("OOM" | "MISCONF" | "NOREPLICAS")) => StoreError::Full { url, reason },
        (_, Some("WRONGTYPE")) | (ErrorKind::Parse | ErrorKind::UnexpectedReturnType, _) => {
            StoreError::Corrupt { url, at: at.to_owned(), reason }
        }
        (ErrorKind::AuthenticationFailed, _)
        | (ErrorKind::Server(ServerErrorKind::NoPerm | ServerErrorKind::CrossSlot), _)
        | (_, Some("NOAUTH" | "WRONGPASS")) => StoreError::Unusable { url, reason },
        _ => StoreError::Unavailable { url, reason },
    }
}
