//! Connections to the server of a read model, and what its errors mean.

use std::{fmt, time::Duration};

use redis::{
    Client, Cmd, ErrorKind, FromRedisValue, IntoConnectionInfo, Pipeline, RedisError, Script, ServerErrorKind,
    aio::{ConnectionManager, ConnectionManagerConfig, PubSub},
    io::tcp::TcpSettings,
};
use runtime::StoreError;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(3);

/// How long an answer may take: as long as the slowest single read, all rows of a large model.
const ANSWER: Duration = Duration::from_secs(30);

/// How many requests may wait to be sent on one connection.
const WAITING: usize = 1_024;

/// A server, with a connection for each kind of work.
#[derive(Clone)]
pub(super) struct Server {
    /// The URL, its password masked.
    url: String,
    client: Client,
    /// For what is small: a reply of many megabytes on it would hold all others up.
    quick: ConnectionManager,
    /// For whole tables.
    bulk: ConnectionManager,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Server {
    /// Connects; `shown` is the address without its password.
    pub(super) async fn connect(address: &str, shown: &str) -> Result<Self, StoreError> {
        let failed = |error: RedisError| store_error(shown, "connection", &error);
        let info = address.into_connection_info().map_err(failed)?;
        // Small requests must not wait for each other's acknowledgement.
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = Client::open(info).map_err(failed)?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(50))
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER))
            .set_pipeline_buffer_size(WAITING);
        let quick = client.get_connection_manager_with_config(config.clone()).await.map_err(failed)?;
        let bulk = client.get_connection_manager_lazy(config).map_err(failed)?;
        Ok(Self { url: shown.to_owned(), client, quick, bulk })
    }

    /// A connection of its own to be subscribed with.
    pub(super) async fn subscriber(&self) -> Result<PubSub, StoreError> {
        match tokio::time::timeout(CONNECT, self.client.get_async_pubsub()).await {
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

    /// Sends commands together; `about` is the key that an error would be about.
    pub(super) async fn send<T: FromRedisValue>(&self, pipeline: &Pipeline, about: &str) -> Result<T, StoreError> {
        pipeline.query_async(&mut self.quick.clone()).await.map_err(|error| store_error(&self.url, about, &error))
    }

    /// Sends commands whose replies are large.
    pub(super) async fn fetch<T: FromRedisValue>(&self, pipeline: &Pipeline, about: &str) -> Result<T, StoreError> {
        pipeline.query_async(&mut self.bulk.clone()).await.map_err(|error| store_error(&self.url, about, &error))
    }

    /// Runs a script, loading it where the server does not have it; `fill` adds keys and arguments.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[String],
        fill: impl FnOnce(&mut Cmd),
    ) -> Result<T, StoreError> {
        let about = keys.first().map_or("", String::as_str);
        let failed = |error: RedisError| store_error(&self.url, about, &error);
        let mut connection = self.quick.clone();
        let mut command = redis::cmd("EVALSHA");
        command.arg(script.get_hash()).arg(keys.len()).arg(keys);
        fill(&mut command);
        match command.query_async(&mut connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                script.load_async(&mut connection).await.map_err(failed)?;
                command.query_async(&mut connection).await.map_err(failed)
            }
            answer => answer.map_err(failed),
        }
    }
}

/// What an error of the client crate means for the read model.
fn store_error(url: &str, at: &str, error: &RedisError) -> StoreError {
    let (url, reason) = (url.to_owned(), error.to_string());
    // Of commands that were sent together the first that failed tells.
    let together = error.clone().into_server_errors();
    let first = together.as_ref().and_then(|errors| errors.first()).map(|(_, error)| error.code());
    match (error.kind(), error.code().or(first)) {
        (_, Some("OOM" | "MISCONF" | "NOREPLICAS")) => StoreError::Full { url, reason },
        (_, Some("WRONGTYPE")) | (ErrorKind::Parse | ErrorKind::UnexpectedReturnType, _) => {
            StoreError::Corrupt { url, at: at.to_owned(), reason }
        }
        (ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig, _)
        | (ErrorKind::Server(ServerErrorKind::NoPerm | ServerErrorKind::CrossSlot), _)
        | (_, Some("NOAUTH" | "WRONGPASS")) => StoreError::Unusable { url, reason },
        _ => StoreError::Unavailable { url, reason },
    }
}
