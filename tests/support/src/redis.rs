//! A Redis server of the test's own, on a unix socket: no port to race for.

use std::{
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A Redis server that lives as long as this value.
#[derive(Debug)]
pub struct RedisServer {
    process: Child,
    folder: TempDir,
}

impl RedisServer {
    /// Starts a server that keeps everything in memory.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with more options: `["--appendonly", "yes"]`.
    #[must_use]
    pub fn start_with(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let process = Self::spawn(&folder, options);
        let server = Self { process, folder };
        server.wait_until_up();
        server
    }

    /// The server that all tests of this process share; each uses a namespace of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<RedisServer> = OnceLock::new();
        SHARED.get_or_init(|| {
            let server = Self::start();
            stop_with_this_process(server.process.id());
            server
        })
    }

    /// A namespace that no other test of this process uses.
    #[must_use]
    pub fn namespace() -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        format!("test-{}", COUNT.fetch_add(1, Ordering::Relaxed))
    }

    fn spawn(folder: &TempDir, options: &[&str]) -> Child {
        Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(folder.path().join("redis.sock"))
            .arg("--dir")
            .arg(folder.path())
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server starts; ./test installs it")
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    fn wait_until_up(&self) {
        let until = Instant::now() + Duration::from_secs(10);
        while UnixStream::connect(self.socket()).is_err() {
            assert!(Instant::now() < until, "redis-server did not come up within 10 s");
            std::thread::yield_now();
        }
    }

    /// Where it listens: `redis+unix:///…`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// The server's answer to a command, as it comes over the wire.
    #[must_use]
    pub fn answer(&self, command: &str) -> String {
        use std::io::{Read as _, Write as _};
        let mut connection = UnixStream::connect(self.socket()).expect("a server that is up");
        connection.write_all(format!("{command}\r\n").as_bytes()).expect("a server that listens");
        let mut answer = [0; 512];
        let length = connection.read(&mut answer).expect("a server that answers");
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    /// Empties the server.
    pub fn flush(&self) {
        assert_eq!(self.answer("FLUSHALL"), "+OK\r\n");
    }

    /// The operating system's id of the server.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Kills the server as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts it again on the same socket and folder, after [`RedisServer::kill`].
    pub fn restart_with(&mut self, options: &[&str]) {
        let _ = std::fs::remove_file(self.socket());
        self.process = Self::spawn(&self.folder, options);
        self.wait_until_up();
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Statics are not dropped: a shell waits for this process to end and then ends the server.
pub(crate) fn stop_with_this_process(server: u32) {
    let script = format!("while kill -0 {} 2>/dev/null; do sleep 0.2; done; kill {server}", std::process::id());
    let _ = Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
}
