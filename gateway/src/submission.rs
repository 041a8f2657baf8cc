//! A command's way: into its queue, and back with its outcome once the read model shows it.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::response::Response;
use kernel::{Command, Intent, Meta, Outcome, Position, Topic};
use runtime::{CommandState, Enqueue, Idempotency, Refused, fault};
use serde_json::Value;

use crate::{
    admission::Place,
    gateway::Site,
    intake::NotTaken,
    metrics::Ending,
    problem::{Kind, Problem},
    reply,
    waiters::Ticket,
};

/// What a request asks for.
#[derive(Debug)]
pub(crate) struct Submission<'t> {
    /// The topic whose service shall do it.
    pub(crate) topic: &'t Topic,
    /// What shall be done.
    pub(crate) intent: Intent,
    /// Bytes in the request's body.
    pub(crate) bytes: usize,
    /// How a repeat of the request is recognised.
    pub(crate) idempotency: Option<Idempotency>,
    /// W3C trace context of the request.
    pub(crate) traceparent: Option<String>,
}

/// A command that is in its queue, or was.
struct Taken {
    id: String,
    ticket: Ticket,
    by: By,
    place: Place,
}

/// Which request put a command into its queue.
enum By {
    This,
    Earlier,
}

impl Site {
    /// Enqueues a command and answers with its id at once.
    pub(crate) async fn submit(&self, submission: Submission<'_>) -> Result<Response, Problem> {
        let Taken { id, ticket, place, .. } = self.enqueue(submission).await?;
        self.metrics.ended(Ending::NotWaitedFor);
        let mut response = reply::result(&Value::from(id.as_str()).to_string());
        reply::set(&mut response, reply::COMMAND, &id);
        let most = self.settings.command_timeout;
        // It is under way like any other, though nobody waits for it.
        tokio::spawn(async move {
            ticket.outcome(most).await;
            place.settled();
        });
        Ok(response)
    }

    /// Enqueues a command and answers with its outcome.
    pub(crate) async fn perform(&self, submission: Submission<'_>) -> Result<Response, Problem> {
        let taken = self.enqueue(submission).await?;
        let id = taken.id.clone();
        let outcome = self.outcome(taken).await?;
        fault::point("gateway.answer");
        match outcome {
            Outcome::Done { result, position } => {
                self.metrics.ended(Ending::Done);
                Ok(self.done(&id, &result, position).await)
            }
            Outcome::Rejected(rejection) => {
                self.metrics.ended(Ending::Rejected);
                Err(Problem::from(rejection).command(id))
            }
            Outcome::Dead { error } => {
                self.metrics.ended(Ending::Dead);
                let detail = format!("the command failed every attempt and was set aside: {error}");
                Err(Problem::new(Kind::CommandFailed, detail).command(id))
            }
        }
    }

    async fn enqueue(&self, submission: Submission<'_>) -> Result<Taken, Problem> {
        let place = self.admission.enter().map_err(|under_way| {
            let detail = format!("{under_way} commands are under way already, more than are answered in good time");
            Problem::unavailable(detail, 1)
        })?;
        let id = uuid::Uuid::new_v4().to_string();
        let correlation = Some(id.clone());
        let meta = Meta { correlation, traceparent: submission.traceparent, ..Meta::default() };
        let topic = submission.topic;
        let (intent, issued_ms) = (submission.intent, now_ms());
        let command = Command { id: id.clone(), topic: topic.name.to_owned(), intent, issued_ms, meta };
        let enqueue = Enqueue { command, service: topic.service.to_owned(), idempotency: submission.idempotency };
        // Before the command is anywhere, so that its outcome can't come too soon.
        let ticket = self.waiters.expect(&id);
        let most = self.settings.store_timeout;
        match tokio::time::timeout(most, self.intake.put(enqueue, submission.bytes)).await {
            Ok(Ok(())) => Ok(Taken { id, ticket, by: By::This, place }),
            Ok(Err(NotTaken::Refused(Refused::Repeated { first }))) => {
                Ok(Taken { ticket: self.waiters.expect(&first), id: first, by: By::Earlier, place })
            }
            Ok(Err(reason)) => Err(self.not_taken(reason, id)),
            Err(_) => Err(Problem::silent(&self.engine.url(), most).command(id)),
        }
    }

    fn not_taken(&self, reason: NotTaken, id: String) -> Problem {
        match reason {
            NotTaken::Refused(refused @ Refused::KeyReused { .. }) => {
                Problem::new(Kind::KeyReused, refused.to_string())
            }
            NotTaken::Refused(refused) => Problem::new(Kind::Internal, refused.to_string()),
            // Its id lets the client ask whether it was taken after all.
            NotTaken::Store(error) => Problem::from(&*error).command(id),
            NotTaken::Closed => Problem::unavailable("the gateway is stopping", 1).command(id),
        }
    }

    async fn outcome(&self, taken: Taken) -> Result<Outcome, Problem> {
        let Taken { id, ticket, by, place } = taken;
        if let By::Earlier = by {
            match self.asked(self.engine.command(&id)).await?.map(|record| record.state) {
                Some(CommandState::Ended(outcome)) => return Ok(outcome),
                Some(CommandState::Pending) => {}
                None => {
                    let detail = format!("the request was made before, as command {id}, whose outcome is not kept");
                    return Err(Problem::new(Kind::InProgress, detail).command(id));
                }
            }
        }
        let most = self.settings.command_timeout;
        let no_outcome = || match by {
            By::This => {
                self.metrics.ended(Ending::Unknown);
                let detail = format!("command {id} has no outcome after {most:?}; ask for it at /api/v1/commands/{id}");
                Problem::new(Kind::OutcomeUnknown, detail).command(&id).retry_after(1)
            }
            By::Earlier => {
                let detail = format!("the request was made before, as command {id}, which is still in progress");
                Problem::new(Kind::InProgress, detail).command(&id).retry_after(1)
            }
        };
        // Whoever gives up waiting leaves the command under way.
        let waiting = tokio::spawn(async move {
            let outcome = ticket.outcome(most).await;
            place.settled();
            outcome
        });
        let outcome = waiting.await.unwrap_or_default();
        outcome.ok_or_else(no_outcome)
    }

    /// The answer to a command that is done, once the client can read its own write.
    async fn done(&self, id: &str, result: &Value, position: Option<Position>) -> Response {
        let mut response = reply::result(&result.to_string());
        reply::set(&mut response, reply::COMMAND, id);
        let Some(position) = position else { return response };
        reply::set(&mut response, reply::POSITION, &position.to_string());
        let most = self.settings.model_timeout;
        let reached = tokio::time::timeout(most, self.model.reached(position, most)).await;
        if !matches!(reached, Ok(Ok(true))) {
            // The write is done all the same; only its reader must be patient.
            reply::set(&mut response, reply::READ_MODEL, "behind");
        }
        response
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
