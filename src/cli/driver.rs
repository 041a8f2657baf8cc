//! Drives a domain's simulated clients through a running gateway.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hyper::body::Bytes;
use kernel::{Domain, Method, Scenario, TopicKind};
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    exit,
    failure::Failure,
    http_client::{Answer, Client, HttpError, Target},
    pace::Pace,
};

/// Samples that wait to be counted; clients wait when there are more.
const MOST_SAMPLES: usize = 1_024;

/// Simulated clients at work; they stop when this is dropped.
#[derive(Debug)]
pub(super) struct Drive {
    samples: mpsc::Receiver<Sample>,
    _clients: JoinSet<()>,
}

/// One request, answered or not.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// What the client was doing.
    pub(super) label: &'static str,
    /// How long the answer took.
    pub(super) elapsed: Duration,
    /// What came of it.
    pub(super) verdict: Verdict,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was done.
    Done,
    /// A rule said no: somebody else was faster, something ran out.
    Refused,
    /// It failed, in one sentence.
    Failed(String),
}

impl Drive {
    /// Starts so many clients, who make `pace`'s turns their own until there are none left or they are told
    /// to stop.
    ///
    /// # Errors
    /// When the domain brings no simulated clients.
    pub(super) fn start(
        domain: &Domain,
        target: &Target,
        seed: u64,
        clients: u64,
        pace: Pace,
        stop: &CancellationToken,
    ) -> Result<Self, Failure> {
        let (pace, (sender, samples)) = (Arc::new(pace), mpsc::channel(MOST_SAMPLES));
        let mut tasks = JoinSet::new();
        for index in 0..clients {
            let scenario = domain.scenario(seed, index).ok_or_else(|| no_demo(domain))?;
            tasks.spawn(play(scenario, Client::new(target.clone()), pace.clone(), sender.clone(), stop.clone()));
        }
        Ok(Self { samples, _clients: tasks })
    }

    /// The next sample; nothing once all clients have stopped.
    pub(super) async fn next(&mut self) -> Option<Sample> {
        self.samples.recv().await
    }
}

/// The domain has nobody to simulate.
pub(super) fn no_demo(domain: &Domain) -> Failure {
    let message = format!("{} brings no simulated clients; a domain gets them with Domain::demo", domain.name());
    Failure::usage(message)
}

async fn play(
    mut scenario: Box<dyn Scenario>,
    mut client: Client,
    pace: Arc<Pace>,
    samples: mpsc::Sender<Sample>,
    stop: CancellationToken,
) {
    while let Some(true) = stop.run_until_cancelled(pace.turn()).await {
        let request = scenario.next(now_ms());
        let body = request.body.map(|body| Bytes::from(body.to_string()));
        let begin = Instant::now();
        let answered = client.send(request.method, &request.path, body).await;
        let elapsed = begin.elapsed();
        match &answered {
            Ok(answer) => scenario.answered(answer.status, &serde_json::from_slice(&answer.body).unwrap_or_default()),
            Err(_) => scenario.answered(504, &Value::Null),
        }
        let verdict = verdict(&format!("{} {}", request.method, request.path), answered);
        if samples.send(Sample { label: request.label, elapsed, verdict }).await.is_err() {
            break;
        }
    }
}

/// What an answer means: clients that race each other are refused now and then, anything else that is no
/// yes is a failure.
pub(super) fn verdict(asked: &str, answered: Result<Answer, HttpError>) -> Verdict {
    match answered {
        Ok(Answer { status: 200..300, .. }) => Verdict::Done,
        Ok(Answer { status: 404 | 409 | 422, .. }) => Verdict::Refused,
        Ok(Answer { status, body }) => Verdict::Failed(format!("{asked} was answered {status}: {}", said(&body))),
        Err(error) => Verdict::Failed(format!("{asked}: {error}")),
    }
}

/// The error that a body tells, or its beginning.
fn said(body: &[u8]) -> String {
    let told: Option<Value> = serde_json::from_slice(body).ok();
    match told.as_ref().and_then(|told| told.get("error")).and_then(Value::as_str) {
        Some(error) => error.to_owned(),
        None => String::from_utf8_lossy(body).chars().take(200).collect(),
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Makes sure that a gateway of this domain answers at `target`.
///
/// # Errors
/// When nothing answers, something else does, or the gateway's domain lacks some of this one's topics.
pub(super) async fn recognise(domain: &Domain, target: &Target) -> Result<(), Failure> {
    let answered = Client::new(target.clone()).send(Method::Get, "/openapi.json", None).await;
    let Answer { status, body } = answered.map_err(|error| match error {
        HttpError::Away { .. } => {
            Failure::new(exit::UNAVAILABLE, format!("{error}; start a gateway with `retrace up`"))
        }
        HttpError::Broken { .. } | HttpError::TooLate { .. } | HttpError::Unspeakable { .. } => error.into(),
    })?;
    if let 401 | 403 = status {
        let message = format!("the gateway at {target} does not let us in: {}; see --token", said(&body));
        return Err(Failure::failed(message));
    }
    let described: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(paths) = described.get("paths").and_then(Value::as_object).filter(|_| status == 200) else {
        let message =
            format!("what answers at {target} is no Retrace gateway: GET /openapi.json was answered {status}");
        return Err(Failure::failed(message));
    };
    let entities = domain.topics().filter(|topic| topic.kind == TopicKind::Entity);
    match entities.map(|topic| format!("/{}", topic.plural)).find(|path| !paths.contains_key(path)) {
        None => Ok(()),
        Some(missing) => {
            let title = described["info"]["title"].as_str().unwrap_or("another program");
            let message = format!("{target} is {title}, not {}: it has no {missing}", domain.name());
            Err(Failure::failed(message))
        }
    }
}

#[cfg(test)]
mod tests;
