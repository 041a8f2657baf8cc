//! The reliable queue: claims, leases, attempts, dead letters, outcomes, Idempotency-Keys, roles.

use std::time::Duration;

use kernel::{Intent, Outcome, Rejection};
use runtime::{
    Claim, CommandState, Commit, Engine, Enqueue, Failing, Hint, Idempotency, Listing, QueueStatus, Queued, Refused,
    Settlement, Standing, Token,
};
use serde_json::json;

use super::log::{append, draft, refusal};

const LEASE: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(1);

pub(crate) fn enqueue(id: &str, service: &str) -> Enqueue {
    let command = testkit::command(id, "cart", Intent::Delete { id: "c".into() });
    Enqueue { command, service: service.into(), idempotency: None }
}

pub(crate) fn settlement(worker: &str, command: &str) -> Settlement {
    let token = Token { service: "cart-service".into(), worker: worker.into(), command: command.into() };
    Settlement { token, outcome: Outcome::Done { result: json!(true), position: None } }
}

async fn send(engine: &Engine, ids: &[&str]) {
    let enqueue = ids.iter().map(|id| enqueue(id, "cart-service")).collect();
    engine.commit_one(Commit { enqueue, ..Commit::default() }).await.unwrap();
}

async fn claim(engine: &Engine, worker: &str, limit: usize) -> Vec<Claim> {
    engine.heartbeat(worker, LEASE).await.unwrap();
    engine.claimer("cart-service", worker).await.unwrap().claim(limit, SOON).await.unwrap()
}

fn ids(claims: &[Claim]) -> Vec<&str> {
    claims.iter().map(|claim| claim.command.id.as_str()).collect()
}

async fn status(engine: &Engine) -> (u64, u64, u64) {
    let QueueStatus { waiting, claimed, dead, .. } = engine.queues(&["cart-service"]).await.unwrap().remove(0);
    (waiting, claimed, dead)
}

async fn state(engine: &Engine, id: &str) -> CommandState {
    engine.command(id).await.unwrap().unwrap().state
}

pub(crate) async fn a_command_goes_through_claim_and_outcome(engine: Engine) {
    assert!(engine.command("k").await.unwrap().is_none());
    send(&engine, &["k"]).await;
    assert_eq!((status(&engine).await, state(&engine, "k").await), ((1, 0, 0), CommandState::Pending));
    let claims = claim(&engine, "w", 10).await;
    assert_eq!(claims[0].token, Token { service: "cart-service".into(), worker: "w".into(), command: "k".into() });
    assert!(matches!(&claims[0].command.intent, Intent::Delete { id } if id == "c"));
    assert_eq!((claims.len(), claims[0].failed, status(&engine).await), (1, 0, (0, 1, 0)));
    let settle = Commit { settle: Some(settlement("w", "k")), ..append(vec![draft("cart", "c"), draft("cart", "d")]) };
    let committed = engine.commit_one(settle).await.unwrap();
    let outcome = Outcome::Done { result: json!(true), position: Some(committed.positions[1]) };
    assert_eq!((status(&engine).await, state(&engine, "k").await), ((0, 0, 0), CommandState::Ended(outcome)));
}

pub(crate) async fn commands_are_claimed_in_order_and_by_service(engine: Engine) {
    send(&engine, &["a", "b", "c", "d"]).await;
    let other = Commit { enqueue: vec![enqueue("o", "order-service")], ..Commit::default() };
    engine.commit_one(other).await.unwrap();
    assert_eq!(ids(&claim(&engine, "w", 3).await), ["a", "b", "c"]);
    assert_eq!(ids(&claim(&engine, "v", 3).await), ["d"]);
    assert!(claim(&engine, "w", 3).await.is_empty());
    assert_eq!(status(&engine).await, (0, 4, 0));
}

pub(crate) async fn a_waiting_claimer_gets_what_comes(engine: Engine) {
    engine.heartbeat("w", LEASE).await.unwrap();
    let mut claimer = engine.claimer("cart-service", "w").await.unwrap();
    let waiting = tokio::spawn(async move { claimer.claim(5, LEASE).await.unwrap() });
    send(&engine, &["k"]).await;
    assert_eq!(ids(&waiting.await.unwrap()), ["k"]);
}

pub(crate) async fn a_settled_command_can_not_be_settled_again(engine: Engine) {
    send(&engine, &["k"]).await;
    claim(&engine, "w", 1).await;
    let settle = || Commit { settle: Some(settlement("w", "k")), ..append(vec![draft("cart", "c")]) };
    engine.commit_one(settle()).await.unwrap();
    assert_eq!(refusal(&engine, settle()).await, Refused::Unclaimed { token: settlement("w", "k").token });
    assert_eq!(engine.head().await.unwrap().number.0, 1);
}

