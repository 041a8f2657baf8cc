//! A closed loop: so many connections, each sending its next request as soon as the last is answered.

use std::time::Duration;

use hyper::body::Bytes;
use kernel::{Chance, Method};
use tokio::{task::JoinSet, time::Instant};

use super::super::{
    driver::{Verdict, verdict},
    failure::Failure,
    http_client::{Client, Target},
    latencies::Latencies,
};

/// How long requests are sent before they are counted.
const WARM_UP: Duration = Duration::from_millis(500);

/// What an entity that does not exist is read as.
const NOTHING: &[u8] = br#"{"result":null}"#;

/// A request to send.
#[derive(Clone, Debug)]
pub(super) struct Shot {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Bytes>,
}

/// What was measured.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    /// How long it was measured.
    pub(super) lasted: Duration,
    /// How long answers took; only requests that were done are in it.
    pub(super) latencies: Latencies,
    /// Requests that were not done.
    pub(super) failed: u64,
    /// What the last of them came to.
    pub(super) last_failure: Option<String>,
}

impl Measured {
    /// How many were done a second.
    pub(super) fn rate(&self) -> f64 {
        self.latencies.count() as f64 / self.lasted.as_secs_f64().max(0.001)
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.latencies.merge(&other.latencies);
        self.failed += other.failed;
        self.last_failure = other.last_failure.or(self.last_failure.take());
    }
}

/// Loads a gateway for a while, each connection aiming by a chance of its own.
pub(super) async fn load<A>(target: &Target, connections: u64, lasting: Duration, aim: A) -> Result<Measured, Failure>
where
    A: Fn(&mut Chance) -> Shot + Clone + Send + Sync + 'static,
{
    let from = Instant::now() + WARM_UP;
    let mut tasks = JoinSet::new();
    for index in 0..connections {
        tasks.spawn(shoot(Client::new(target.clone()), Chance::new(1, index), from, from + lasting, aim.clone()));
    }
    let mut all = Measured { lasted: lasting, ..Measured::default() };
    while let Some(measured) = tasks.join_next().await {
        all.merge(measured.map_err(|error| Failure::failed(format!("a connection's task died: {error}")))?);
    }
    Ok(all)
}

async fn shoot(
    mut client: Client,
    mut chance: Chance,
    from: Instant,
    until: Instant,
    aim: impl Fn(&mut Chance) -> Shot,
) -> Measured {
    let mut measured = Measured::default();
    loop {
        let Shot { method, path, body } = aim(&mut chance);
        let begin = Instant::now();
        let answered = client.send(method, &path, body).await;
        let end = Instant::now();
        if end > until {
            return measured;
        }
        if begin < from {
            continue;
        }
        let missing = answered.as_ref().is_ok_and(|answer| answer.body == NOTHING);
        match verdict(&path, answered) {
            Verdict::Done if missing => fail(&mut measured, format!("{path} is not there")),
            Verdict::Done => measured.latencies.add(end - begin),
            Verdict::Refused => fail(&mut measured, format!("{path} was refused")),
            Verdict::Failed(message) => {
                fail(&mut measured, message);
                // Nothing is gained by failing as fast as possible.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

fn fail(measured: &mut Measured, message: String) {
    measured.failed += 1;
    measured.last_failure = Some(message);
}
