//! The one task that writes: group commit.
//!
//! What waits is done in one transaction, in order; nobody is answered before it is on the disk. When
//! anything fails, all of the group is undone, everybody in it is told, and what the writer knew is read anew.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{Connection as _, Row as _, SqliteConnection, SqlitePool};
use tokio::sync::mpsc;

use super::{
    Shared,
    bulk::{Bulk, signed},
    claims::Claims,
    commit,
    failure::Failure,
    known::Known,
    lock::Lock,
    request::{Answers, Reply, Request, send},
};
use crate::{engine::memory::now_ms, fault};

/// How many requests go into one transaction.
const MOST_IN_GROUP: usize = 512;
/// How often, under load, ended commands are looked for whose time has run out.
const PURGE_EVERY: Duration = Duration::from_secs(1);
/// How often when nobody asks for anything.
const IDLE_FOR: Duration = Duration::from_secs(30);
/// How many of them are forgotten at a time, so that nobody waits for it.
const MOST_PURGED: i64 = 10_000;

/// The writer's task.
pub(super) struct Writer {
    pub(super) connection: SqliteConnection,
    pub(super) readers: SqlitePool,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) shared: Arc<Shared>,
    pub(super) known: Known,
    /// Something has failed, and what is known may not be so.
    pub(super) is_in_doubt: bool,
    pub(super) purged: Option<Instant>,
    pub(super) lock: Lock,
}

impl Writer {
    /// Writes until nobody is left who could ask, or until it is told to close.
    pub(super) async fn run(mut self) {
        let mut requests = Vec::with_capacity(MOST_IN_GROUP);
        loop {
            let waiting = self.requests.recv_many(&mut requests, MOST_IN_GROUP);
            // A group of nothing still forgets what has run out.
            if matches!(tokio::time::timeout(IDLE_FOR, waiting).await, Ok(0)) {
                return self.close(Vec::new()).await;
            }
            let mut group: VecDeque<_> = requests.drain(..).collect();
            let closing = group.iter().position(|request| matches!(request, Request::Close { .. }));
            let after = closing.map(|at| group.split_off(at));
            if !(group.is_empty() && after.is_some()) {
                self.group(group).await;
            }
            if let Some(after) = after {
                return self.close(after.into()).await;
            }
        }
    }

    /// Does a group and answers it.
    async fn group(&mut self, mut group: VecDeque<Request>) {
        let mut answers = Answers::default();
        match self.transact(&mut group, &mut answers).await {
            Ok(()) => {
                self.shared.stands_at(&self.known.head);
                answers.give(&self.shared.notices, self.known.head.position);
            }
            Err(failure) => {
                let error = failure.of(&self.shared.url);
                tracing::warn!(error = %error, "a group of writes was undone");
                self.is_in_doubt = true;
                // SQLite has rolled back by itself after some errors; then there is nothing to undo.
                let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
                answers.refuse(&error);
                group.into_iter().for_each(|request| request.refuse(error.clone()));
            }
        }
    }

    async fn transact(&mut self, group: &mut VecDeque<Request>, answers: &mut Answers) -> Result<(), Failure> {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        if self.is_in_doubt {
            self.known.read_again(&mut self.connection).await?;
            self.is_in_doubt = false;
        }
        if self.purged.is_none_or(|purged| purged.elapsed() >= PURGE_EVERY) {
            self.purge().await?;
            self.purged = Some(Instant::now());
        }
        let Self { connection, known, shared, .. } = self;
        while let Some(request) = group.pop_front() {
            if let Request::Commit { commits, reply } = request {
                let (mut batches, mut replies) = (vec![commits], vec![reply]);
                while let Some(Request::Commit { commits, reply }) =
                    group.pop_front_if(|next| matches!(next, Request::Commit { .. }))
                {
                    batches.push(commits);
                    replies.push(reply);
                }
                let answered = commit::run(connection, known, answers, batches).await;
                let (mut answered, failed) =
                    answered.map_or_else(|failure| (Vec::new(), Some(failure)), |done| (done, None));
                answered.reverse();
                replies.into_iter().for_each(|reply| answers.hold(reply, answered.pop()));
                failed.map_or(Ok(()), Err)?;
            } else {
                single(Claims { connection, known, answers }, &shared.url, request).await?;
            }
        }
        fault::point("sqlite.commit");
        sqlx::query("COMMIT").execute(&mut self.connection).await?;
        fault::point("sqlite.committed");
        Ok(())
    }

