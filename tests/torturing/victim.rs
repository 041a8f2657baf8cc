//! A process that may die, freeze or be killed, and what it says meanwhile.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::ExitStatusExt as _,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use crate::common::{DEADLINE, Http, until};

/// The signal of a process that has aborted.
const ABORTED: i32 = 6;

/// A process of the binary, killed when dropped.
#[derive(Debug)]
pub struct Victim {
    child: Child,
    heard: Arc<Heard>,
}

/// What a process has said on stderr.
#[derive(Debug, Default)]
struct Heard {
    said: Mutex<Said>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Said {
    lines: Vec<String>,
    ended: bool,
}

impl Heard {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap()
    }

    /// Waits until `found` finds something, or the process has ended, or the time is over.
    fn wait<T>(&self, most: Duration, mut found: impl FnMut(&Said) -> Option<T>) -> Option<T> {
        let until = Instant::now() + most;
        let mut said = self.said();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if let Some(found) = found(&said) {
                return Some(found);
            }
            if said.ended || left.is_zero() {
                return None;
            }
            said = self.news.wait_timeout(said, left).unwrap().0;
        }
    }
}

impl Victim {
    /// Starts a command, with a fault point armed if one is given: `worker.claimed:1`.
    pub fn start(command: &mut Command, fault: Option<&str>) -> Self {
        command.env_remove(runtime::fault::VARIABLE);
        if let Some(fault) = fault {
            command.env(runtime::fault::VARIABLE, fault);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let heard = Arc::<Heard>::default();
        let hears = heard.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                hears.said().lines.push(line);
                hears.news.notify_all();
            }
            hears.said().ended = true;
            hears.news.notify_all();
        });
        Self { child, heard }
    }

    /// Everything it has said so far.
    pub fn said(&self) -> String {
        self.heard.said().lines.join("\n")
    }

    /// Waits until it says this; gives the line.
    #[track_caller]
    pub fn says(&self, text: &str) -> String {
        self.hears(DEADLINE, text).unwrap_or_else(|| panic!("it did not say {text:?}:\n{}", self.said()))
    }

    /// The line that says this, if there is one in time.
    fn hears(&self, most: Duration, text: &str) -> Option<String> {
        self.heard.wait(most, |said| said.lines.iter().find(|line| line.contains(text)).cloned())
    }

    /// Where its gateway listens; nothing when it ends before it does.
    pub fn address(&self) -> Option<String> {
        let line = self.hears(DEADLINE, "listening on")?;
        line.split_once("listening on").map(|(_, address)| address.trim().to_owned())
    }

    /// A client of its gateway.
    #[track_caller]
    pub fn http(&self) -> Http {
        Http::new(&self.address().unwrap_or_else(|| panic!("no gateway:\n{}", self.said())))
    }

    /// Waits until it is at work.
    #[track_caller]
    pub fn up(self) -> Self {
        let up = |line: &String| line.contains("stop with") || line.contains(" at work on ");
        let is_up = self.heard.wait(DEADLINE, |said| said.lines.iter().any(up).then_some(()));
        assert!(is_up.is_some(), "it did not come up:\n{}", self.said());
        self
    }

    /// Whether it has been at work.
    pub fn was_up(&self) -> bool {
        self.heard.said().lines.iter().any(|line| line.contains("stop with") || line.contains(" at work on "))
    }

    /// How it ended, if it does within this time.
    pub fn ended(&mut self, most: Duration) -> Option<ExitStatus> {
        // It has closed what it speaks through: the rest is a moment.
        let is_over = self.heard.wait(most, |_| None::<()>).is_none() && self.heard.said().ended;
        is_over.then(|| self.child.wait().unwrap())
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub fn ends(&mut self) -> ExitStatus {
        self.ended(DEADLINE).unwrap_or_else(|| panic!("it goes on:\n{}", self.said()))
    }

    /// Waits until it has died at its fault point.
    #[track_caller]
    pub fn dies(mut self) {
        let status = self.ends();
        assert!(aborted(status), "{status}:\n{}", self.said());
    }

    /// Waits until it has stopped at its fault point.
    #[track_caller]
    pub fn freezes(&self) {
        self.says("the process freezes here");
        until("the process is stopped", || (self.state() == Some('T')).then_some(()));
    }

    /// What the system says it is doing: `T` for a stopped process.
    fn state(&self) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }

    /// Lets it go on after it has frozen.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Asks it to stop, without waiting.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Kills it as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.said());
        }
    }
}

/// Whether a process has died of a fault point.
pub fn aborted(status: ExitStatus) -> bool {
    status.signal() == Some(ABORTED)
}
