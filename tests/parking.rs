//! What could not be done is set aside in sight of everybody, and tried again or dropped; the rest flows.

use std::{process::Output, sync::Arc, time::Duration};

use crate::common::{DEADLINE, Process, Retrace, Store, process::talk, until};
use kernel::{CREATED, Checkpoint, Domain, Draft, Entry, Event, Intent, Position};
use replay::{
    reactions::Scope,
    verify::{Report, Until, verify, verify_entries},
};
use runtime::{CommandState, Commit, Engine, Enqueue, Namespace, Parked, StoreUrl, Tail, host};
use serde_json::{Value, json};
use testkit::bank;
use tokio_util::sync::CancellationToken;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

/// Asks until it is so.
async fn fact(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, waiting).await.is_ok(), "waited in vain until {what}");
}

/// Services and sagas of a bank over a log, until it is stopped.
struct Running {
    stop: CancellationToken,
    tasks: tokio::task::JoinSet<()>,
}

impl Running {
    async fn start(domain: Domain, engine: &Engine) -> Self {
        let (domain, stop) = (Arc::new(domain), CancellationToken::new());
        let (tail, _) = Tail::follow(engine.clone()).await.unwrap();
        let services = domain.services().into_iter().map(str::to_owned).collect();
        let services = host::services::run(domain.clone(), tail.clone(), services, stop.clone());
        let sagas = host::sagas::run(domain, tail, stop.clone());
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async { services.await.unwrap() });
        tasks.spawn(async { sagas.await.unwrap() });
        Self { stop, tasks }
    }

    async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

/// Has something created, and gives its ids.
async fn create(engine: &Engine, topic: &str, members: &[Value]) -> Vec<String> {
    let id = format!("command-{}", uuid::Uuid::new_v4());
    let members = members.iter().map(|member| testkit::raw(&member.to_string())).collect();
    let command = testkit::command(&id, topic, Intent::Create(members));
    let enqueue = Enqueue { command, service: format!("{topic}-service"), idempotency: None };
    engine.commit_one(Commit { enqueue: vec![enqueue], ..Commit::default() }).await.unwrap();
    let mut ids = Vec::new();
    fact("the command is done", async || match engine.command(&id).await.unwrap().unwrap().state {
        CommandState::Ended(kernel::Outcome::Done { result, .. }) => {
            ids = serde_json::from_value(result).unwrap();
            true
        }
        CommandState::Ended(other) => panic!("{other:?}"),
        CommandState::Pending => false,
    })
    .await;
    ids
}

/// Waits until the sagas have come to the head.
async fn come_to_rest(engine: &Engine) {
    fact("the sagas stand at the head", async || {
        let head = engine.head().await.unwrap();
        let checkpoints = engine.checkpoints().await.unwrap();
        let queues = engine.queues(&bank::domain().services()).await.unwrap();
        let stands = |saga: &str| checkpoints.get(saga) == Some(&head);
        queues.iter().all(|queue| queue.waiting + queue.claimed == 0)
            && ["saga/teller", "saga/clerk"].into_iter().all(stands)
            && engine.head().await.unwrap() == head
    })
    .await;
}

async fn log(engine: &Engine) -> Vec<Entry> {
    engine.read(&Checkpoint::default(), usize::MAX).await.unwrap().entries
}

/// A bank in memory whose teller has failed on one of three transfers.
async fn with_one_parked() -> (Engine, Parked) {
    let engine = Engine::open(&StoreUrl::Memory, &Namespace::default(), &[]).await.unwrap();
    let running = Running::start(bank::domain(), &engine).await;
    let [ann, bob] = create(&engine, "account", &[json!({"owner": "ann", "balance": 50}), json!({"owner": "bob"})])
        .await
        .try_into()
        .unwrap();
    let transfer = |amount: i64| json!({"from_id": ann, "to_id": bob, "amount": amount});
    create(&engine, "transfer", &[transfer(1), transfer(17), transfer(2)]).await;
    come_to_rest(&engine).await;
    running.stop().await;
    let parked = engine.parked(None, usize::MAX).await.unwrap();
    assert_eq!(parked.len(), 1);
    (engine, parked[0].clone())
}

