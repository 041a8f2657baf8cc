//! Clients and the gateway that they ask: they ask again whenever they are not answered, and sometimes anyway.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use kernel::{Intent, Outcome};
use runtime::{
    CommandState, Commit, CommitError, Engine, Enqueue, Idempotency, Refused,
    engine::{Chance, Faults, Line},
};

use super::World;

/// Commands with an id like this kill whoever claims them.
pub const DEADLY: &str = "deadly";

/// What a client wanted, and what it was told.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The command that the request became.
    pub command: String,
    /// All commands that it was handed in as.
    pub tries: Vec<String>,
    /// How much was to be transferred; nothing for an account.
    pub amount: Option<u64>,
    pub outcome: Outcome,
}

/// The way in, over which everything is asked for; it dies too.
pub struct Gateway {
    world: World,
    line: Mutex<(Line, u32)>,
    faults: Faults,
    /// Accounts that there are.
    accounts: Mutex<Vec<String>>,
    pub asked: Mutex<Vec<Asked>>,
    pub wrong: Mutex<Vec<String>>,
}

impl Gateway {
    pub fn new(world: &World, faults: Faults) -> Self {
        let line = world.simulation.line("gateway-0", faults);
        let (accounts, asked, wrong) = Default::default();
        Self { world: world.clone(), line: Mutex::new((line, 0)), faults, accounts, asked, wrong }
    }

    /// Dies, and is there again.
    pub fn restart(&self) {
        let mut line = self.line.lock().unwrap();
        line.0.cut();
        line.1 += 1;
        line.0 = self.world.simulation.line(&format!("gateway-{}", line.1), self.faults);
    }

    fn engine(&self) -> Engine {
        Engine::Memory(self.world.memory.over(self.line.lock().unwrap().0.clone()))
    }

    /// One client's requests, one after the other.
    pub async fn client(self: Arc<Self>, client: u64, requests: u64) {
        let mut chance = Chance::of(self.world.seed, &["client"], client);
        for request in 0..requests {
            tokio::time::sleep(Duration::from_millis(1 + chance.below(400))).await;
            let accounts = self.accounts.lock().unwrap().clone();
            if accounts.is_empty() || request == 0 {
                let account = format!(r#"{{"owner":"client {client}","balance":20}}"#);
                let name = format!("c{client}-r{request}");
                let asked = self.ask(&mut chance, &name, "account", &[account], None).await;
                if let Outcome::Done { result, .. } = &asked.outcome {
                    let ids: Vec<String> = serde_json::from_value(result.clone()).unwrap();
                    self.accounts.lock().unwrap().extend(ids);
                }
                self.asked.lock().unwrap().push(asked);
                continue;
            }
            let account = |chance: &mut Chance| {
                let index = chance.below(accounts.len() as u64);
                accounts[usize::try_from(index).unwrap()].clone()
            };
            let (from, to) = (account(&mut chance), account(&mut chance));
            let amount = match chance.below(20) {
                0 => 13,
                1 => 14,
                2 => 17,
                3 => 99,
                _ => 1 + chance.below(8),
            };
            let deadly = if chance.below(40) == 0 { DEADLY } else { "" };
            let name = format!("{deadly}c{client}-r{request}");
            let transfer = format!(r#"{{"from_id":"{from}","to_id":"{to}","amount":{amount}}}"#);
            let asked = self.ask(&mut chance, &name, "transfer", &[transfer], Some(amount)).await;
            self.asked.lock().unwrap().push(asked);
        }
    }

    async fn ask(
        &self,
        chance: &mut Chance,
        name: &str,
        topic: &str,
        members: &[String],
        amount: Option<u64>,
    ) -> Asked {
        let service = self.world.domain.topic(topic).unwrap().service.to_owned();
        let idempotency = Some(Idempotency { key: name.to_owned(), fingerprint: members.join(",") });
        let mut tries = Vec::new();
        let mut taken = None;
        // Now and then a client asks again though it was answered.
        let twice = chance.below(4) == 0;
        loop {
            let id = format!("{name}-t{}", tries.len());
            let intent = Intent::Create(members.iter().map(|member| testkit::raw(member)).collect());
            let command = testkit::command(&id, topic, intent);
            tries.push(id.clone());
            let enqueue = Enqueue { command, service: service.clone(), idempotency: idempotency.clone() };
            let commit = Commit { enqueue: vec![enqueue], ..Commit::default() };
            let first = match self.engine().commit_one(commit).await {
                Ok(_) => id,
                Err(CommitError::Refused(Refused::Repeated { first })) => first,
                Err(CommitError::Store(error)) if error.is_transient() => {
                    tokio::time::sleep(Duration::from_millis(50 + chance.below(400))).await;
                    continue;
                }
                Err(error) => {
                    self.wrong.lock().unwrap().push(format!("{name} was refused: {error}"));
                    id
                }
            };
            if let Some(taken) = taken.replace(first.clone())
                && taken != first
            {
                self.wrong.lock().unwrap().push(format!("I2: {name} was taken as {taken} and as {first}"));
            }
            if !twice || tries.len() > 1 {
                let outcome = self.outcome(&first).await;
                return Asked { command: first, tries, amount, outcome };
            }
        }
    }

    async fn outcome(&self, command: &str) -> Outcome {
        let mut missed = 0;
        loop {
            match self.engine().command(command).await {
                Ok(Some(record)) => {
                    if let CommandState::Ended(outcome) = record.state {
                        return outcome;
                    }
                }
                Ok(None) if missed == 0 => {
                    missed += 1;
                    self.wrong.lock().unwrap().push(format!("I1: {command} was taken and is not known"));
                }
                Ok(None) | Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    }
}
