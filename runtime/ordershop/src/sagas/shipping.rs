//! Ships what is billed.

use kernel::{CREATED, Decision, Entity, Failure, Occurrence, Saga};

use crate::{Billing, Order, Shipping};

/// Gives a billed order its shipping.
pub struct ShippingSaga;

impl Saga for ShippingSaga {
    const NAME: &'static str = "shipping";

    fn triggers() -> &'static [(&'static str, &'static str)] {
        &[(Billing::TOPIC, CREATED)]
    }

    fn reads() -> &'static [&'static str] {
        &[Order::TOPIC, Billing::TOPIC, Shipping::TOPIC]
    }

    /// Creates the shipping, unless the order has one, is gone, or its billing was taken back meanwhile.
    fn react(occurrence: &Occurrence<'_>, decision: &mut Decision<'_>) -> Result<(), Failure> {
        let order_id = occurrence.entity::<Billing>()?.order_id;
        let stands = decision.exists(Order::TOPIC, &order_id)? && !Billing::of_order(decision, &order_id)?.is_empty();
        if stands && Shipping::of_order(decision, &order_id)?.is_empty() {
            let entity_id = decision.derive("shipping");
            decision.create(&Shipping { entity_id, order_id, delivered: 0.into() })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
