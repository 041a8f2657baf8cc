//! What happens to the processes of a seed: faults first, then calm, then rest.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kernel::Checkpoint;
use runtime::engine::{Chance, Faults};
use tokio::{task::JoinSet, time::Instant};

use super::{
    Run, World, check,
    client::Gateway,
    process::{Ended, Process, Role},
};

/// How often is looked around.
const LOOK: Duration = Duration::from_millis(50);

/// Within what time after the last fault everything must have come to rest.
const REST: Duration = Duration::from_secs(120);

/// Within what time a process that is told to stop must have stopped.
const STOP: Duration = Duration::from_secs(30);

/// Runs a seed.
pub fn run(seed: u64) -> Run {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(seed);
        let start = Instant::now();
        let mut script = Script::new(&world);
        let finished = script.play().await;
        let Script { mut wrong, deaths, gateway, .. } = script;
        wrong.append(&mut gateway.wrong.lock().unwrap());
        let elapsed = start.elapsed();
        let asked = gateway.asked.lock().unwrap().clone();
        if finished && wrong.is_empty() {
            wrong = check::at_rest(&world, &asked).await;
        }
        let trace = world.simulation.trace();
        let count = |what: fn(&str) -> bool| trace.iter().filter(|line| what(line)).count() as u64;
        let faults = count(|line| ["LOST", "NOT ANSWERED", "LATER", "HELD"].iter().any(|fault| line.contains(fault)));
        let dead = asked.iter().filter(|asked| matches!(asked.outcome, kernel::Outcome::Dead { .. })).count() as u64;
        let (log, calls) = (world.log().await, trace.len() as u64);
        Run { log, wrong, calls, faults, deaths, dead, elapsed, trace }
    })
}

/// A place where a process of some role runs.
type Place = (Role, u64);

struct Script {
    world: World,
    chance: Chance,
    faults: Faults,
    gateway: Arc<Gateway>,
    clients: JoinSet<()>,
    running: BTreeMap<Place, Process>,
    /// When a place gets its next process, and how many it has had.
    down: BTreeMap<Place, Instant>,
    started: BTreeMap<Place, u64>,
    /// Processes that were told to stop.
    stopping: Vec<(Place, Process, Instant)>,
    deaths: u64,
    wrong: Vec<String>,
    /// Where consumers stood when last looked at.
    stood: BTreeMap<String, Checkpoint>,
}

impl Script {
    fn new(world: &World) -> Self {
        let mut chance = world.chance("script");
        let mut often = |most: u64| u32::try_from(chance.below(most)).unwrap();
        let faults = Faults {
            lost: often(80),
            unanswered: often(80),
            late: often(60),
            held: often(60),
            latest: Duration::from_millis(u64::from(100 + often(7_000))),
        };
        let gateway = Arc::new(Gateway::new(world, faults));
        let mut script = Self {
            world: world.clone(),
            faults,
            gateway,
            clients: JoinSet::new(),
            running: BTreeMap::new(),
            down: BTreeMap::new(),
            started: BTreeMap::new(),
            stopping: Vec::new(),
            deaths: 0,
            wrong: Vec::new(),
            stood: BTreeMap::new(),
            chance,
        };
        for role in Role::ALL {
            for place in 0..1 + script.chance.below(2) {
                script.down.insert((role, place), Instant::now() + Duration::from_millis(place * 40));
            }
        }
        for client in 0..2 + script.chance.below(2) {
            let requests = 4 + script.chance.below(4);
            script.clients.spawn(script.gateway.clone().client(client, requests));
        }
        script
    }

    /// Plays it through; tells whether everything has come to rest.
    async fn play(&mut self) -> bool {
        let storm = Instant::now() + Duration::from_millis(2_000 + self.chance.below(8_000));
        while Instant::now() < storm && self.wrong.is_empty() {
            self.look_around().await;
            self.strike();
            tokio::time::sleep(LOOK).await;
        }
        self.world.simulation.calm();
        let rest = Instant::now() + REST;
        while Instant::now() < rest && self.wrong.is_empty() {
            self.look_around().await;
            if self.is_at_rest().await {
                return self.stop().await;
            }
            tokio::time::sleep(LOOK).await;
        }
        if self.wrong.is_empty() {
            let engine = self.world.engine();
            let queues = engine.queues(&self.world.domain.services()).await.unwrap();
            let (head, checkpoints) = (engine.head().await.unwrap(), engine.checkpoints().await.unwrap());
            let model = self.world.read_model().state().await.unwrap().checkpoint;
            self.wrong.push(format!(
                "it has not come to rest within {REST:?}: head {head}, {} clients, {queues:?}, {checkpoints:?}, {model}",
                self.clients.len()
            ));
        }
        false
    }

