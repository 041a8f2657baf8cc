//! What was set aside, tried again.
//!
//! Decided is as late decisions are (R7): on the view as it is now, with what it asks of the past from then, and where
//! the view stood is recorded. Effects and the end of being set aside go in one commit, which somebody who drops the
//! entry meanwhile, or another host, makes impossible.

use std::collections::{BTreeMap, VecDeque};

use kernel::{Checkpoint, Entry, Position, Row, Then};

use super::{Ending, FOLD, Follower, Pending, step};
use crate::{Commit, Parked, ParkedId, Refused, StoreError, host::sagas::SagaError};

/// An entry that is tried again, as it was met.
struct Met {
    entry: Entry,
    /// The entity's row just before.
    before: Option<Row>,
    /// What its decision asked of the past.
    then: Then,
    /// Why it can't be read, if it can't.
    unreadable: Option<String>,
}

impl Follower {
    /// Tries again what somebody wants tried again; `Some` when it is over.
    pub(super) async fn retry(&mut self) -> Result<Option<Ending>, SagaError> {
        let wanted = self.tail.engine().to_retry(&self.consumer).await.map_err(|source| self.store_error(source))?;
        if wanted.is_empty() {
            return Ok(None);
        }
        let mut met = self.meet_again(&wanted).await.map_err(|source| self.store_error(source))?;
        let mut pending = VecDeque::new();
        for parked in wanted {
            let met = met.remove(&parked.id());
            if let Some(ending) = self.try_again(&parked, met, &mut pending).await? {
                return Ok(Some(ending));
            }
        }
        self.see_through(Vec::new(), pending).await
    }

    /// Decides about one entry again, and commits what comes of it.
    async fn try_again(
        &mut self,
        parked: &Parked,
        mut met: Option<Met>,
        pending: &mut VecDeque<Pending>,
    ) -> Result<Option<Ending>, SagaError> {
        // Whoever makes the decision again finds all that the saga had done by then in the log, and nothing in front.
        self.read_on(self.effect, pending).await?;
        loop {
            let decided = self.decide_again(parked, &mut met);
            // Moved nowhere: a host that is late is refused.
            let advance = Some(self.advance(self.checkpoint.clone(), self.checkpoint.clone()));
            let rest = decided.unwrap_or_else(|reason| {
                // Whatever the saga declares: it has gone past this entry already, and need not stop here.
                Commit { park: vec![parked.failed_again(&reason)], ..Commit::default() }
            });
            let commit = Commit { unpark: vec![parked.id()], advance, ..rest };
            let answers = self.tail.engine().commit(std::slice::from_ref(&commit)).await;
            match answers.map_err(|source| self.store_error(source))?.pop() {
                Some(Ok(committed)) => {
                    let quiet = self.quiet;
                    self.committed(&commit, &committed.positions);
                    self.quiet = quiet;
                    self.tell(parked, commit.park.first());
                    return Ok(None);
                }
                Some(Err(Refused::Stale { head, .. })) => self.read_on(head, pending).await?,
                // It was dropped meanwhile.
                Some(Err(Refused::NotParked { .. })) => return Ok(None),
                Some(Err(Refused::Fenced { .. } | Refused::TakenOver { .. })) | None => {
                    return Ok(Some(Ending::Fenced));
                }
                Some(Err(other)) => return Err(self.stopped(parked.position, other.to_string())),
            }
        }
    }

    fn tell(&self, parked: &Parked, failed: Option<&Parked>) {
        let (saga, Parked { topic, position, .. }) = (self.saga.name, parked);
        match failed {
            None => tracing::info!(saga, topic, %position, "parked event tried again: it is reacted to"),
            Some(Parked { reason, attempts, .. }) => {
                tracing::error!(saga, topic, %position, reason, attempts, "parked event tried again: it stays parked");
            }
        }
    }

    /// What the saga does about an entry on the view as it is now, or why it can't.
    fn decide_again(&self, parked: &Parked, met: &mut Option<Met>) -> Result<Commit, String> {
        let Some(Met { entry, before, then, unreadable }) = met else {
            return Err(format!("the log holds no entry at {} of {} any more", parked.position, parked.topic));
        };
        match (entry, unreadable) {
            (_, Some(reason)) => Err(reason.clone()),
            (Entry::Junk(junk), None) => Err(junk.reason.clone()),
            (Entry::Event(event), None) if !self.saga.wants(event) => Ok(Commit::default()),
            (Entry::Event(event), None) => self.reaction(event, before.as_ref(), then).map_err(|failure| failure.0),
        }
    }

    /// Reads the log once more as far as these entries, which are in order, for what was there when they came.
    async fn meet_again(&self, wanted: &[Parked]) -> Result<BTreeMap<ParkedId, Met>, StoreError> {
        let engine = self.tail.engine();
        let last = wanted.iter().map(|parked| parked.position).max().unwrap_or(Position::ZERO);
        let (mut view, mut at) = (self.saga.view(&self.domain), Checkpoint::default());
        let mut met = BTreeMap::new();
        while at.position < last {
            let page = engine.read(&at, FOLD).await?;
            if page.entries.is_empty() {
                break;
            }
            for entry in page.entries.into_iter().filter(|entry| entry.position() <= last) {
                let applied = view.apply(&entry);
                at = step(&at, &entry, &page.head);
                let there = &wanted[wanted.partition_point(|parked| parked.position < entry.position())..];
                let there = there.iter().take_while(|parked| parked.position == entry.position());
                let Some(parked) = there.into_iter().find(|parked| *parked.topic == **entry.topic()) else { continue };
                let (before, unreadable) = applied.map_or_else(|error| (None, Some(error.0)), |before| (before, None));
                let mut then = Then::default();
                if let (Entry::Event(event), None, false) = (&entry, &unreadable, self.saga.recalls.is_empty()) {
                    // The decision itself is thrown away.
                    let _ = self.reaction_on(&view, event, before.as_ref(), &mut then);
                }
                met.insert(parked.id(), Met { entry, before, then, unreadable });
            }
        }
        Ok(met)
    }
}