pub(crate) async fn rejections_and_commits_without_events_are_outcomes_too(engine: Engine) {
    send(&engine, &["no", "nothing"]).await;
    claim(&engine, "w", 2).await;
    let rejection = Rejection { member: Some(2), ..Rejection::field("name", "name must not be empty") };
    let outcome = Outcome::Rejected(rejection);
    let settle = Settlement { outcome: outcome.clone(), ..settlement("w", "no") };
    engine.commit_one(Commit { settle: Some(settle), ..Commit::default() }).await.unwrap();
    engine.commit_one(Commit { settle: Some(settlement("w", "nothing")), ..Commit::default() }).await.unwrap();
    assert_eq!(state(&engine, "no").await, CommandState::Ended(outcome));
    let done = Outcome::Done { result: json!(true), position: None };
    assert_eq!(state(&engine, "nothing").await, CommandState::Ended(done));
}

pub(crate) async fn an_expired_lease_hands_back_and_counts(engine: Engine) {
    send(&engine, &["a", "b", "c"]).await;
    claim(&engine, "dies", 2).await;
    assert_eq!(engine.reap(3).await.unwrap(), [], "the lease holds");
    engine.heartbeat("dies", Duration::ZERO).await.unwrap();
    let mut reaped = engine.reap(3).await.unwrap();
    reaped.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(reaped, [("a".to_owned(), Failing::Requeued), ("b".to_owned(), Failing::Requeued)]);
    let mut claims = Vec::new();
    for _ in 0..3 {
        claims.extend(claim(&engine, "w", 9).await);
    }
    assert_eq!(ids(&claims), ["a", "b", "c"]);
    assert_eq!(claims.iter().map(|claim| claim.failed).collect::<Vec<_>>(), [1, 1, 0]);
    let record = engine.command("a").await.unwrap().unwrap();
    assert_eq!((record.failed, record.error.as_deref()), (1, Some("worker dies stopped answering")));
}

pub(crate) async fn a_command_that_takes_its_process_along_takes_no_other_command_along(engine: Engine) {
    send(&engine, &["a", "b", "poison", "c", "d"]).await;
    let mut done = Vec::new();
    // Each attempt at a batch that holds the poison ends with the worker's death; all others end well.
    for attempt in 0..16 {
        let worker = format!("w{attempt}");
        let claims = claim(&engine, &worker, 9).await;
        if ids(&claims).contains(&"poison") {
            engine.heartbeat(&worker, Duration::ZERO).await.unwrap();
            engine.reap(3).await.unwrap();
            continue;
        }
        for command in ids(&claims) {
            let settle = Commit { settle: Some(settlement(&worker, command)), ..Commit::default() };
            engine.commit_one(settle).await.unwrap();
            done.push(command.to_owned());
        }
    }
    assert_eq!((done.concat(), status(&engine).await), ("abcd".to_owned(), (0, 0, 1)));
    let dead = engine.dead_letters(&["cart-service"]).await.unwrap();
    assert_eq!(dead.iter().map(|letter| &*letter.command.id).collect::<Vec<_>>(), ["poison"]);
}

pub(crate) async fn a_command_that_failed_is_claimed_alone(engine: Engine) {
    send(&engine, &["a", "b", "c", "d"]).await;
    let claims = claim(&engine, "w", 2).await;
    engine.fail(&claims[1].token, "no", 3).await.unwrap();
    assert_eq!(ids(&claim(&engine, "w", 9).await), ["b"]);
    assert_eq!(ids(&claim(&engine, "w", 1).await), ["c"]);
    engine.release("w").await.unwrap();
    assert_eq!(ids(&claim(&engine, "w", 9).await), ["a"], "what comes before one that failed");
    assert_eq!(ids(&claim(&engine, "w", 9).await), ["b"]);
    assert_eq!(ids(&claim(&engine, "w", 9).await), ["c", "d"]);
    assert_eq!(status(&engine).await, (0, 4, 0));
}

pub(crate) async fn who_claims_without_a_lease_has_one(engine: Engine) {
    send(&engine, &["a", "b"]).await;
    // It was taken for dead, and goes on claiming before it gives a sign of life again.
    engine.heartbeat("w", Duration::ZERO).await.unwrap();
    assert_eq!(engine.reap(3).await.unwrap(), []);
    let claims = engine.claimer("cart-service", "w").await.unwrap().claim(1, SOON).await.unwrap();
    assert_eq!(ids(&claims), ["a"]);
    let listing = Listing { only: Some(Standing::Claimed), after: None, limit: 9 };
    let listed = engine.listed("cart-service", &listing).await.unwrap();
    let leased = listed.commands.iter().map(|command| command.lease_ends_ms.is_some()).collect::<Vec<_>>();
    assert_eq!(leased, [true], "or nobody would ever take it back");
    assert_eq!(engine.reap(3).await.unwrap(), [], "the lease holds");
}