    /// Something happens to somebody, sometimes.
    fn strike(&mut self) {
        let places: Vec<_> = self.running.keys().copied().collect();
        let place = |chance: &mut Chance| {
            let index = usize::try_from(chance.below(places.len().max(1) as u64)).unwrap();
            places.get(index).copied()
        };
        match self.chance.below(100) {
            0..=2 => {
                if let Some((place, process)) =
                    place(&mut self.chance).and_then(|place| self.running.remove_entry(&place))
                {
                    process.kill();
                    self.fell(place);
                }
            }
            3 => {
                if let Some((place, process)) =
                    place(&mut self.chance).and_then(|place| self.running.remove_entry(&place))
                {
                    self.world.simulation.note(&format!("{place:?} is told to stop"));
                    process.stop();
                    self.stopping.push((place, process, Instant::now() + STOP));
                }
            }
            4 => self.gateway.restart(),
            5 if self.chance.below(3) == 0 => {
                let jumps = [-3_600_000, -20_000, -1_500, 1_500, 20_000, 3_600_000];
                let index = usize::try_from(self.chance.below(jumps.len() as u64)).unwrap();
                self.world.simulation.jump(jumps[index]);
            }
            _ => {}
        }
    }

    /// A process has died; somebody starts another one before long.
    fn fell(&mut self, place: Place) {
        self.deaths += 1;
        let pause = if self.chance.below(3) == 0 { self.chance.below(5_000) } else { self.chance.below(300) };
        self.down.insert(place, Instant::now() + Duration::from_millis(pause));
    }

    async fn look_around(&mut self) {
        while self
            .clients
            .try_join_next()
            .is_some_and(|ended| ended.map_err(|died| self.wrong.push(died.to_string())).is_ok())
        {}
        let over: Vec<_> =
            self.running.iter().filter(|(_, process)| process.is_over()).map(|(place, _)| *place).collect();
        for place in over {
            let Some(process) = self.running.remove(&place) else { continue };
            match process.ended().await {
                Err(Ended::ComingUp(error)) => {
                    self.world.simulation.note(&format!("{place:?} could not come up: {error}"));
                    self.fell(place);
                }
                ended => self.wrong.push(format!("{place:?} has ended by itself: {ended:?}")),
            }
        }
        let died: Vec<_> =
            self.running.iter().filter(|(_, process)| process.line.is_cut()).map(|(place, _)| *place).collect();
        for place in died {
            if let Some(process) = self.running.remove(&place) {
                process.kill();
                self.fell(place);
            }
        }
        for (place, process, until) in std::mem::take(&mut self.stopping) {
            if process.line.is_cut() {
                process.kill();
                self.fell(place);
            } else if process.is_over() {
                if let Err(Ended::GaveUp(reason)) = process.ended().await {
                    self.wrong.push(format!("{place:?} was told to stop and gave up: {reason}"));
                }
                self.fell(place);
            } else if Instant::now() > until {
                self.wrong.push(format!("{place:?} was told to stop and has not"));
            } else {
                self.stopping.push((place, process, until));
            }
        }
        let due: Vec<_> = self.down.iter().filter(|(_, at)| **at <= Instant::now()).map(|(place, _)| *place).collect();
        for place in due {
            self.down.remove(&place);
            let started = self.started.entry(place).or_default();
            *started += 1;
            let name = format!("{}.{started}", place.1);
            self.running.insert(place, Process::start(&self.world, place.0, &name, self.faults));
        }
        self.watch_checkpoints().await;
    }

    /// I5: no checkpoint goes back.
    async fn watch_checkpoints(&mut self) {
        let mut standing = self.world.engine().checkpoints().await.unwrap();
        let model = self.world.read_model().state().await.unwrap();
        standing.insert("read model".into(), model.checkpoint);
        for (consumer, at) in &standing {
            let before = self.stood.get(consumer).cloned().unwrap_or_default();
            if before.position > at.position || before.number > at.number {
                self.wrong.push(format!("I5: {consumer} went back from {before} to {at}"));
            }
        }
        self.stood = standing;
    }

    async fn is_at_rest(&self) -> bool {
        if !self.clients.is_empty() || !self.down.is_empty() || !self.stopping.is_empty() {
            return false;
        }
        let engine = self.world.engine();
        let queues = engine.queues(&self.world.domain.services()).await.unwrap();
        let head = engine.head().await.unwrap();
        let idle = queues.iter().all(|queue| queue.waiting + queue.claimed == 0);
        let sagas = self.world.domain.sagas().iter().map(|saga| runtime::host::sagas::consumer(saga.name));
        let consumers = sagas.chain(["read model".to_owned()]);
        let at_head = |consumer: String| head.position.ms() == 0 || self.stood.get(&consumer) == Some(&head);
        idle && { consumers }.all(at_head)
    }

    /// Stops all in good order; tells whether they did.
    async fn stop(&mut self) -> bool {
        for (place, process) in std::mem::take(&mut self.running) {
            process.stop();
            match tokio::time::timeout(STOP, process.ended()).await {
                // One that began as all came to rest may have had no answer yet.
                Ok(Ok(()) | Err(Ended::ComingUp(_))) => {}
                Ok(Err(ended)) => self.wrong.push(format!("{place:?} was told to stop and gave up: {ended:?}")),
                Err(_) => self.wrong.push(format!("{place:?} was told to stop and has not")),
            }
        }
        true
    }
}
