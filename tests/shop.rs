//! A client written for the original works here unchanged, wherever the log is kept and however many
//! processes run the shop.

use crate::common::{
    Http, Process, Store,
    shop::{create_batch, id, until_order_is},
    until,
};
use serde_json::{Value, json};

#[test]
fn the_originals_client_works_on_the_embedded_store() {
    let store = Store::sqlite();
    acceptance(store.up().http());
}

#[test]
fn the_originals_client_works_on_redis() {
    let store = Store::redis();
    acceptance(store.up().http());
}

#[test]
fn the_originals_client_works_in_memory() {
    acceptance(Store::Memory.up().http());
}

#[test]
fn the_originals_client_works_with_a_process_for_each_role() {
    let store = Store::redis();
    let others: Vec<Process> = ["services", "sagas", "projector"].map(|role| store.roles(&[role])).into();
    let gateway = store.roles(&["gateway"]);
    acceptance(gateway.http());
    drop(others);
}

/// The original's own acceptance run, with facts waited for in place of its naps.
fn acceptance(http: &Http) {
    let named = |n: usize| json!({"name": format!("Name {n}"), "email": format!("name{n}@server.com")});
    let priced = |n: usize| json!({"name": format!("Thing {n}"), "price": 10 + n});
    let products = create_batch(http, "products", &(0..10).map(priced).collect::<Vec<_>>(), 10);
    let customers = create_batch(http, "customers", &(0..10).map(named).collect::<Vec<_>>(), 10);
    let in_stock = |product: &Value| json!({"product_id": id(product), "amount": 100});
    create_batch(http, "inventories", &products.iter().map(in_stock).collect::<Vec<_>>(), 10);

    let filled = |n: usize| {
        let ids: Vec<_> = (0..=n % 4).map(|k| id(&products[(n + k) % 10])).collect();
        json!({"customer_id": id(&customers[n]), "product_ids": ids})
    };
    let mut carts = create_batch(http, "carts", &(0..10).map(filled).collect::<Vec<_>>(), 10);

    update_cart(http, &mut carts[1], &products);
    let ordered: Vec<_> = carts.iter().map(|cart| json!({"cart_id": id(cart)})).collect();
    let orders = create_batch(http, "orders", &ordered, 10);
    orders.iter().for_each(|order| until_order_is(http, id(order), "IN_STOCK"));

    // Who takes an order back before its mail is written is not asked to pay for it.
    until("all were welcomed and asked to pay", || {
        (http.get("/mails/sent").as_array().unwrap().len() == 20).then_some(())
    });
    let third = format!("/order/{}", id(&orders[2]));
    assert_eq!(http.delete(&third), true);
    assert_eq!(http.get(&third), Value::Null);

    bill(http, &orders[0], &products);
    assert_eq!(http.get("/orders/unbilled").as_object().unwrap().len(), 8);
    let shipping = until("there is a shipping", || http.get("/shippings").as_array().unwrap().first().cloned());
    confirm(http, shipping, id(&orders[0]));
    assert_eq!(http.get("/orders/unshipped").as_object().unwrap().len(), 8);
    assert_eq!(http.get("/orders/delivered").as_array().unwrap().len(), 1);
    until_order_is(http, id(&orders[0]), "DELIVERED");

    until("22 mails were sent", || (http.get("/mails/sent").as_array().unwrap().len() == 22).then_some(()));
    stock_adds_up(http, &carts, &orders);
}

fn update_cart(http: &Http, cart: &mut Value, products: &[Value]) {
    let path = format!("/cart/{}", id(cart));
    for product in products {
        cart["product_ids"][0] = product["entity_id"].clone();
        assert_eq!(http.put(&path, cart), true);
        assert_eq!(http.get(&path), *cart, "a write is seen by the next read");
    }
}

fn bill(http: &Http, order: &Value, products: &[Value]) {
    let cart = http.get(&format!("/cart/{}", order["cart_id"].as_str().unwrap()));
    let price = |wanted: &Value| {
        let product = products.iter().find(|product| product["entity_id"] == *wanted).unwrap();
        product["price"].as_i64().unwrap()
    };
    let amount: i64 = cart["product_ids"].as_array().unwrap().iter().map(price).sum();
    let wrong = http.send("POST", "/billing", &json!({"order_id": id(order), "amount": amount + 1}).to_string());
    assert_eq!(wrong.status, 422);
    assert_eq!(http.create("/billing", &json!({"order_id": id(order), "amount": amount})).len(), 1);
    until_order_is(http, id(order), "SHIPPED");
}

fn confirm(http: &Http, mut shipping: Value, order: &str) {
    assert_eq!((&shipping["order_id"], &shipping["delivered"]), (&json!(order), &json!(0)));
    shipping["delivered"] = json!(1_795_341_913.546_287_8);
    let path = format!("/shipping/{}", id(&shipping));
    assert_eq!(http.put(&path, &shipping), true);
    assert_eq!(http.get(&path), shipping);
}

/// Each product's stock is what there was less what the carts of living orders hold.
fn stock_adds_up(http: &Http, carts: &[Value], orders: &[Value]) {
    let deleted = orders[2]["cart_id"].clone();
    let held = |product: &Value| {
        let held = carts
            .iter()
            .filter(|cart| cart["entity_id"] != deleted)
            .flat_map(|cart| cart["product_ids"].as_array().unwrap());
        i64::try_from(held.filter(|id| *id == product).count()).unwrap()
    };
    until("stock of the deleted order is given back", || {
        let inventories = http.get("/inventories").as_array().unwrap().clone();
        let adds_up = |stock: &Value| stock["amount"].as_i64().unwrap() == 100 - held(&stock["product_id"]);
        inventories.iter().all(adds_up).then_some(())
    });
}
