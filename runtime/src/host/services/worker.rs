//! One worker: the commands of one service, decided in batches.

use std::sync::Arc;

use kernel::{Domain, Outcome, Position, Refusal};
use tokio_util::sync::CancellationToken;

use super::{
    super::{Backoff, MOST_ATTEMPTS, PATIENCE, guarded, persist, service_of},
    SharedView,
};
use crate::{Claim, Claimer, Commit, Engine, Refused, Settlement, StoreError, Trouble, fault};

/// How many commands are claimed at once.
const BATCH: usize = 64;

/// How many times a batch is decided before what still conflicts counts as a failed attempt.
///
/// Each round at least the first of the commands that conflict with each other goes through, so a batch is
/// done after [`BATCH`] rounds unless others keep changing what it reads.
const MOST_ROUNDS: usize = 4 * BATCH;

pub(super) struct Worker {
    domain: Arc<Domain>,
    engine: Engine,
    view: SharedView,
    name: String,
    service: String,
    trouble: Trouble,
}

/// What deciding a claimed command came to.
enum Attempt {
    /// Something to commit: events, or a rejection.
    Commit(Box<Commit>),
    /// The service could not decide.
    Failed(String),
}

impl Worker {
    pub(super) fn new(domain: Arc<Domain>, engine: Engine, view: SharedView, name: String, service: String) -> Self {
        let trouble = Trouble::new(format!("commands of {service} wait"));
        Self { domain, engine, view, name, service, trouble }
    }

    /// Works until told to stop, once the view has reached `head`.
    pub(super) async fn run(mut self, head: Position, stop: CancellationToken) -> Result<(), StoreError> {
        while self.view.read().position() < head && !stop.is_cancelled() {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = self.view.reach(head, PATIENCE) => {}
            }
        }
        let claimer = persist(&self.service, &stop, || self.engine.claimer(&self.service, &self.name));
        let Some(mut claimer) = claimer.await? else { return Ok(()) };
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let claims = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                claims = next(&mut claimer) => claims,
            };
            let settled = match claims {
                Ok(claims) => {
                    if !claims.is_empty() {
                        fault::point("worker.claimed");
                    }
                    self.settle(claims, &stop).await
                }
                Err(error) => Err(error),
            };
            match settled {
                // Told to stop, it may have ended in the middle.
                Ok(()) if stop.is_cancelled() => {}
                Ok(()) => {
                    backoff.reset();
                    self.trouble.over();
                }
                Err(error) if error.is_transient() => {
                    self.trouble.failed(&error);
                    backoff.pause(&stop).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Decides and commits what was claimed until each command has its outcome or a failed attempt, or until
    /// told to stop; what is left then is handed back.
    ///
    /// A store that fails in between leaves open which commits took effect; deciding again tells: what was
    /// settled is no longer claimed.
    async fn settle(&mut self, mut claims: Vec<Claim>, stop: &CancellationToken) -> Result<(), StoreError> {
        let mut backoff = Backoff::new();
        let mut rounds = 0;
        while !claims.is_empty() && !stop.is_cancelled() {
            let tried =
                if rounds < MOST_ROUNDS { self.round(&mut claims).await } else { self.give_up(&mut claims).await };
            match tried {
                Ok(None) => return Ok(()),
                Ok(Some(head)) => {
                    rounds += 1;
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => {}
                        () = self.view.reach(head, PATIENCE) => {}
                    }
                }
                Err(error) if error.is_transient() => {
                    self.trouble.failed(&error);
                    backoff.pause(stop).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Counts a failed attempt of each command that kept conflicting.
    async fn give_up(&self, claims: &mut Vec<Claim>) -> Result<Option<Position>, StoreError> {
        let error = format!("what it depends on changed {MOST_ROUNDS} times while it was decided");
        while let Some(claim) = claims.last() {
            self.engine.fail(&claim.token, &error, MOST_ATTEMPTS).await?;
            claims.pop();
        }
        Ok(None)
    }

    /// One round: afterwards `claims` holds what has to be decided again, once the view has reached the
    /// position returned.
    async fn round(&self, claims: &mut Vec<Claim>) -> Result<Option<Position>, StoreError> {
        let attempts = self.decide(claims);
        let mut commits = Vec::new();
        let mut committing = Vec::new();
        for (claim, attempt) in claims.iter().zip(attempts) {
            match attempt {
                Attempt::Commit(commit) => {
                    commits.push(*commit);
                    committing.push(claim.clone());
                }
                Attempt::Failed(error) => {
                    let failing = self.engine.fail(&claim.token, &error, MOST_ATTEMPTS).await?;
                    tracing::error!(
                        command = claim.command.id,
                        service = self.service,
                        error,
                        ?failing,
                        "attempt failed"
                    );
                }
            }
        }
        *claims = committing;
        if commits.is_empty() {
            return Ok(None);
        }
        fault::point("worker.decided");
        let answers = self.engine.commit(&commits).await?;
        fault::point("worker.committed");
        let mut again = Vec::new();
        let mut failed = Vec::new();
        let mut reach = Position::ZERO;
        for (claim, answer) in std::mem::take(claims).into_iter().zip(answers) {
            match answer {
                Ok(_) => {}
                Err(Refused::Stale { head, .. }) => {
                    reach = reach.max(head);
                    again.push(claim);
                }
                Err(refused @ Refused::Unclaimed { .. }) => tracing::warn!(%refused, "somebody else has it"),
                // A service's commit expects nothing else.
                Err(refused) => failed.push((claim, refused.to_string())),
            }
        }
        *claims = again;
        // Nothing is forgotten when the store fails in between: as long as this worker lives, nobody else gets it.
        claims.extend(failed.iter().map(|(claim, _)| claim.clone()));
        while let Some((claim, error)) = failed.pop() {
            self.engine.fail(&claim.token, &error, MOST_ATTEMPTS).await?;
            claims.pop();
        }
        Ok((!claims.is_empty()).then_some(reach))
    }

    /// Decides each command on the view as it is now.
    fn decide(&self, claims: &[Claim]) -> Vec<Attempt> {
        let view = self.view.read();
        let decide = |claim: &Claim| {
            let mut decision = self.domain.decision(&claim.command, &view);
            let decided = guarded(|| {
                let outcome = match self.domain.decide(&claim.command, &mut decision) {
                    Ok(result) => Outcome::Done { result, position: None },
                    Err(Refusal::Rejected(rejection)) => Outcome::Rejected(rejection),
                    Err(Refusal::Failed(failure)) => return Err(failure),
                };
                Ok((decision.finish(), outcome))
            });
            match decided {
                Ok((mut decided, outcome)) => {
                    if matches!(outcome, Outcome::Rejected(_)) {
                        decided.effects.clear();
                    }
                    let mut commit = Commit::of(decided, |topic| service_of(&self.domain, topic));
                    commit.settle = Some(Settlement { token: claim.token.clone(), outcome });
                    Attempt::Commit(Box::new(commit))
                }
                Err(failure) => Attempt::Failed(failure.0),
            }
        };
        claims.iter().map(decide).collect()
    }
}

async fn next(claimer: &mut Claimer) -> Result<Vec<Claim>, StoreError> {
    claimer.claim(BATCH, PATIENCE).await
}
