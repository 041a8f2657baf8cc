//! A bank that is run, stopped, killed and checked.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kernel::{
    Checkpoint, Domain, Effect, Entry, Event, Intent, Occurrence, Outcome, Position, Rejection, SagaHandler, View,
};
use runtime::{CommandState, Commit, Engine, Enqueue, Parked, Tail, host};
use serde_json::Value;
use testkit::bank::{self, Account, Notice, Transfer};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(60);

/// Opens an empty log of each engine; what the log needs to live is kept beside it.
pub(crate) mod open {
    use runtime::{Engine, Namespace, StoreUrl};

    pub(crate) async fn memory() -> (Engine, ()) {
        (Engine::open(&StoreUrl::Memory, &Namespace::default(), super::TOPICS).await.unwrap(), ())
    }

    pub(crate) async fn redis() -> (Engine, ()) {
        let namespace = testkit::RedisServer::namespace().parse().unwrap();
        let url = testkit::RedisServer::shared().url().parse().unwrap();
        (Engine::open(&url, &namespace, super::TOPICS).await.unwrap(), ())
    }

    pub(crate) async fn sqlite() -> (Engine, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().join("log.db"));
        (Engine::open(&url, &Namespace::default(), super::TOPICS).await.unwrap(), folder)
    }
}

pub(crate) const TOPICS: &[&str] = &["account", "notice", "transfer"];

pub(crate) struct Bank {
    pub(crate) engine: Engine,
    domain: Arc<Domain>,
    tasks: JoinSet<()>,
    following: Vec<AbortHandle>,
    stop: CancellationToken,
    sent: Vec<String>,
}

/// No two commands of one test process have the same id.
static COMMANDS: AtomicU64 = AtomicU64::new(0);

impl Bank {
    pub(crate) async fn new(engine: Engine) -> Self {
        let domain = Arc::new(bank::domain());
        Self {
            engine,
            domain,
            tasks: JoinSet::new(),
            following: Vec::new(),
            stop: CancellationToken::new(),
            sent: Vec::new(),
        }
    }

    /// The bank as the next version of its program runs it.
    pub(crate) fn mended(&mut self) {
        self.domain = Arc::new(bank::mended());
    }

    /// What is set aside.
    pub(crate) async fn parked(&self) -> Vec<Parked> {
        self.engine.parked(None, usize::MAX).await.unwrap()
    }

    /// Has everything that is set aside tried again.
    pub(crate) async fn retry_all(&self) {
        for parked in self.parked().await {
            self.engine.commit_one(parked.wanted_again()).await.unwrap();
        }
    }

