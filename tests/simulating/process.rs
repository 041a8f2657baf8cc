//! Processes: started, stopped, killed at any moment.

use runtime::{
    Engine, StoreError, Tail,
    engine::{Faults, Line},
    host,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::World;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Services,
    Sagas,
    Projector,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Services, Self::Sagas, Self::Projector];

    const fn name(self) -> &'static str {
        match self {
            Self::Services => "services",
            Self::Sagas => "sagas",
            Self::Projector => "projector",
        }
    }
}

/// A running process.
pub struct Process {
    pub line: Line,
    stop: CancellationToken,
    task: JoinHandle<Result<(), Ended>>,
}

/// Why a process has ended by itself.
#[derive(Debug)]
pub enum Ended {
    /// The store did not answer when it came up: whoever watches over processes starts it again.
    ComingUp(StoreError),
    /// It gave up.
    GaveUp(String),
}

/// Follows a log until dropped.
struct Following(JoinHandle<StoreError>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Process {
    pub fn start(world: &World, role: Role, name: &str, faults: Faults) -> Self {
        let name = format!("{}-{name}", role.name());
        world.simulation.note(&format!("{name} starts"));
        let line = world.simulation.line(&name, faults);
        let stop = CancellationToken::new();
        let task = tokio::spawn(work(world.clone(), role, line.clone(), stop.clone()));
        Self { line, stop, task }
    }

    /// Drops it, wherever it is.
    pub fn kill(self) {
        if !self.line.is_cut() {
            self.line.cut();
        }
        self.task.abort();
    }

    /// Asks it to stop.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    pub fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// How it ended, once it has.
    pub async fn ended(self) -> Result<(), Ended> {
        self.task.await.unwrap_or_else(|died| Err(Ended::GaveUp(died.to_string())))
    }
}

async fn work(world: World, role: Role, line: Line, stop: CancellationToken) -> Result<(), Ended> {
    let engine = Engine::Memory(world.memory.over(line.clone()));
    let (tail, following) = Tail::follow(engine).await.map_err(Ended::ComingUp)?;
    let following = Following(following);
    let domain = world.domain.clone();
    let ended = match role {
        Role::Services => {
            let services = domain.services().into_iter().map(str::to_owned).collect();
            match host::services::run(domain, tail, services, stop).await {
                Err(error) if error.is_transient() => return Err(Ended::ComingUp(error)),
                ended => ended.map_err(|error| error.to_string()),
            }
        }
        Role::Sagas => host::sagas::run(domain, tail, stop).await.map_err(|error| format!("{error:?}")),
        Role::Projector => {
            let model = projector::ReadModel::Memory(world.model.over(line));
            projector::live::run(domain, tail, model, stop).await.map_err(|error| error.to_string())
        }
    };
    drop(following);
    ended.map_err(Ended::GaveUp)
}
