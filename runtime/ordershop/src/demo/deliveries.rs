//! A scene: the warehouse looks at what is to be packed and confirms what has arrived.
//!
//! Both lists grow with the shop, so [`Memory::after_round`] makes rounds rarer as they do.

use kernel::Request;
use serde_json::json;

use super::{Answer, Memory, Scene, Then, Visit};
use crate::Shipping;

/// Deliveries confirmed in one round.
const MOST_CONFIRMED: usize = 100;

/// How far the round is.
#[derive(Debug, Default)]
pub(super) enum Deliveries {
    /// Looking at the orders that are not shipped.
    #[default]
    Pack,
    /// Looking at what is under way, having looked through this many orders.
    Track { orders: u64 },
    /// Confirming a shipping, then the rest, having looked through this much.
    Confirm { shipping: Shipping, rest: Vec<Shipping>, looked_through: u64 },
}

impl Deliveries {
    pub(super) fn next(&self, now_ms: u64) -> Request {
        match self {
            Self::Pack => Request::get("look at packing list", "/orders/unshipped"),
            Self::Track { .. } => Request::get("look at shippings", "/shippings"),
            Self::Confirm { shipping: Shipping { entity_id, order_id, .. }, .. } => {
                let shipping = json!({ "order_id": order_id, "delivered": now_ms / 1_000 });
                Request::put("confirm delivery", format!("/shipping/{entity_id}"), shipping)
            }
        }
    }

    pub(super) fn answered(&mut self, answer: &Answer<'_>, memory: &mut Memory) -> Then {
        let (looked_through, mut arrived) = match std::mem::take(self) {
            Self::Pack => {
                *self = Self::Track { orders: answer.count() };
                return Then::GoOn;
            }
            Self::Track { orders } => {
                let shippings: Vec<Shipping> = answer.entities();
                let looked_through = orders + shippings.len() as u64;
                let under_way = shippings.into_iter().filter(|shipping| !shipping.is_delivered());
                (looked_through, under_way.filter(|_| memory.chance.percent(85)).take(MOST_CONFIRMED).collect())
            }
            Self::Confirm { rest, looked_through, .. } => (looked_through, rest),
        };
        match arrived.pop() {
            Some(shipping) => {
                *self = Self::Confirm { shipping, rest: arrived, looked_through };
                Then::GoOn
            }
            None => {
                memory.after_round(looked_through);
                Then::Begin(Scene::Visit(Visit::new(memory)))
            }
        }
    }
}
