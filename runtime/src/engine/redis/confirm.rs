//! Answers that are given only once what they tell is as durable as was asked for.
//!
//! `WAIT` tells of the connection that it comes by, up to its last write. So it goes out behind the commands, on the same
//! connection, and behind a write of its own: a commit that was refused as a repeat, and whoever only reads, goes by what
//! others wrote. As it keeps the connection waiting, those who come meanwhile wait together and are confirmed together.

use std::{num::NonZeroU8, time::Duration};

use redis::{Cmd, Pipeline, Value, from_redis_value};
use tokio::sync::{mpsc, oneshot};

use super::{connect::Shared, fault};
use crate::StoreError;

/// How long a confirmation may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the key that is written to lasts after the last time, in seconds: a year.
const KEPT: u32 = 365 * 24 * 60 * 60;

/// How many answers are confirmed together at most, and how many more may wait.
const TOGETHER: usize = 256;

/// How many replicas must confirm that it lasts: what is acknowledged, and what readers of the log go by. An event that
/// a reader has seen and a failover takes back would stop him, though nobody was promised anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Confirm(pub(super) NonZeroU8);

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
    ///
    /// `mark` is the key that is written to have a write to wait for.
    pub(super) fn over(connection: Shared, confirm: Confirm, mark: String) -> Self {
        let url = connection.server.url.clone();
        let (jobs, waiting) = mpsc::channel(TOGETHER);
        tokio::spawn(serve(connection, confirm, mark, waiting));
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
        self.send_all(Pipeline::new()).await.map(drop)
    }
}

async fn serve(connection: Shared, confirm: Confirm, mark: String, mut jobs: mpsc::Receiver<Job>) {
    let mut together = Vec::with_capacity(TOGETHER);
    while jobs.recv_many(&mut together, TOGETHER).await > 0 {
        let mut all = Pipeline::new();
        let confirming = confirm.commands(&mark);
        for command in together.iter().flat_map(|job| job.commands.cmd_iter()).chain(confirming.cmd_iter()) {
            all.add_command(command.clone());
        }
        let answers = connection.send_all(&all).await.map(|mut answers| {
            let confirming = answers.split_off(answers.len().saturating_sub(confirming.len()));
            (answers, confirm.check(&connection.server.url, confirming))
        });
        // Whoever has stopped waiting does not mind.
        match answers {
            Ok((answers, confirmed)) => {
                let mut answers = answers.into_iter();
                for job in together.drain(..) {
                    let own = answers.by_ref().take(job.commands.len()).collect();
                    let _ = job.answers.send(told(own, &confirmed));
                }
            }
            Err(error) => together.drain(..).for_each(|job| drop(job.answers.send(Err(error.clone())))),
        }
    }
}

/// What a job is told. Where nothing was done but refused there is nothing to confirm, and why it was is what counts.
fn told(own: Vec<Value>, confirmed: &Result<(), StoreError>) -> Result<Vec<Value>, StoreError> {
    let is_refused = |answer: &Value| matches!(answer, Value::ServerError(_));
    match confirmed {
        Err(error) if own.is_empty() || !own.iter().all(is_refused) => Err(error.clone()),
        Ok(()) | Err(_) => Ok(own),
    }
}

impl Confirm {
    /// The write that is waited for, to the key `mark`; also a full server takes it, once the key is there.
    pub(super) fn write(mark: &str) -> Cmd {
        let mut write = redis::cmd("EVAL");
        write.arg(include_str!("lua/mark.lua")).arg(1).arg(mark).arg(KEPT);
        write
    }

    /// What is sent behind what must be confirmed; `mark` is a key to write to.
    pub(super) fn commands(self, mark: &str) -> Pipeline {
        let ms = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
        let mut commands = Pipeline::with_capacity(2);
        commands.add_command(Self::write(mark));
        commands.cmd("WAIT").arg(self.0.get()).arg(ms);
        commands
    }

    /// Tells from the answers to these whether it is confirmed.
    pub(super) fn check(self, url: &str, answers: Vec<Value>) -> Result<(), StoreError> {
        let unknown = |what: String| {
            let reason = format!("{what} within {} s; whether it lasts is not known", PATIENCE.as_secs());
            Err(StoreError::Unavailable { url: url.to_owned(), reason })
        };
        let error =
            answers.iter().find_map(|answer| if let Value::ServerError(error) = answer { Some(error) } else { None });
        if let Some(error) = error {
            let reason = fault::reason_of(&fault::of_answer(url, error));
            return unknown(format!("what was written was not confirmed ({reason})"));
        }
        let found = from_redis_value::<u64>(answers.into_iter().last().unwrap_or_default()).unwrap_or_default();
        if found >= u64::from(self.0.get()) {
            return Ok(());
        }
        unknown(format!("{found} of {} replicas confirmed what was written", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_refused_is_told_why_whatever_is_confirmed() {
        let refusal = |code: &str| redis::parse_redis_value(format!("-{code} no\r\n").as_bytes()).unwrap();
        let unknown = StoreError::Unavailable { url: "redis://h".into(), reason: "not confirmed".into() };
        let outcome = |own: Vec<Value>| told(own, &Err(unknown.clone())).map_err(|error| error.to_string());
        let moved = || vec![refusal("MOVED"), refusal("MOVED")];
        assert_eq!(outcome(moved()), Ok(moved()));
        assert_eq!(outcome(vec![refusal("OOM")]), Ok(vec![refusal("OOM")]));
        assert_eq!(outcome(vec![Value::Okay, refusal("NOSCRIPT")]), Err(unknown.to_string()), "one may be lost");
        assert_eq!(outcome(Vec::new()), Err(unknown.to_string()));
        assert!(told(vec![Value::Okay], &Ok(())).is_ok());
    }
}
