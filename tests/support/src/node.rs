//! A Redis server on a TCP port, for what unix sockets can't do: replicas, sentinels, clusters, TLS.

use std::{
    ffi::OsString,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use ::redis::{Client, Connection, FromRedisValue, RedisResult};
use tempfile::TempDir;

/// How long anything may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);

/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(1);

/// How far from a node's port the one is that nodes of a cluster talk by.
const BUS: u16 = 10_000;

/// A Redis server on a TCP port, killed when dropped.
#[derive(Debug)]
pub struct Node {
    process: Child,
    folder: TempDir,
    port: u16,
    arguments: Vec<OsString>,
}

impl Node {
    /// Starts a server with these options, that keeps nothing unless they say so.
    #[must_use]
    pub fn start(options: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary folder"), options)
    }

    /// The same in a folder that holds what its options name.
    #[must_use]
    pub fn start_in(folder: TempDir, options: &[&str]) -> Self {
        let keeps_nothing = ["--save", "", "--appendonly", "no"].iter().chain(options).map(Into::into).collect();
        let node = Self::spawned(folder, keeps_nothing);
        node.wait_until_up();
        node
    }

    /// A server with all its arguments, but where it listens and what its folder is.
    pub(crate) fn spawned(folder: TempDir, arguments: Vec<OsString>) -> Self {
        // Somebody may take the port before the server does; then it ends at once.
        for _ in 0..20 {
            let port = free_port();
            let mut process = spawn(folder.path(), port, &arguments);
            let until = Instant::now() + DEADLINE;
            loop {
                if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Self { process, folder, port, arguments };
                }
                if process.try_wait().expect("a child").is_some() {
                    break;
                }
                assert!(Instant::now() < until, "redis-server did not come up");
                // What is waited for needs the core that asking all the time would take.
                std::thread::park_timeout(Duration::from_millis(1));
            }
        }
        panic!("redis-server found no free port in 20 attempts; it was given {arguments:?}");
    }

    fn wait_until_up(&self) {
        if self.arguments.iter().any(|argument| argument == "--tls-port") {
            return;
        }
        until("the server answers", || self.try_ask::<String>(&["PING"]).ok());
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `redis://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// A file in its folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn connect(&self) -> RedisResult<Connection> {
        let connection = Client::open(self.url())?.get_connection_with_timeout(Duration::from_secs(2))?;
        connection.set_read_timeout(Some(DEADLINE))?;
        Ok(connection)
    }

    /// What it answers to a command.
    ///
    /// # Errors
    /// Whatever is in the way.
    pub fn try_ask<T: FromRedisValue>(&self, command: &[&str]) -> RedisResult<T> {
        let mut ask = ::redis::Cmd::new();
        command.iter().for_each(|part| {
            ask.arg(*part);
        });
        ask.query(&mut self.connect()?)
    }

    /// What it answers to a command, which must be an answer.
    #[track_caller]
    pub fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        self.try_ask(command).unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    /// A field of what it tells of itself.
    #[must_use]
    pub fn info(&self, field: &str) -> Option<String> {
        let info: String = self.try_ask(&["INFO", "everything"]).ok()?;
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(name, _)| *name == field).map(|(_, value)| value.to_owned())
    }

    /// Kills it as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts it again on the same port and folder, after [`Node::kill`].
    pub fn restart(&mut self) {
        self.process = spawn(self.folder.path(), self.port, &self.arguments);
        self.wait_until_up();
    }

    /// Stops it in the middle of whatever it does, as a machine that hangs.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on after [`Node::freeze`].
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.process.id().to_string()]).status().expect("kill");
        assert!(sent.success());
    }

    /// Has it end together with this process, for statics, which are not dropped.
    pub(crate) fn end_with_this_process(&self) {
        super::redis::stop_with_this_process(self.process.id());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(folder: &Path, port: u16, arguments: &[OsString]) -> Child {
    // A server for TLS listens for nothing else.
    let is_tls = arguments.iter().any(|argument| argument == "--tls-port");
    let port = port.to_string();
    let arguments =
        arguments.iter().map(|argument| if argument == "PORT" { OsString::from(&port) } else { argument.clone() });
    // Another program to run in its place.
    let program = std::env::var_os("RETRACE_REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
    Command::new(program)
        .args(arguments)
        .args(["--bind", "127.0.0.1", "--port", if is_tls { "0" } else { &port }])
        .arg("--dir")
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server starts; ./test installs it")
}

/// A port that nobody listens on, nor on the one by which nodes of a cluster would talk; below those that the system
/// gives to connections.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 12_000 + u16::try_from((std::process::id() * 101 + step * 7) % 10_000).expect("below 10,000");
        let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if is_free(port) && is_free(port + BUS) {
            return port;
        }
    }
}

/// Asks until there is an answer.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {} s in vain until {what}", DEADLINE.as_secs());
        std::thread::sleep(PAUSE);
    }
}
