//! Connections: one shared by ordinary commands, and dedicated ones for commands that block.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, IntoConnectionInfo as _, Pipeline, ProtocolVersion,
    RedisError, ServerErrorKind, Value,
    aio::{ConnectionLike as _, MultiplexedConnection, PubSub},
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};
use tokio::time::{Instant, sleep_until, timeout};

use super::fault;
use crate::StoreError;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// How long an ordinary command may take.
const ANSWER: Duration = Duration::from_secs(10);

/// How much longer than it may block a blocking command may take.
const GRACE: Duration = Duration::from_secs(5);

/// The pause after a failed attempt to connect, and the longest after several.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How many commands may wait to be sent on a shared connection before their senders wait.
const WAITING: usize = 1_024;

/// A server that can be connected to.
#[derive(Clone, Debug)]
pub(super) struct Server {
    client: Arc<Client>,
    /// The URL, its password masked.
    pub(super) url: String,
}

impl Server {
    /// The server at `url`, which errors show as `shown`.
    pub(super) fn at(url: &str, shown: String) -> Result<Self, StoreError> {
        // Whoever came first has chosen already, which is as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let keepalive = TcpKeepalive::new()
            .with_time(Duration::from_secs(10))
            .with_interval(Duration::from_secs(5))
            .with_retries(3);
        let info = url.into_connection_info().map_err(|error| fault::of(&shown, &error))?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
        let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
        let client = Client::open(info.set_redis_settings(settings).set_tcp_settings(tcp));
        Ok(Self { client: Arc::new(client.map_err(|error| fault::of(&shown, &error))?), url: shown })
    }

    /// Where the server is and how one logs in.
    pub(super) fn info(&self) -> &ConnectionInfo {
        self.client.get_connection_info()
    }

    async fn connect(&self, answer: Option<Duration>) -> Result<MultiplexedConnection, StoreError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(answer)
            .set_pipeline_buffer_size(WAITING);
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        connecting.await.map_err(|error| fault::of(&self.url, &error))
    }

    /// A connection that listens to a channel.
    pub(super) async fn listen(&self, channel: &str) -> Result<PubSub, StoreError> {
        let listening = async {
            let mut listener = self.client.get_async_pubsub().await?;
            listener.subscribe(channel).await?;
            Ok(listener)
        };
        match timeout(CONNECT, listening).await {
            Ok(listener) => listener.map_err(|error: RedisError| fault::of(&self.url, &error)),
            Err(_) => Err(self.silent()),
        }
    }

    fn silent(&self) -> StoreError {
        StoreError::Unavailable { url: self.url.clone(), reason: "it did not answer in time".to_owned() }
    }
}

/// What went wrong, without the store's name.
fn reason_of(error: &StoreError) -> String {
    if let StoreError::Unavailable { reason, .. } = error { reason.clone() } else { error.to_string() }
}

/// When to connect again after failing to.
#[derive(Debug, Default)]
struct Backoff {
    pause: Duration,
    failed_at: Option<Instant>,
}

impl Backoff {
    async fn wait(&self) {
        if let Some(failed_at) = self.failed_at {
            sleep_until(failed_at + self.pause).await;
        }
    }

    fn note<T>(&mut self, connected: &Result<T, StoreError>) {
        *self = match connected {
            Ok(_) => Self::default(),
            Err(_) => Self { pause: (self.pause * 2).clamp(PAUSE.0, PAUSE.1), failed_at: Some(Instant::now()) },
        };
    }
}

/// A connection that many tasks share and that comes back by itself after it broke.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) server: Server,
    /// The connection in use, and how many there were before it.
    current: Mutex<(u64, Option<MultiplexedConnection>)>,
    connecting: tokio::sync::Mutex<(Backoff, Option<String>)>,
}

impl Shared {
    pub(super) fn to(server: Server) -> Self {
        Self { server, current: Mutex::default(), connecting: tokio::sync::Mutex::default() }
    }

