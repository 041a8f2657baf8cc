//! Injected faults: what a store, its clock and the way to it can do to whoever asks, all decided by a seed.
//!
//! A simulated log lives on Tokio's paused clock. Each call that goes over a [`Line`] has a millisecond of its own,
//! and which one depends on what is asked and by whom, not on the order in which tasks happen to be woken: the same
//! seed is the same run. What is done to a call is data ([`Faults`]); nothing of it is known to whoever calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{Claim, StoreError};

/// When simulated time begins, in Unix milliseconds.
const BEGINNING: u64 = 1_795_341_904_000;

/// How long a call takes at least, and at most when nothing is done to it, in milliseconds.
const LATENCY: (u64, u64) = (1, 4);

/// Whoever claims a command whose id begins like this dies of it.
const DEADLY: &str = "deadly";

/// How often what is done to a call, of a thousand calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// It fails before it takes effect.
    pub lost: u32,
    /// It takes effect, and fails all the same.
    pub unanswered: u32,
    /// It takes effect at once, and is answered late.
    pub late: u32,
    /// It takes effect late.
    pub held: u32,
    /// How late at most.
    pub latest: Duration,
}

/// What is done to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Fine,
    Lost,
    Unanswered,
    Late(Duration),
    Held(Duration),
}

/// A simulated world that logs and read models live in. Clones share it.
#[derive(Clone, Debug)]
pub struct Simulation(Arc<World>);

#[derive(Debug)]
struct World {
    seed: u64,
    start: Instant,
    /// How far the store's clock is ahead of the time that has gone by, in milliseconds.
    ahead_ms: AtomicI64,
    names: AtomicU64,
    /// From which millisecond on nothing is done to any call.
    calm_ms: AtomicU64,
    turns: Mutex<Turns>,
}

/// Who asks when.
#[derive(Debug, Default)]
struct Turns {
    /// Calls that have no instant yet, by the millisecond in which they were made.
    arrivals: BTreeMap<u64, BTreeMap<Call, Faults>>,
    /// Calls that have one.
    given: BTreeMap<Call, (u64, Fate)>,
    /// Milliseconds that are some call's.
    taken: BTreeSet<u64>,
    /// How often each line has asked the same.
    asked: BTreeMap<(String, String), u64>,
    /// What happened, in order.
    trace: Vec<String>,
}

/// A call, of which no other of the same task is under way in the same millisecond.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    line: String,
    what: String,
    task: u64,
    at_ms: u64,
}

impl Simulation {
    /// A world that begins now, in a Tokio runtime whose clock is paused.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(World {
            seed,
            start: Instant::now(),
            ahead_ms: AtomicI64::new(0),
            names: AtomicU64::new(0),
            calm_ms: AtomicU64::new(u64::MAX),
            turns: Mutex::default(),
        }))
    }

    /// A line to whatever lives in this world, for one client.
    #[must_use]
    pub fn line(&self, name: &str, faults: Faults) -> Line {
        let line = Wire { world: self.clone(), name: name.to_owned(), faults, is_cut: AtomicBool::new(false) };
        Line(Arc::new(line))
    }

    /// Sets the store's clock forward, or back.
    pub fn jump(&self, ms: i64) {
        self.0.ahead_ms.fetch_add(ms, Ordering::Relaxed);
        self.note(&format!("the clock jumps by {ms} ms"));
    }

    /// From now on nothing is done to any call.
    pub fn calm(&self) {
        self.0.calm_ms.store(self.elapsed_ms() + 1, Ordering::Relaxed);
        self.note("calm");
    }

    /// Writes down that something has happened.
    pub fn note(&self, what: &str) {
        let at = self.elapsed_ms();
        self.turns().trace.push(format!("{at:>6} {what}"));
    }

    /// What was asked and what was done to it, in order.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        self.turns().trace.clone()
    }

    /// The store's clock, in Unix milliseconds.
    pub(super) fn now_ms(&self) -> u64 {
        let now = BEGINNING.saturating_add(self.elapsed_ms());
        now.saturating_add_signed(self.0.ahead_ms.load(Ordering::Relaxed))
    }

    /// A name that nobody else has in this world.
    pub(super) fn unique(&self) -> String {
        format!("name-{:04}", self.0.names.fetch_add(1, Ordering::Relaxed))
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.0.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is this call's turn, in a millisecond of its own, and tells what is done to it.
    async fn turn(&self, line: &str, what: String, faults: Faults) -> Fate {
        let at_ms = self.elapsed_ms();
        let task = tokio::task::try_id().and_then(|id| id.to_string().parse().ok()).unwrap_or_default();
        let call = Call { line: line.to_owned(), what, task, at_ms };
        let faults = if at_ms < self.0.calm_ms.load(Ordering::Relaxed) { faults } else { Faults::default() };
        self.turns().arrivals.entry(at_ms).or_default().insert(call.clone(), faults);
        // Time goes on only when everybody waits: whoever asks in this millisecond has asked by then.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let (turn, fate) = self.turns().take(&call, self.elapsed_ms(), self.0.seed);
        tokio::time::sleep_until(self.0.start + Duration::from_millis(turn)).await;
        fate
    }
}

