//! The right to rebuild a read model, which one has at a time, and how far the rebuild has come.

use std::time::Duration;

use runtime::StoreError;

use super::{ReadModel, memory, redis, sqlite};

/// How long progress is worth telling after it was told last.
pub(super) const FRESH: Duration = Duration::from_secs(5);

/// The exclusive right to rebuild a read model. Ends when dropped, or with the process.
#[derive(Debug)]
#[must_use = "the right ends with this value"]
pub struct Hold(Kind);

#[derive(Debug)]
enum Kind {
    /// In this process alone.
    Memory { _right: memory::Right },
    /// A lease, renewed by a task.
    Redis(Box<redis::Lease>),
    /// A lock of the operating system, which ends with the process.
    Sqlite { _lock: sqlite::Lock },
}

impl Hold {
    /// Returns when the right is lost, as a lease can be; never otherwise.
    pub async fn lost(&self) {
        match &self.0 {
            Kind::Redis(lease) => lease.lost().await,
            Kind::Memory { .. } | Kind::Sqlite { .. } => std::future::pending().await,
        }
    }

    /// Gives the right up: it is free when this returns, which after a drop it may be only a little later.
    pub async fn give_up(self) {
        match self.0 {
            Kind::Redis(lease) => lease.give_up().await,
            Kind::Memory { .. } | Kind::Sqlite { .. } => {}
        }
    }
}

impl ReadModel {
    /// Takes the exclusive right to rebuild this read model; gives the text of whoever else has it.
    ///
    /// Two holds exclude each other also with the same text and in one process. In Redis this can take a little
    /// more than 3 s: so long a lease outlives its holder.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn hold(&self, holder: &str) -> Result<Result<Hold, String>, StoreError> {
        let kind = match self {
            Self::Memory(model) => model.hold(holder).map(|right| Kind::Memory { _right: right }),
            Self::Redis(model) => model.hold(holder).await?.map(|lease| Kind::Redis(Box::new(lease))),
            Self::Sqlite(model) => model.hold(holder)?.map(|lock| Kind::Sqlite { _lock: lock }),
        };
        Ok(kind.map(Hold))
    }

    /// Tells other processes how far the rebuild under way has come (JSON), for 5 s; nothing takes it back.
    ///
    /// Nobody depends on it: what can't be told is logged and left.
    pub async fn tell(&self, progress: Option<&str>) {
        let told: Result<(), StoreError> = each!(self, model => model.tell(progress));
        if let Err(error) = told {
            tracing::debug!(%error, "progress of a rebuild not told");
        }
    }

    /// How far the rebuild under way has come, if there is one that tells.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn told(&self) -> Result<Option<String>, StoreError> {
        each!(self, model => model.told())
    }
}
