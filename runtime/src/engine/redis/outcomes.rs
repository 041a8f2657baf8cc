//! Hints that commands have ended.

use futures_util::StreamExt as _;
use kernel::{Outcome, Position};
use redis::aio::PubSubStream;
use serde::Deserialize;

use super::{Redis, queue};
use crate::{StoreError, engine::Hint};

/// Hints at ended commands. Holds a connection of its own.
pub struct Outcomes {
    engine: Redis,
    hints: Option<PubSubStream>,
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
        let listener = self.0.server.listen(&self.keys().outcomes).await?;
        Ok(Outcomes { engine: self.clone(), hints: Some(listener.into_on_message()) })
    }
}

impl Outcomes {
    pub(in crate::engine) async fn next(&mut self) -> Result<Hint, StoreError> {
        let Some(hints) = &mut self.hints else {
            let listener = self.engine.0.server.listen(&self.engine.keys().outcomes).await?;
            self.hints = Some(listener.into_on_message());
            return Ok(Hint::Missed);
        };
        let Some(message) = hints.next().await else {
            self.hints = None;
            let reason = "the connection that outcomes come by broke".to_owned();
            return Err(StoreError::Unavailable { url: self.engine.url(), reason });
        };
        // It is told of before it is confirmed.
        if self.engine.confirm().await.is_err() {
            return Ok(Hint::Missed);
        }
        // What can't be read may have been a hint.
        Ok(serde_json::from_slice(message.get_payload_bytes()).map_or(Hint::Missed, |published: Published| {
            let outcome = queue::positioned(published.outcome, published.position);
            Hint::Ended { command: published.command, outcome }
        }))
    }
}

impl std::fmt::Debug for Outcomes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outcomes").field("engine", &self.engine).finish_non_exhaustive()
    }
}
