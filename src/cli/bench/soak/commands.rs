//! Clients that send nothing but commands, and what came of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hyper::body::Bytes;
use kernel::{Chance, Method};
use serde_json::Value;
use tokio::{task::JoinSet, time::Instant};

use super::super::{
    super::{
        driver::{Verdict, verdict},
        failure::Failure,
        http_client::{Answer, Client, HttpError, Target},
        latencies::Latencies,
        pace::Pace,
    },
    subject::Subject,
};

/// The status of a request that is turned away because there are too many.
const TURNED_AWAY: u16 = 503;

/// What came of commands.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) lasted: Duration,
    /// How long those took that were done.
    pub(super) done: Latencies,
    pub(super) turned_away: u64,
    pub(super) failed: u64,
    pub(super) last_failure: Option<String>,
    /// What was created and not ended again, by identifier.
    pub(super) left: Vec<String>,
}

impl Tally {
    /// Commands done a second.
    pub(super) fn rate(&self) -> f64 {
        self.done.count() as f64 / self.lasted.as_secs_f64().max(0.001)
    }

    fn merge(&mut self, other: Self) {
        self.done.merge(&other.done);
        self.turned_away += other.turned_away;
        self.failed += other.failed;
        self.last_failure = other.last_failure.or(self.last_failure.take());
        self.left.extend(other.left);
    }

    /// Counts an answer; gives it back if the command was done.
    fn count(&mut self, asked: &str, took: Duration, answered: Result<Answer, HttpError>) -> Option<Bytes> {
        if matches!(&answered, Ok(Answer { status: TURNED_AWAY, .. })) {
            self.turned_away += 1;
            return None;
        }
        let body = answered.as_ref().map(|answer| answer.body.clone()).unwrap_or_default();
        let failure = match verdict(asked, answered) {
            Verdict::Done => {
                self.done.add(took);
                return Some(body);
            }
            Verdict::Refused => format!("{asked} was refused: {}", String::from_utf8_lossy(&body)),
            Verdict::Failed(message) => message,
        };
        self.failed += 1;
        self.last_failure = Some(failure);
        None
    }
}

/// How many commands are left to be sent. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Budget(Arc<AtomicU64>);

impl Budget {
    pub(super) fn of(commands: u64) -> Self {
        Self(Arc::new(AtomicU64::new(commands)))
    }

    pub(super) fn left(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// Sends so many commands, over so many connections, each as soon as the one before is answered. What is created is
/// replaced and ended, so that there are never more rows than connections.
pub(super) async fn full_speed(
    subject: &Subject<'_>,
    target: &Target,
    connections: u64,
    budget: &Budget,
) -> Result<Tally, Failure> {
    let (path, body) = (format!("/{}", subject.name()), subject.body());
    all((0..connections).map(|index| {
        let (budget, path, body) = (budget.clone(), path.clone(), body.clone());
        let (mut client, mut chance) = (Client::new(target.clone()), Chance::new(2, index));
        async move {
            let mut tally = Tally::default();
            let mut at: Option<(String, bool)> = None;
            while budget.take() {
                let mut content = || Some(Bytes::from(body(chance.below(u64::MAX)).to_string()));
                let (method, path, content) = match &at {
                    None => (Method::Post, path.clone(), content()),
                    Some((id, false)) => (Method::Put, format!("{path}/{id}"), content()),
                    Some((id, true)) => (Method::Delete, format!("{path}/{id}"), None),
                };
                let begin = Instant::now();
                let answered = client.send(method, &path, content).await;
                let done = tally.count(&format!("{method} {path}"), begin.elapsed(), answered);
                at = match (at, done) {
                    (None, Some(answer)) => created(&answer).map(|id| (id, false)),
                    (Some((id, false)), Some(_)) => Some((id, true)),
                    (None | Some(_), _) => None,
                };
            }
            tally
        }
    }))
    .await
}

/// Sends commands that create at a pace of their own, however long answers take, as long as there are connections.
pub(super) async fn at_a_pace(
    subject: &Subject<'_>,
    target: &Target,
    connections: u64,
    rate: u32,
    lasting: Duration,
) -> Result<Tally, Failure> {
    let (path, body) = (format!("/{}", subject.name()), subject.body());
    let pace = Arc::new(Pace::new(rate, (f64::from(rate) * lasting.as_secs_f64()) as u64));
    all((0..connections).map(|index| {
        let (pace, path, body) = (pace.clone(), path.clone(), body.clone());
        let (mut client, mut chance) = (Client::new(target.clone()), Chance::new(3, index));
        async move {
            let mut tally = Tally::default();
            while pace.turn().await {
                let content = body(chance.below(u64::MAX)).to_string();
                let begin = Instant::now();
                let answered = client.send(Method::Post, &path, Some(content.into())).await;
                let done = tally.count(&format!("POST {path}"), begin.elapsed(), answered);
                tally.left.extend(done.as_ref().and_then(created));
            }
            tally
        }
    }))
    .await
}

/// How many of these can't be read.
pub(super) async fn missing(subject: &Subject<'_>, target: &Target, ids: &[String]) -> Result<u64, Failure> {
    let (mut client, mut missing) = (Client::new(target.clone()), 0);
    for id in ids {
        let answer = client.send(Method::Get, &format!("/{}/{id}", subject.name()), None).await?;
        let read: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        missing += u64::from(!read["result"].is_object());
    }
    Ok(missing)
}

/// Runs clients until all have ended, and sums up.
async fn all<C>(clients: impl Iterator<Item = C>) -> Result<Tally, Failure>
where
    C: Future<Output = Tally> + Send + 'static,
{
    let (begin, mut tasks) = (Instant::now(), JoinSet::new());
    clients.for_each(|client| {
        tasks.spawn(client);
    });
    let mut sum = Tally::default();
    while let Some(tally) = tasks.join_next().await {
        sum.merge(tally.map_err(|error| Failure::failed(format!("a connection's task died: {error}")))?);
    }
    sum.lasted = begin.elapsed();
    Ok(sum)
}

/// The identifier of what an answer says was created.
fn created(answer: &Bytes) -> Option<String> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    answer["result"][0].as_str().map(str::to_owned)
}
