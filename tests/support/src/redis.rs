//! A Redis server of the test's own, on a unix socket: no port to race for.
//!
//! `RETRACE_REDIS_SERVER` names another program to run in its place: every test then runs on that, a Valkey server for
//! example.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Options of a server that keeps what it has said yes to when it is killed: all is written to a file before it answers.
/// With `everysec` it would answer before it writes while an earlier sync is under way.
pub const APPENDING: &[&str] = &["--appendonly", "yes", "--appendfsync", "no"];

/// How long anything may take before a test gives up on the server.
const DEADLINE: Duration = Duration::from_secs(30);

/// What a server that is to save its data saves it as.
const SAVED: &str = "dump.rdb";

/// A Redis server that lives as long as this value.
#[derive(Debug)]
pub struct RedisServer {
    process: Child,
    folder: TempDir,
}

/// A server's clock.
#[derive(Debug)]
pub struct Clock {
    file: PathBuf,
}

impl Clock {
    /// Sets it this many seconds off the real time: `-3600`.
    pub fn set(&self, offset: &str) {
        // At one stroke: it is read whenever the server asks for the time.
        let next = self.file.with_extension("next");
        fs::write(&next, offset).and_then(|()| fs::rename(&next, &self.file)).expect("a file in a temporary folder");
    }
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

    /// A server whose clock the test sets; nothing, and a line that says so, where there is none.
    ///
    /// `RETRACE_FAKETIME` names the library that makes its clock, and `RETRACE_VALKEY` the server: one that asks the C
    /// library for memory, which Redis doesn't, and then does not start with the other.
    #[must_use]
    pub fn with_clock() -> Option<(Self, Clock)> {
        let (Ok(library), Ok(program)) = (std::env::var("RETRACE_FAKETIME"), std::env::var("RETRACE_VALKEY")) else {
            println!("SKIPPED: RETRACE_FAKETIME and RETRACE_VALKEY are not set, so no server's clock can be");
            return None;
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Clock { file: folder.path().join("clock") };
        clock.set("+0");
        let mut command = Self::command(&program, &folder, &[]);
        command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &clock.file);
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let process = command.spawn().unwrap_or_else(|error| panic!("{program} does not start: {error}"));
        let server = Self { process, folder };
        server.wait_until_up();
        Some((server, clock))
    }