/// What the present program makes of the sagas' decisions: how many were made again, and how many differ.
async fn verified(domain: &Domain, engine: &Engine) -> Report {
    verify(domain, engine, Scope::default(), Until::End).await.unwrap()
}

fn is_sound(report: &Report) {
    let differs = (report.divergent, report.consequences, report.waiting, report.failing, report.unchecked);
    assert_eq!(differs, (0, 0, 0, 0, 0), "{report:#?}");
}

/// Events of somebody else, between a decision that failed and the next try.
async fn much_happens(engine: &Engine, events: usize) {
    let draft = |n: usize| Draft {
        topic: "account".into(),
        id: format!("other-{n}"),
        action: CREATED.into(),
        data: format!("{{\"entity_id\":\"other-{n}\",\"owner\":\"o\",\"balance\":0}}"),
        meta: None,
        keep: None,
    };
    let append = (0..events).map(draft).collect();
    engine.commit_one(Commit { append, ..Commit::default() }).await.unwrap();
}

#[test]
fn a_decision_made_again_after_a_retry_is_the_one_that_was_made() {
    // Soon after, and long after: further than a replay reads ahead.
    for events in [0, 2 * replay::reactions::AHEAD] {
        block_on(async {
            let (engine, parked) = with_one_parked().await;
            is_sound(&verified(&bank::domain(), &engine).await);
            much_happens(&engine, events).await;
            let before = log(&engine).await.len();
            engine.commit_one(parked.wanted_again()).await.unwrap();
            let running = Running::start(bank::mended(), &engine).await;
            fact("nothing is set aside", async || engine.parked_count().await.unwrap() == 0).await;
            come_to_rest(&engine).await;
            running.stop().await;
            let log = log(&engine).await;
            let asked = log.iter().find(|entry| entry.position() == parked.position).unwrap();
            let late: Vec<&Event> = log[before..].iter().filter_map(|entry| as_effect(entry, asked)).collect();
            assert_eq!(late.len(), 3, "two accounts and the transfer, each once: {late:?}");
            let report = verified(&bank::mended(), &engine).await;
            is_sound(&report);
            if events == 0 {
                // Nobody but the log is asked: what it says is enough, and all is made again.
                is_sound(&verify_entries(&bank::mended(), log, Scope::default(), Until::End));
            }
        });
    }
}

fn as_effect<'e>(entry: &'e Entry, asked: &Entry) -> Option<&'e Event> {
    let (Entry::Event(event), Entry::Event(asked)) = (entry, asked) else { return None };
    let of_teller = event.meta.handler.as_deref() == Some("teller") && event.meta.cause.as_ref() == Some(&asked.id);
    of_teller.then_some(event)
}

#[test]
fn what_was_dropped_is_no_divergence() {
    block_on(async {
        let (engine, parked) = with_one_parked().await;
        let before = log(&engine).await;
        projector::parked::discard(&engine, &parked.id()).await.unwrap();
        // Nobody reacts to it any more, though the program could by now.
        let running = Running::start(bank::mended(), &engine).await;
        let ids = create(&engine, "account", &[json!({"owner": "cid"})]).await;
        assert_eq!(ids.len(), 1);
        come_to_rest(&engine).await;
        running.stop().await;
        assert_eq!(log(&engine).await.len(), before.len() + 1);
        is_sound(&verified(&bank::mended(), &engine).await);
    });
}

