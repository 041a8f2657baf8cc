//! Writers, a claimer and a reader at work on a log, and what they were promised.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kernel::{Checkpoint, Entry, Number, Outcome, Position};
use runtime::{
    Advance, Claim, Commit, CommitError, Engine, Holder, Idempotency, Refused, Settlement, StoreError, Tail,
};
use serde_json::json;
use tokio::{sync::Notify, task::JoinHandle};

use super::{DEADLINE, append, send};

/// How many write at the same time.
const WRITERS: usize = 4;

/// How long a claim lasts without a word: longer than any test.
const LEASE: Duration = Duration::from_secs(120);

/// The service whose commands nobody claims: those that the saga sends.
const UNCLAIMED: &str = "t";

/// Work under way on a log.
pub(super) struct Load {
    state: Arc<State>,
    writers: Vec<JoinHandle<()>>,
    claimer: JoinHandle<()>,
    saga: JoinHandle<()>,
}

struct State {
    engine: Engine,
    stop: AtomicBool,
    told: Mutex<Told>,
    news: Notify,
}

/// What those at work were told.
#[derive(Default)]
struct Told {
    /// Commands that were acknowledged as taken.
    taken: BTreeSet<String>,
    /// Commands whose outcome was acknowledged.
    settled: BTreeSet<String>,
    /// How many steps of the saga were acknowledged.
    steps: u64,
    /// Why the store was unavailable, each reason as often as it was given.
    troubles: BTreeMap<String, usize>,
}

impl Load {
    /// Begins to write, to claim what is written, and to take step after step as a saga does.
    pub(super) fn begin(engine: &Engine) -> Self {
        let state = Arc::new(State {
            engine: engine.clone(),
            stop: AtomicBool::new(false),
            told: Mutex::default(),
            news: Notify::new(),
        });
        let writers = (0..WRITERS).map(|writer| tokio::spawn(state.clone().write(writer))).collect();
        let claimer = tokio::spawn(state.clone().settle());
        let saga = tokio::spawn(state.clone().step());
        Self { state, writers, claimer, saga }
    }

    /// How many commands were acknowledged as taken so far.
    pub(super) fn taken(&self) -> usize {
        self.state.told.lock().unwrap().taken.len()
    }

    /// How often the store was unavailable so far.
    pub(super) fn troubles(&self) -> usize {
        self.state.told.lock().unwrap().troubles.values().sum()
    }

    /// Waits for a fact.
    pub(super) async fn until(&self, what: &str, is: impl Fn(&Self) -> bool) {
        let waiting = async {
            loop {
                let news = self.state.news.notified();
                if is(self) {
                    return;
                }
                news.await;
            }
        };
        assert!(tokio::time::timeout(DEADLINE, waiting).await.is_ok(), "{what}: {:?}", self.reasons());
    }

    /// Waits until so many more commands were taken.
    pub(super) async fn until_more(&self, count: usize) {
        let target = self.taken() + count;
        self.until("commands are taken", |load| load.taken() >= target).await;
    }

    /// Every reason for which the store was unavailable.
    pub(super) fn reasons(&self) -> BTreeMap<String, usize> {
        self.state.told.lock().unwrap().troubles.clone()
    }

    /// Breaks everything off at once: what was acknowledged as taken, and as settled.
    pub(super) fn break_off(self) -> (BTreeSet<String>, BTreeSet<String>) {
        self.writers.iter().for_each(JoinHandle::abort);
        self.claimer.abort();
        self.saga.abort();
        let told = self.state.told.lock().unwrap();
        (told.taken.clone(), told.settled.clone())
    }

    /// Ends the writing, waits until all is settled, and checks that each command took effect once. Gives the log.
    pub(super) async fn end(self) -> Vec<kernel::Event> {
        self.state.stop.store(true, Ordering::Relaxed);
        let reasons = self.reasons();
        let ended = tokio::time::timeout(DEADLINE, async {
            for writer in self.writers {
                writer.await.unwrap();
            }
            self.saga.await.unwrap();
            self.claimer.await.unwrap();
        });
        assert!(ended.await.is_ok(), "not everything ended: {reasons:?}");
        let log = whole(&self.state.engine).await;
        let sent = self.state.engine.queues(&[UNCLAIMED]).await.unwrap()[0].waiting;
        let told = self.state.told.lock().unwrap();
        assert_eq!(told.taken, told.settled, "I6: each command has an outcome");
        let both = told.taken.iter().flat_map(|id| [id.clone(), format!("done-{id}")]);
        let expected: BTreeSet<_> = both.chain((0..told.steps).map(|step| format!("step-{step}"))).collect();
        let found: BTreeSet<_> = log.iter().map(|event| event.id.clone()).collect();
        assert_eq!(found, expected, "I1: what was acknowledged, and nothing else");
        assert_eq!((log.len(), sent), (found.len(), told.steps), "I2: everything once");
        log
    }
}

