//! Puts commands into their queues, many at a time.
//!
//! While one commit is on its way to the store, the commands that come in gather, and the next commit takes
//! them all: one round trip, or one sync to disk, for as many requests as came in meanwhile.

use std::sync::Arc;

use runtime::{Commit, Engine, Enqueue, Refused, StoreError, fault};
use tokio::sync::{mpsc, oneshot};

/// How many commands go into one call of the store.
const BATCH: usize = 128;

/// How many bytes of commands go into one call, give or take the last command.
const BATCH_BYTES: usize = 4 << 20;

/// Where commands are handed in.
#[derive(Clone, Debug)]
pub(crate) struct Intake(mpsc::Sender<Item>);

#[derive(Debug)]
struct Item {
    enqueue: Enqueue,
    bytes: usize,
    answer: oneshot::Sender<Result<(), NotTaken>>,
}

/// Why a command is not in its queue.
#[derive(Clone, Debug)]
pub(crate) enum NotTaken {
    /// The log said no: nothing happened.
    Refused(Refused),
    /// The store failed: whether the command is in its queue is not known.
    Store(Arc<StoreError>),
    /// The gateway is shutting down: whether the command is in its queue is not known.
    Closed,
}

impl Intake {
    /// An intake where at most `most` commands wait, and others for room, and the task that empties it.
    pub(crate) fn new(engine: Engine, most: usize) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, receiver) = mpsc::channel(most.max(1));
        (Self(sender), empty(engine, receiver))
    }

    /// Puts a command of about `bytes` bytes into its queue.
    pub(crate) async fn put(&self, enqueue: Enqueue, bytes: usize) -> Result<(), NotTaken> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Item { enqueue, bytes, answer }).await.map_err(|_| NotTaken::Closed)?;
        answered.await.unwrap_or(Err(NotTaken::Closed))
    }
}

async fn empty(engine: Engine, mut items: mpsc::Receiver<Item>) {
    while let Some(first) = items.recv().await {
        let mut bytes = first.bytes;
        let mut batch = vec![first];
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            let Ok(item) = items.try_recv() else { break };
            bytes += item.bytes;
            batch.push(item);
        }
        let (commits, waiting): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|item| (Commit { enqueue: vec![item.enqueue], ..Commit::default() }, item.answer))
            .unzip();
        fault::point("gateway.enqueue");
        let answers: Vec<_> = match engine.commit(&commits).await {
            Ok(answers) => answers.into_iter().map(|answer| answer.map(drop).map_err(NotTaken::Refused)).collect(),
            Err(error) => vec![Err(NotTaken::Store(Arc::new(error))); commits.len()],
        };
        fault::point("gateway.enqueued");
        for (waiting, answer) in waiting.into_iter().zip(answers) {
            // The client may have gone; its command stays.
            let _ = waiting.send(answer);
        }
    }
}
