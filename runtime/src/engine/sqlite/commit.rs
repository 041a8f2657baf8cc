//! R2 on a file: what a run of commits needs is read at once, each is decided in memory as the memory engine
//! does, and what they change is written at once.

use std::collections::{BTreeMap, HashMap};

use kernel::{Checkpoint, Draft, Epoch, Meta, Outcome, Position, Read};
use sqlx::{Row as _, SqliteConnection};

use super::{
    failure::Failure,
    known::Known,
    request::{Answered, Answers},
    rows::Rows,
};
use crate::{
    Advance, Commit, Committed, Enqueue, Expect, Idempotency, Parked, Refused, Settlement, Token,
    commit::{KEEP_KEYED_OUTCOME, KEEP_OUTCOME, MOST_AHEAD_MS},
    engine::memory::{now_ms, positioned},
};

/// Commits that follow one another in one transaction.
pub(super) struct Run<'r> {
    connection: &'r mut SqliteConnection,
    known: &'r mut Known,
    answers: &'r mut Answers,
    /// Where the commands that are to be settled are held, by command.
    claimed: HashMap<String, Vec<(i64, Token)>>,
    /// First command and fingerprint, by Idempotency-Key; of those that are asked for.
    keys: HashMap<String, (String, String)>,
    new: New,
}

/// What the run's commits change and the file does not have yet.
#[derive(Default)]
struct New {
    epoch: Option<String>,
    events: Rows,
    commands: Rows,
    keys: Rows,
    waiting: Rows,
    unclaimed: Rows,
    outcomes: BTreeMap<String, String>,
    checkpoints: BTreeMap<String, String>,
    parked: Rows,
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
    let claimed = claimed(connection, &batches).await?;
    let keys = keys(connection, &batches).await?;
    let mut run = Run { connection, known, answers, claimed, keys, new: New::default() };
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
    run.write().await?;
    run.known.recent.trim();
    Ok(answered)
}

/// Who holds the commands that the commits settle.
async fn claimed(
    connection: &mut SqliteConnection,
    batches: &[Vec<Commit>],
) -> Result<HashMap<String, Vec<(i64, Token)>>, Failure> {
    let mut commands = Rows::default();
    for settlement in batches.iter().flatten().filter_map(|commit| commit.settle.as_ref()) {
        commands.push(&settlement.token.command)?;
    }
    let mut claimed: HashMap<_, Vec<_>> = HashMap::new();
    let Some(commands) = commands.take() else { return Ok(claimed) };
    for row in sqlx::query(include_str!("claimed.sql")).bind(commands).fetch_all(connection).await? {
        let token = Token { service: row.try_get(1)?, worker: row.try_get(2)?, command: row.try_get(3)? };
        claimed.entry(token.command.clone()).or_default().push((row.try_get(0)?, token));
    }
    Ok(claimed)
}

/// What is known of the Idempotency-Keys that the commits bring.
async fn keys(
    connection: &mut SqliteConnection,
    batches: &[Vec<Commit>],
) -> Result<HashMap<String, (String, String)>, Failure> {
    let mut asked = Rows::default();
    let enqueued = batches.iter().flatten().flat_map(|commit| &commit.enqueue);
    for idempotency in enqueued.filter_map(|enqueue| enqueue.idempotency.as_ref()) {
        asked.push(&idempotency.key)?;
    }
    let mut keys = HashMap::new();
    let Some(asked) = asked.take() else { return Ok(keys) };
    for row in sqlx::query(include_str!("keys.sql")).bind(asked).fetch_all(connection).await? {
        keys.insert(row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?));
    }
    Ok(keys)
}