/// A log with what two consumers have set aside, and a dead letter of two services.
fn fill(store: &Store) {
    let (url, namespace) = store.location().unwrap();
    block_on(async {
        let engine = Engine::open(&url, &namespace, &[]).await.unwrap();
        let position = |ms| Position::new(ms, 1);
        let park = vec![
            Parked::now("saga/crm", "order", position(5), "no \u{1b}[31morder"),
            Parked::now("saga/crm", "cart", position(5), "no cart"),
            Parked::now("projector", "order", position(6), "no order at all"),
        ];
        let enqueue = |id: &str, topic: &str| Enqueue {
            command: testkit::command(id, topic, Intent::Delete { id: "x".into() }),
            service: format!("{topic}-service"),
            idempotency: None,
        };
        let enqueue = vec![enqueue("c-1", "customer"), enqueue("c-2", "order"), enqueue("c-3", "order")];
        engine.commit_one(Commit { park, enqueue, ..Commit::default() }).await.unwrap();
        engine.heartbeat("w", Duration::from_secs(60)).await.unwrap();
        for service in ["customer-service", "order-service"] {
            let claims = engine.claimer(service, "w").await.unwrap().claim(9, DEADLINE).await.unwrap();
            for claim in claims {
                engine.fail(&claim.token, "the warehouse burns", 1).await.unwrap();
            }
        }
        engine.close().await.unwrap();
    });
}

fn run(store: &Store, args: &[&str]) -> Output {
    store.command(args).env("RETRACE_LOG", "off").output().unwrap()
}

/// How it ended, and what it printed.
fn ended(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8(output.stdout.clone()).unwrap())
}

/// `retrace` through a gateway.
fn through(up: &Process, args: &[&str]) -> Output {
    Retrace::command().args(args).args(["--url", &up.http().base]).output().unwrap()
}