impl State {
    async fn write(self: Arc<Self>, writer: usize) {
        for number in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let id = format!("{writer}-{number}");
            let Commit { mut enqueue, .. } = send(&id);
            enqueue[0].idempotency = Some(Idempotency { key: id.clone(), fingerprint: id.clone() });
            let mut commit = Commit { enqueue, ..append(&["order"]) };
            commit.append[0].id.clone_from(&id);
            self.insist(&commit, |refused| matches!(refused, Refused::Repeated { .. })).await;
            self.told.lock().unwrap().taken.insert(id);
            self.news.notify_waiters();
        }
    }

    async fn settle(self: Arc<Self>) {
        let mut claimer = self.again(|| self.engine.claimer("s", "w")).await;
        loop {
            let is_over = self.stop.load(Ordering::Relaxed);
            self.again(|| self.engine.heartbeat("w", LEASE)).await;
            let claims = match claimer.claim(16, Duration::from_millis(200)).await {
                Ok(claims) => claims,
                Err(error) => {
                    self.note(&error).await;
                    continue;
                }
            };
            for claim in &claims {
                let id = claim.command.id.clone();
                self.insist(&outcome(claim), |refused| matches!(refused, Refused::Unclaimed { .. })).await;
                self.told.lock().unwrap().settled.insert(id);
            }
            let told = self.told.lock().unwrap();
            if is_over && claims.is_empty() && told.settled.len() == told.taken.len() {
                return;
            }
        }
    }

    /// Events, a command and the checkpoint in one commit, none of which may be done without the others.
    async fn step(self: Arc<Self>) {
        let at = |step: u64| match step {
            0 => Checkpoint::default(),
            _ => Checkpoint { epoch: kernel::Epoch("e".into()), position: Position::ZERO, number: Number(step) },
        };
        for step in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let Commit { mut enqueue, .. } = send(&format!("sent-{step}"));
            enqueue[0].service = UNCLAIMED.into();
            let advance = Some(Advance {
                consumer: "saga/x".into(),
                holder: Holder::Taking("somebody".into()),
                from: at(step),
                to: at(step + 1),
            });
            let mut commit = Commit { enqueue, advance, ..append(&["order"]) };
            commit.append[0].id = format!("step-{step}");
            self.insist(&commit, |refused| matches!(refused, Refused::Fenced { found, .. } if *found == at(step + 1)))
                .await;
            self.told.lock().unwrap().steps = step + 1;
        }
    }

    /// Commits until it is known to be done: refused as a repeat, it was.
    async fn insist(&self, commit: &Commit, was_done: impl Fn(&Refused) -> bool) {
        loop {
            match self.engine.commit_one(commit.clone()).await {
                Ok(_) => return,
                Err(CommitError::Refused(refused)) => {
                    assert!(was_done(&refused), "{refused}");
                    return;
                }
                Err(CommitError::Store(error)) => self.note(&error).await,
            }
        }
    }

    async fn again<T, F: Future<Output = Result<T, StoreError>>>(&self, attempt: impl Fn() -> F) -> T {
        loop {
            match attempt().await {
                Ok(value) => return value,
                Err(error) => self.note(&error).await,
            }
        }
    }

    /// Takes note of an error, which must be that the store is unavailable.
    async fn note(&self, error: &StoreError) {
        let StoreError::Unavailable { reason, .. } = error else { panic!("{error}") };
        *self.told.lock().unwrap().troubles.entry(reason.clone()).or_default() += 1;
        self.news.notify_waiters();
        tokio::task::yield_now().await;
    }
}

fn outcome(claim: &Claim) -> Commit {
    let outcome = Outcome::Done { result: json!(true), position: None };
    let mut commit = append(&["cart"]);
    commit.append[0].id = format!("done-{}", claim.command.id);
    Commit { settle: Some(Settlement { token: claim.token.clone(), outcome }), ..commit }
}

/// The whole log, which must be in order and without holes (I3).
pub(super) async fn whole(engine: &Engine) -> Vec<kernel::Event> {
    let mut log: Vec<kernel::Event> = Vec::new();
    let mut at = Checkpoint::default();
    loop {
        let page = super::again(|| engine.read(&at, 500)).await;
        for entry in page.entries {
            let Entry::Event(event) = entry else { panic!("{entry:?}") };
            assert_eq!(event.number, Some(Number(log.len() as u64 + 1)), "I3: numbers");
            assert!(event.position > log.last().map_or(Position::ZERO, |last| last.position), "I3: positions");
            log.push(event);
        }
        let Some(last) = log.last() else { return log };
        if at.position == last.position {
            return log;
        }
        at = Checkpoint { epoch: page.head.epoch, position: last.position, number: last.number.unwrap() };
    }
}

/// Reads along from the beginning until told where to stop; gives the ids of what it saw.
pub(super) async fn read_along(engine: Engine, until: tokio::sync::watch::Receiver<Option<Position>>) -> Vec<String> {
    let (tail, _following) = super::again(|| Tail::follow(engine.clone())).await;
    let (mut at, mut seen) = (Checkpoint::default(), Vec::new());
    loop {
        if until.borrow().is_some_and(|until| at.position >= until) {
            return seen;
        }
        match tail.next(&at, 100, Duration::from_millis(200)).await {
            Ok(page) => {
                for entry in &page.entries {
                    let Entry::Event(event) = &**entry else { panic!("{entry:?}") };
                    seen.push(event.id.clone());
                }
                at = page.end(&at);
            }
            Err(error) => assert!(matches!(error, StoreError::Unavailable { .. }), "{error}"),
        }
    }
}
