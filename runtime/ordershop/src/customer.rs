//! Customers: whom carts belong to and mails go to.

use kernel::{Entity, Field, Topic};
use serde::{Deserialize, Serialize};

/// Somebody who orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Its identifier.
    pub entity_id: String,
    /// What mails call them.
    pub name: String,
    /// Where mails go.
    pub email: String,
}

impl Entity for Customer {
    const TOPIC: &'static str = "customer";

    fn topic() -> Topic {
        Topic::entity(
            Self::TOPIC,
            "customers",
            "customer-service",
            vec![Field::text("name").personal(), Field::text("email").personal()],
        )
    }
}