    fn current(&self) -> (u64, Option<MultiplexedConnection>) {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The connection. Those who wait while an attempt to connect fails share its error.
    async fn connection(&self) -> Result<(u64, MultiplexedConnection), StoreError> {
        if let (count, Some(connection)) = self.current() {
            return Ok((count, connection));
        }
        let arrived = Instant::now();
        let mut connecting = self.connecting.lock().await;
        if let (count, Some(connection)) = self.current() {
            return Ok((count, connection));
        }
        let (backoff, reason) = &mut *connecting;
        if let (Some(reason), true) = (&*reason, backoff.failed_at.is_some_and(|failed_at| failed_at >= arrived)) {
            return Err(StoreError::Unavailable { url: self.server.url.clone(), reason: reason.clone() });
        }
        backoff.wait().await;
        let connected = self.server.connect(Some(ANSWER)).await;
        backoff.note(&connected);
        *reason = connected.as_ref().err().map(reason_of);
        let connection = connected?;
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = (current.0 + 1, Some(connection.clone()));
        Ok((current.0, connection))
    }

    /// Forgets a connection that an error has made useless.
    fn check<T>(&self, count: u64, answer: Result<T, RedisError>) -> Result<T, StoreError> {
        answer.map_err(|error| {
            let moved = error.code() == Some("READONLY");
            if error.is_io_error() || error.is_unrecoverable_error() || moved {
                let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
                if current.0 == count {
                    current.1 = None;
                }
            }
            fault::of(&self.server.url, &error)
        })
    }

    /// Sends a command.
    pub(super) async fn send(&self, command: &Cmd) -> Result<Value, StoreError> {
        let (count, mut connection) = self.connection().await?;
        let answer = connection.send_packed_command(command).await.and_then(Value::extract_error);
        self.check(count, answer)
    }

    /// Sends many commands in one go; an answer may be an error by itself.
    pub(super) async fn send_all(&self, commands: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let (count, mut connection) = self.connection().await?;
        let answers = connection.req_packed_commands(commands, 0, commands.len()).await;
        self.check(count, answers)
    }

    /// Sends commands as one transaction and gives its answer; nothing when the server takes none.
    pub(super) async fn send_transaction(&self, commands: &Pipeline) -> Result<Option<Value>, StoreError> {
        let (count, mut connection) = self.connection().await?;
        let answers = connection.req_packed_commands(commands, commands.len() + 1, 1).await;
        let answer = answers.and_then(|mut answers| without_errors(answers.pop().unwrap_or_default()));
        match answer {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::ExecAbort) => Ok(None),
            answer => self.check(count, answer).map(Some),
        }
    }
}

/// The answer of a transaction, unless it or one of its parts is an error.
///
/// [`Value::extract_error`] would rebuild every entry of every stream to look for one.
fn without_errors(answer: Value) -> Result<Value, RedisError> {
    let parts = if let Value::Array(parts) = &answer { parts.as_slice() } else { std::slice::from_ref(&answer) };
    let error = parts.iter().find_map(|part| if let Value::ServerError(error) = part { Some(error) } else { None });
    error.map_or(Ok(()), |error| Err(error.clone().into())).map(|()| answer)
}

/// A connection of one task's own, for commands that block.
#[derive(Debug)]
pub(super) struct Dedicated {
    server: Server,
    connection: Option<MultiplexedConnection>,
    backoff: Backoff,
}

impl Dedicated {
    pub(super) async fn to(server: Server) -> Result<Self, StoreError> {
        let connection = Some(server.connect(None).await?);
        Ok(Self { server, connection, backoff: Backoff::default() })
    }

    /// Sends a command that blocks for `most` at the longest.
    ///
    /// When the future is dropped midway, or the answer does not come, the connection is closed: the server
    /// then forgets the command, and the next one does not have to wait for it.
    pub(super) async fn block(&mut self, command: &Cmd, most: Duration) -> Result<Value, StoreError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                self.backoff.wait().await;
                let connected = self.server.connect(None).await;
                self.backoff.note(&connected);
                connected?
            }
        };
        let answer = timeout(most + GRACE, connection.send_packed_command(command)).await;
        let answer = answer.map_err(|_| self.server.silent())?;
        let answer = answer.and_then(Value::extract_error).map_err(|error| fault::of(&self.server.url, &error))?;
        self.connection = Some(connection);
        Ok(answer)
    }
}
