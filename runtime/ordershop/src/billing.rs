//! Billings: that an order was paid for, and how much.

use kernel::{Change, Decision, Entity, Failure, Field, Refusal, Rejection, Topic};
use serde::{Deserialize, Serialize};

use crate::{Cart, Order, Status, cart::Cost};

/// What was paid for an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billing {
    /// Its identifier.
    pub entity_id: String,
    /// What it pays for.
    pub order_id: String,
    /// How much, in whole euros.
    pub amount: i64,
}

impl Entity for Billing {
    const TOPIC: &'static str = "billing";

    fn topic() -> Topic {
        Topic::entity(
            Self::TOPIC,
            "billings",
            "billing-service",
            vec![Field::reference("order_id", Order::TOPIC), Field::amount("amount")],
        )
    }

    fn check(change: &Change<'_, Self>, decision: &mut Decision<'_>) -> Result<(), Refusal> {
        match change {
            Change::Create(billing) => {
                let order = billing.order(decision)?;
                check_unbilled(&order, decision)?;
                billing.check_amount(&order, decision)
            }
            Change::Update { from, to } => {
                from.check_same_order(to)?;
                let order = to.order(decision)?;
                to.check_amount(&order, decision)
            }
            Change::Delete(_) => Ok(()),
        }
    }
}

impl Billing {
    /// An order's billings, in id order; a log of this program has one at most.
    ///
    /// # Errors
    /// When the decision may not read billings.
    pub fn of_order(decision: &mut Decision<'_>, order_id: &str) -> Result<Vec<Self>, Failure> {
        decision.find("order_id", order_id)
    }

    fn order(&self, decision: &mut Decision<'_>) -> Result<Order, Refusal> {
        let id = &self.order_id;
        let missing = || Rejection::field("order_id", format!("order_id names order {id}, which does not exist"));
        Ok(decision.get(id)?.ok_or_else(missing)?)
    }

    fn check_same_order(&self, to: &Self) -> Result<(), Refusal> {
        if self.order_id == to.order_id {
            return Ok(());
        }
        let Self { entity_id, order_id, .. } = self;
        let message =
            format!("billing {entity_id} is of order {order_id} and can't become one of order {}", to.order_id);
        Err(Rejection::field("order_id", message).into())
    }

    /// A billing pays for all of an order, no less and no more.
    fn check_amount(&self, order: &Order, decision: &mut Decision<'_>) -> Result<(), Refusal> {
        let Order { entity_id: order_id, cart_id, .. } = order;
        let Some(cart) = decision.get::<Cart>(cart_id)? else {
            let message = format!("order {order_id} can't be billed: its cart {cart_id} does not exist");
            return Err(Rejection::field("order_id", message).into());
        };
        match cart.cost(decision)? {
            Cost::Sum(sum) if sum == i128::from(self.amount) => Ok(()),
            Cost::Sum(sum) => {
                let message = format!("order {order_id} costs {sum}, but the billing's amount is {}", self.amount);
                Err(Rejection::field("amount", message).into())
            }
            Cost::Unknown(product_id) => {
                let message =
                    format!("order {order_id} can't be billed: product {product_id} of its cart does not exist");
                Err(Rejection::field("order_id", message).into())
            }
        }
    }
}

/// A billing makes an order CLEARED, so it takes one that can become that and has no billing yet.
fn check_unbilled(order: &Order, decision: &mut Decision<'_>) -> Result<(), Refusal> {
    let Order { entity_id: order_id, status, .. } = order;
    if !status.may_become(Status::Cleared) {
        let message = format!("order {order_id} can't be billed: it is {status}, not IN_STOCK or UNCLEARED");
        return Err(Rejection::field("order_id", message).into());
    }
    match Billing::of_order(decision, order_id)?.first() {
        None => Ok(()),
        Some(other) => {
            let message = format!("order {order_id} can't be billed: it has billing {} already", other.entity_id);
            Err(Rejection::field("order_id", message).into())
        }
    }
}

#[cfg(test)]
mod tests;
