//! A shop under torture: where its log is, where its gateway listens just now, and what has been done to it.

use std::{
    collections::BTreeMap,
    process::Command,
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tempfile::TempDir;
use testkit::{APPENDING, RedisServer};

use super::victim::{Victim, aborted};
use crate::common::{Http, Store, process::talk, until};

/// How long a fault point may not be come to before that is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long before the process is killed where it is, where that will do: what it waits for may be dead too.
const SHORT: Duration = Duration::from_secs(5);

/// After how many kills a line tells that it goes on.
const TOLD: u64 = 50;

/// A shop whose processes die.
#[derive(Debug)]
pub struct World {
    pub store: Store,
    /// The server of its own, where it has one.
    server: Option<Mutex<RedisServer>>,
    /// Where its processes leave what they leave.
    folder: TempDir,
    door: Door,
    pub tally: Tally,
    /// No new orders.
    over: AtomicBool,
    /// Nobody will answer any more: the test has failed.
    broken: AtomicBool,
}

/// Where the gateway listens just now.
#[derive(Debug, Default)]
struct Door {
    address: Mutex<Option<String>>,
    news: Condvar,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Tally {
    kills: Mutex<BTreeMap<String, u64>>,
    pub requeued: AtomicU64,
    pub acknowledged: AtomicU64,
}

/// Ends the workload, also when the test fails.
#[derive(Debug)]
pub struct Stopping<'w>(&'w World);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
        self.0.broken.fetch_or(std::thread::panicking(), Ordering::Relaxed);
        self.0.door.news.notify_all();
    }
}

/// Ends everything when a part of the test fails: nobody need wait for the others then.
#[derive(Debug)]
pub struct Breaking<'w>(&'w World);

impl Drop for Breaking<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.broken.store(true, Ordering::Relaxed);
            drop(self.0.stopping());
        }
    }
}

impl World {
    /// On a Redis of its own that can be killed.
    pub fn redis() -> Self {
        let server = RedisServer::start_with(APPENDING);
        Self::of(Store::Url(server.url()), Some(Mutex::new(server)))
    }

    /// In a file.
    pub fn sqlite() -> Self {
        Self::of(Store::sqlite(), None)
    }

    fn of(store: Store, server: Option<Mutex<RedisServer>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [over, broken] = [false; 2].map(AtomicBool::new);
        Self { store, server, folder, door: Door::default(), tally: Tally::default(), over, broken }
    }

    /// `retrace` with a subcommand, on this store.
    pub fn command(&self, subcommand: &[&str]) -> Command {
        let mut command = self.store.command(subcommand);
        command.current_dir(self.folder.path());
        command
    }

    /// Starts a role in a process of its own, or everything in one: `up`.
    pub fn start(&self, role: &str, fault: Option<&str>) -> Victim {
        let listen = ["--listen", "127.0.0.1:0"];
        match role {
            "up" => Victim::start(self.command(&["up"]).args(listen), fault),
            "rebuild" => Victim::start(&mut self.command(&["rebuild"]), fault),
            role => Victim::start(self.command(&["run", role]).args(listen), fault),
        }
    }

    /// Sends those who ask to this process's gateway from now on, if it has one.
    fn open(&self, role: &str, victim: &Victim) {
        if role == "gateway" || role == "up" {
            *self.door.address.lock().unwrap() = victim.address();
            self.door.news.notify_all();
        }
    }

    /// Lets a process die at a point, once it is there; one that does not come there in time is killed all the same.
    ///
    /// One that could not start because the store was away just then is started again.
    pub fn dies(&self, role: &str, fault: &str, kill_late: bool) {
        loop {
            let mut victim = self.start(role, Some(fault));
            self.open(role, &victim);
            match victim.ended(if kill_late { SHORT } else { PATIENCE }) {
                Some(status) if aborted(status) => return self.tally.killed(fault),
                Some(status) if status.code() == Some(69) && !victim.was_up() => {}
                // It had nothing more to do.
                Some(status) if role == "rebuild" && status.success() => return,
                Some(status) if role == "rebuild" && status.code() == Some(1) => {
                    // Somebody else has the right, or the projector was killed and nobody moved on.
                    assert!(victim.said().contains("retrace:"), "{}", victim.said());
                    return;
                }
                Some(status) => panic!("{role} was to die at {fault}, and ended with {status}:\n{}", victim.said()),
                None => {
                    assert!(kill_late, "{role} did not come to {fault}:\n{}", victim.said());
                    victim.kill();
                    return self.tally.killed(&format!("{role}, anywhere"));
                }
            }
        }
    }