impl Run<'_> {
    /// Checks everything, then does everything.
    async fn apply(&mut self, commit: Commit) -> Result<Committed, No> {
        self.check_expected(&commit.expect).await?;
        let settle = commit.settle.as_ref();
        settle.map_or(Ok(()), |settlement| self.check_claimed(&settlement.token)).map_err(No::Refused)?;
        commit.advance.as_ref().map_or(Ok(()), |advance| self.check_at(advance)).map_err(No::Refused)?;
        commit.enqueue.iter().try_for_each(|enqueue| self.check_key(enqueue)).map_err(No::Refused)?;
        let positions = self.assign(&commit.append, now_ms()).map_err(No::Refused)?;

        self.append(commit.append, &positions)?;
        let committed = Committed { positions, head: self.known.head.clone() };
        for enqueue in commit.enqueue {
            self.enqueue(enqueue)?;
        }
        if let Some(settlement) = &commit.settle {
            self.settle(settlement, &committed)?;
        }
        if let Some(Advance { consumer, to, .. }) = commit.advance {
            self.new.checkpoints.insert(consumer.clone(), json(&to)?);
            self.known.checkpoints.insert(consumer, to);
        }
        for Parked { consumer, topic, position, reason } in &commit.park {
            self.new.parked.push(&(consumer, position, topic, reason))?;
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
            changed = changed_before(self.connection, expect, self.known.recent.floor()).await?;
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

    fn check_at(&self, advance: &Advance) -> Result<(), Refused> {
        let found = self.known.checkpoints.get(&advance.consumer).cloned().unwrap_or_default();
        if found == advance.from {
            return Ok(());
        }
        Err(Refused::Fenced { consumer: advance.consumer.clone(), expected: advance.from.clone(), found })
    }

    fn check_key(&self, enqueue: &Enqueue) -> Result<(), Refused> {
        let Some(Idempotency { key, fingerprint }) = &enqueue.idempotency else { return Ok(()) };
        match self.keys.get(key) {
            None => Ok(()),
            Some((first, known)) if known == fingerprint => Err(Refused::Repeated { first: first.clone() }),
            Some((first, _)) => Err(Refused::KeyReused { first: first.clone() }),
        }
    }

    /// R1: a position for each event, each greater than all before it.
    fn assign(&self, append: &[Draft], now_ms: u64) -> Result<Vec<Position>, Refused> {
        let mut last = self.known.head.position;
        let assign = |draft: &Draft| {
            let position = draft.keep.unwrap_or_else(|| last.next(now_ms));
            if position <= last {
                return Err(Refused::OutOfOrder { position, last });
            }
            if position.ms() > now_ms.saturating_add(MOST_AHEAD_MS) && draft.keep.is_some() {
                return Err(Refused::AheadOfClock { position, now_ms });
            }
            last = position;
            Ok(position)
        };
        append.iter().map(assign).collect()
    }

    fn append(&mut self, append: Vec<Draft>, positions: &[Position]) -> Result<(), Failure> {
        if self.known.head.epoch.0.is_empty() && !positions.is_empty() {
            let epoch = uuid::Uuid::new_v4().to_string();
            self.new.epoch = Some(epoch.clone());
            self.known.head.epoch = Epoch(epoch);
        }
        for (draft, position) in append.into_iter().zip(positions) {
            let number = self.known.head.number.successor();
            let Draft { topic, id, action, data, meta, keep: _ } = &draft;
            let meta = meta.as_ref().filter(|meta| **meta != Meta::default()).map(json).transpose()?;
            self.new.events.push(&(position.ms(), position.seq(), topic, number, id, action, data, meta))?;
            self.known.recent.push(*position, draft);
            self.known.head = Checkpoint { position: *position, number, ..std::mem::take(&mut self.known.head) };
        }
        Ok(())
    }

    fn enqueue(&mut self, enqueue: Enqueue) -> Result<(), Failure> {
        let Enqueue { command, service, idempotency } = enqueue;
        let key = idempotency.as_ref().map(|idempotency| &idempotency.key);
        self.new.commands.push(&(&command.id, json(&command)?, key))?;
        self.new.waiting.push(&(self.known.back(), &service, &command.id))?;
        self.new.outcomes.remove(&command.id);
        self.known.waits(&service, 1);
        self.answers.queued();
        if let Some(Idempotency { key, fingerprint }) = idempotency {
            self.new.keys.push(&(&key, &command.id, &fingerprint))?;
            self.keys.insert(key, (command.id, fingerprint));
        }
        Ok(())
    }

    fn settle(&mut self, settlement: &Settlement, committed: &Committed) -> Result<(), Failure> {
        let Token { command, .. } = &settlement.token;
        let held = self.claimed.remove(command).unwrap_or_default();
        let (settled, others): (Vec<_>, Vec<_>) = held.into_iter().partition(|(_, held)| *held == settlement.token);
        for (place, _) in settled {
            self.new.unclaimed.push(&place)?;
        }
        self.claimed.insert(command.clone(), others);
        let outcome: Outcome = positioned(&settlement.outcome, committed);
        self.new.outcomes.insert(command.clone(), json(&outcome)?);
        self.answers.ended(command, outcome);
        Ok(())
    }

    /// Writes what the run changes: a statement a table, however many commits there are.
    async fn write(&mut self) -> Result<(), Failure> {
        let New { epoch, events, commands, keys, waiting, unclaimed, outcomes, checkpoints, parked } = &mut self.new;
        let write = [
            (include_str!("write/events.sql"), events.take()),
            (include_str!("write/commands.sql"), commands.take()),
            (include_str!("write/keys.sql"), keys.take()),
            (include_str!("write/waiting.sql"), waiting.take()),
            (include_str!("write/unclaimed.sql"), unclaimed.take()),
            (include_str!("write/checkpoints.sql"), of_map(checkpoints)?),
            (include_str!("write/parked.sql"), parked.take()),
        ];
        for (sql, rows) in write {
            let Some(rows) = rows else { continue };
            sqlx::query(sql).bind(rows).execute(&mut *self.connection).await?;
        }
        if let Some(outcomes) = of_map(outcomes)? {
            let now = i64::try_from(now_ms()).unwrap_or(i64::MAX);
            let [keep, keyed] = [KEEP_OUTCOME, KEEP_KEYED_OUTCOME].map(|keep| i64::try_from(keep.as_millis()));
            sqlx::query(include_str!("write/outcomes.sql"))
                .bind(outcomes)
                .bind(now.saturating_add(keep.unwrap_or(i64::MAX)))
                .bind(now.saturating_add(keyed.unwrap_or(i64::MAX)))
                .execute(&mut *self.connection)
                .await?;
        }
        if let Some(epoch) = epoch.take() {
            sqlx::query("INSERT INTO log (epoch) VALUES (?)").bind(epoch).execute(&mut *self.connection).await?;
        }
        Ok(())
    }
}

/// What of `expect`'s reads the first event up to `floor` that mentions one mentions.
async fn changed_before<'e>(
    connection: &mut SqliteConnection,
    expect: &'e Expect,
    floor: Position,
) -> Result<Option<&'e Read>, Failure> {
    let mut reads = Rows::default();
    for read in &expect.reads {
        reads.push(&(&read.topic, &read.text))?;
    }
    let index: Option<i64> = sqlx::query_scalar(include_str!("changed.sql"))
        .bind(reads.take())
        .bind(signed(expect.as_of.ms()))
        .bind(signed(expect.as_of.seq()))
        .bind(signed(floor.ms()))
        .bind(signed(floor.seq()))
        .bind(&expect.except)
        .fetch_optional(connection)
        .await?;
    Ok(index.and_then(|index| usize::try_from(index).ok()).and_then(|index| expect.reads.get(index)))
}

/// A part of a position as SQLite has it; no event has a greater one.
pub(super) fn signed(part: u64) -> i64 {
    i64::try_from(part).unwrap_or(i64::MAX)
}

fn of_map(map: &mut BTreeMap<String, String>) -> Result<Option<String>, Failure> {
    let mut rows = Rows::default();
    for row in std::mem::take(map) {
        rows.push(&row)?;
    }
    Ok(rows.take())
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::corrupt("a value", error))
}
