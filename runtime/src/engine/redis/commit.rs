//! R2: commits, each one run of a script.

use std::sync::Arc;

use kernel::{Checkpoint, Epoch, Number, Position};
use redis::{Cmd, Pipeline, Value};

use super::{Redis, decode, script};
use crate::{Commit, Committed, Holder, Refused, StoreError, history::check_length};

impl Redis {
    pub(in crate::engine) async fn commit(
        &self,
        commits: &[Commit],
    ) -> Result<Vec<Result<Committed, Refused>>, StoreError> {
        let drafts = commits.iter().flat_map(|commit| &commit.append);
        if let Some(Err(reason)) = drafts.map(|draft| check_length("event_data", draft.data.len())).find(Result::is_err)
        {
            return Err(StoreError::Unusable { url: self.url(), reason });
        }
        let mut answers = self.run_commits(commits.iter(), &[]).await?;
        // A log without a head begins after what its streams hold already, so the script must know them all.
        let early: Vec<_> = (0..answers.len()).filter(|index| answers[*index].is_none()).collect();
        if !early.is_empty() {
            let again = self.run_commits(early.iter().map(|index| &commits[*index]), &self.0.topics.all()).await?;
            for (index, answer) in early.into_iter().zip(again) {
                answers[index] = answer;
            }
        }
        let answer = |answer: Option<_>| answer.ok_or_else(|| self.strange("begin"));
        answers.into_iter().map(answer).collect()
    }

    /// Runs commits in one go; no answer is what the script gives when it must know the log's topics.
    async fn run_commits<'c>(
        &self,
        commits: impl Iterator<Item = &'c Commit> + Clone,
        topics: &[Arc<str>],
    ) -> Result<Vec<Option<Result<Committed, Refused>>>, StoreError> {
        let mut runs = Pipeline::new();
        for commit in commits.clone() {
            let mut run = self.over(&script::COMMIT, &self.keys().head);
            self.write_commit(&mut run, commit);
            run.arg(topics.iter().map(AsRef::as_ref).collect::<Vec<&str>>());
            runs.add_command(run);
        }
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.run_all(&script::COMMIT, &runs).await?;
        let read = |(commit, answer): (&Commit, Value)| {
            if let Value::BulkString(text) = &answer {
                let committed = read_committed(text).ok_or_else(|| self.strange(&String::from_utf8_lossy(text)))?;
                self.0.topics.note(&committed.head.epoch, &commit.append);
                return Ok(Some(Ok(committed)));
            }
            let answer: Vec<String> = self.answer(&self.keys().head, answer)?;
            if answer == ["begin"] {
                return Ok(None);
            }
            let refused = read_refused(commit, &answer).ok_or_else(|| self.strange(&answer.join(" ")))?;
            Ok(Some(Err(refused)))
        };
        commits.zip(answers).map(read).collect()
    }

    /// Writes what `commit.lua` reads.
    fn write_commit(&self, run: &mut Cmd, commit: &Commit) {
        let Commit { expect, append, enqueue, settle, advance, unpark, park } = commit;
        let epoch = if append.is_empty() { String::new() } else { uuid::Uuid::new_v4().to_string() };
        let except = expect.except.as_ref().map(|handler| format!("\"handler\":{}", decode::json(handler)));
        run.arg(&self.keys().prefix).arg(epoch).arg(self.0.topics.noted_in(append).0);
        run.arg(expect.as_of.to_string()).arg(except.unwrap_or_default());
        run.arg(expect.head.map(|head| head.to_string()).unwrap_or_default());
        run.arg(expect.reads.len()).arg(append.len()).arg(enqueue.len());
        run.arg(u8::from(settle.is_some())).arg(u8::from(advance.is_some())).arg(park.len()).arg(unpark.len());
        for read in &expect.reads {
            run.arg(&*read.topic).arg(&*read.text);
        }
        for draft in append {
            run.arg(&draft.topic).arg(&draft.id).arg(&draft.action).arg(&draft.data);
            run.arg(draft.meta.as_ref().map(decode::json).unwrap_or_default());
            run.arg(draft.keep.map(|position| position.to_string()).unwrap_or_default());
        }
        for enqueue in enqueue {
            run.arg(&enqueue.service).arg(&enqueue.command.id).arg(decode::json(&enqueue.command));
            match &enqueue.idempotency {
                Some(idempotency) => run.arg(&idempotency.key).arg(&idempotency.fingerprint),
                None => run.arg("").arg(""),
            };
        }
        if let Some(settlement) = settle {
            let token = &settlement.token;
            run.arg(&token.service).arg(&token.worker).arg(&token.command).arg(decode::json(&settlement.outcome));
        }
        if let Some(advance) = advance {
            let (way, holder) = match &advance.holder {
                Holder::Taking(holder) => ("take", holder.as_str()),
                Holder::Holding(holder) => ("hold", holder.as_str()),
            };
            run.arg(&advance.consumer).arg(decode::json(&advance.from)).arg(decode::json(&advance.to));
            run.arg(way).arg(holder);
        }
        for parked in park {
            run.arg(parked.id().key()).arg(decode::json(parked)).arg(u8::from(parked.retry));
        }
        for id in unpark {
            run.arg(id.key());
        }
    }

    /// The error of a script that answered what it never should.
    fn strange(&self, answer: &str) -> StoreError {
        self.corrupt(&self.keys().head, &format!("the commit script answered \"{answer}\""))
    }
}

