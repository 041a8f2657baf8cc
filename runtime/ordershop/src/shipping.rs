//! Shippings: that an order is on its way, and when it arrived.

use kernel::{Change, Decision, Entity, Failure, Field, Refusal, Rejection, Topic};
use serde::{Deserialize, Serialize};

use crate::Order;

/// An order's way to the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipping {
    /// Its identifier.
    pub entity_id: String,
    /// What is shipped.
    pub order_id: String,
    /// When it arrived, in Unix seconds; 0 until then.
    pub delivered: serde_json::Number,
}

impl Entity for Shipping {
    const TOPIC: &'static str = "shipping";

    fn topic() -> Topic {
        Topic::entity(
            Self::TOPIC,
            "shippings",
            "shipping-service",
            vec![Field::reference("order_id", Order::TOPIC), Field::seconds("delivered").initially("0")],
        )
    }

    fn check(change: &Change<'_, Self>, decision: &mut Decision<'_>) -> Result<(), Refusal> {
        match change {
            Change::Create(shipping) => shipping.check_only_one(decision),
            Change::Update { from, to } => from.check_same_order(to),
            Change::Delete(_) => Ok(()),
        }
    }
}

impl Shipping {
    /// An order's shippings, in id order; a log of this program has one at most.
    ///
    /// # Errors
    /// When the decision may not read shippings.
    pub fn of_order(decision: &mut Decision<'_>, order_id: &str) -> Result<Vec<Self>, Failure> {
        decision.find("order_id", order_id)
    }

    /// Whether it has arrived.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        self.delivered.as_f64() != Some(0.0)
    }

    fn check_only_one(&self, decision: &mut Decision<'_>) -> Result<(), Refusal> {
        match Self::of_order(decision, &self.order_id)?.first() {
            None => Ok(()),
            Some(other) => {
                let message = format!("order {} has shipping {} already", self.order_id, other.entity_id);
                Err(Rejection::field("order_id", message).into())
            }
        }
    }

    fn check_same_order(&self, to: &Self) -> Result<(), Refusal> {
        if self.order_id == to.order_id {
            return Ok(());
        }
        let Self { entity_id, order_id, .. } = self;
        let message =
            format!("shipping {entity_id} is of order {order_id} and can't become one of order {}", to.order_id);
        Err(Rejection::field("order_id", message).into())
    }
}

#[cfg(test)]
mod tests;
