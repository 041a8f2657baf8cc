//! Commands in queues that may not be there: their events are in the log (I2), or nothing is left to do (I6).

use std::collections::BTreeMap;

use kernel::{EventRef, Position};
use serde::Serialize;

use super::{Rest, SHOWN};
use crate::{Engine, Listing, Standing, StoreError};

/// How many commands of all queues are looked at.
const MOST: usize = 100_000;

/// How many are asked for at once.
const PAGE: usize = 1_000;

/// A command in a queue that may not be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Unsettled {
    /// It has taken effect and would again.
    #[error("command {command} has taken effect at {position} and is {} of {service} all the same", place(*.standing))]
    Effective {
        /// The command.
        command: String,
        /// The service.
        service: String,
        /// Where it stands.
        standing: Standing,
        /// Its first event.
        position: Position,
    },
    /// Nothing should be left to do.
    #[error("command {command} is {} of {service}{}, and nothing should be left to do", place(*.standing), hand(.worker.as_deref()))]
    Left {
        /// The command.
        command: String,
        /// The service.
        service: String,
        /// Where it stands.
        standing: Standing,
        /// Who has it in hand.
        worker: Option<String>,
    },
}

impl Unsettled {
    /// The invariant that it violates.
    #[must_use]
    pub const fn invariant(&self) -> &'static str {
        match self {
            Self::Effective { .. } => "I2",
            Self::Left { .. } => "I6",
        }
    }
}

const fn place(standing: Standing) -> &'static str {
    match standing {
        Standing::Claimed => "claimed from the queue",
        Standing::Waiting => "waiting in the queue",
        Standing::Dead => "among the dead letters",
    }
}

fn hand(worker: Option<&str>) -> String {
    worker.map(|worker| format!(" by worker {worker}")).unwrap_or_default()
}

/// What is in the queues, and which of it may not be there.
#[derive(Debug)]
pub(super) struct Queues {
    /// Service and standing, by command.
    queued: BTreeMap<String, (String, Standing)>,
    found: Vec<Unsettled>,
    more: u64,
}

impl Queues {
    /// What is in the queues now: at most 100,000 commands of it.
    pub(super) async fn look(engine: &Engine, services: &[&str], rest: Rest) -> Result<Self, StoreError> {
        let mut queues = Self { queued: BTreeMap::new(), found: Vec::new(), more: 0 };
        for service in services {
            let mut listing = Listing { only: None, after: None, limit: PAGE };
            // Where somebody takes the last of a page away, the next begins anew: pages are counted as well.
            for _ in 0..MOST / PAGE {
                let listed = engine.listed(service, &listing).await?;
                for command in &listed.commands {
                    if rest == Rest::Expected && command.standing != Standing::Dead {
                        queues.note(Unsettled::Left {
                            command: command.id.clone(),
                            service: (*service).to_owned(),
                            standing: command.standing,
                            worker: command.worker.clone(),
                        });
                    }
                }
                let of = |standing| ((*service).to_owned(), standing);
                listing.after = listed.commands.last().map(|command| command.id.clone());
                queues.queued.extend(listed.commands.into_iter().map(|command| (command.id, of(command.standing))));
                if !listed.more || queues.queued.len() >= MOST {
                    break;
                }
            }
        }
        Ok(queues)
    }

    /// Takes in the next event in log order.
    pub(super) fn pass(&mut self, event: &EventRef<'_>) {
        let Some(command) = event.meta.command.as_deref().filter(|_| !self.queued.is_empty()) else { return };
        // Told once, whatever else it led to.
        if let Some((service, standing)) = self.queued.remove(command) {
            let (command, position) = (command.to_owned(), event.position);
            self.note(Unsettled::Effective { command, service, standing, position });
        }
    }

    /// What may not be there, and how much more of it there is.
    pub(super) fn end(self) -> (Vec<Unsettled>, u64) {
        (self.found, self.more)
    }

    fn note(&mut self, unsettled: Unsettled) {
        if self.found.len() < SHOWN {
            self.found.push(unsettled);
        } else {
            self.more += 1;
        }
    }
}