pub(crate) async fn a_late_commit_of_a_reaped_worker_is_refused(engine: Engine) {
    send(&engine, &["k"]).await;
    claim(&engine, "late", 1).await;
    engine.heartbeat("late", Duration::ZERO).await.unwrap();
    engine.reap(3).await.unwrap();
    claim(&engine, "other", 1).await;
    let settle = |worker: &str| Commit { settle: Some(settlement(worker, "k")), ..append(vec![draft("cart", worker)]) };
    assert_eq!(refusal(&engine, settle("late")).await, Refused::Unclaimed { token: settlement("late", "k").token });
    engine.commit_one(settle("other")).await.unwrap();
    assert_eq!(engine.head().await.unwrap().number.0, 1);
}

pub(crate) async fn the_last_failed_attempt_makes_a_dead_letter(engine: Engine) {
    send(&engine, &["k"]).await;
    let token = claim(&engine, "w", 1).await.remove(0).token;
    assert_eq!(engine.fail(&token, "first", 2).await.unwrap(), Failing::Requeued);
    assert_eq!(engine.fail(&token, "again", 2).await.unwrap(), Failing::Unclaimed);
    let token = claim(&engine, "w", 1).await.remove(0).token;
    assert_eq!(engine.fail(&token, "second", 2).await.unwrap(), Failing::Dead);
    assert_eq!(status(&engine).await, (0, 0, 1));
    assert_eq!(state(&engine, "k").await, CommandState::Ended(Outcome::Dead { error: "second".into() }));
    let letters = engine.dead_letters(&["cart-service", "order-service"]).await.unwrap();
    assert_eq!(
        (letters.len(), letters[0].command.id.as_str(), letters[0].failed, letters[0].error.as_str()),
        (1, "k", 2, "second")
    );

    assert!(engine.requeue("cart-service", "k").await.unwrap());
    assert!(!engine.requeue("cart-service", "k").await.unwrap());
    let claims = claim(&engine, "w", 1).await;
    assert_eq!((ids(&claims), claims[0].failed, state(&engine, "k").await), (vec!["k"], 0, CommandState::Pending));
    engine.fail(&claims[0].token, "third", 1).await.unwrap();
    assert!(engine.discard("cart-service", "k").await.unwrap());
    assert!(!engine.discard("cart-service", "k").await.unwrap());
    assert_eq!(status(&engine).await, (0, 0, 0));
}

pub(crate) async fn a_released_worker_hands_back_in_order_and_uncounted(engine: Engine) {
    send(&engine, &["a", "b", "c"]).await;
    claim(&engine, "stops", 2).await;
    engine.release("stops").await.unwrap();
    let claims = claim(&engine, "w", 9).await;
    assert_eq!(ids(&claims), ["a", "b", "c"]);
    assert!(claims.iter().all(|claim| claim.failed == 0));
}

pub(crate) async fn an_idempotency_key_is_taken_once(engine: Engine) {
    let with = |id: &str, fingerprint: &str| {
        let idempotency = Some(Idempotency { key: "key \"1\"".into(), fingerprint: fingerprint.into() });
        Commit { enqueue: vec![Enqueue { idempotency, ..enqueue(id, "cart-service") }], ..Commit::default() }
    };
    engine.commit_one(with("first", "f")).await.unwrap();
    assert_eq!(refusal(&engine, with("second", "f")).await, Refused::Repeated { first: "first".into() });
    assert_eq!(refusal(&engine, with("third", "g")).await, Refused::KeyReused { first: "first".into() });
    assert_eq!(status(&engine).await, (1, 0, 0));
}

pub(crate) async fn outcomes_are_hinted_at(engine: Engine) {
    let mut outcomes = engine.outcomes().await.unwrap();
    send(&engine, &["k", "dies"]).await;
    let claims = claim(&engine, "w", 2).await;
    let settle = Commit { settle: Some(settlement("w", "k")), ..append(vec![draft("cart", "c")]) };
    let position = Some(engine.commit_one(settle).await.unwrap().head.position);
    engine.fail(&claims[1].token, "broken", 1).await.unwrap();
    let done = Outcome::Done { result: json!(true), position };
    assert_eq!(outcomes.next().await.unwrap(), Hint::Ended { command: "k".into(), outcome: done });
    let dead = Outcome::Dead { error: "broken".into() };
    assert_eq!(outcomes.next().await.unwrap(), Hint::Ended { command: "dies".into(), outcome: dead });
}

