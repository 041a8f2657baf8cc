//! Orders and the one graph that their status moves along.

use std::fmt;

use kernel::{Change, Decision, Entity, Field, Refusal, Rejection, Topic};
use serde::{Deserialize, Serialize};

use crate::Cart;

/// A cart that a customer has ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its identifier.
    pub entity_id: String,
    /// What is ordered.
    pub cart_id: String,
    /// How far it has come.
    pub status: Status,
}

/// How far an order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Nobody has looked for stock yet.
    Created,
    /// The stock for it is set aside.
    InStock,
    /// There was not enough stock.
    OutOfStock,
    /// It is billed.
    Cleared,
    /// Its billing was taken back.
    Uncleared,
    /// It is on its way.
    Shipped,
    /// It has arrived.
    Delivered,
}

impl Entity for Order {
    const TOPIC: &'static str = "order";

    fn topic() -> Topic {
        Topic::entity(
            Self::TOPIC,
            "orders",
            "order-service",
            vec![
                Field::reference("cart_id", Cart::TOPIC),
                Field::choice("status", Status::NAMES).initially("\"CREATED\""),
            ],
        )
    }

    fn check(change: &Change<'_, Self>, _: &mut Decision<'_>) -> Result<(), Refusal> {
        match change {
            Change::Create(Self { status: Status::Created, .. }) | Change::Delete(_) => Ok(()),
            Change::Create(Self { status, .. }) => {
                Err(Rejection::field("status", format!("a new order is CREATED, not {status}")).into())
            }
            Change::Update { from, to } => check_cart(from, to).and_then(|()| check_status(from, to)),
        }
    }
}

/// Once stock was sought for a cart, the order stays with that cart.
fn check_cart(from: &Order, to: &Order) -> Result<(), Refusal> {
    if from.status == Status::Created || from.cart_id == to.cart_id {
        return Ok(());
    }
    let Order { entity_id, cart_id, status } = from;
    let message = format!(
        "order {entity_id} is {status}, past CREATED, so it can't change its cart from {cart_id} to {}",
        to.cart_id
    );
    Err(Rejection::field("cart_id", message).into())
}

fn check_status(from: &Order, to: &Order) -> Result<(), Refusal> {
    if from.status == to.status || from.status.may_become(to.status) {
        return Ok(());
    }
    let successors: Vec<_> = from.status.successors().iter().map(|status| status.name()).collect();
    let possible = if successors.is_empty() { "nothing else".to_owned() } else { successors.join(" or ") };
    let message = format!(
        "order {} can't become {}: it is {}, which can become {possible}",
        from.entity_id, to.status, from.status
    );
    Err(Rejection::field("status", message).into())
}

impl Status {
    /// Every status there is.
    pub const ALL: [Self; 7] = [
        Self::Created,
        Self::InStock,
        Self::OutOfStock,
        Self::Cleared,
        Self::Uncleared,
        Self::Shipped,
        Self::Delivered,
    ];

    /// The names of [`Status::ALL`], as events and commands spell them.
    pub const NAMES: &'static [&'static str] = &{
        let mut names = [""; Self::ALL.len()];
        let mut index = 0;
        while index < names.len() {
            names[index] = Self::ALL[index].name();
            index += 1;
        }
        names
    };

    /// The status graph: what an order of this status can become.
    #[must_use]
    pub const fn successors(self) -> &'static [Self] {
        match self {
            Self::Created => &[Self::InStock, Self::OutOfStock],
            Self::InStock | Self::Uncleared => &[Self::Cleared],
            Self::Cleared => &[Self::Uncleared, Self::Shipped],
            Self::Shipped => &[Self::Delivered],
            Self::OutOfStock | Self::Delivered => &[],
        }
    }

    /// Whether the status graph leads from here to `next` in one step.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        self.successors().contains(&next)
    }

    /// Whether an order of this status has stock set aside that is still in the house.
    #[must_use]
    pub const fn holds_stock(self) -> bool {
        match self {
            Self::InStock | Self::Cleared | Self::Uncleared => true,
            Self::Created | Self::OutOfStock | Self::Shipped | Self::Delivered => false,
        }
    }

    /// The status as events and commands spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::InStock => "IN_STOCK",
            Self::OutOfStock => "OUT_OF_STOCK",
            Self::Cleared => "CLEARED",
            Self::Uncleared => "UNCLEARED",
            Self::Shipped => "SHIPPED",
            Self::Delivered => "DELIVERED",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
