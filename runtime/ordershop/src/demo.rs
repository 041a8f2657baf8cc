//! Simulated clients of the shop: what people do there, as requests.
//!
//! Each client is shopper after shopper, and client 0 keeps the shop besides: it stocks it first and confirms
//! deliveries now and then. What a client knows it has been told by the shop; nothing here remembers more
//! than the answers.
//!
//! | scene | what is done |
//! |---|---|
//! | `opening` | the assortment is looked at, and added to where it is poor |
//! | `visit` | somebody comes, fills a cart, orders, pays or thinks better of it |
//! | `restocking` | goods that are running out are taken in |
//! | `deliveries` | what has arrived is confirmed |

mod answer;
mod deliveries;
mod memory;
mod names;
mod opening;
mod restocking;
mod visit;

use kernel::{Request, Scenario};
use serde_json::Value;

use answer::Answer;
use deliveries::Deliveries;
use memory::Memory;
use opening::Opening;
use restocking::Restocking;
use visit::Visit;

/// One simulated client of the shop.
#[derive(Debug)]
pub struct Client {
    memory: Memory,
    scene: Scene,
}

/// What a client is doing.
#[derive(Debug)]
enum Scene {
    Opening(Opening),
    Visit(Visit),
    Restocking(Restocking),
    Deliveries(Deliveries),
}

/// What comes after an answer.
enum Then {
    /// The scene goes on.
    GoOn,
    /// The scene is over and this one begins.
    Begin(Scene),
}

impl Scenario for Client {
    fn new(seed: u64, index: u64) -> Self {
        let memory = Memory::new(seed, index);
        Self { scene: memory.opening(), memory }
    }

    fn next(&mut self, now_ms: u64) -> Request {
        match &self.scene {
            Scene::Opening(opening) => opening.next(),
            Scene::Visit(visit) => visit.next(),
            Scene::Restocking(restocking) => restocking.next(),
            Scene::Deliveries(deliveries) => deliveries.next(now_ms),
        }
    }

    fn answered(&mut self, status: u16, body: &Value) {
        let answer = Answer::new(status, body);
        let then = match &mut self.scene {
            Scene::Opening(opening) => opening.answered(&answer, &mut self.memory),
            Scene::Visit(visit) => visit.answered(&answer, &mut self.memory),
            Scene::Restocking(restocking) => restocking.answered(&answer, &mut self.memory),
            Scene::Deliveries(deliveries) => deliveries.answered(&answer, &mut self.memory),
        };
        if let Then::Begin(scene) = then {
            self.scene = scene;
        }
    }
}

#[cfg(test)]
mod tests;
