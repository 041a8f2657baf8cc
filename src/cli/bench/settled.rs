//! Waits until a system has done everything that it was asked to.
//!
//! What was created has consequences: sagas react, mails are sent. A figure that is taken while those are
//! still worked off tells how busy the system was, not what the requests cost.

use std::time::Duration;

use kernel::{Checkpoint, Method};
use runtime::QueueStatus;
use serde::Deserialize;
use tokio::time::Instant;

use super::super::{
    failure::Failure,
    http_client::{Client, Target},
};

/// How often the log's head is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// For how long the log must have stood still.
const STILL: Duration = Duration::from_secs(1);

/// How long a gateway may be too busy to tell.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long that is waited for.
const MOST: Duration = Duration::from_secs(1_800);

/// How a system stands.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Status {
    pub(super) head: Checkpoint,
    consumers: Vec<Consumer>,
    queues: Vec<QueueStatus>,
}

#[derive(Clone, Debug, Deserialize)]
struct Consumer {
    lag: u64,
}

/// What the gateway answers.
#[derive(Deserialize)]
struct Answer {
    result: Status,
}

impl Status {
    /// Asks a gateway; again for a while when it is too busy to tell.
    pub(super) async fn of(client: &mut Client) -> Result<Self, Failure> {
        let begin = Instant::now();
        loop {
            let answer = client.send(Method::Get, "/api/v1/status", None).await?;
            match serde_json::from_slice::<Answer>(&answer.body) {
                Ok(answer) => return Ok(answer.result),
                Err(error) if begin.elapsed() > PATIENCE => {
                    let message = format!("the gateway does not tell how its system stands: {error}");
                    return Err(Failure::failed(message));
                }
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Whether something is left to do.
    fn is_busy(&self) -> bool {
        let waits = |queue: &QueueStatus| queue.waiting + queue.claimed > 0;
        self.queues.iter().any(waits) || self.consumers.iter().any(|consumer| consumer.lag > 0)
    }
}

/// Waits until nothing is left to do and the log has stood still for a second; tells how long it took until it did.
pub(super) async fn settled(target: &Target) -> Result<Duration, Failure> {
    let (mut client, begin) = (Client::new(target.clone()), Instant::now());
    let (mut head, mut since) = (None, begin);
    loop {
        let status = Status::of(&mut client).await?;
        let is_busy = status.is_busy();
        if head.as_ref() != Some(&status.head) {
            (head, since) = (Some(status.head), Instant::now());
        }
        if !is_busy && since.elapsed() >= STILL {
            return Ok(since - begin);
        }
        if begin.elapsed() > MOST {
            return Err(Failure::failed(format!("the system is still busy after {} s", MOST.as_secs())));
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_system_is_busy_while_something_waits_is_claimed_or_is_behind() {
        let is_busy = |waiting: u64, claimed: u64, lag: u64| {
            let status = json!({
                "head": Checkpoint::default(),
                "consumers": [{"consumer": "saga/idle", "lag": 0}, {"consumer": "saga/busy", "lag": lag}],
                "queues": [{"service": "desk", "waiting": waiting, "claimed": claimed, "dead": 3}],
            });
            serde_json::from_value::<Status>(status).unwrap().is_busy()
        };
        assert_eq!([is_busy(0, 0, 0), is_busy(1, 0, 0), is_busy(0, 1, 0), is_busy(0, 0, 1)], [false, true, true, true]);
    }
}
