//! Products: what carts hold, and what it costs.

use kernel::{Entity, Field, Topic};
use serde::{Deserialize, Serialize};

/// Something for sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its identifier.
    pub entity_id: String,
    /// What it is called.
    pub name: String,
    /// What one of it costs, in whole euros.
    pub price: i64,
}

impl Entity for Product {
    const TOPIC: &'static str = "product";

    fn topic() -> Topic {
        Topic::entity(Self::TOPIC, "products", "product-service", vec![Field::text("name"), Field::amount("price")])
    }
}