    /// Starts a role that stays.
    pub fn stays(&self, role: &str) -> Victim {
        loop {
            let mut victim = self.start(role, None);
            self.open(role, &victim);
            let is_up = until("it is up or has ended", || {
                let ended = victim.ended(Duration::ZERO);
                (victim.was_up() || ended.is_some()).then_some(ended)
            });
            match is_up {
                None => return victim,
                Some(status) => assert_eq!(status.code(), Some(69), "{role}:\n{}", victim.said()),
            }
        }
    }

    /// Kills the server as `kill -9` does, and starts it again.
    pub fn kill_server(&self) {
        let mut server = self.server.as_ref().unwrap().lock().unwrap();
        server.kill();
        server.restart_with(APPENDING);
        self.tally.killed("redis");
    }

    /// A client of whatever gateway there is; nothing once the test has failed.
    pub fn http(&self) -> Option<Http> {
        let mut address = self.door.address.lock().unwrap();
        loop {
            if self.is_broken() {
                return None;
            }
            if let Some(address) = &*address {
                return Some(Http::new(address));
            }
            address = self.door.news.wait_timeout(address, Duration::from_millis(100)).unwrap().0;
        }
    }

    /// Waits for another gateway than this, though not for long: this one may answer again.
    pub fn turn_away(&self, from: &Http) {
        let until = Instant::now() + Duration::from_millis(50);
        let mut address = self.door.address.lock().unwrap();
        while address.as_ref() == Some(&from.base) && Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            address = self.door.news.wait_timeout(address, left).unwrap().0;
        }
    }

    /// Has the workload stop when what is returned is dropped.
    pub fn stopping(&self) -> Stopping<'_> {
        Stopping(self)
    }

    /// Has everything end when the thread that has this fails.
    pub fn breaking(&self) -> Breaking<'_> {
        Breaking(self)
    }

    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Puts commands that died with their workers, attempt after attempt, into their queues again, as somebody on duty
    /// would; a command that failed for any other reason fails the test. Tells whether there were any.
    pub fn requeue(&self, http: &Http) -> bool {
        let ask = |path: &str| {
            // The gateway may die of this too.
            let answer = http.try_send("GET", path, "", &[]).ok();
            answer.and_then(|answer| answer.body["result"].as_array().cloned()).unwrap_or_default()
        };
        let mut any = false;
        for queue in ask("/api/v1/queues").iter().filter(|queue| queue["dead"] != 0) {
            let dead = format!("/api/v1/queues/{}/dead", queue["service"].as_str().unwrap());
            for letter in ask(&dead) {
                assert!(letter["error"].as_str().unwrap().ends_with("stopped answering"), "{letter}");
                let requeue = format!("{dead}/{}/requeue", letter["command"]["id"].as_str().unwrap());
                // Of two that requeue it, one finds it gone.
                if http.try_send("POST", &requeue, "", &[]).is_ok_and(|answer| answer.status == 200) {
                    self.tally.requeued.fetch_add(1, Ordering::Relaxed);
                }
                any = true;
            }
        }
        any
    }

    /// `retrace audit` must find nothing wrong.
    #[track_caller]
    pub fn audited(&self) {
        audited(&self.store);
    }
}

/// `retrace audit` must find nothing wrong.
#[track_caller]
pub fn audited(store: &Store) {
    let output = store.command(&["audit"]).output().unwrap();
    let found = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{found}\n{}", talk(&output));
}

impl Tally {
    fn killed(&self, what: &str) {
        let point = what.split(':').next().unwrap_or_default();
        let mut kills = self.kills.lock().unwrap();
        *kills.entry(point.to_owned()).or_default() += 1;
        let all: u64 = kills.values().sum();
        if all.is_multiple_of(TOLD) {
            println!("{all} kills, {} commands acknowledged", self.acknowledged.load(Ordering::Relaxed));
        }
    }

    /// How many of the roles and the server were killed; rebuilds are extra.
    pub fn kills(&self) -> u64 {
        let kills = self.kills.lock().unwrap();
        kills.iter().filter(|(point, _)| !point.starts_with("rebuild")).map(|(_, kills)| kills).sum()
    }

    /// How many died where.
    pub fn by_point(&self) -> BTreeMap<String, u64> {
        self.kills.lock().unwrap().clone()
    }
}
