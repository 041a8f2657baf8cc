//! What a run of commits changes, collected and then written: a statement a table, however many commits.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::SqliteConnection;

use super::{
    bulk::{Bulk, Cell},
    failure::Failure,
};
use crate::{
    Parked, ParkedId,
    commit::{KEEP_KEYED_OUTCOME, KEEP_OUTCOME},
    engine::memory::deadline,
    parking::place,
};

/// What the file does not have yet.
pub(super) struct Changes {
    /// Of a log that begins.
    pub(super) epoch: Option<String>,
    pub(super) events: Bulk<8>,
    pub(super) commands: Bulk<3>,
    pub(super) keys: Bulk<3>,
    pub(super) waiting: Bulk<3>,
    /// Places of claims that have ended.
    pub(super) unclaimed: Bulk<1>,
    /// By command, as JSON.
    pub(super) outcomes: BTreeMap<String, String>,
    /// By consumer, as JSON.
    pub(super) checkpoints: BTreeMap<String, String>,
    /// What is set aside, or no more.
    pub(super) parked: BTreeMap<ParkedId, Option<Parked>>,
    /// What was once.
    pub(super) unparked: BTreeSet<ParkedId>,
}

impl Changes {
    pub(super) const fn none() -> Self {
        Self {
            epoch: None,
            events: Bulk::new(include_str!("write/events.sql")),
            commands: Bulk::new(include_str!("write/commands.sql")),
            keys: Bulk::new(include_str!("write/keys.sql")),
            waiting: Bulk::new(include_str!("write/waiting.sql")),
            unclaimed: Bulk::new(include_str!("write/unclaimed.sql")),
            outcomes: BTreeMap::new(),
            checkpoints: BTreeMap::new(),
            parked: BTreeMap::new(),
            unparked: BTreeSet::new(),
        }
    }

    pub(super) async fn write(mut self, connection: &mut SqliteConnection) -> Result<(), Failure> {
        self.events.execute(connection).await?;
        self.commands.execute(connection).await?;
        self.keys.execute(connection).await?;
        self.waiting.execute(connection).await?;
        self.unclaimed.execute(connection).await?;
        write_parked(connection, self.parked, self.unparked).await?;
        let mut checkpoints = Bulk::new(include_str!("write/checkpoints.sql"));
        for (consumer, checkpoint) in self.checkpoints {
            checkpoints.push([consumer.into(), checkpoint.into()]);
        }
        checkpoints.execute(connection).await?;
        let mut outcomes = Bulk::new(include_str!("write/outcomes.sql"));
        let [expires, keyed] = [KEEP_OUTCOME, KEEP_KEYED_OUTCOME].map(deadline);
        for (command, outcome) in self.outcomes {
            outcomes.push([command.into(), outcome.into(), expires.into(), keyed.into()]);
        }
        outcomes.execute(connection).await?;
        if let Some(epoch) = self.epoch {
            sqlx::query("INSERT INTO log (epoch) VALUES (?)").bind(epoch).execute(connection).await?;
        }
        Ok(())
    }
}

async fn write_parked(
    connection: &mut SqliteConnection,
    changed: BTreeMap<ParkedId, Option<Parked>>,
    unparked: BTreeSet<ParkedId>,
) -> Result<(), Failure> {
    let mut gone = Bulk::new(include_str!("write/unpark.sql"));
    let mut parked = Bulk::new(include_str!("write/parked.sql"));
    for (id, now) in changed {
        let [consumer, place, topic] = cells(&id);
        match now {
            None => gone.push([consumer, place, topic]),
            Some(Parked { reason, attempts, since_ms, retry, .. }) => {
                let numbers: [Cell; 3] = [u64::from(attempts).into(), since_ms.into(), i64::from(retry).into()];
                let [attempts, since, retry] = numbers;
                parked.push([consumer, place, topic, reason.into(), attempts, since, retry]);
            }
        }
    }
    gone.execute(connection).await?;
    parked.execute(connection).await?;
    let mut once = Bulk::new(include_str!("write/unparked.sql"));
    unparked.iter().for_each(|id| once.push(cells(id)));
    once.execute(connection).await
}

/// What names a parked entry, as the file has it.
pub(super) fn cells(id: &ParkedId) -> [Cell; 3] {
    [id.consumer.as_str().into(), place(id.position).into(), id.topic.as_str().into()]
}

/// A value as the file has it.
pub(super) fn json<T: serde::Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::corrupt("a value", error))
}