impl Turns {
    /// The millisecond of a call, and what is done to it.
    fn take(&mut self, call: &Call, now: u64, seed: u64) -> (u64, Fate) {
        self.taken = self.taken.split_off(&now);
        while let Some(batch) = self.arrivals.first_entry().filter(|batch| *batch.key() < now) {
            for (call, faults) in batch.remove() {
                let asked = self.asked.entry((call.line.clone(), call.what.clone())).or_default();
                *asked += 1;
                let mut chance = Chance::of(seed, &[&call.line, &call.what], *asked);
                let mut turn = now + LATENCY.0 + chance.below(LATENCY.1 - LATENCY.0 + 1);
                while !self.taken.insert(turn) {
                    turn += 1;
                }
                let fate = Fate::by(&mut chance, faults);
                self.given.insert(call, (turn, fate));
            }
        }
        self.given.remove(call).unwrap_or((now, Fate::Fine))
    }
}

impl Fate {
    fn by(chance: &mut Chance, faults: Faults) -> Self {
        let Faults { lost, unanswered, late, held, latest } = faults;
        let mut dice = chance.below(1_000);
        // Most are a little late, some very much.
        let most = u64::try_from(latest.as_millis()).unwrap_or(u64::MAX).max(1);
        let most = if chance.below(4) == 0 { most } else { most.div_ceil(20) };
        let delay = Duration::from_millis(1 + chance.below(most));
        let fates =
            [(lost, Self::Lost), (unanswered, Self::Unanswered), (late, Self::Late(delay)), (held, Self::Held(delay))];
        for (often, fate) in fates {
            match dice.checked_sub(u64::from(often)) {
                Some(rest) => dice = rest,
                None => return fate,
            }
        }
        Self::Fine
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fine => Ok(()),
            Self::Lost => f.write_str("LOST"),
            Self::Unanswered => f.write_str("DONE, NOT ANSWERED"),
            Self::Late(delay) => write!(f, "DONE, ANSWERED {} ms LATER", delay.as_millis()),
            Self::Held(delay) => write!(f, "HELD FOR {} ms", delay.as_millis()),
        }
    }
}

/// One client's way to a simulated store. Clones are the same line.
#[derive(Clone, Debug)]
pub struct Line(Arc<Wire>);

#[derive(Debug)]
struct Wire {
    world: Simulation,
    name: String,
    faults: Faults,
    is_cut: AtomicBool,
}

impl Line {
    /// Whether it was cut.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.0.is_cut.load(Ordering::Relaxed)
    }

    /// The client dies of what it has just claimed, if anything of that is deadly.
    pub(super) fn dies_of(&self, claims: &[Claim]) -> bool {
        let deadly = claims.iter().any(|claim| claim.command.id.starts_with(DEADLY));
        if deadly && !self.is_cut() {
            self.cut();
        }
        deadly
    }

    /// Cuts it for good: the client has died, and nothing that it still asks takes effect.
    pub fn cut(&self) {
        self.0.is_cut.store(true, Ordering::Relaxed);
        self.0.world.note(&format!("{} dies", self.0.name));
    }

    /// Asks for something to be performed; the faults of the line decide what becomes of that.
    ///
    /// # Errors
    /// When a fault was injected: whether it was performed is then not known.
    pub async fn ask<T>(&self, what: String, perform: impl FnOnce() -> T) -> Result<T, StoreError> {
        let Wire { world, name, faults, is_cut } = &*self.0;
        let fate = world.turn(name, what.clone(), *faults).await;
        if let Fate::Held(delay) = fate {
            self.tell(&what, fate);
            tokio::time::sleep(delay).await;
            world.turn(name, format!("{what}, held"), Faults::default()).await;
        }
        if is_cut.load(Ordering::Relaxed) {
            return Err(self.failed("the client has died"));
        }
        self.tell(&what, fate);
        match fate {
            Fate::Fine | Fate::Held(_) => Ok(perform()),
            Fate::Lost => Err(self.failed("lost on its way")),
            // An answer on its way back has a millisecond of its own too.
            Fate::Unanswered => {
                perform();
                world.turn(name, format!("{what}, not answered"), Faults::default()).await;
                Err(self.failed("not answered"))
            }
            Fate::Late(delay) => {
                let answer = perform();
                tokio::time::sleep(delay).await;
                world.turn(name, format!("{what}, answered"), Faults::default()).await;
                Ok(answer)
            }
        }
    }

    fn tell(&self, what: &str, fate: Fate) {
        let arrow = if fate == Fate::Fine { "" } else { ": " };
        self.0.world.note(&format!("{} {what}{arrow}{fate}", self.0.name));
    }

    fn failed(&self, reason: &str) -> StoreError {
        StoreError::Unavailable { url: format!("simulated, for {}", self.0.name), reason: reason.to_owned() }
    }
}

/// Chance that a seed decides.
#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    /// For one purpose, and the n-th time of it.
    #[must_use]
    pub fn of(seed: u64, purpose: &[&str], n: u64) -> Self {
        // FNV-1a: the same on every machine and in every version.
        let mut hash = 0xcbf2_9ce4_8422_2325 ^ seed;
        let bytes = purpose.iter().flat_map(|part| part.bytes().chain([0xff])).chain(n.to_le_bytes());
        bytes.for_each(|byte| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(hash)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }
}
