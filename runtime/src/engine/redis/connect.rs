//! Connections: one shared by ordinary commands, and dedicated ones for commands that block.

use std::{
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value,
    aio::{ConnectionLike as _, MultiplexedConnection, PubSub},
};
use tokio::time::{Instant, sleep_until, timeout};

use super::{checks, confirm::Confirm, fault, locate::Locator};
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

/// A server that can be connected to, wherever it is at the time.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) locator: Locator,
    /// The URL, its password masked.
    pub(super) url: String,
}

impl Server {
    pub(super) fn by(locator: Locator) -> Self {
        let url = locator.url().to_owned();
        Self { locator, url }
    }

    async fn connect(&self, answer: Option<Duration>) -> Result<MultiplexedConnection, StoreError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(answer)
            .set_pipeline_buffer_size(WAITING);
        let client = self.locator.client().await?;
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        connecting.await.map_err(|error| fault::of(&self.url, &error))
    }

    /// A connection that listens to a channel.
    pub(super) async fn listen(&self, channel: &str) -> Result<PubSub, StoreError> {
        let client = self.locator.client().await?;
        let listening = async {
            let mut listener = client.get_async_pubsub().await?;
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

/// A connection that many tasks share and that comes back by itself after it broke, to wherever the server is then.
#[derive(Debug)]
pub struct Shared {
    pub(super) server: Server,
    /// How long a command may take.
    answer: Duration,
    /// Whether the server must have synced to its disk what it answers.
    syncs: bool,
    /// The connection in use, and how many there were before it.
    current: Mutex<(u64, Option<MultiplexedConnection>)>,
    connecting: tokio::sync::Mutex<(Backoff, Option<String>)>,
}

impl Shared {
    pub(super) fn to(server: Server) -> Self {
        Self {
            server,
            answer: ANSWER,
            syncs: false,
            current: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
        }
    }

    /// A connection to the server that `locator` finds, on which a command may take `answer`.
    #[must_use]
    pub fn by(locator: Locator, answer: Duration) -> Self {
        Self { answer, ..Self::to(Server::by(locator)) }
    }

    /// The same, only to servers that sync to their disk before they answer: after a failover it may be another one.
    pub(super) fn syncing(self) -> Self {
        Self { syncs: true, ..self }
    }

    fn current(&self) -> (u64, Option<MultiplexedConnection>) {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The connection and its number. Those who wait while an attempt to connect fails share its error.
    ///
    /// # Errors
    /// When there is none, and none can be made.
    pub async fn connection(&self) -> Result<(u64, MultiplexedConnection), StoreError> {
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
        let connected = self.connect().await;
        backoff.note(&connected);
        *reason = connected.as_ref().err().map(fault::reason_of);
        let connection = connected?;
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = (current.0 + 1, Some(connection.clone()));
        Ok((current.0, connection))
    }

    /// In a box: what connecting takes would be a part of every future that sends something.
    fn connect(&self) -> Pin<Box<dyn Future<Output = Result<MultiplexedConnection, StoreError>> + Send + '_>> {
        Box::pin(async {
            let mut connection = self.server.connect(Some(self.answer)).await?;
            if self.syncs {
                checks::syncs(&self.server, &mut connection).await?;
            }
            Ok(connection)
        })
    }

    /// Takes in an error that came by a connection: one that is broken, or leads to where the server no longer is, is
    /// given up.
    pub fn heard(&self, count: u64, error: &RedisError) {
        let errors = error.clone().into_server_errors();
        let elsewhere = |(_, error): &(usize, _)| fault::is_elsewhere(error);
        let moved = errors.is_some_and(|errors| errors.iter().any(elsewhere));
        if moved || error.is_io_error() || error.is_unrecoverable_error() {
            self.give_up(count);
        }
    }

    fn give_up(&self, count: u64) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.0 == count {
            current.1 = None;
        }
    }

    fn check<T>(&self, count: u64, answer: Result<T, RedisError>) -> Result<T, StoreError> {
        answer.map_err(|error| {
            self.heard(count, &error);
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
        let answers = self.check(count, answers)?;
        if answers.iter().any(|answer| matches!(answer, Value::ServerError(error) if fault::is_elsewhere(error))) {
            self.give_up(count);
        }
        Ok(answers)
    }

    /// Sends commands as one transaction and gives its answer, once it is confirmed where it has to be; nothing when
    /// the server takes none.
    pub(super) async fn send_transaction(
        &self,
        commands: &Pipeline,
        confirm: Option<(Confirm, &str)>,
    ) -> Result<Option<Value>, StoreError> {
        let (count, mut connection) = self.connection().await?;
        let answers = connection.req_packed_commands(commands, commands.len() + 1, 1).await;
        let answer = answers.and_then(|mut answers| without_errors(answers.pop().unwrap_or_default()));
        let answer = match answer {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::ExecAbort) => return Ok(None),
            answer => self.check(count, answer)?,
        };
        if let Some((confirm, mark)) = confirm {
            // By the same connection: another one may lead to another server already.
            let confirming = confirm.commands(mark);
            let confirmed = connection.req_packed_commands(&confirming, 0, confirming.len()).await;
            confirm.check(&self.server.url, self.check(count, confirmed)?)?;
        }
        Ok(Some(answer))
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
