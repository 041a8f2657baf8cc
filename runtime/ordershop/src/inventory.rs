//! Inventories: how much of a product there is to sell.

use kernel::{Decision, Entity, Failure, Field, Topic};
use serde::{Deserialize, Serialize};

use crate::Product;

/// Stock of one product; a product may have several inventories, and its stock is their sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// Its identifier.
    pub entity_id: String,
    /// The product.
    pub product_id: String,
    /// How many of it are there and not yet sold.
    pub amount: i64,
}

impl Entity for Inventory {
    const TOPIC: &'static str = "inventory";

    fn topic() -> Topic {
        Topic::entity(
            Self::TOPIC,
            "inventories",
            "inventory-service",
            vec![Field::reference("product_id", Product::TOPIC), Field::amount("amount")],
        )
    }
}

impl Inventory {
    /// A product's inventories, in id order.
    ///
    /// # Errors
    /// When the decision may not read inventories.
    pub fn of_product(decision: &mut Decision<'_>, product_id: &str) -> Result<Vec<Self>, Failure> {
        decision.find("product_id", product_id)
    }
}
