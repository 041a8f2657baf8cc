//! Carts: what a customer wants, and whether there is enough of it.

use std::collections::BTreeMap;

use kernel::{Change, Decision, Entity, Failure, Field, Refusal, Rejection, Topic};
use serde::{Deserialize, Serialize};

use crate::{Customer, Inventory, Order, Product, Status};

/// What a customer wants to order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    /// Its identifier.
    pub entity_id: String,
    /// Whose it is.
    pub customer_id: String,
    /// What is in it; repeats count.
    pub product_ids: Vec<String>,
}

impl Entity for Cart {
    const TOPIC: &'static str = "cart";

    fn topic() -> Topic {
        Topic::entity(
            Self::TOPIC,
            "carts",
            "cart-service",
            vec![Field::reference("customer_id", Customer::TOPIC), Field::references("product_ids", Product::TOPIC)],
        )
    }

    fn check(change: &Change<'_, Self>, decision: &mut Decision<'_>) -> Result<(), Refusal> {
        match change {
            Change::Create(cart) => cart.check_stock(decision),
            Change::Update { from, to } => {
                from.check_open("changed", decision)?;
                to.check_stock(decision)
            }
            Change::Delete(cart) => cart.check_open("deleted", decision),
        }
    }
}

/// What a cart costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cost {
    /// The sum of its products' prices, repeats counted.
    Sum(i128),
    /// There is no telling: a product with this id does not exist (any more).
    Unknown(String),
}

impl Cart {
    /// How many of each product the cart holds.
    #[must_use]
    pub fn demand(&self) -> BTreeMap<&str, i64> {
        let mut demand = BTreeMap::new();
        for product_id in &self.product_ids {
            *demand.entry(product_id.as_str()).or_default() += 1;
        }
        demand
    }

    /// What the cart costs at today's prices.
    ///
    /// # Errors
    /// When the decision may not read products.
    pub fn cost(&self, decision: &mut Decision<'_>) -> Result<Cost, Failure> {
        let mut sum = 0;
        for (product_id, count) in self.demand() {
            match decision.get::<Product>(product_id)? {
                Some(product) => sum += i128::from(product.price) * i128::from(count),
                None => return Ok(Cost::Unknown(product_id.to_owned())),
            }
        }
        Ok(Cost::Sum(sum))
    }

    /// A cart needs stock for each of its products.
    fn check_stock(&self, decision: &mut Decision<'_>) -> Result<(), Refusal> {
        for (product_id, count) in self.demand() {
            let inventories = Inventory::of_product(decision, product_id)?;
            let stock: i128 = inventories.iter().map(|inventory| i128::from(inventory.amount)).sum();
            if stock < i128::from(count) {
                let message = format!("the cart holds {count} of product {product_id}, but {stock} are in stock");
                return Err(Rejection::field("product_ids", message).into());
            }
        }
        Ok(())
    }

    /// A cart stays as it is once stock was sought for it, whatever came of that.
    fn check_open(&self, what: &str, decision: &mut Decision<'_>) -> Result<(), Refusal> {
        let orders = decision.find::<Order>("cart_id", &self.entity_id)?;
        match orders.iter().find(|order| order.status != Status::Created) {
            None => Ok(()),
            Some(Order { entity_id: order, status, .. }) => {
                let cart = &self.entity_id;
                let message = format!("cart {cart} can't be {what}: its order {order} is {status}, past CREATED");
                Err(Rejection::refused(message).into())
            }
        }
    }
}

#[cfg(test)]
mod tests;
