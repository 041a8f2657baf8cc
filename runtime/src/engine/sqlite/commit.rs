//! R2 on a file: what a run of commits needs is read at once, each is decided in memory as the memory engine
//! does, and what they change is written at once.

use std::collections::BTreeSet;

use kernel::{Checkpoint, Draft, Epoch, Meta, Outcome, Position};
use sqlx::SqliteConnection;

use super::{
    changes::{Changes, json},
    failure::Failure,
    known::Known,
    lookup::{self, Claimed, Keys},
    request::{Answered, Answers},
};
use crate::{
    Advance, Commit, Committed, Enqueue, Expect, Holder, Idempotency, ParkedId, Refused, Settlement, Token,
    commit::assign,
    engine::memory::{now_ms, positioned},
};

/// Commits that follow one another in one transaction.
struct Run<'r> {
    connection: &'r mut SqliteConnection,
    known: &'r mut Known,
    answers: &'r mut Answers,
    claimed: Claimed,
    /// Of what shall be set aside no more, what is.
    parked: BTreeSet<ParkedId>,
    keys: Keys,
    new: Changes,
}

/// Why a commit of the run is not done.
enum No {
    Refused(Refused),
    Failure(Failure),
}

impl<F: Into<Failure>> From<F> for No {
    fn from(failure: F) -> Self {
        Self::Failure(failure.into())
    }
}

/// Applies batches of commits in order and tells what became of each.
pub(super) async fn run(
    connection: &mut SqliteConnection,
    known: &mut Known,
    answers: &mut Answers,
    batches: Vec<Vec<Commit>>,
) -> Result<Vec<Answered>, Failure> {
    let claimed = lookup::claimed(connection, &batches).await?;
    let parked = lookup::parked(connection, &batches).await?;
    let keys = lookup::keys(connection, &batches).await?;
    let mut run = Run { connection, known, answers, claimed, parked, keys, new: Changes::none() };
    let mut answered = Vec::with_capacity(batches.len());
    for batch in batches {
        let mut answers = Vec::with_capacity(batch.len());
        for commit in batch {
            answers.push(match run.apply(commit).await {
                Ok(committed) => Ok(committed),
                Err(No::Refused(refused)) => Err(refused),
                Err(No::Failure(failure)) => return Err(failure),
            });
        }
        answered.push(answers);
    }
    run.new.write(run.connection).await?;
    run.known.recent.trim();
    Ok(answered)
}

