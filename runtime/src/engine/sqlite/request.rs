//! What the writer is asked, and its answers: held back until they are true.

use kernel::{Outcome, Position};
use tokio::sync::oneshot;

use crate::{Claim, Commit, Committed, Failing, Refused, StoreError, Token, engine::notices::Notices};

/// Where an answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What a batch of commits is answered with.
pub(super) type Answered = Vec<Result<Committed, Refused>>;

/// What reaping is answered with.
pub(super) type Reaped = Vec<(String, Failing)>;

/// Something to write.
#[derive(Debug)]
pub(super) enum Request {
    Commit {
        commits: Vec<Commit>,
        reply: Reply<Answered>,
    },
    Claim {
        service: String,
        worker: String,
        limit: usize,
        reply: Reply<Vec<Claim>>,
    },
    Heartbeat {
        worker: String,
        deadline_ms: u64,
        reply: Reply<()>,
    },
    Release {
        worker: String,
        reply: Reply<()>,
    },
    Reap {
        most_attempts: u32,
        reply: Reply<Reaped>,
    },
    Fail {
        token: Token,
        error: String,
        most_attempts: u32,
        reply: Reply<Failing>,
    },
    Requeue {
        service: String,
        command: String,
        reply: Reply<bool>,
    },
    Discard {
        service: String,
        command: String,
        reply: Reply<bool>,
    },
    Hold {
        role: String,
        holder: String,
        deadline_ms: u64,
        reply: Reply<Option<String>>,
    },
    LetGo {
        role: String,
        holder: String,
        reply: Reply<()>,
    },
    /// Write nothing more.
    Close {
        reply: Reply<()>,
    },
    /// Let the file have no more than so many pages.
    #[cfg(test)]
    Limit {
        pages: i64,
        reply: Reply<()>,
    },
}

impl Request {
    /// Answers with an error.
    pub(super) fn refuse(self, error: StoreError) {
        match self {
            Self::Commit { reply, .. } => send(reply, Err(error)),
            Self::Claim { reply, .. } => send(reply, Err(error)),
            Self::Reap { reply, .. } => send(reply, Err(error)),
            Self::Fail { reply, .. } => send(reply, Err(error)),
            Self::Requeue { reply, .. } | Self::Discard { reply, .. } => send(reply, Err(error)),
            Self::Hold { reply, .. } => send(reply, Err(error)),
            Self::Heartbeat { reply, .. }
            | Self::Release { reply, .. }
            | Self::LetGo { reply, .. }
            | Self::Close { reply } => send(reply, Err(error)),
            #[cfg(test)]
            Self::Limit { reply, .. } => send(reply, Err(error)),
        }
    }
}

/// Whoever asked may have gone; what was done stays done.
pub(super) fn send<T>(reply: Reply<T>, answer: Result<T, StoreError>) {
    let _ = reply.send(answer);
}

/// One answer, to be given when the transaction has ended well, or with its error.
type Answer = Box<dyn FnOnce(Option<&StoreError>) + Send>;

/// What a transaction's end will tell.
#[derive(Default)]
pub(super) struct Answers {
    answers: Vec<Answer>,
    ended: Vec<(String, Outcome)>,
    queued: bool,
}

impl Answers {
    /// Answers with `value` once that is true; without one, with the error that is going to come.
    pub(super) fn hold<T: Send + 'static>(&mut self, reply: Reply<T>, value: Option<T>) {
        self.answers.push(Box::new(move |failed| match (failed, value) {
            (Some(error), _) => send(reply, Err(error.clone())),
            (None, Some(value)) => send(reply, Ok(value)),
            (None, None) => {}
        }));
    }

    /// A command will have ended.
    pub(super) fn ended(&mut self, command: &str, outcome: Outcome) {
        self.ended.push((command.to_owned(), outcome));
    }

    /// Some queue will have a command more.
    pub(super) const fn queued(&mut self) {
        self.queued = true;
    }

    /// It is true: tells everybody.
    pub(super) fn give(self, notices: &Notices, head: Position) {
        for (command, outcome) in &self.ended {
            notices.ended(command, outcome);
        }
        if self.queued {
            notices.queued();
        }
        notices.grown(head);
        self.answers.into_iter().for_each(|answer| answer(None));
    }

    /// Nothing came of it.
    pub(super) fn refuse(self, error: &StoreError) {
        self.answers.into_iter().for_each(|answer| answer(Some(error)));
    }
}