/// What the script tells of a commit that went through: the head, then the positions of its events.
fn read_committed(answer: &[u8]) -> Option<Committed> {
    let mut words = std::str::from_utf8(answer).ok()?.strip_prefix("ok ")?.split(' ');
    let epoch = Epoch(words.next()?.to_owned());
    let number = Number(words.next()?.parse().ok()?);
    let position = words.next()?.parse().ok()?;
    let positions = words.map(|position| position.parse().ok()).collect::<Option<_>>()?;
    Some(Committed { positions, head: Checkpoint { epoch, position, number } })
}

/// What the script tells of a commit that it refused.
fn read_refused(commit: &Commit, answer: &[String]) -> Option<Refused> {
    let (kind, rest) = answer.split_first()?;
    let text = |index: usize| rest.get(index).map(String::as_str);
    let position = |index| text(index)?.parse::<Position>().ok();
    let number = |index| text(index)?.parse().ok().map(Number);
    Some(match kind.as_str() {
        "moved" => Refused::HeadMoved { expected: commit.expect.head?, found: number(0)? },
        "stale" => {
            let read = commit.expect.reads.get(text(0)?.parse::<usize>().ok()?.checked_sub(1)?)?;
            Refused::Stale { read: read.clone(), as_of: commit.expect.as_of, head: position(1)? }
        }
        "unclaimed" => Refused::Unclaimed { token: commit.settle.as_ref()?.token.clone() },
        "fenced" => {
            let advance = commit.advance.as_ref()?;
            let found = serde_json::from_str(text(0)?).ok()?;
            Refused::Fenced { consumer: advance.consumer.clone(), expected: advance.from.clone(), found }
        }
        "taken" => Refused::TakenOver { consumer: commit.advance.as_ref()?.consumer.clone() },
        "not_parked" => {
            let id = commit.unpark.get(text(0)?.parse::<usize>().ok()?.checked_sub(1)?)?;
            Refused::NotParked { id: id.clone() }
        }
        "repeated" => Refused::Repeated { first: text(0)?.to_owned() },
        "reused" => Refused::KeyReused { first: text(0)?.to_owned() },
        "order" => Refused::OutOfOrder { position: position(0)?, last: position(1)? },
        "ahead" => Refused::AheadOfClock { position: position(0)?, now_ms: text(1)?.parse().ok()? },
        _ => return None,
    })
}
