//! Hints that commands have ended.

use std::{collections::VecDeque, time::Duration};

use futures_util::{FutureExt as _, StreamExt as _};
use kernel::{Outcome, Position};
use redis::{
    Msg,
    aio::{PubSub, PubSubSink, PubSubStream},
};
use serde::Deserialize;
use tokio::time::timeout;

use super::{Redis, queue};
use crate::{StoreError, engine::Hint};

/// After how long without a hint the server is asked whether it is still there, and how long it may take to say so:
/// a connection that nothing comes through looks like one through which nothing has to come.
const SILENCE: Duration = Duration::from_secs(5);

/// How many hints are confirmed together at most.
const TOGETHER: usize = 256;

/// Hints at ended commands. Holds a connection of its own.
pub struct Outcomes {
    engine: Redis,
    hints: Option<(PubSubSink, PubSubStream)>,
    /// What came and is not confirmed yet.
    heard: VecDeque<Hint>,
    /// What may be told.
    confirmed: VecDeque<Hint>,
}

/// What the scripts publish.
#[derive(Deserialize)]
struct Published {
    command: String,
    position: Option<Position>,
    outcome: Outcome,
}

impl Redis {
    pub(in crate::engine) async fn outcomes(&self) -> Result<Outcomes, StoreError> {
        let hints = self.0.server.listen(&self.keys().outcomes).await.map(PubSub::split)?;
        let (heard, confirmed) = (VecDeque::new(), VecDeque::new());
        Ok(Outcomes { engine: self.clone(), hints: Some(hints), heard, confirmed })
    }
}

impl Outcomes {
    pub(in crate::engine) async fn next(&mut self) -> Result<Hint, StoreError> {
        loop {
            if let Some(hint) = self.confirmed.pop_front() {
                return Ok(hint);
            }
            let Some((sink, hints)) = &mut self.hints else {
                let listening = self.engine.0.server.listen(&self.engine.keys().outcomes);
                self.hints = Some(listening.await.map(PubSub::split)?);
                return Ok(Hint::Missed);
            };
            if self.heard.is_empty() {
                let message = loop {
                    match timeout(SILENCE, hints.next()).await {
                        Ok(message) => break message,
                        Err(_) => match timeout(SILENCE, sink.ping::<redis::Value>()).await {
                            Ok(Ok(_)) => {}
                            Ok(Err(_)) | Err(_) => break None,
                        },
                    }
                };
                let Some(message) = message else {
                    self.hints = None;
                    let reason = "the connection that outcomes come by broke".to_owned();
                    return Err(StoreError::Unavailable { url: self.engine.url(), reason });
                };
                self.heard.push_back(read(&message));
            }
            // One confirmation does for all that have come meanwhile; it takes a round trip to the replicas.
            while self.heard.len() < TOGETHER
                && let Some(Some(message)) = hints.next().now_or_never()
            {
                self.heard.push_back(read(&message));
            }
            // It is told of before it is confirmed.
            if self.engine.confirm().await.is_err() {
                self.heard.clear();
                return Ok(Hint::Missed);
            }
            self.confirmed.append(&mut self.heard);
        }
    }
}

fn read(message: &Msg) -> Hint {
    // What can't be read may have been a hint.
    serde_json::from_slice(message.get_payload_bytes()).map_or(Hint::Missed, |published: Published| {
        let outcome = queue::positioned(published.outcome, published.position);
        Hint::Ended { command: published.command, outcome }
    })
}

impl std::fmt::Debug for Outcomes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outcomes").field("engine", &self.engine).finish_non_exhaustive()
    }
}
