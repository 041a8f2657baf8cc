//! Generations beside the one served: begun, loaded, served, kept, discarded.

use std::collections::BTreeMap;

use runtime::StoreError;
use serde::{Deserialize, Serialize};

use super::{Change, ModelState, ReadModel};

/// How far a generation that is not served has come in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Begun, and not served yet.
    Building,
    /// Built and held back: its rows differ from the served ones, and nobody has allowed that.
    Held,
    /// Served before, and kept so that it can be again.
    Kept,
}

/// A generation beside the one served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Where it stands.
    pub state: ModelState,
    /// How far it has come in its life.
    pub stage: Stage,
    /// What is being built, as its first [`ReadModel::begin`] said.
    pub plan: String,
    /// Whether a [`ReadModel::load`] was broken off, or is under way: rows may then be ahead of the state. Only a
    /// [`ReadModel::mend`] makes it whole again.
    pub torn: bool,
}

impl ReadModel {
    /// The generations beside the one served, by number: one cut.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn generations(&self) -> Result<Vec<Generation>, StoreError> {
        each!(self, model => model.generations())
    }

    /// How many rows each generation has, the served one and those beside it, by number. In SQLite all of them are
    /// looked at.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn row_counts(&self) -> Result<BTreeMap<u64, u64>, StoreError> {
        each!(self, model => model.row_counts())
    }

    /// A generation beside the one served, begun now or gone on with; nobody else sees its rows.
    ///
    /// `plan` says what is being built, so that whoever goes on with it builds the same: it is kept from the
    /// first time that the generation is begun.
    ///
    /// # Errors
    /// When the store failed, or `generation` is 0 or the one that is served.
    pub async fn begin(&self, generation: u64, plan: &str) -> Result<Self, StoreError> {
        let begun = match self {
            Self::Memory(model) => model.begin(generation, plan).map(Self::Memory),
            Self::Redis(model) => model.begin(generation, plan).await?.map(Self::Redis),
            Self::Sqlite(model) => model.begin(generation, plan).await?.map(Self::Sqlite),
        };
        begun.ok_or_else(|| StoreError::Unusable {
            url: self.place(),
            reason: format!("generation {generation} can't be begun: it is the one that is served"),
        })
    }

    /// Writes rows and state in bulk, or nothing when this is not a generation beside the one served that
    /// stands at `from`; tells which.
    ///
    /// `rows` are sorted by topic and key, each once. In Redis rows and state are not written at one stroke: a
    /// load that is broken off leaves the generation [torn](Generation::torn).
    ///
    /// # Errors
    /// When the store failed: what of it was written is then not known.
    pub async fn load(&self, from: &ModelState, to: &ModelState, rows: &[Change]) -> Result<bool, StoreError> {
        each!(self, model => model.load(from, to, rows))
    }

    /// Declares a torn generation whole: its rows are those of `to`, whose digest was counted anew. Nothing
    /// happens when it does not stand at `from`; tells which.
    ///
    /// # Errors
    /// When the store failed: whether it is whole is then not known.
    pub async fn mend(&self, from: &ModelState, to: &ModelState) -> Result<bool, StoreError> {
        match self {
            // Loads go through whole there, so only the state can have been wrong.
            Self::Memory(_) | Self::Sqlite(_) => self.load(from, to, &[]).await,
            Self::Redis(model) => model.mend(from, to).await,
        }
    }

    /// Serves generation `to.generation` in place of `from.generation`, which is kept beside it as it then
    /// stands; readers see the one or the other. In place of generation 0, which is none, nothing is kept.
    ///
    /// The served one may have moved on from `from`, though not beyond `to`. Nothing happens when it has, or is
    /// of another number or epoch, and when the other does not stand at `to` or is torn; tells which.
    ///
    /// # Errors
    /// When the store failed: whether it is served is then not known.
    pub async fn serve(&self, from: &ModelState, to: &ModelState) -> Result<bool, StoreError> {
        each!(self, model => model.serve(from, to))
    }

    /// Takes a begun generation over from whoever began it, under a new number where that is what keeps a loader
    /// that was given up for dead from writing into it; tells the number that it has then.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn take_up(&self, generation: u64, new: u64) -> Result<u64, StoreError> {
        match self {
            // A late load is one transaction there, and refused.
            Self::Memory(_) | Self::Sqlite(_) => Ok(generation),
            Self::Redis(model) => model.take_up(generation, new).await,
        }
    }

    /// Marks a generation that was being built as held back.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn hold_back(&self, generation: u64) -> Result<(), StoreError> {
        each!(self, model => model.hold_back(generation))
    }

    /// Drops a generation that is not served, if there is one of that number.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn discard(&self, generation: u64) -> Result<(), StoreError> {
        each!(self, model => model.discard(generation))
    }
}

impl Stage {
    /// The stage as stores have it.
    pub(super) fn of(text: &str) -> Self {
        match text {
            "kept" => Self::Kept,
            "held" => Self::Held,
            _ => Self::Building,
        }
    }
}

/// Whether the generation that is `served` may make room for `to`, asked for by somebody who saw it at `from`.
///
/// `serve.lua` says the same.
pub(super) fn gives_way(served: &ModelState, from: &ModelState, to: &ModelState) -> bool {
    // Positions of two epochs can't be compared.
    let epochs = [&from.checkpoint.epoch, &to.checkpoint.epoch];
    let moved_on = || {
        served.generation == from.generation
            && epochs.iter().all(|epoch| **epoch == served.checkpoint.epoch)
            && served.checkpoint.position <= to.checkpoint.position
    };
    served.generation != to.generation && (served == from || moved_on())
}
