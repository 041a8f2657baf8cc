//! A scene: goods that are running out are taken in.
//!
//! A delivery is an inventory of its own, so taking it in never writes over what orders take meanwhile; what
//! was found empty is cleared away, so that products don't gather inventories.

use std::collections::BTreeMap;

use kernel::Request;
use serde_json::{Value, json};

use super::{Answer, Memory, Scene, Then, Visit};
use crate::Inventory;

/// With less than this a product is running out.
const LOW: i64 = 6;

/// Inventories cleared away in one go.
const MOST_CLEARED: usize = 5;

/// How far the restocking is.
#[derive(Debug, Default)]
pub(super) enum Restocking {
    /// Looking at what is there.
    #[default]
    Count,
    /// Taking in what is running out: product and amount.
    TakeIn { delivery: Vec<(String, u64)>, empty: Vec<String> },
    /// Clearing an inventory away, then the rest.
    Clear { inventory_id: String, rest: Vec<String> },
}

impl Restocking {
    pub(super) fn next(&self) -> Request {
        match self {
            Self::TakeIn { delivery, .. } => {
                let inventory = |(id, amount): &(String, u64)| json!({ "product_id": id, "amount": amount });
                Request::post("take in goods", "/inventory", delivery.iter().map(inventory).collect::<Value>())
            }
            Self::Clear { inventory_id, .. } => Request::delete("clear away", format!("/inventory/{inventory_id}")),
            Self::Count => Request::get("look at stock", "/inventories"),
        }
    }

    pub(super) fn answered(&mut self, answer: &Answer<'_>, memory: &mut Memory) -> Then {
        let next = match std::mem::take(self) {
            Self::Count if answer.is_done() => Self::plan(&answer.entities(), memory),
            Self::TakeIn { empty, .. } if answer.is_done() => Self::clear(empty),
            // A product is gone.
            Self::TakeIn { .. } if answer.is_refusal() => return Then::Begin(memory.opening()),
            Self::Clear { rest, .. } => Self::clear(rest),
            undone @ (Self::Count | Self::TakeIn { .. }) => Some(undone),
        };
        match next {
            Some(next) => {
                *self = next;
                Then::GoOn
            }
            None => Then::Begin(Scene::Visit(Visit::new(memory))),
        }
    }

    /// What to take in and what to clear away, seeing these inventories.
    fn plan(inventories: &[Inventory], memory: &mut Memory) -> Option<Self> {
        let mut stock: BTreeMap<&str, i64> = BTreeMap::new();
        for inventory in inventories {
            let sum = stock.entry(&inventory.product_id).or_default();
            *sum = sum.saturating_add(inventory.amount);
        }
        let products = memory.catalogue().iter().map(|product| product.entity_id.clone());
        let low: Vec<_> = products.filter(|id| stock.get(id.as_str()).is_none_or(|amount| *amount < LOW)).collect();
        let empty = inventories.iter().filter(|inventory| inventory.amount == 0 && low.contains(&inventory.product_id));
        let empty = empty.map(|inventory| inventory.entity_id.clone()).take(MOST_CLEARED).collect();
        let delivery: Vec<_> = low.into_iter().map(|id| (id, amount(memory))).collect();
        (!delivery.is_empty()).then_some(Self::TakeIn { delivery, empty })
    }

    fn clear(mut empty: Vec<String>) -> Option<Self> {
        Some(Self::Clear { inventory_id: empty.pop()?, rest: empty })
    }
}

/// How much is delivered; one delivery in five is scarce, so that the shop sees orders that it can't fill.
fn amount(memory: &mut Memory) -> u64 {
    if memory.chance.percent(20) { 2 + memory.chance.below(4) } else { 30 + memory.chance.below(60) }
}
