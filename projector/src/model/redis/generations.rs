//! Generations beside the one served: the states are hashes of their own, and a set says which there are.

use std::{collections::BTreeMap, sync::LazyLock};

use redis::{Script, Value};
use runtime::StoreError;

use super::{
    RedisModel,
    slot::{self, Slot},
};
use crate::model::{Generation, ModelState, Stage};

static GENERATIONS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("generations.lua")));
static ROW_COUNTS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("row_counts.lua")));
static BEGIN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("begin.lua")));
static SERVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("serve.lua")));
static TAKE_UP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take_up.lua")));
static HOLD_BACK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("hold_back.lua")));
static DISCARD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("discard.lua")));

impl RedisModel {
    /// The set of the numbers of the generations that are not served.
    fn registry(&self) -> String {
        format!("{}:generations", self.0.base)
    }

    pub(super) fn is_served(&self) -> bool {
        self.slot().key == self.0.base
    }

    fn slot_of(&self, generation: u64) -> Slot {
        Slot { key: format!("{}:{generation}", self.0.base) }
    }

    pub(in crate::model) async fn generations(&self) -> Result<Vec<Generation>, StoreError> {
        let keys = self.deriving([self.registry(), self.0.base.clone()]);
        let found: Vec<(Value, Option<String>, Option<String>, bool)> =
            self.server().run(&GENERATIONS, &keys, |_| {}).await?;
        let generation = |(state, stage, plan, torn): (Value, Option<String>, Option<String>, bool)| {
            let stage = Stage::of(stage.as_deref().unwrap_or_default());
            let state = Slot { key: self.registry() }.parse(self.server(), state)?;
            Ok(Generation { state, stage, plan: plan.unwrap_or_default(), torn })
        };
        let mut generations: Vec<_> = found.into_iter().map(generation).collect::<Result<_, StoreError>>()?;
        generations.sort_unstable_by_key(|generation| generation.state.generation);
        Ok(generations)
    }

    pub(in crate::model) async fn row_counts(&self) -> Result<BTreeMap<u64, u64>, StoreError> {
        let keys = self.deriving([self.0.base.clone(), self.registry()]);
        let found: Vec<(u64, u64)> = self.server().run(&ROW_COUNTS, &keys, |_| {}).await?;
        Ok(found.into_iter().collect())
    }

    /// Nothing when that generation is the one served.
    pub(in crate::model) async fn begin(&self, generation: u64, plan: &str) -> Result<Option<Self>, StoreError> {
        let slot = self.slot_of(generation);
        let keys = [slot.key.clone(), self.0.base.clone(), self.registry()];
        let begun: bool = self
            .server()
            .run(&BEGIN, &keys, |command| {
                command.arg(generation).arg(plan);
            })
            .await?;
        let of = || Self::of(self.server().clone(), self.0.namespace.clone(), self.0.base.clone(), slot);
        Ok(begun.then(of))
    }

    pub(in crate::model) async fn serve(&self, from: &ModelState, to: &ModelState) -> Result<bool, StoreError> {
        let [built, previous] = [to, from].map(|state| self.slot_of(state.generation).key);
        let keys = [self.0.base.clone(), built, previous, self.registry()];
        let served = self
            .server()
            .run(&SERVE, &keys, |command| {
                command.arg(slot::fields(from).as_slice()).arg(slot::fields(to).as_slice());
            })
            .await?;
        if served {
            self.0.arrivals.arrived(to.checkpoint.position);
        }
        Ok(served)
    }

    pub(in crate::model) async fn take_up(&self, generation: u64, new: u64) -> Result<u64, StoreError> {
        let keys = self.deriving([self.slot_of(generation).key, self.slot_of(new).key, self.registry()]);
        let taken: bool = self
            .server()
            .run(&TAKE_UP, &keys, |command| {
                command.arg(generation).arg(new);
            })
            .await?;
        Ok(if taken { new } else { generation })
    }

    pub(in crate::model) async fn hold_back(&self, generation: u64) -> Result<(), StoreError> {
        let keys = [self.slot_of(generation).key];
        self.server().run(&HOLD_BACK, &keys, |_| {}).await
    }

    pub(in crate::model) async fn discard(&self, generation: u64) -> Result<(), StoreError> {
        let keys = self.deriving([self.slot_of(generation).key, self.0.base.clone(), self.registry()]);
        self.server()
            .run(&DISCARD, &keys, |command| {
                command.arg(generation);
            })
            .await
    }
}
