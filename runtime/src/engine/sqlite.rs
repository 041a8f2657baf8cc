//! The SQLite engine: a log in a file, written by one process at a time.
//!
//! One task writes ([`writer`]), groups of requests at a time; readings run beside it. Notices are those of
//! one process, for there is only one. Other processes may open the file for reading: they have no writer, and
//! what the writer would know they ask the file for.

mod bell;
mod bulk;
mod changes;
mod chunk;
mod claims;
mod commit;
mod failure;
mod known;
mod listing;
mod lock;
mod lookup;
mod moments;
mod open;
mod read;
mod recent;
mod request;
mod scan;
mod status;
mod writer;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

pub(super) use bell::Bell;
use failure::Failure;
use kernel::{Checkpoint, Outcome, Position};
use request::{Answered, Reaped, Reply, Request};
use sqlx::SqlitePool;
use tokio::sync::{mpsc, oneshot};

use super::{
    Page,
    memory::deadline,
    notices::{self, Notices},
};
use crate::{
    Claim, CommandRecord, CommandState, Commit, DeadLetter, Failing, Listed, Listing, Parked, ParkedId, QueueStatus,
    StoreError, Token,
};

/// A log in a SQLite file. Clones share it; with the last one the file is closed.
#[derive(Clone)]
pub struct Sqlite(Arc<Inner>);

struct Inner {
    /// Takes what is to be written; nobody does where the file was opened for reading.
    writer: Option<mpsc::Sender<Request>>,
    readers: SqlitePool,
    shared: Arc<Shared>,
}

/// What readers and the writer share.
struct Shared {
    url: String,
    /// The head as of the writer's last COMMIT.
    head: Mutex<Checkpoint>,
    notices: Notices,
}

impl Shared {
    fn new(url: String, head: &Checkpoint) -> Self {
        Self { url, head: Mutex::new(head.clone()), notices: Notices::new(head.position) }
    }

    fn head(&self) -> Checkpoint {
        self.head.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stands_at(&self, head: &Checkpoint) {
        self.head.lock().unwrap_or_else(PoisonError::into_inner).clone_from(head);
    }

    fn closed(&self) -> StoreError {
        StoreError::Unavailable { url: self.url.clone(), reason: "it has been closed".to_owned() }
    }
}

/// How long the head may take to follow the file.
const SETTLING: Duration = Duration::from_secs(1);

impl Sqlite {
    pub(super) fn url(&self) -> String {
        self.0.shared.url.clone()
    }

    fn writer(&self) -> Result<&mpsc::Sender<Request>, StoreError> {
        self.0.writer.as_ref().ok_or_else(|| StoreError::opened_for_reading(&self.0.shared.url))
    }

