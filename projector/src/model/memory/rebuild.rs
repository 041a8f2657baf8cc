//! What rebuilding needs of a read model in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{sync::watch, time::Instant};

use super::{MemoryModel, SERVED, Shared, Slot};
use crate::model::{Change, Generation, ModelState, Stage, generations::gives_way, hold::FRESH};

/// The right to rebuild, until dropped.
#[derive(Debug)]
pub(crate) struct Right(Arc<Mutex<Shared>>);

impl Drop for Right {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).holder = None;
    }
}

impl MemoryModel {
    pub(in crate::model) fn generations(&self) -> Vec<Generation> {
        let generation = |slot: &Slot| Generation {
            state: slot.state.clone(),
            stage: slot.stage,
            plan: slot.plan.clone(),
            torn: false,
        };
        self.shared().slots.range(SERVED + 1..).map(|(_, slot)| generation(slot)).collect()
    }

    pub(in crate::model) fn row_counts(&self) -> BTreeMap<u64, u64> {
        let rows = |slot: &Slot| slot.tables.values().map(|table| table.len() as u64).sum();
        let shared = self.shared();
        // Generation 0 is none.
        let generations = shared.slots.values().filter(|slot| slot.state.generation > 0);
        generations.map(|slot| (slot.state.generation, rows(slot))).collect()
    }

    /// Nothing when that generation is the one served.
    pub(in crate::model) fn begin(&self, generation: u64, plan: &str) -> Option<Self> {
        let mut shared = self.shared();
        let served = shared.slots.get(&SERVED).map(|slot| slot.state.generation);
        if generation == SERVED || served == Some(generation) {
            return None;
        }
        let slot = shared.slots.entry(generation).or_insert_with(|| Slot::new(generation, plan));
        let reached = watch::Sender::new(slot.state.checkpoint.position);
        Some(Self { shared: self.shared.clone(), slot: generation, reached, line: self.line.clone() })
    }

    pub(in crate::model) fn load(&self, from: &ModelState, to: &ModelState, rows: &[Change]) -> bool {
        let mut shared = self.shared();
        let slot = shared.slots.get_mut(&self.slot).filter(|slot| self.slot != SERVED && slot.state == *from);
        let Some(slot) = slot else { return false };
        slot.change(rows, to);
        self.reached.send_replace(to.checkpoint.position);
        true
    }

    pub(in crate::model) fn serve(&self, from: &ModelState, to: &ModelState) -> bool {
        let slots = &mut self.shared().slots;
        let served = slots.get(&SERVED).is_some_and(|slot| gives_way(&slot.state, from, to));
        let built = slots.get(&to.generation).is_some_and(|slot| slot.state == *to);
        if !served || !built || to.generation == SERVED {
            return false;
        }
        if let Some(built) = slots.remove(&to.generation)
            && let Some(served) = slots.insert(SERVED, built)
            && served.state.generation != SERVED
        {
            slots.insert(served.state.generation, Slot { stage: Stage::Kept, ..served });
        }
        self.reached.send_replace(to.checkpoint.position);
        true
    }

    pub(in crate::model) fn hold_back(&self, generation: u64) {
        let mut shared = self.shared();
        let slot = shared.slots.get_mut(&generation);
        if let Some(slot) = slot.filter(|slot| generation != SERVED && slot.stage == Stage::Building) {
            slot.stage = Stage::Held;
        }
    }

    pub(in crate::model) fn discard(&self, generation: u64) {
        if generation != SERVED {
            self.shared().slots.remove(&generation);
        }
    }

    /// The right to rebuild, or who has it.
    pub(in crate::model) fn hold(&self, holder: &str) -> Result<Right, String> {
        let held = &mut self.shared().holder;
        match held {
            Some(other) => Err(other.clone()),
            None => {
                *held = Some(holder.to_owned());
                Ok(Right(self.shared.clone()))
            }
        }
    }

    pub(in crate::model) fn tell(&self, progress: Option<&str>) {
        self.shared().told = progress.map(|progress| (Instant::now(), progress.to_owned()));
    }

    pub(in crate::model) fn told(&self) -> Option<String> {
        let shared = self.shared();
        let fresh = shared.told.as_ref().filter(|(at, _)| at.elapsed() < FRESH);
        fresh.map(|(_, progress)| progress.clone())
    }
}