pub(crate) async fn a_role_has_one_holder_at_a_time(engine: Engine) {
    assert_eq!(engine.hold("projector", "a", LEASE).await.unwrap(), None);
    assert_eq!(engine.hold("projector", "b", LEASE).await.unwrap(), Some("a".into()));
    assert_eq!(engine.hold("projector", "a", LEASE).await.unwrap(), None, "renewed");
    engine.let_go("projector", "b").await.unwrap();
    assert_eq!(engine.hold("projector", "b", LEASE).await.unwrap(), Some("a".into()));
    engine.let_go("projector", "a").await.unwrap();
    assert_eq!(engine.hold("projector", "b", Duration::ZERO).await.unwrap(), None);
    assert_eq!(engine.hold("projector", "a", LEASE).await.unwrap(), None, "the lease had run out");
}

async fn listed(engine: &Engine, only: Option<Standing>, after: Option<&str>, limit: usize) -> (Vec<String>, bool) {
    let listing = Listing { only, after: after.map(str::to_owned), limit };
    let listed = engine.listed("cart-service", &listing).await.unwrap();
    let status = QueueStatus { service: "cart-service".into(), waiting: 3, claimed: 3, dead: 1 };
    assert_eq!(listed.status, status);
    (listed.commands.into_iter().map(|command| command.id).collect(), listed.more)
}

fn owned(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|&id| id.to_owned()).collect()
}

pub(crate) async fn a_queue_is_listed_page_by_page_and_stays_as_it_is(engine: Engine) {
    let nothing = Listing { only: None, after: None, limit: 5 };
    let none = engine.listed("cart-service", &nothing).await.unwrap();
    assert_eq!((none.status.waiting, none.commands, none.more), (0, Vec::new(), false));
    let other = Commit { enqueue: vec![enqueue("o", "order-service")], ..Commit::default() };
    engine.commit_one(other).await.unwrap();
    send(&engine, &["dead"]).await;
    let token = claim(&engine, "z", 1).await.remove(0).token;
    engine.fail(&token, "broken", 1).await.unwrap();
    send(&engine, &["again"]).await;
    let token = claim(&engine, "z", 1).await.remove(0).token;
    engine.fail(&token, "hiccup", 3).await.unwrap();
    send(&engine, &["a", "b", "c", "d", "e"]).await;
    claim(&engine, "w2", 1).await;
    claim(&engine, "W10", 2).await;

    let order = ["a", "b", "again", "c", "d", "e", "dead"];
    for limit in 1..=8 {
        let mut after: Option<String> = None;
        for page in order.chunks(limit) {
            let (found, more) = listed(&engine, None, after.as_deref(), limit).await;
            assert_eq!((&*found, more), (&*owned(page), page.last() != order.last()), "{limit}");
            after = found.last().cloned();
        }
    }
    for (only, after, limit, expected, more) in [
        (Some(Standing::Claimed), None, 2, &["a", "b"][..], true),
        (Some(Standing::Claimed), Some("b"), 2, &["again"], false),
        (Some(Standing::Waiting), Some("c"), 9, &["d", "e"], false),
        (Some(Standing::Waiting), Some("a"), 9, &["c", "d", "e"], false),
        (Some(Standing::Dead), None, 1, &["dead"], false),
        (Some(Standing::Dead), Some("dead"), 1, &[], false),
        (None, Some("gone"), 1, &["a"], true),
        (None, None, 0, &[], true),
    ] {
        assert_eq!(listed(&engine, only, after, limit).await, (owned(expected), more), "{only:?} {after:?}");
    }

    let commands = engine.listed("cart-service", &Listing { limit: 9, ..nothing }).await.unwrap().commands;
    let told = |index: usize| {
        let Queued { standing, failed, error, worker, .. } = &commands[index];
        (*standing, *failed, error.as_deref(), worker.as_deref())
    };
    assert_eq!(told(0), (Standing::Claimed, 0, None, Some("W10")));
    assert_eq!(told(2), (Standing::Claimed, 1, Some("hiccup"), Some("w2")));
    assert_eq!(told(3), (Standing::Waiting, 0, None, None));
    assert_eq!(told(6), (Standing::Dead, 1, Some("broken"), None));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let left = commands[2].lease_ends_ms.unwrap().saturating_sub(u64::try_from(now.as_millis()).unwrap());
    assert!((1..=60_000).contains(&left), "{left} ms");
    assert!(commands[3..].iter().all(|command| command.lease_ends_ms.is_none()));
    let body: kernel::Command = serde_json::from_str(&commands[6].body).unwrap();
    assert_eq!((body.id.as_str(), body.issued_ms), ("dead", 1_795_341_904_000));
    let settle = Commit { settle: Some(settlement("w2", "again")), ..Commit::default() };
    engine.commit_one(settle).await.unwrap();
    assert_eq!(ids(&claim(&engine, "w2", 9).await), ["c", "d", "e"], "in the order in which they were");
}
