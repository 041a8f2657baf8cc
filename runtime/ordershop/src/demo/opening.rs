//! The first scene: getting to know the assortment, and for client 0, seeing to it that there is one.

use kernel::Request;
use serde_json::json;

use super::{Answer, Memory, Restocking, Scene, Then, Visit, names};
use crate::{Inventory, Product};

/// With fewer products than this the shop is too poor to open.
const ENOUGH: usize = 12;

/// How far the opening is.
#[derive(Debug)]
pub(super) enum Opening {
    /// Client 0 looks at what is for sale.
    Inspect,
    /// Client 0 adds to it.
    Furnish,
    /// The others wait at the door until there is something to buy.
    Wait,
    /// The others look at what is for sale.
    Browse,
}

impl Opening {
    pub(super) const fn of_client(index: u64) -> Self {
        if index == 0 { Self::Inspect } else { Self::Wait }
    }

    pub(super) fn next(&self) -> Request {
        match self {
            Self::Inspect | Self::Browse => Request::get("look at products", "/products"),
            Self::Furnish => {
                let goods = names::GOODS.iter().map(|(name, price)| json!({ "name": name, "price": price }));
                Request::post("add products", "/product", goods.collect())
            }
            Self::Wait => Request::get("look at stock", "/inventories"),
        }
    }

    pub(super) fn answered(&mut self, answer: &Answer<'_>, memory: &mut Memory) -> Then {
        match self {
            Self::Inspect if answer.is_done() => {
                memory.learn(answer.entities());
                if memory.catalogue().len() >= ENOUGH {
                    return Then::Begin(Scene::Restocking(Restocking::default()));
                }
                *self = Self::Furnish;
            }
            Self::Furnish if answer.is_done() => {
                let goods = answer.ids().into_iter().zip(names::GOODS);
                let product = |(entity_id, (name, price)): (_, &(&str, _))| Product {
                    entity_id,
                    name: (*name).into(),
                    price: *price,
                };
                memory.learn(goods.map(product).collect());
                return Then::Begin(Scene::Restocking(Restocking::default()));
            }
            Self::Wait if !answer.entities::<Inventory>().is_empty() => *self = Self::Browse,
            Self::Browse if answer.is_done() => {
                memory.learn(answer.entities());
                if !memory.catalogue().is_empty() {
                    return Then::Begin(Scene::Visit(Visit::new(memory)));
                }
                *self = Self::Wait;
            }
            // Not answered as hoped: asked again.
            Self::Inspect | Self::Furnish | Self::Wait | Self::Browse => {}
        }
        Then::GoOn
    }
}