    /// Waits until what is set aside is so.
    pub(crate) async fn parked_become(&self, is_so: impl Fn(&[Parked]) -> bool) -> Vec<Parked> {
        within(async {
            loop {
                let parked = self.parked().await;
                if is_so(&parked) {
                    return parked;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
    }

    /// How many transfers have which status.
    pub(crate) async fn statuses(&self) -> BTreeMap<String, usize> {
        let mut statuses: BTreeMap<String, usize> = BTreeMap::new();
        for transfer in self.transfers().await {
            *statuses.entry(transfer.status).or_default() += 1;
        }
        statuses
    }

    /// Runs services and sagas.
    pub(crate) async fn start(&mut self) {
        self.start_services().await;
        self.start_sagas().await;
    }

    async fn follow(&mut self) -> Tail {
        let (tail, following) = Tail::follow(self.engine.clone()).await.unwrap();
        self.following.push(following.abort_handle());
        if self.stop.is_cancelled() {
            self.stop = CancellationToken::new();
        }
        tail
    }

    pub(crate) async fn start_services(&mut self) {
        let tail = self.follow().await;
        let services = self.domain.services().into_iter().map(str::to_owned).collect();
        let services = host::services::run(self.domain.clone(), tail, services, self.stop.clone());
        self.tasks.spawn(async move { services.await.unwrap() });
    }

    pub(crate) async fn start_sagas(&mut self) {
        let tail = self.follow().await;
        let sagas = host::sagas::run(self.domain.clone(), tail, self.stop.clone());
        self.tasks.spawn(async move { sagas.await.unwrap() });
    }

    /// Stops in good order.
    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        self.following.drain(..).for_each(|following| following.abort());
    }

    /// Drops everything after so many more events, wherever it is, and takes its leases away.
    pub(crate) async fn kill_after(&mut self, events: u64) {
        let target = self.engine.head().await.unwrap().number.0 + events;
        let mut bell = self.engine.bell().await.unwrap();
        let grown = async {
            loop {
                let head = self.engine.head().await.unwrap();
                if head.number.0 >= target {
                    break;
                }
                bell.wait(head.position, Duration::from_millis(200)).await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_millis(200), grown).await.ok();
        self.tasks.shutdown().await;
        self.following.drain(..).for_each(|following| following.abort());
        self.expire().await;
    }

    /// Lets every worker's lease run out and every role go: what time would do.
    async fn expire(&self) {
        for (role, _) in [("saga/teller", ()), ("saga/clerk", ())] {
            if let Some(holder) = self.engine.hold(role, "nobody", Duration::from_secs(1)).await.unwrap() {
                self.engine.let_go(role, &holder).await.unwrap();
            }
            self.engine.let_go(role, "nobody").await.unwrap();
        }
    }

    async fn send(&mut self, topic: &str, intent: Intent) -> String {
        let id = format!("command-{}", COMMANDS.fetch_add(1, Ordering::Relaxed));
        let service = self.domain.topic(topic).unwrap().service.to_owned();
        let enqueue = Enqueue { command: testkit::command(&id, topic, intent), service, idempotency: None };
        self.engine.commit_one(Commit { enqueue: vec![enqueue], ..Commit::default() }).await.unwrap();
        self.sent.push(id.clone());
        id
    }

    async fn outcome(&self, id: &str) -> Outcome {
        within(async {
            loop {
                if let CommandState::Ended(outcome) = self.engine.command(id).await.unwrap().unwrap().state {
                    return outcome;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
    }

    pub(crate) async fn outcome_of(&mut self, topic: &str, members: &[Value]) -> Outcome {
        let members = members.iter().map(|member| testkit::raw(&member.to_string())).collect();
        let id = self.send(topic, Intent::Create(members)).await;
        self.outcome(&id).await
    }

    pub(crate) async fn create(&mut self, topic: &str, members: &[Value]) -> Vec<String> {
        match self.outcome_of(topic, members).await {
            Outcome::Done { result, .. } => serde_json::from_value(result).unwrap(),
            other @ (Outcome::Rejected(_) | Outcome::Dead { .. }) => panic!("{other:?}"),
        }
    }

    pub(crate) async fn rejected(&mut self, topic: &str, members: &[Value]) -> Rejection {
        match self.outcome_of(topic, members).await {
            Outcome::Rejected(rejection) => rejection,
            other @ (Outcome::Done { .. } | Outcome::Dead { .. }) => panic!("{other:?}"),
        }
    }

    pub(crate) async fn delete(&mut self, topic: &str, id: &str) -> Outcome {
        let id = self.send(topic, Intent::Delete { id: id.into() }).await;
        self.outcome(&id).await
    }

    pub(crate) async fn accounts(&mut self, count: usize) -> Vec<String> {
        let account = |n| serde_json::json!({"owner": format!("owner-{n}"), "balance": 20});
        let accounts: Vec<_> = (0..count).map(account).collect();
        self.create("account", &accounts).await
    }

    /// Sends transfers among the accounts, in pairs that go both ways, and does not wait.
    pub(crate) async fn send_transfers(&mut self, accounts: &[String], count: usize) {
        for n in 0..count {
            let (from, to) = (&accounts[n % accounts.len()], &accounts[(n + 1) % accounts.len()]);
            let transfer = serde_json::json!({"from_id": from, "to_id": to, "amount": 1 + n % 7});
            self.send("transfer", Intent::Create(vec![testkit::raw(&transfer.to_string())])).await;
        }
    }

    /// Sends transfers in batches, each of as many as a list may hold here.
    pub(crate) async fn send_batches(&mut self, accounts: &[String], batches: usize) {
        for batch in 0..batches {
            let transfer = |n: usize| {
                let (from, to) = (&accounts[(batch + n) % accounts.len()], &accounts[(batch + n + 1) % accounts.len()]);
                testkit::raw(&serde_json::json!({"from_id": from, "to_id": to, "amount": 1 + n % 3}).to_string())
            };
            self.send("transfer", Intent::Create((0..500).map(transfer).collect())).await;
        }
    }

    pub(crate) async fn race(&mut self, transfers: usize) {
        let accounts = self.accounts(3).await;
        self.send_transfers(&accounts, transfers).await;
    }

    /// Waits until every command sent has ended, and the sagas have nothing left to do.
    pub(crate) async fn settled(&self) {
        self.sent_has_ended().await;
        self.come_to_rest().await;
    }

    pub(crate) async fn sent_has_ended(&self) {
        for id in &self.sent {
            self.outcome(id).await;
        }
    }

    /// Waits until sagas stand at the head and queues are empty, with nothing new in between.
    pub(crate) async fn come_to_rest(&self) {
        within(async {
            loop {
                let head = self.engine.head().await.unwrap();
                let checkpoints = self.engine.checkpoints().await.unwrap();
                let queues = self.engine.queues(&self.domain.services()).await.unwrap();
                let idle = queues.iter().all(|queue| queue.waiting + queue.claimed == 0);
                let caught_up = ["saga/teller", "saga/clerk"].iter().all(|saga| checkpoints.get(*saga) == Some(&head));
                if idle && caught_up && self.engine.head().await.unwrap() == head {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }

    pub(crate) async fn events(&self) -> Vec<Event> {
        let page = self.engine.read(&Checkpoint::default(), usize::MAX).await.unwrap();
        let event = |entry| match entry {
            Entry::Event(event) => event,
            Entry::Junk(junk) => panic!("{junk:?}"),
        };
        page.entries.into_iter().map(event).collect()
    }

    async fn view(&self) -> View {
        let mut view = View::new(self.domain.topics());
        for event in self.events().await {
            view.apply(&Entry::Event(event)).unwrap();
        }
        view
    }

    pub(crate) async fn transfers(&self) -> Vec<Transfer> {
        self.view().await.rows("transfer").map(|(_, row)| serde_json::from_str(&row).unwrap()).collect()
    }

    /// What must hold once everything has come to rest.
    pub(crate) async fn check(&self) {
        self.check_state().await;
        let events = self.events().await;
        for saga in self.domain.sagas() {
            check_decisions(&self.domain, saga, &events);
        }
    }

    /// The same but for the order in which sagas decide, which what is tried again does not keep to.
    pub(crate) async fn check_state(&self) {
        let events = self.events().await;
        let mut ids: Vec<_> = events.iter().map(|event| &event.id).collect();
        ids.sort();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "an event is in the log twice");

        let view = self.view().await;
        let accounts: Vec<Account> = view.rows("account").map(|(_, row)| serde_json::from_str(&row).unwrap()).collect();
        assert!(accounts.iter().all(|account| account.balance >= 0), "{accounts:?}");
        let sum: i64 = accounts.iter().map(|account| account.balance).sum();
        assert_eq!(sum, 20 * i64::try_from(accounts.len()).unwrap());

        let transfers = self.transfers().await;
        assert!(transfers.iter().all(|transfer| transfer.status != "ASKED"), "{transfers:?}");
        let done = transfers.iter().filter(|transfer| transfer.status == "DONE").count();
        let notices = events.iter().filter(|event| &*event.topic == <Notice as kernel::Journal>::TOPIC).count();
        assert_eq!(notices, done);
        assert_eq!(self.engine.parked(None, usize::MAX).await.unwrap(), []);
        assert_eq!(self.engine.dead_letters(&self.domain.services()).await.unwrap().len(), 0);
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap()
}

/// R7: each of a saga's decisions, made again from the log alone, appends what the log holds.
fn check_decisions(domain: &Domain, saga: &SagaHandler, events: &[Event]) {
    let own = |event: &&Event| event.meta.handler.as_deref() == Some(saga.name) && event.meta.command.is_none();
    let mut recorded: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in events.iter().filter(own) {
        recorded.entry(event.meta.cause.as_deref().unwrap()).or_default().push(event);
    }
    let mut view = saga.view(domain);
    let mut at = events.iter().peekable();
    let mut befores = BTreeMap::new();
    let mut last = Position::ZERO;
    for event in events.iter().filter(|event| saga.wants(event)) {
        let reaction = recorded.remove(event.id.as_str()).unwrap_or_default();
        let as_of = reaction.first().and_then(|event| event.meta.as_of).unwrap_or_else(|| last.max(event.position));
        assert!(as_of >= last, "decisions go forward only");
        last = as_of;
        while let Some(next) = at.next_if(|next| next.position <= as_of.max(event.position)) {
            befores.insert(next.id.clone(), view.apply(&Entry::Event(next.clone())).unwrap());
        }
        let mut decision = saga.decision(event, &view);
        let before = befores.get(&event.id).and_then(Option::as_ref);
        saga.react(&Occurrence { event, before }, &mut decision).unwrap();
        let decided: Vec<_> = decision.finish().effects.into_iter().filter_map(appended).collect();
        let held = reaction.iter().filter(|event| &*event.topic != "decision");
        let held: Vec<_> = held.map(|event| (event.id.clone(), event.data.clone())).collect();
        assert_eq!(decided, held, "{} on {} as of {as_of}", saga.name, event.position);
        for effect in reaction {
            view.stage(&runtime::history::draft(effect.clone()), effect.position).unwrap();
        }
    }
    assert!(recorded.is_empty(), "reactions to nothing: {recorded:?}");
}

fn appended(effect: Effect) -> Option<(String, String)> {
    match effect {
        Effect::Append(draft) => Some((draft.id, draft.data)),
        Effect::Send(_) => None,
    }
}
