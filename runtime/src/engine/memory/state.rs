//! What a log is, and what a commit does to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kernel::{Checkpoint, Command, Entry, Epoch, Outcome};

use crate::{
    Advance, Commit, Committed, Enqueue, Expect, Holder, Idempotency, Parked, ParkedId, Refused, Settlement,
    commit::assign,
};

/// Everything that a log is.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) head: Checkpoint,
    pub(super) entries: Vec<Entry>,
    pub(super) checkpoints: BTreeMap<String, Checkpoint>,
    /// Who has taken a consumer over last.
    holders: BTreeMap<String, String>,
    pub(super) parked: BTreeMap<ParkedId, Parked>,
    /// What was parked once.
    pub(super) unparked: BTreeSet<ParkedId>,
    /// Waiting commands, by service, oldest first.
    pub(super) waiting: BTreeMap<String, VecDeque<String>>,
    /// Claimed commands, by service and worker.
    pub(super) claimed: BTreeMap<(String, String), Vec<String>>,
    /// When each worker's lease runs out, in Unix milliseconds.
    pub(super) leases: BTreeMap<String, u64>,
    pub(super) dead: BTreeMap<String, Vec<String>>,
    pub(super) commands: BTreeMap<String, Stored>,
    /// First command and fingerprint, by Idempotency-Key.
    keys: BTreeMap<String, (String, String)>,
    /// Holder and deadline, by role.
    pub(super) roles: BTreeMap<String, (String, u64)>,
}

/// A command as the log keeps it.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) command: Command,
    pub(super) failed: u32,
    pub(super) error: Option<String>,
    pub(super) outcome: Option<Outcome>,
}

impl State {
    /// Fills an empty log with a history's entries.
    pub(super) fn load(&mut self, entries: Vec<Entry>) {
        let last = |entries: &[Entry]| entries.iter().rev().find_map(Entry::number);
        self.head = Checkpoint {
            epoch: Epoch("history".into()),
            position: entries.last().map(Entry::position).unwrap_or_default(),
            number: last(&entries).unwrap_or_default(),
        };
        self.entries = entries;
    }

    /// R2: checks everything, then does everything.
    pub(super) fn commit(&mut self, commit: &Commit, now_ms: u64) -> Result<Committed, Refused> {
        let advance = commit.advance.as_ref();
        advance.map_or(Ok(()), |advance| advance.check_held(self.holders.get(&advance.consumer)))?;
        self.check_expected(&commit.expect)?;
        commit.settle.as_ref().map_or(Ok(()), |settlement| self.check_claimed(settlement))?;
        advance.map_or(Ok(()), |advance| advance.check(self.checkpoints.get(&advance.consumer)))?;
        let not_parked = commit.unpark.iter().find(|id| !self.parked.contains_key(id));
        not_parked.map_or(Ok(()), |id| Err(Refused::NotParked { id: id.clone() }))?;
        let mut keys = commit.enqueue.iter().filter_map(|enqueue| enqueue.idempotency.as_ref());
        keys.try_for_each(|idempotency| idempotency.check(self.keys.get(&idempotency.key)))?;
        let positions = assign(&commit.append, self.head.position, now_ms)?;

        if self.head.epoch.0.is_empty() && !positions.is_empty() {
            self.head.epoch = Epoch(uuid::Uuid::new_v4().to_string());
        }
        for (draft, position) in commit.append.iter().zip(&positions) {
            let number = self.head.number.successor();
            let event = kernel::Event { number: Some(number), ..draft.at(*position) };
            self.entries.push(Entry::Event(event));
            self.head.position = *position;
            self.head.number = number;
        }
        let committed = Committed { positions, head: self.head.clone() };
        commit.enqueue.iter().for_each(|enqueue| self.enqueue(enqueue));
        if let Some(settlement) = &commit.settle {
            self.settle(settlement, &committed);
        }
        if let Some(Advance { consumer, holder, from, to }) = &commit.advance {
            if let Holder::Taking(holder) = holder {
                self.holders.insert(consumer.clone(), holder.clone());
            }
            if from != to {
                self.checkpoints.insert(consumer.clone(), to.clone());
            }
        }
        for id in &commit.unpark {
            self.parked.remove(id);
            self.unparked.insert(id.clone());
        }
        for parked in &commit.park {
            self.parked.insert(parked.id(), parked.clone());
        }
        Ok(committed)
    }

    /// R5: nothing that was read has been mentioned since.
    fn check_expected(&self, expect: &Expect) -> Result<(), Refused> {
        if let Some(expected) = expect.head.filter(|expected| *expected != self.head.number) {
            return Err(Refused::HeadMoved { expected, found: self.head.number });
        }
        let start = self.entries.partition_point(|entry| entry.position() <= expect.as_of);
        for entry in &self.entries[start..] {
            let Entry::Event(event) = entry else { continue };
            if expect.except.is_some() && expect.except == event.meta.handler && event.meta.command.is_none() {
                continue;
            }
            let touches = |read: &&kernel::Read| *read.topic == *event.topic && event.data.contains(&read.text);
            if let Some(read) = expect.reads.iter().find(touches) {
                let (as_of, head) = (expect.as_of, self.head.position);
                return Err(Refused::Stale { read: read.clone(), as_of, head });
            }
        }
        Ok(())
    }

    fn check_claimed(&self, settlement: &Settlement) -> Result<(), Refused> {
        let token = &settlement.token;
        if self.holds(token) { Ok(()) } else { Err(Refused::Unclaimed { token: token.clone() }) }
    }

    fn enqueue(&mut self, enqueue: &Enqueue) {
        let id = enqueue.command.id.clone();
        if let Some(Idempotency { key, fingerprint }) = &enqueue.idempotency {
            self.keys.insert(key.clone(), (id.clone(), fingerprint.clone()));
        }
        self.waiting.entry(enqueue.service.clone()).or_default().push_back(id.clone());
        let stored = Stored { command: enqueue.command.clone(), failed: 0, error: None, outcome: None };
        self.commands.insert(id, stored);
    }

    fn settle(&mut self, settlement: &Settlement, committed: &Committed) {
        self.unclaim(&settlement.token);
        if let Some(stored) = self.commands.get_mut(&settlement.token.command) {
            stored.outcome = Some(positioned(&settlement.outcome, committed));
        }
    }
}

/// The outcome with the position of the commit's last event, which only the commit knows.
pub(in crate::engine) fn positioned(outcome: &Outcome, committed: &Committed) -> Outcome {
    match outcome {
        Outcome::Done { result, .. } => {
            Outcome::Done { result: result.clone(), position: committed.positions.last().copied() }
        }
        other @ (Outcome::Rejected(_) | Outcome::Dead { .. }) => other.clone(),
    }
}