const LISTED: &str = "\
projector  6-1  order: no order at all
saga/crm  5-1  cart: no cart
saga/crm  5-1  order: no \\u{1b}[31morder
";

const QUEUES: &str = "\
customer-service     0 waiting, 0 claimed, 1 dead
  c-1  delete customer, 1 failed attempt: the warehouse burns
";

#[test]
fn what_is_set_aside_is_seen_tried_again_and_dropped_from_the_command_line() {
    for store in [Store::redis(), Store::sqlite()] {
        fill(&store);
        assert_eq!(ended(&run(&store, &["parked", "list"])), (Some(0), LISTED.to_owned()));
        let short = "projector  6-1  order: no order at all\nand 2 more\n";
        assert_eq!(ended(&run(&store, &["parked", "list", "--limit", "1"])), (Some(0), short.to_owned()));
        let document: Value = serde_json::from_slice(&run(&store, &["parked", "list", "--json"]).stdout).unwrap();
        assert_eq!((&document["count"], &document["entries"][1]["reason"]), (&3.into(), &"no cart".into()));

        // Two entries of one consumer at one position are told apart by their topics.
        let output = run(&store, &["parked", "retry", "saga/crm", "5-1"]);
        assert_eq!(output.status.code(), Some(64));
        assert_eq!(talk(&output), "retrace: saga/crm has set aside 5-1 of cart and of order; name the topic too\n");
        let said = "saga/crm will try cart 5-1 again\n".to_owned();
        assert_eq!(ended(&run(&store, &["parked", "retry", "saga/crm", "5-1", "cart"])), (Some(0), said));
        let listed = LISTED.replace("cart:", "cart, to be tried again:");
        assert_eq!(ended(&run(&store, &["parked", "list"])), (Some(0), listed));

        // What can't be, and why.
        let output = run(&store, &["parked", "retry", "projector", "6-1"]);
        let expected = "retrace: the read model still can't read order 6-1: the log does not hold it any more; drop it, or \
                        make the rows anew with a program that can\n";
        assert_eq!((output.status.code(), talk(&output).as_str()), (Some(1), expected));
        let output = run(&store, &["parked", "drop", "saga/crm", "7-1"]);
        assert_eq!(
            (output.status.code(), talk(&output).as_str()),
            (Some(3), "retrace: saga/crm has set nothing aside at 7-1\n")
        );
        for usage in [&["parked", "drop"][..], &["parked", "retry", "saga/crm"], &["queue", "drop", "order-service"]] {
            assert_eq!(run(&store, usage).status.code(), Some(64), "{usage:?}");
        }
        for act in ["drop", "retry"] {
            let output = run(&store, &["parked", act, "saga/cmr", "--all"]);
            let said = "retrace: there is no consumer saga/cmr, and none has set anything aside; there are projector, saga/inventory, saga/order, \
                        saga/shipping, saga/crm\n";
            assert_eq!((output.status.code(), talk(&output).as_str()), (Some(3), said), "{act}");
        }
        let away = Retrace::run(&["parked", "list", "--url", "http://127.0.0.1:1"]);
        assert_eq!(away.status.code(), Some(69), "{}", talk(&away));

        // A running host tries it again, once, in vain: the log holds no such entry.
        let up = store.up();
        let again = until("it has been tried again", || {
            let page = up.http().get("/api/v1/parked");
            let entry = page["entries"][1].clone();
            (entry["attempts"] == 2).then_some(entry)
        });
        assert_eq!(again["reason"], "the log holds no entry at 5-1 of cart any more");
        assert_eq!((&again["retry"], &again["consumer"]), (&false.into(), &"saga/crm".into()));
        if let Store::Sqlite(_) = store {
            let output = run(&store, &["parked", "drop", "saga/crm", "5-1", "cart"]);
            assert_eq!(output.status.code(), Some(1));
            assert!(talk(&output).ends_with("; ask its gateway, with --url http://HOST:PORT\n"), "{}", talk(&output));
        }
        let said = "dropped cart 5-1 of saga/crm\n".to_owned();
        assert_eq!(ended(&through(&up, &["parked", "drop", "saga/crm", "5-1", "cart"])), (Some(0), said));
        let output = through(&up, &["parked", "drop", "saga/crm", "5-1", "cart"]);
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(talk(&output), "retrace: saga/crm has not set aside cart 5-1\n");
        let dropped = ended(&through(&up, &["parked", "drop", "--all", "--json"]));
        assert_eq!(dropped, (Some(0), "{\"dropped\":2,\"passed\":0}\n".to_owned()));
        assert_eq!(up.http().get("/api/v1/status")["parked"], 0);
        assert_eq!(ended(&through(&up, &["parked", "list"])), (Some(0), "nothing is set aside\n".to_owned()));
    }
}

#[test]
fn dead_letters_are_seen_requeued_and_dropped_from_the_command_line() {
    for store in [Store::redis(), Store::sqlite()] {
        fill(&store);
        assert_eq!(ended(&run(&store, &["queue", "list", "customer-service"])), (Some(0), QUEUES.to_owned()));
        let (code, all) = ended(&run(&store, &["queue", "list", "--limit", "1"]));
        assert_eq!(code, Some(0));
        assert!(all.contains("order-service        0 waiting, 0 claimed, 2 dead\n  c-2  delete order, 1 failed attempt: the warehouse burns\n  and 1 more\n"), "{all}");
        let output = run(&store, &["queue", "list", "nobody"]);
        assert_eq!(output.status.code(), Some(3), "{}", talk(&output));
        let said = "dropped c-3 of order-service\n".to_owned();
        assert_eq!(ended(&run(&store, &["queue", "drop", "order-service", "c-3"])), (Some(0), said));
        let output = run(&store, &["queue", "requeue", "order-service", "c-3"]);
        assert_eq!(
            (output.status.code(), talk(&output).as_str()),
            (Some(3), "retrace: order-service has no dead letter c-3\n")
        );

        let up = store.up();
        let (code, listed) = ended(&through(&up, &["queue", "list", "customer-service"]));
        assert_eq!((code, listed.as_str()), (Some(0), QUEUES));
        let said = "requeued c-1 of customer-service\n".to_owned();
        assert_eq!(ended(&through(&up, &["queue", "requeue", "customer-service", "c-1"])), (Some(0), said));
        // There is no customer x: that is an answer, and no failure.
        until("the command has ended", || {
            (up.http().get("/api/v1/commands/c-1")["status"] == "rejected").then_some(())
        });
        let requeued = ended(&through(&up, &["queue", "requeue", "order-service", "--all", "--json"]));
        assert_eq!(requeued, (Some(0), "{\"requeued\":[\"c-2\"],\"service\":\"order-service\"}\n".to_owned()));
        until("the queues are empty", || {
            let queues = up.http().get("/api/v1/queues");
            let is_empty = |queue: &Value| ["waiting", "claimed", "dead"].iter().all(|state| queue[*state] == 0);
            queues.as_array().unwrap().iter().all(is_empty).then_some(())
        });
    }
}