    fn spawn(folder: &TempDir, options: &[&str]) -> Child {
        let program = std::env::var("RETRACE_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
        let started = Self::command(&program, folder, options).spawn();
        started.unwrap_or_else(|error| panic!("{program} does not start: {error}; ./test installs it"))
    }

    fn command(program: &str, folder: &TempDir, options: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(folder.path().join("redis.sock"))
            .arg("--dir")
            .arg(folder.path())
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// The unix socket that it listens on.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    fn wait_until_up(&self) {
        self.wait("it came up", || UnixStream::connect(self.socket()).is_ok());
    }

    fn wait(&self, what: &str, is_so: impl Fn() -> bool) {
        let until = Instant::now() + DEADLINE;
        while !is_so() {
            assert!(Instant::now() < until, "waited for server {} in vain until {what}", self.pid());
            // What is waited for needs the core that asking all the time would take.
            std::thread::park_timeout(Duration::from_millis(1));
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
        let mut connection = UnixStream::connect(self.socket()).expect("a server that is up");
        connection.write_all(format!("{command}\r\n").as_bytes()).expect("a server that listens");
        let mut answer = [0; 512];
        let length = connection.read(&mut answer).expect("a server that answers");
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    /// Sends a command whose answer must be `+OK`.
    #[track_caller]
    fn tell(&self, command: &str) {
        assert_eq!(self.answer(command), "+OK\r\n", "{command}");
    }

    /// What `INFO` says of a field: `aof_buffer_length`, `used_memory`.
    #[must_use]
    pub fn info(&self, field: &str) -> String {
        let mut connection = UnixStream::connect(self.socket()).expect("a server that is up");
        connection.write_all(b"INFO\r\n").expect("a server that listens");
        let mut lines = BufReader::new(connection);
        let mut length = String::new();
        lines.read_line(&mut length).expect("a server that answers");
        let length = length.trim_start_matches('$').trim().parse().expect("a text");
        let mut text = vec![0; length];
        lines.read_exact(&mut text).expect("the whole text");
        let text = String::from_utf8(text).expect("text");
        let found = text.lines().find_map(|line| line.split_once(':').filter(|(name, _)| *name == field));
        found.unwrap_or_else(|| panic!("INFO has no {field}")).1.to_owned()
    }

    /// Changes how the running server is configured.
    #[track_caller]
    pub fn configure(&self, name: &str, value: &str) {
        self.tell(&format!("CONFIG SET {name} \"{value}\""));
    }

    /// Empties the server.
    pub fn flush(&self) {
        self.tell("FLUSHALL");
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

    /// Has the server end in good order, as a restart for maintenance does.
    pub fn shut_down(&mut self) {
        let mut connection = UnixStream::connect(self.socket()).expect("a server that is up");
        connection.write_all(b"SHUTDOWN\r\n").expect("a server that listens");
        let ended = self.process.wait().expect("the server ends");
        assert!(ended.success(), "{ended}");
    }

    /// Starts it again on the same socket and folder, after [`RedisServer::kill`].
    pub fn restart_with(&mut self, options: &[&str]) {
        let _ = fs::remove_file(self.socket());
        self.process = Self::spawn(&self.folder, options);
        self.wait_until_up();
    }

    /// Stops the server where it stands: it keeps its connections and answers nobody.
    pub fn freeze(&self) {
        self.signal("-STOP");
        let stat = format!("/proc/{}/stat", self.pid());
        let state = || fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T "));
        self.wait("it stands still", state);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.pid().to_string()]).status().expect("kill runs");
        assert!(sent.success(), "kill {signal}");
    }

    /// How long the append-only file is once everything that was answered is in it.
    #[must_use]
    pub fn appended(&self) -> u64 {
        self.wait("its append-only file is written", || self.info("aof_buffer_length") == "0");
        length_of(&self.append_only_file())
    }

    /// How many commands the append-only file of a server that is not running holds.
    #[must_use]
    pub fn commands_appended(&self) -> u64 {
        let file = fs::read(self.append_only_file()).expect("the append-only file");
        let begin = |line: &&[u8]| line.starts_with(b"*");
        file.split(|byte| *byte == b'\n').filter(begin).count() as u64
    }

    /// Adds commands to the append-only file of a server that is not running. A server that loads one looks up to say
    /// so after every 1,024 of them.
    pub fn append(&self, commands: u64) {
        let mut file = File::options().append(true).open(self.append_only_file()).expect("the append-only file");
        let command = b"*3\r\n$3\r\nSET\r\n$6\r\nfiller\r\n$1\r\n0\r\n";
        file.write_all(&command.repeat(usize::try_from(commands).expect("a count"))).expect("a longer file");
    }

    /// Cuts the append-only file of a server that is not running to this length: what came after is lost, as when the
    /// power fails.
    pub fn cut_appended(&self, length: u64) {
        let path = self.append_only_file();
        assert!(length < length_of(&path), "nothing is lost of {}", path.display());
        let file = File::options().write(true).open(&path).expect("the append-only file");
        file.set_len(length).expect("a shorter file");
    }

    /// The last part of the append-only file: the one that is written to.
    fn append_only_file(&self) -> PathBuf {
        let parts = fs::read_dir(self.folder.path().join("appendonlydir")).expect("a server that appends");
        let paths = parts.map(|part| part.expect("a readable folder").path());
        let is_written = |path: &PathBuf| path.to_string_lossy().ends_with(".incr.aof");
        let number = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.split('.').rev().nth(2).and_then(|number| number.parse::<u64>().ok())
        };
        paths.filter(is_written).max_by_key(number).expect("a part that is written to")
    }

    /// Leaves the server this many bytes more than it has taken: what needs more is refused with OOM.
    pub fn fill_up_to(&self, more: u64) {
        let used: u64 = self.info("used_memory").parse().expect("a number");
        self.configure("maxmemory", &(used + more).to_string());
    }

    /// Gives it all the memory it wants.
    pub fn make_room(&self) {
        self.configure("maxmemory", "0");
    }

    /// Has the server fail to save its data, and so refuse writes with MISCONF.
    pub fn spoil_saving(&self) {
        // Not even root can put a file in the place of a folder that holds something.
        fs::create_dir_all(self.folder.path().join(SAVED).join("in the way")).expect("a folder");
        self.configure("save", "3600 1");
        self.save("err");
    }

    /// Lets it save its data again.
    pub fn mend_saving(&self) {
        fs::remove_dir_all(self.folder.path().join(SAVED)).expect("the folder in the way");
        self.save("ok");
    }

    /// Saves in the background until that has ended so.
    fn save(&self, ending: &str) {
        let answer = self.answer("BGSAVE");
        assert!(answer.starts_with("+Background saving"), "{answer}");
        let ended = || self.info("rdb_bgsave_in_progress") == "0" && self.info("rdb_last_bgsave_status") == ending;
        self.wait(&format!("saving ends with {ending}"), ended);
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn length_of(path: &Path) -> u64 {
    fs::metadata(path).expect("the append-only file").len()
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
