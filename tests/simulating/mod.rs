//! A bank in a simulated world: its processes die, its store fails, its clock jumps, its clients ask twice.

mod check;
mod client;
mod process;
mod script;

use std::{sync::Arc, time::Duration};

use kernel::{Checkpoint, Domain, Entry};
use projector::{ReadModel, model::MemoryModel};
use runtime::{
    Engine,
    engine::{Chance, Memory, Simulation},
};
use testkit::bank;

pub use script::run;

/// What came of a seed.
#[derive(Debug, Default)]
pub struct Run {
    pub log: Vec<Entry>,
    /// What was asked and done, in order.
    pub trace: Vec<String>,
    /// What must not be.
    pub wrong: Vec<String>,
    pub calls: u64,
    pub faults: u64,
    pub deaths: u64,
    pub dead: u64,
    pub elapsed: Duration,
}

impl Run {
    /// What went wrong, and all that was done to it.
    pub fn told(&self) -> String {
        format!("\n  {}\nwhat was done, in order:\n{}", self.wrong.join("\n  "), self.trace.join("\n"))
    }
}

/// What everything in the world shares.
#[derive(Clone, Debug)]
pub struct World {
    pub seed: u64,
    pub simulation: Simulation,
    pub domain: Arc<Domain>,
    pub memory: Memory,
    pub model: MemoryModel,
}

impl World {
    fn new(seed: u64) -> Self {
        let simulation = Simulation::new(seed);
        let memory = Memory::simulated(&simulation);
        Self { seed, simulation, domain: Arc::new(bank::domain()), memory, model: MemoryModel::new() }
    }

    /// The log as it is, with no line in between.
    pub fn engine(&self) -> Engine {
        Engine::Memory(self.memory.clone())
    }

    /// The read model as it is.
    pub fn read_model(&self) -> ReadModel {
        ReadModel::Memory(self.model.clone())
    }

    /// Chance for one purpose.
    pub fn chance(&self, purpose: &str) -> Chance {
        Chance::of(self.seed, &[purpose], 0)
    }

    pub async fn log(&self) -> Vec<Entry> {
        self.engine().read(&Checkpoint::default(), usize::MAX).await.unwrap().entries
    }
}

/// Keeps quiet about what a handler of the bank panics with: it is meant to.
pub fn expect_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let meant = |text: &str| text.starts_with("assertion") && text.contains("the counting machine explodes");
            let meant = panic.payload_as_str().is_some_and(meant);
            if !meant {
                usual(panic);
            }
        }));
    });
}
