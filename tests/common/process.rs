//! The binary as processes: started, listened to, stopped and killed.

use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread::JoinHandle,
};

use runtime::{Namespace, StoreUrl};
use tempfile::TempDir;
use testkit::RedisServer;

use super::{Http, until};

/// The binary under test.
pub struct Retrace;

impl Retrace {
    /// The binary, to be given arguments; nothing of the environment decides what it does, and what it makes where it
    /// is started, such as the timelines of logs in Redis, is not among the sources.
    pub fn command() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_retrace"));
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        let ours = |name: &OsString| name == "REDIS_URL" || name.to_string_lossy().starts_with("RETRACE_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| ours(name)) {
            command.env_remove(name);
        }
        command
    }

    /// Runs it to its end.
    pub fn run(args: &[&str]) -> Output {
        Self::command().args(args).stdin(Stdio::null()).output().unwrap()
    }
}

/// What an ended run wrote to stderr.
pub fn talk(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The same command, started by a shell that has done something before.
pub fn within_shell(first: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{first}; exec \"$@\""), "sh"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    shell
}

/// A log of a test's own, wherever it is kept.
#[derive(Debug)]
pub enum Store {
    Sqlite(TempDir),
    Redis {
        namespace: String,
    },
    /// The unnamed namespace of a server of the test's own.
    Url(String),
    Memory,
}

static NAMESPACES: AtomicU64 = AtomicU64::new(0);

impl Store {
    pub fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// A namespace of its own on the server that the tests of this process share.
    pub fn redis() -> Self {
        Self::Redis { namespace: format!("test-{}", NAMESPACES.fetch_add(1, Ordering::Relaxed)) }
    }

    /// Where a log in it is kept, for whoever opens it beside its process; nowhere for one in memory.
    pub fn location(&self) -> Option<(StoreUrl, Namespace)> {
        match self {
            Self::Redis { namespace } => {
                Some((RedisServer::shared().url().parse().unwrap(), namespace.parse().unwrap()))
            }
            Self::Sqlite(folder) => Some((StoreUrl::Sqlite(folder.path().join("ordershop.db")), Namespace::default())),
            Self::Url(url) => Some((url.parse().unwrap(), Namespace::default())),
            Self::Memory => None,
        }
    }

    /// The arguments that name it.
    pub fn args(&self) -> Vec<String> {
        match self {
            Self::Sqlite(folder) => vec!["--data".into(), folder.path().display().to_string()],
            Self::Redis { namespace } => {
                vec!["--store".into(), RedisServer::shared().url(), "--namespace".into(), namespace.clone()]
            }
            Self::Url(url) => vec!["--store".into(), url.clone()],
            Self::Memory => vec!["--store".into(), "memory:".into()],
        }
    }

    /// `retrace` with a subcommand on this store.
    pub fn command(&self, subcommand: &[&str]) -> Command {
        let mut command = Retrace::command();
        command.args(subcommand).args(self.args());
        command
    }

    /// Everything in one process, listening on a port of its own.
    pub fn up(&self) -> Process {
        Process::start(&mut self.command(&["up", "--listen", "127.0.0.1:0"]))
    }

    /// Some roles in a process; with the gateway among them it listens on a port of its own.
    pub fn roles(&self, roles: &[&str]) -> Process {
        let mut command = self.command(&["run"]);
        command.args(roles).args(["--listen", "127.0.0.1:0"]);
        Process::start(&mut command)
    }

    /// Brings a history in.
    pub fn import(&self, history: &Path) {
        let output = self.command(&["import"]).arg(history).output().unwrap();
        assert!(output.status.success(), "{}", talk(&output));
    }
}

/// A running process of the binary, killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// What it has said until it was up.
    pub said: Vec<String>,
    /// A client of its gateway, where it has one.
    http: Option<Http>,
    /// What it says from then on.
    rest: Option<JoinHandle<String>>,
}

impl Process {
    /// Starts a command and waits until it says that it is up.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = Vec::new();
        let mut http = None;
        loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "it ended before it was up: {said:#?}");
            if let Some((_, address)) = line.split_once("listening on") {
                http = Some(Http::new(address.trim()));
            }
            let up = line.contains("stop with") || line.contains(" at work on ");
            said.push(line.trim_end().to_owned());
            if up {
                break;
            }
        }
        // Somebody has to read on, or the process would block when the pipe is full.
        let rest = std::thread::spawn(move || {
            let mut rest = Vec::new();
            let _ = lines.read_to_end(&mut rest);
            let rest = String::from_utf8_lossy(&rest).into_owned();
            eprint!("{rest}");
            rest
        });
        Self { child, said, http, rest: Some(rest) }
    }

    /// A client of its gateway.
    pub fn http(&self) -> &Http {
        self.http.as_ref().expect("a process with a gateway")
    }

    /// The operating system's id of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(self) -> ExitStatus {
        self.signal("-TERM");
        self.ended()
    }

    /// Asks it to stop, without waiting.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Waits until it has ended by itself.
    pub fn ended(mut self) -> ExitStatus {
        until("the process ends", || self.child.try_wait().unwrap())
    }

    /// Waits until it has ended by itself; gives its exit code and the last line that it said.
    pub fn ended_saying(self) -> (Option<i32>, String) {
        let (code, rest) = self.ended_having_said();
        (code, rest.lines().last().unwrap_or_default().to_owned())
    }

    /// The same, with all that it has said since it was up.
    pub fn ended_having_said(mut self) -> (Option<i32>, String) {
        let ended = until("the process ends", || self.child.try_wait().unwrap());
        (ended.code(), self.rest.take().unwrap().join().unwrap())
    }

    /// Kills it as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
