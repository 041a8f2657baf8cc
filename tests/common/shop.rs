//! What a client of the shop does.

use serde_json::{Value, json};

use super::{Http, until};

/// Sends a list to the route that does not wait, and waits until so many of the topic are there.
pub fn create_batch(http: &Http, plural: &str, batch: &[Value], expected: usize) -> Vec<Value> {
    let command = http.post(&format!("/{plural}"), &Value::from(batch));
    assert!(command.is_string(), "a command's id: {command}");
    until(&format!("there are {expected} {plural}"), || {
        let all = http.get(&format!("/{plural}")).as_array().unwrap().clone();
        (all.len() == expected).then_some(all)
    })
}

pub fn id(entity: &Value) -> &str {
    entity["entity_id"].as_str().unwrap()
}

/// Waits until an order has this status.
pub fn until_order_is(http: &Http, order: &str, status: &str) {
    until(&format!("order {order} is {status}"), || {
        (http.get(&format!("/order/{order}"))["status"] == status).then_some(())
    });
}

/// A product with stock, and its id.
pub fn stocked(http: &Http, price: i64, amount: i64) -> String {
    let product = http.create("/product", &json!({"name": "Pen", "price": price})).remove(0);
    http.create("/inventory", &json!({"product_id": product, "amount": amount}));
    product
}

/// A customer's id.
pub fn customer(http: &Http, name: &str) -> String {
    http.create("/customer", &json!({"name": name, "email": format!("{name}@shop.example")})).remove(0)
}

/// A cart's id.
pub fn cart(http: &Http, customer: &str, products: &[&str]) -> String {
    http.create("/cart", &json!({"customer_id": customer, "product_ids": products})).remove(0)
}