    /// Forgets some ended commands, and the Idempotency-Keys that they came with.
    async fn purge(&mut self) -> Result<(), Failure> {
        let ended = sqlx::query(include_str!("purge.sql")).bind(signed(now_ms())).bind(MOST_PURGED);
        let mut keys = Bulk::new(include_str!("purge_keys.sql"));
        for row in ended.fetch_all(&mut self.connection).await? {
            if let (id, Some(key)) = (row.try_get::<String, _>(0)?, row.try_get::<Option<String>, _>(1)?) {
                keys.push([key.into(), id.into()]);
            }
        }
        keys.execute(&mut self.connection).await
    }

    /// Ends everything that has the file open, and then the lock.
    async fn close(mut self, requests: Vec<Request>) {
        self.requests.close();
        self.readers.close().await;
        // What a checkpoint can't do now, the next opening does.
        let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut self.connection).await;
        let closed = self.connection.close().await.map_err(|error| Failure::from(error).of(&self.shared.url));
        drop(self.lock);
        let mut closed = Some(closed);
        let mut late = requests;
        while let Ok(request) = self.requests.try_recv() {
            late.push(request);
        }
        for request in late {
            match (request, closed.take()) {
                (Request::Close { reply }, Some(closed)) => send(reply, closed),
                (Request::Close { reply }, None) => send(reply, Ok(())),
                (request, _) => request.refuse(self.shared.closed()),
            }
        }
    }
}

/// Does what is no commit.
async fn single(mut claims: Claims<'_>, url: &str, request: Request) -> Result<(), Failure> {
    match request {
        Request::Claim { service, worker, limit, reply } => {
            match claims.claim(&service, &worker, limit).await {
                // Found before anything was written: the rest of the group need not suffer for it.
                Err(corrupt @ Failure::Corrupt { .. }) => {
                    send(reply, Err(corrupt.of(url)));
                    Ok(())
                }
                claimed @ (Ok(_) | Err(Failure::Sql(_))) => claims.answer(reply, claimed),
            }
        }
        Request::Heartbeat { worker, deadline_ms, reply } => {
            let renewed = claims.heartbeat(&worker, deadline_ms).await;
            claims.answer(reply, renewed)
        }
        Request::Release { worker, reply } => {
            let released = claims.release(&worker).await;
            claims.answer(reply, released)
        }
        Request::Reap { most_attempts, reply } => {
            let reaped = claims.reap(most_attempts).await;
            claims.answer(reply, reaped)
        }
        Request::Fail { token, error, most_attempts, reply } => {
            let failing = claims.fail(&token, &error, most_attempts).await;
            claims.answers.queued();
            claims.answer(reply, failing)
        }
        Request::Requeue { service, command, reply } => {
            let requeued = claims.requeue(&service, &command).await;
            claims.answer(reply, requeued)
        }
        Request::Discard { service, command, reply } => {
            let discarded = claims.discard(&service, &command).await;
            claims.answer(reply, discarded)
        }
        Request::Hold { role, holder, deadline_ms, reply } => {
            let other = claims.hold(&role, &holder, deadline_ms).await;
            claims.answer(reply, other)
        }
        Request::LetGo { role, holder, reply } => {
            let gone = claims.let_go(&role, &holder).await;
            claims.answer(reply, gone)
        }
        // Runs of commits are taken out before, and a group ends before the request to close.
        Request::Commit { .. } | Request::Close { .. } => Ok(()),
        #[cfg(test)]
        Request::Limit { pages, reply } => {
            let sql = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
            let limited = sqlx::query(sql).execute(&mut *claims.connection).await.map(drop);
            claims.answer(reply, limited.map_err(Failure::from))
        }
    }
}

impl Claims<'_> {
    /// Answers once the group is on the disk.
    fn answer<T: Send + 'static>(&mut self, reply: Reply<T>, done: Result<T, Failure>) -> Result<(), Failure> {
        let (done, failed) = done.map_or_else(|failure| (None, Some(failure)), |done| (Some(done), None));
        self.answers.hold(reply, done);
        failed.map_or(Ok(()), Err)
    }
}
