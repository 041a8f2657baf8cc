//! What the writer knows of the file without asking it; read again whenever a transaction has failed.

use std::collections::{BTreeMap, HashMap};

use kernel::{Checkpoint, Epoch, Number, Position};
use sqlx::{Row as _, SqliteConnection, SqliteExecutor};

use super::{failure::Failure, recent::Recent};

/// What the writer knows.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) head: Checkpoint,
    pub(super) checkpoints: BTreeMap<String, Checkpoint>,
    /// Who has taken a consumer over last. Nobody else writes this file, so it need not be in it.
    pub(super) holders: BTreeMap<String, String>,
    pub(super) recent: Recent,
    /// How many commands wait, by service: claimers ask often and mostly in vain.
    pub(super) waiting: HashMap<String, usize>,
    /// The last place in any queue.
    back: i64,
    /// The first place in any queue.
    front: i64,
}

impl Known {
    pub(super) async fn load(connection: &mut SqliteConnection) -> Result<Self, Failure> {
        let head = head(&mut *connection).await?;
        let mut checkpoints = BTreeMap::new();
        for row in sqlx::query("SELECT consumer, checkpoint FROM checkpoints").fetch_all(&mut *connection).await? {
            checkpoints.insert(row.try_get(0)?, checkpoint(row.try_get(0)?, row.try_get(1)?)?);
        }
        let mut waiting = HashMap::new();
        for row in
            sqlx::query("SELECT service, count(*) FROM waiting GROUP BY service").fetch_all(&mut *connection).await?
        {
            waiting.insert(row.try_get(0)?, usize::try_from(row.try_get::<i64, _>(1)?).unwrap_or(usize::MAX));
        }
        let places = sqlx::query(include_str!("places.sql")).fetch_one(&mut *connection).await?;
        let (front, back) = (places.try_get(0)?, places.try_get(1)?);
        let recent = Recent::new(head.position);
        Ok(Self { head, checkpoints, holders: BTreeMap::new(), recent, waiting, back, front })
    }

    /// Reads everything again that is in the file. Who holds what is not, and stays: to take over what was undone has
    /// been answered with an error, and nobody has that name.
    pub(super) async fn read_again(&mut self, connection: &mut SqliteConnection) -> Result<(), Failure> {
        let known = Self::load(connection).await?;
        *self = Self { holders: std::mem::take(&mut self.holders), ..known };
        Ok(())
    }

    /// A place behind all others.
    pub(super) const fn back(&mut self) -> i64 {
        self.back += 1;
        self.back
    }

    /// A place before all others.
    pub(super) const fn front(&mut self) -> i64 {
        self.front -= 1;
        self.front
    }

    /// `count` commands more wait for `service`.
    pub(super) fn waits(&mut self, service: &str, count: usize) {
        match self.waiting.get_mut(service) {
            Some(waiting) => *waiting += count,
            None => drop(self.waiting.insert(service.to_owned(), count)),
        }
    }
}

/// Where the log stands: its last event.
pub(super) async fn head(connection: impl SqliteExecutor<'_>) -> Result<Checkpoint, Failure> {
    let Some(row) = sqlx::query(include_str!("head.sql")).fetch_optional(connection).await? else {
        return Ok(Checkpoint::default());
    };
    let part = |index: usize| Ok::<_, sqlx::Error>(row.try_get::<i64, _>(index)?.cast_unsigned());
    Ok(Checkpoint {
        epoch: Epoch(row.try_get(0)?),
        position: Position::new(part(1)?, part(2)?),
        number: Number(part(3)?),
    })
}

/// Reads a consumer's checkpoint.
pub(super) fn checkpoint(consumer: &str, json: &str) -> Result<Checkpoint, Failure> {
    serde_json::from_str(json).map_err(|error| Failure::corrupt(format!("the checkpoint of {consumer}"), error))
}
