//! How far a read model has come, told by its writer rather than asked for.
//!
//! Pub/sub is fast and forgets. So the newest position is also looked up after every (re)subscription, often
//! while somebody waits for it and now and then otherwise: a message lost only delays, and a model that was
//! emptied is not taken for one that has come further.

use std::{sync::OnceLock, time::Duration};

use futures_util::StreamExt;
use kernel::Position;
use runtime::StoreError;
use tokio::{sync::watch, time::Instant};
use tokio_util::task::AbortOnDropHandle;

use super::{Server, Slot};

/// How often the truth is looked up while somebody waits for it.
const LOOK: Duration = Duration::from_millis(250);

/// How often it is looked up otherwise, and how often the connection is tried.
const IDLE: Duration = Duration::from_secs(2);

/// The pause before subscribing again.
const PAUSE: Duration = Duration::from_millis(100);

/// The newest position of a read model as this process knows it.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    newest: watch::Sender<Position>,
    /// Started by the first who has to wait.
    listening: OnceLock<AbortOnDropHandle<()>>,
}

impl Arrivals {
    /// The read model stands here now.
    pub(super) fn arrived(&self, position: Position) {
        self.newest.send_replace(position);
    }

    /// Waits until it has come to `position`, up to `most`; tells whether it has.
    pub(super) async fn reached(
        &self,
        server: &Server,
        slot: &Slot,
        position: Position,
        most: Duration,
    ) -> Result<bool, StoreError> {
        let mut newest = self.newest.subscribe();
        if *newest.borrow_and_update() >= position {
            return Ok(true);
        }
        let mut first = false;
        self.listening.get_or_init(|| {
            first = true;
            let listener = Listener { server: server.clone(), slot: slot.clone(), newest: self.newest.clone() };
            AbortOnDropHandle::new(tokio::spawn(listener.run()))
        });
        if first {
            self.arrived(slot.state(server).await?.checkpoint.position);
        }
        Ok(tokio::time::timeout(most, newest.wait_for(|at| *at >= position)).await.is_ok())
    }
}

struct Listener {
    server: Server,
    slot: Slot,
    newest: watch::Sender<Position>,
}

impl Listener {
    async fn run(self) {
        loop {
            let Err(error) = self.listen().await;
            tracing::debug!(%error, channel = self.slot.key, "not told of new positions for now");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn listen(&self) -> Result<std::convert::Infallible, StoreError> {
        let mut subscriber = self.server.subscriber().await?;
        let lost = || self.server.unavailable("the connection that tells of new positions was lost");
        match tokio::time::timeout(IDLE, subscriber.subscribe(&self.slot.key)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Err(lost()),
        }
        let (mut sink, mut messages) = subscriber.split();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.look().await?;
        let mut looked = Instant::now();
        loop {
            tokio::select! {
                message = messages.next() => {
                    let message = message.ok_or_else(lost)?;
                    let position = std::str::from_utf8(message.get_payload_bytes()).ok().and_then(|at| at.parse().ok());
                    // What was said before the last look is repeated here, in order: the last word is right.
                    if let Some(position) = position {
                        self.newest.send_replace(position);
                    }
                }
                _ = look.tick() => {
                    if looked.elapsed() >= IDLE {
                        match tokio::time::timeout(IDLE, sink.ping::<redis::Value>()).await {
                            Ok(Ok(_)) => {}
                            Ok(Err(_)) | Err(_) => return Err(lost()),
                        }
                    } else if self.newest.receiver_count() == 0 {
                        continue;
                    }
                    self.look().await?;
                    looked = Instant::now();
                }
            }
        }
    }

    /// Looks up where the read model stands: also back, when it was emptied.
    async fn look(&self) -> Result<(), StoreError> {
        let position = self.slot.state(&self.server).await?.checkpoint.position;
        self.newest.send_replace(position);
        Ok(())
    }
}
