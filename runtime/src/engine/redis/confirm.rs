//! Answers that are given only once what they tell is as durable as was asked for.
//!
//! `WAIT` and `WAITAOF` tell of the connection that they come by, up to what was done on the server when its last
//! command ran. So they go out behind the commands, on the same connection; and as they keep it waiting, those who come
//! meanwhile wait together and are confirmed together.

use std::{num::NonZeroU8, time::Duration};

use redis::{Cmd, Pipeline, Value, from_redis_value};
use tokio::sync::{mpsc, oneshot};

use super::{connect::Shared, fault};
use crate::StoreError;

/// How long a confirmation may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many answers are confirmed together at most, and how many more may wait.
const TOGETHER: usize = 256;

/// Who must confirm that it lasts: what is acknowledged, and what readers of the log go by. An event that a reader has
/// seen and a failover takes back would stop him, though nobody was promised anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confirm {
    /// So many replicas.
    Replicas(NonZeroU8),
    /// The server's append-only file.
    File,
}

/// A way to the server on which every answer is confirmed. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Confirmed {
    jobs: mpsc::Sender<Job>,
    url: String,
}

/// Commands, and who waits for their answers.
struct Job {
    commands: Pipeline,
    answers: oneshot::Sender<Result<Vec<Value>, StoreError>>,
}

impl Confirmed {
    /// Commands sent this way go over `connection`, which nobody else uses.
    pub(super) fn over(connection: Shared, confirm: Confirm) -> Self {
        let url = connection.server.url.clone();
        let (jobs, waiting) = mpsc::channel(TOGETHER);
        tokio::spawn(serve(connection, confirm, waiting));
        Self { jobs, url }
    }

    /// Sends commands in one go; an answer may be an error by itself.
    ///
    /// # Errors
    /// Also when it was not confirmed: then the commands may have been done and last, or not.
    pub(super) async fn send_all(&self, commands: Pipeline) -> Result<Vec<Value>, StoreError> {
        let (answers, answered) = oneshot::channel();
        let ended = || StoreError::Unavailable { url: self.url.clone(), reason: "it is not asked any more".into() };
        self.jobs.send(Job { commands, answers }).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }

    /// Returns once everything that was done so far is confirmed.
    pub(super) async fn so_far(&self) -> Result<(), StoreError> {
        let mut nothing = Pipeline::with_capacity(1);
        nothing.cmd("PING");
        self.send_all(nothing).await.map(drop)
    }
}

async fn serve(connection: Shared, confirm: Confirm, mut jobs: mpsc::Receiver<Job>) {
    let mut together = Vec::with_capacity(TOGETHER);
    while jobs.recv_many(&mut together, TOGETHER).await > 0 {
        let mut all = Pipeline::new();
        for command in together.iter().flat_map(|job| job.commands.cmd_iter()) {
            all.add_command(command.clone());
        }
        all.add_command(confirm.command());
        let answers = connection.send_all(&all).await.and_then(|mut answers| {
            confirm.check(&connection.server.url, answers.pop().unwrap_or_default())?;
            Ok(answers)
        });
        // Whoever has stopped waiting does not mind.
        match answers {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                for job in together.drain(..) {
                    let own = answers.by_ref().take(job.commands.len()).collect();
                    let _ = job.answers.send(Ok(own));
                }
            }
            Err(error) => together.drain(..).for_each(|job| drop(job.answers.send(Err(error.clone())))),
        }
    }
}

impl Confirm {
    pub(super) fn command(self) -> Cmd {
        let ms = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
        match self {
            Self::Replicas(replicas) => redis::cmd("WAIT").arg(replicas.get()).arg(ms).take(),
            Self::File => redis::cmd("WAITAOF").arg(1).arg(0).arg(ms).take(),
        }
    }

    pub(super) fn check(self, url: &str, answer: Value) -> Result<(), StoreError> {
        let unknown = |what: String| {
            let reason = format!("{what} within {} s; whether it lasts is not known", PATIENCE.as_secs());
            Err(StoreError::Unavailable { url: url.to_owned(), reason })
        };
        if let Value::ServerError(error) = &answer {
            let reason = fault::reason_of(&fault::of_answer(url, error));
            return unknown(format!("what was written was not confirmed ({reason})"));
        }
        match self {
            Self::Replicas(wanted) => match from_redis_value::<u64>(answer).unwrap_or_default() {
                found if found >= u64::from(wanted.get()) => Ok(()),
                found => unknown(format!("{found} of {wanted} replicas confirmed what was written")),
            },
            Self::File => match from_redis_value::<(u64, u64)>(answer).unwrap_or_default() {
                (0, _) => unknown("its append-only file did not confirm what was written".to_owned()),
                _ => Ok(()),
            },
        }
    }
}
