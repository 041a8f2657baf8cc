//! Connections to the server of a read model, and what its errors mean.

use std::{fmt, time::Duration};

use redis::{
    Client, Cmd, ErrorKind, FromRedisValue, IntoConnectionInfo, Pipeline, ProtocolVersion, RedisError, Script,
    ServerErrorKind,
    aio::{ConnectionManagerConfig, PubSub},
    io::tcp::TcpSettings,
};
use runtime::StoreError;

use super::managed::Managed;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(3);

/// How long a small answer may take, a write of a whole page of large rows included.
const ANSWER: Duration = Duration::from_secs(5);

/// How long the rows of a large model may take.
const BULK_ANSWER: Duration = Duration::from_secs(30);

/// How many requests may wait to be sent on one connection.
const WAITING: usize = 1_024;

/// Which connection a request takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lane {
    /// For what is small: a reply of many megabytes on it would hold all others up.
    Quick,
    /// For whole tables.
    Bulk,
}

/// A server, with a connection for each kind of work.
#[derive(Clone)]
pub(super) struct Server {
    /// The URL, its password masked.
    pub(super) url: String,
    client: Client,
    quick: Managed,
    bulk: Managed,
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
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
        let info = info.set_redis_settings(settings).set_tcp_settings(tcp());
        let client = Client::open(info).map_err(failed)?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(50))
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER))
            .set_pipeline_buffer_size(WAITING);
        let quick = Managed::connect(&client, config.clone()).await.map_err(failed)?;
        let bulk = Managed::lazy(&client, config.set_response_timeout(Some(BULK_ANSWER))).map_err(failed)?;
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
        let (count, mut connection) = lane.get();
        let answer = match pipeline.query_async(&mut connection).await {
            Err(error) if error.is_connection_dropped() => pipeline.query_async(&mut connection).await,
            answer => answer,
        };
        answer.map_err(|error| {
            lane.check(count, &error);
            store_error(&self.url, about, &error)
        })
    }

    /// Runs a script, loading it where the server does not have it; `fill` adds keys and arguments.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[String],
        fill: impl FnOnce(&mut Cmd),
    ) -> Result<T, StoreError> {
        let about = keys.first().map_or("", String::as_str);
        let (count, mut connection) = self.quick.get();
        let failed = |error: RedisError| {
            self.quick.check(count, &error);
            store_error(&self.url, about, &error)
        };
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

fn tcp() -> TcpSettings {
    // Small requests must not wait for each other's acknowledgement.
    let settings = TcpSettings::default().set_nodelay(true);
    // A connection whose other end has vanished ends by itself, not only when somebody waits in vain.
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(ANSWER);
    settings
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
        (ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig, _)
        | (ErrorKind::Server(ServerErrorKind::NoPerm | ServerErrorKind::CrossSlot), _)
        | (_, Some("NOAUTH" | "WRONGPASS")) => StoreError::Unusable { url, reason },
        _ => StoreError::Unavailable { url, reason },
    }
}