impl Run<'_> {
    /// Checks everything, then does everything.
    async fn apply(&mut self, commit: Commit) -> Result<Committed, No> {
        let advance = commit.advance.as_ref();
        let held = advance.map_or(Ok(()), |advance| advance.check_held(self.known.holders.get(&advance.consumer)));
        held.map_err(No::Refused)?;
        self.check_expected(&commit.expect).await?;
        let settle = commit.settle.as_ref();
        settle.map_or(Ok(()), |settlement| self.check_claimed(&settlement.token)).map_err(No::Refused)?;
        let stands = advance.map_or(Ok(()), |advance| advance.check(self.known.checkpoints.get(&advance.consumer)));
        stands.map_err(No::Refused)?;
        let not_parked = commit.unpark.iter().find(|id| !self.is_parked(id));
        not_parked.map_or(Ok(()), |id| Err(No::Refused(Refused::NotParked { id: id.clone() })))?;
        let mut keys = commit.enqueue.iter().filter_map(|enqueue| enqueue.idempotency.as_ref());
        keys.try_for_each(|idempotency| idempotency.check(self.keys.get(&idempotency.key))).map_err(No::Refused)?;
        let positions = assign(&commit.append, self.known.head.position, now_ms()).map_err(No::Refused)?;

        self.append(commit.append, &positions)?;
        let committed = Committed { positions, head: self.known.head.clone() };
        for enqueue in commit.enqueue {
            self.enqueue(enqueue)?;
        }
        if let Some(settlement) = &commit.settle {
            self.settle(settlement, &committed)?;
        }
        if let Some(Advance { consumer, holder, from, to }) = commit.advance {
            if let Holder::Taking(holder) = holder {
                self.known.holders.insert(consumer.clone(), holder);
            }
            if from != to {
                self.new.checkpoints.insert(consumer.clone(), json(&to)?);
                self.known.checkpoints.insert(consumer, to);
            }
        }
        for id in commit.unpark {
            self.new.parked.insert(id.clone(), None);
            self.new.unparked.insert(id);
        }
        for parked in commit.park {
            self.new.parked.insert(parked.id(), Some(parked));
        }
        Ok(committed)
    }

    /// R5: nothing that was read has been mentioned since.
    async fn check_expected(&mut self, expect: &Expect) -> Result<(), No> {
        let head = &self.known.head;
        if let Some(expected) = expect.head.filter(|expected| *expected != head.number) {
            return Err(No::Refused(Refused::HeadMoved { expected, found: head.number }));
        }
        if expect.reads.is_empty() || expect.as_of >= head.position {
            return Ok(());
        }
        let (as_of, head) = (expect.as_of, head.position);
        let mut changed = None;
        if !self.known.recent.reaches(as_of) {
            changed = lookup::changed(self.connection, expect, self.known.recent.floor()).await?;
        }
        match changed.or_else(|| self.known.recent.changed(expect)) {
            None => Ok(()),
            Some(read) => Err(No::Refused(Refused::Stale { read: read.clone(), as_of, head })),
        }
    }

    fn check_claimed(&self, token: &Token) -> Result<(), Refused> {
        let held = self.claimed.get(&token.command).is_some_and(|held| held.iter().any(|(_, held)| held == token));
        if held { Ok(()) } else { Err(Refused::Unclaimed { token: token.clone() }) }
    }

    fn is_parked(&self, id: &ParkedId) -> bool {
        self.new.parked.get(id).map_or_else(|| self.parked.contains(id), Option::is_some)
    }

    fn append(&mut self, append: Vec<Draft>, positions: &[Position]) -> Result<(), Failure> {
        if self.known.head.epoch.0.is_empty() && !positions.is_empty() {
            let epoch = uuid::Uuid::new_v4().to_string();
            self.new.epoch = Some(epoch.clone());
            self.known.head.epoch = Epoch(epoch);
        }
        for (draft, position) in append.into_iter().zip(positions) {
            let number = self.known.head.number.successor();
            let Draft { topic, id, action, data, meta, keep: _ } = draft;
            let written = meta.as_ref().filter(|meta| **meta != Meta::default()).map(json).transpose()?;
            self.known.recent.push(*position, &topic, data.clone(), meta);
            self.new.events.push([
                position.ms().into(),
                position.seq().into(),
                topic.into(),
                number.0.into(),
                id.into(),
                action.into(),
                data.into(),
                written.into(),
            ]);
            self.known.head = Checkpoint { position: *position, number, ..std::mem::take(&mut self.known.head) };
        }
        Ok(())
    }

    fn enqueue(&mut self, enqueue: Enqueue) -> Result<(), Failure> {
        let Enqueue { command, service, idempotency } = enqueue;
        let body = json(&command)?;
        let id = command.id;
        let key = idempotency.as_ref().map(|idempotency| idempotency.key.clone());
        self.new.commands.push([id.as_str().into(), body.into(), key.into()]);
        self.new.outcomes.remove(&id);
        self.known.waits(&service, 1);
        self.new.waiting.push([self.known.back().into(), service.into(), id.as_str().into()]);
        self.answers.queued();
        if let Some(Idempotency { key, fingerprint }) = idempotency {
            self.new.keys.push([key.as_str().into(), id.as_str().into(), fingerprint.as_str().into()]);
            self.keys.insert(key, (id, fingerprint));
        }
        Ok(())
    }

    fn settle(&mut self, settlement: &Settlement, committed: &Committed) -> Result<(), Failure> {
        let Token { command, .. } = &settlement.token;
        let held = self.claimed.remove(command).unwrap_or_default();
        let (settled, others): (Vec<_>, Vec<_>) = held.into_iter().partition(|(_, held)| *held == settlement.token);
        for (place, _) in settled {
            self.new.unclaimed.push([place.into()]);
        }
        self.claimed.insert(command.clone(), others);
        let outcome: Outcome = positioned(&settlement.outcome, committed);
        self.new.outcomes.insert(command.clone(), json(&outcome)?);
        self.answers.ended(command, outcome);
        Ok(())
    }
}