    /// Asks the writer and waits for its answer.
    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let closed = || self.0.shared.closed();
        self.writer()?.send(request(reply)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    fn failed(&self) -> impl Fn(Failure) -> StoreError {
        |failure| match failure {
            Failure::Sql(sqlx::Error::PoolClosed) => self.0.shared.closed(),
            failure @ (Failure::Sql(_) | Failure::Corrupt { .. }) => failure.of(&self.0.shared.url),
        }
    }

    pub(super) async fn close(&self) -> Result<(), StoreError> {
        let Some(writer) = &self.0.writer else {
            self.0.readers.close().await;
            return Ok(());
        };
        let (reply, answer) = oneshot::channel();
        if writer.send(Request::Close { reply }).await.is_err() {
            return Ok(());
        }
        answer.await.unwrap_or(Ok(()))
    }

    pub(super) async fn commit(&self, commits: &[Commit]) -> Result<Answered, StoreError> {
        let kept = commits.iter().flat_map(|commit| &commit.append).filter_map(|draft| draft.keep);
        if let Some(position) = kept.into_iter().find(|position| i64::try_from(position.seq()).is_err()) {
            let reason = format!("position {position} is beyond what SQLite can keep; each part must be below 2^63");
            return Err(StoreError::Unusable { url: self.url(), reason });
        }
        let commits = commits.to_vec();
        self.ask(|reply| Request::Commit { commits, reply }).await
    }

    pub(super) async fn head(&self) -> Result<Checkpoint, StoreError> {
        match self.0.writer {
            Some(_) => Ok(self.0.shared.head()),
            None => known::head(&self.0.readers).await.map_err(self.failed()),
        }
    }

    pub(super) async fn read(&self, after: Position, limit: usize) -> Result<Page, StoreError> {
        let head = self.head().await?;
        let entries = read::entries(&self.0.readers, after, head.position, limit).await.map_err(self.failed())?;
        Ok(Page { entries, head })
    }

    pub(super) fn bell(&self) -> super::Bell {
        match self.0.writer {
            Some(_) => super::Bell::Local(self.0.shared.notices.bell()),
            None => super::Bell::Sqlite(bell::Bell::new(self.clone())),
        }
    }

    pub(super) fn outcomes(&self) -> notices::Outcomes {
        self.0.shared.notices.outcomes()
    }

    pub(super) fn claimer(&self, service: &str, worker: &str) -> Claimer {
        let queue = self.0.shared.notices.queue();
        Claimer { engine: self.clone(), service: service.to_owned(), worker: worker.to_owned(), queue, asked: None }
    }

    pub(super) async fn heartbeat(&self, worker: &str, lease: Duration) -> Result<(), StoreError> {
        let (worker, deadline_ms) = (worker.to_owned(), deadline(lease));
        self.ask(|reply| Request::Heartbeat { worker, deadline_ms, reply }).await
    }

    pub(super) async fn release(&self, worker: &str) -> Result<(), StoreError> {
        let worker = worker.to_owned();
        self.ask(|reply| Request::Release { worker, reply }).await
    }

    pub(super) async fn reap(&self, most_attempts: u32) -> Result<Reaped, StoreError> {
        self.ask(|reply| Request::Reap { most_attempts, reply }).await
    }

    pub(super) async fn fail(&self, token: &Token, error: &str, most_attempts: u32) -> Result<Failing, StoreError> {
        let (token, error) = (token.clone(), error.to_owned());
        self.ask(|reply| Request::Fail { token, error, most_attempts, reply }).await
    }

    pub(super) async fn command(&self, id: &str) -> Result<Option<CommandRecord>, StoreError> {
        let record = status::command(&self.0.readers, id).await.map_err(self.failed())?;
        let ended = record.as_ref().map(|record| &record.state);
        if let Some(CommandState::Ended(Outcome::Done { position: Some(position), .. })) = ended {
            // The file shows a commit a moment before the head in memory does: who is told of the outcome
            // must find its events.
            self.bell().wait(position.predecessor(), SETTLING).await?;
        }
        Ok(record)
    }

    pub(super) async fn queues(&self, services: &[&str]) -> Result<Vec<QueueStatus>, StoreError> {
        status::queues(&self.0.readers, services).await.map_err(self.failed())
    }

    pub(super) async fn listed(&self, service: &str, listing: &Listing) -> Result<Listed, StoreError> {
        listing::listed(&self.0.readers, service, listing).await.map_err(self.failed())
    }

    pub(super) async fn dead_letters(&self, services: &[&str]) -> Result<Vec<DeadLetter>, StoreError> {
        status::dead_letters(&self.0.readers, services).await.map_err(self.failed())
    }

    pub(super) async fn requeue(&self, service: &str, command: &str) -> Result<bool, StoreError> {
        let (service, command) = (service.to_owned(), command.to_owned());
        self.ask(|reply| Request::Requeue { service, command, reply }).await
    }

    pub(super) async fn discard(&self, service: &str, command: &str) -> Result<bool, StoreError> {
        let (service, command) = (service.to_owned(), command.to_owned());
        self.ask(|reply| Request::Discard { service, command, reply }).await
    }

    pub(super) async fn checkpoints(&self) -> Result<BTreeMap<String, Checkpoint>, StoreError> {
        status::checkpoints(&self.0.readers).await.map_err(self.failed())
    }

    pub(super) async fn parked(&self, after: Option<&ParkedId>, limit: usize) -> Result<Vec<Parked>, StoreError> {
        status::parked(&self.0.readers, after, None, limit).await.map_err(self.failed())
    }

    pub(super) async fn parked_count(&self) -> Result<u64, StoreError> {
        status::parked_count(&self.0.readers).await.map_err(self.failed())
    }

    pub(super) async fn parked_one(&self, id: &ParkedId) -> Result<Option<Parked>, StoreError> {
        status::parked_one(&self.0.readers, id).await.map_err(self.failed())
    }

    pub(super) async fn to_retry(&self, consumer: &str, limit: usize) -> Result<Vec<Parked>, StoreError> {
        status::parked(&self.0.readers, None, Some(consumer), limit).await.map_err(self.failed())
    }

    pub(super) async fn unparked(&self, after: Option<&ParkedId>, limit: usize) -> Result<Vec<ParkedId>, StoreError> {
        status::unparked(&self.0.readers, after, limit).await.map_err(self.failed())
    }

    pub(super) async fn hold(&self, role: &str, holder: &str, lease: Duration) -> Result<Option<String>, StoreError> {
        let (role, holder, deadline_ms) = (role.to_owned(), holder.to_owned(), deadline(lease));
        self.ask(|reply| Request::Hold { role, holder, deadline_ms, reply }).await
    }

    pub(super) async fn let_go(&self, role: &str, holder: &str) -> Result<(), StoreError> {
        let (role, holder) = (role.to_owned(), holder.to_owned());
        self.ask(|reply| Request::LetGo { role, holder, reply }).await
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sqlite").field(&self.0.shared.url).finish()
    }
}

/// Claims commands from a file.
#[derive(Debug)]
pub struct Claimer {
    engine: Sqlite,
    service: String,
    worker: String,
    queue: notices::Queue,
    /// A claim whose answer was not waited for: what it got is this worker's, so the next one gives it out.
    asked: Option<oneshot::Receiver<Result<Vec<Claim>, StoreError>>>,
}

impl Claimer {
    pub(super) async fn claim(&mut self, limit: usize, most: Duration) -> Result<Vec<Claim>, StoreError> {
        let until = tokio::time::Instant::now() + most;
        loop {
            self.queue.mark();
            let claims = self.claim_now(limit).await?;
            if !claims.is_empty() || tokio::time::timeout_at(until, self.queue.changed()).await.is_err() {
                return Ok(claims);
            }
        }
    }

    async fn claim_now(&mut self, limit: usize) -> Result<Vec<Claim>, StoreError> {
        let inner = &self.engine.0;
        let answer = match &mut self.asked {
            Some(answer) => answer,
            asked => {
                let permit = self.engine.writer()?.reserve().await.map_err(|_| inner.shared.closed())?;
                let (reply, answer) = oneshot::channel();
                let (service, worker) = (self.service.clone(), self.worker.clone());
                permit.send(Request::Claim { service, worker, limit, reply });
                asked.insert(answer)
            }
        };
        let claims = answer.await;
        self.asked = None;
        claims.map_err(|_| inner.shared.closed())?
    }
}

#[cfg(test)]
mod tests;
