//! Clocks that are set back and forward by an hour: the order is kept, and nobody waits for the dead.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use kernel::{Draft, Position};
use runtime::{
    Commit, Engine, Enqueue, Failing, Refused,
    commit::MOST_AHEAD_MS,
    engine::{Memory, Simulation},
};

const HOUR: i64 = 3_600_000;

const LEASE: Duration = Duration::from_secs(3);

fn world() -> (Simulation, Engine) {
    let simulation = Simulation::new(0);
    let engine = Engine::Memory(Memory::simulated(&simulation));
    (simulation, engine)
}

fn event(keep: Option<Position>) -> Commit {
    let (id, action, data) = ("e".into(), "mail_sent".into(), "{}".into());
    Commit { append: vec![Draft { topic: "mail".into(), id, action, data, meta: None, keep }], ..Commit::default() }
}

#[tokio::test(start_paused = true)]
async fn the_order_is_kept_whatever_the_clock_does() {
    let (simulation, engine) = world();
    let mut positions = Vec::new();
    for jump in [0, HOUR, -2 * HOUR, -HOUR, 3 * HOUR, -1] {
        simulation.jump(jump);
        for _ in 0..3 {
            positions.extend(engine.commit_one(event(None)).await.unwrap().positions);
            tokio::time::advance(Duration::from_millis(1)).await;
        }
    }
    let begun = positions[0].ms();
    let hour = u64::try_from(HOUR).unwrap();
    let since: Vec<_> = positions.iter().map(|position| (position.ms() - begun, position.seq())).collect();
    let at = |ms: u64, count: u64| (0..count).map(move |seq| (ms, seq));
    let expected = [(0, 0), (1, 0), (2, 0), (hour + 3, 0), (hour + 4, 0)].into_iter();
    // From here on the clock is behind the log, until it has caught up with it.
    let expected = expected.chain(at(hour + 5, 7)).chain([(hour + 12, 0), (hour + 13, 0), (hour + 14, 0)]);
    assert_eq!(since, expected.chain([(hour + 14, 1), (hour + 15, 0), (hour + 16, 0)]).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_position_may_be_five_seconds_ahead_of_the_clock_and_no_more() {
    let (_, engine) = world();
    let now_ms = engine.commit_one(event(None)).await.unwrap().positions[0].ms();
    let ahead = |ms| Position::new(now_ms + MOST_AHEAD_MS + ms, 0);
    let refused = engine.commit(&[event(Some(ahead(1)))]).await.unwrap().remove(0).unwrap_err();
    assert_eq!(refused, Refused::AheadOfClock { position: ahead(1), now_ms });
    assert_eq!(engine.commit_one(event(Some(ahead(0)))).await.unwrap().positions, [ahead(0)]);
}

#[tokio::test(start_paused = true)]
async fn the_leases_of_the_dead_run_out_when_the_clock_goes_back() {
    for jump in [-HOUR, 0, HOUR] {
        let (simulation, engine) = world();
        let command = testkit::command("c", "mail", kernel::Intent::Delete { id: "m".into() });
        let enqueue = Enqueue { command, service: "mail-service".into(), idempotency: None };
        engine.commit_one(Commit { enqueue: vec![enqueue], ..Commit::default() }).await.unwrap();
        engine.heartbeat("w", LEASE).await.unwrap();
        assert_eq!(engine.hold("projector", "p", LEASE).await.unwrap(), None);
        let claims = engine.claimer("mail-service", "w").await.unwrap().claim(1, LEASE).await.unwrap();
        assert_eq!(claims.len(), 1);
        assert_eq!(engine.reap(3).await.unwrap(), []);
        assert_eq!(engine.hold("projector", "q", LEASE).await.unwrap(), Some("p".into()));
        simulation.jump(jump);
        tokio::time::advance(LEASE).await;
        assert_eq!(engine.reap(3).await.unwrap(), [("c".to_owned(), Failing::Requeued)], "after {jump} ms");
        assert_eq!(engine.hold("projector", "q", LEASE).await.unwrap(), None, "after {jump} ms");
    }
}
