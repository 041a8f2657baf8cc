//! Waits until a system has done everything that it was asked to.
//!
//! What was created has consequences: sagas react, mails are sent. A figure that is taken while those are
//! still worked off tells how busy the system was, not what the requests cost.

use std::time::Duration;

use kernel::Method;
use serde_json::Value;
use tokio::time::Instant;

use super::super::super::{
    failure::Failure,
    http_client::{Client, Target},
};

/// How often the log's head is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// For how long the log must have stood still.
const STILL: Duration = Duration::from_secs(1);

/// How long that is waited for.
const MOST: Duration = Duration::from_secs(1_800);

/// Waits until the log has stood still for a second; tells how long it took until it did.
pub(super) async fn settled(target: &Target) -> Result<Duration, Failure> {
    let (mut client, begin) = (Client::new(target.clone()), Instant::now());
    let (mut head, mut since) = (Value::Null, begin);
    while since.elapsed() < STILL {
        let answer = client.send(Method::Get, "/api/v1/status", None).await?;
        let status: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let now = status.pointer("/result/head").cloned();
        let now = now.ok_or_else(|| Failure::failed(format!("{target} does not tell where its log stands")))?;
        if now != head {
            (head, since) = (now, Instant::now());
        }
        if begin.elapsed() > MOST {
            return Err(Failure::failed(format!("the system is still busy after {} s", MOST.as_secs())));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(since - begin)
}
