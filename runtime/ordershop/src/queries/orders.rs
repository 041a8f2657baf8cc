//! `/orders/unbilled`, `/orders/unshipped`, `/orders/delivered`

use std::collections::BTreeSet;

use kernel::{Entity, Failure, Query, Tables};
use serde_json::Value;

use super::{json, values};
use crate::{Billing, Order, Shipping};

/// Orders without a billing, by id.
pub struct UnbilledOrders;

impl Query for UnbilledOrders {
    const PATH: &'static str = "/orders/unbilled";

    fn topics() -> &'static [&'static str] {
        &[Order::TOPIC, Billing::TOPIC]
    }

    fn answer(tables: &Tables) -> Result<Value, Failure> {
        let billings = tables.all::<Billing>()?;
        orders_besides(tables, billings.iter().map(|billing| billing.order_id.as_str()))
    }
}

/// Orders without a shipping, by id.
pub struct UnshippedOrders;

impl Query for UnshippedOrders {
    const PATH: &'static str = "/orders/unshipped";

    fn topics() -> &'static [&'static str] {
        &[Order::TOPIC, Shipping::TOPIC]
    }

    fn answer(tables: &Tables) -> Result<Value, Failure> {
        let shippings = tables.all::<Shipping>()?;
        orders_besides(tables, shippings.iter().map(|shipping| shipping.order_id.as_str()))
    }
}

/// All orders by id but those named.
fn orders_besides<'t>(tables: &Tables, named: impl Iterator<Item = &'t str>) -> Result<Value, Failure> {
    let named: BTreeSet<&str> = named.collect();
    let orders = values(tables, Order::TOPIC)?.into_iter().filter(|(id, _)| !named.contains(id));
    Ok(orders.collect())
}

/// The shippings that have arrived.
pub struct DeliveredOrders;

impl Query for DeliveredOrders {
    const PATH: &'static str = "/orders/delivered";

    fn topics() -> &'static [&'static str] {
        &[Shipping::TOPIC]
    }

    fn answer(tables: &Tables) -> Result<Value, Failure> {
        let shippings = tables.all::<Shipping>()?;
        shippings.iter().filter(|shipping| shipping.is_delivered()).map(json).collect()
    }
}
