//! `/report`, `/report/orders`

use std::collections::BTreeMap;

use kernel::{Entity, Failure, Journal, Query, Tables};
use serde_json::{Value, json};

use super::{SentMails, values};
use crate::{Billing, Cart, Customer, Inventory, Mail, Order, Product, Shipping};

/// Everything there is, by kind.
pub struct Report;

impl Query for Report {
    const PATH: &'static str = "/report";

    fn topics() -> &'static [&'static str] {
        &[
            Billing::TOPIC,
            Cart::TOPIC,
            Customer::TOPIC,
            Inventory::TOPIC,
            Mail::TOPIC,
            Order::TOPIC,
            Product::TOPIC,
            Shipping::TOPIC,
        ]
    }

    fn answer(tables: &Tables) -> Result<Value, Failure> {
        let all =
            |topic| -> Result<Value, Failure> { Ok(values(tables, topic)?.into_iter().map(|(_, row)| row).collect()) };
        Ok(json!({
            "billings": all(Billing::TOPIC)?,
            "carts": all(Cart::TOPIC)?,
            "customers": all(Customer::TOPIC)?,
            "inventory": all(Inventory::TOPIC)?,
            "mails": SentMails::answer(tables)?,
            "orders": all(Order::TOPIC)?,
            "products": all(Product::TOPIC)?,
            "shippings": all(Shipping::TOPIC)?,
        }))
    }
}

/// Every order with what it refers to and what refers to it; what does not exist is null.
pub struct OrderReport;

impl Query for OrderReport {
    const PATH: &'static str = "/report/orders";

    fn topics() -> &'static [&'static str] {
        &[Billing::TOPIC, Cart::TOPIC, Customer::TOPIC, Order::TOPIC, Product::TOPIC, Shipping::TOPIC]
    }

    fn answer(tables: &Tables) -> Result<Value, Failure> {
        let carts = carts(tables)?;
        let billings = by_order(&tables.all::<Billing>()?, |billing| &billing.order_id)?;
        let shippings = by_order(&tables.all::<Shipping>()?, |shipping| &shipping.order_id)?;
        let report = |order: &Order| {
            json!({
                "billings": billings.get(&order.entity_id).map_or(&[][..], Vec::as_slice),
                "cart": carts.get(&order.cart_id),
                "entity_id": order.entity_id,
                "shippings": shippings.get(&order.entity_id).map_or(&[][..], Vec::as_slice),
                "status": order.status,
            })
        };
        Ok(tables.all::<Order>()?.iter().map(report).collect())
    }
}

/// The carts by id, with customer and products in place of their ids.
fn carts(tables: &Tables) -> Result<BTreeMap<String, Value>, Failure> {
    let customers: BTreeMap<&str, Value> = values(tables, Customer::TOPIC)?.into_iter().collect();
    let products: BTreeMap<&str, Value> = values(tables, Product::TOPIC)?.into_iter().collect();
    let report = |cart: Cart| {
        let held: Vec<_> = cart.product_ids.iter().map(|id| products.get(id.as_str())).collect();
        let customer = customers.get(cart.customer_id.as_str());
        let value = json!({ "customer": customer, "entity_id": cart.entity_id, "products": held });
        (cart.entity_id, value)
    };
    Ok(tables.all::<Cart>()?.into_iter().map(report).collect())
}

/// Entities as JSON, by the order that they are of, in id order.
fn by_order<E: Entity>(entities: &[E], order_id: fn(&E) -> &String) -> Result<BTreeMap<String, Vec<Value>>, Failure> {
    let mut by_order: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for entity in entities {
        by_order.entry(order_id(entity).clone()).or_default().push(super::json(entity)?);
    }
    Ok(by_order)
}
