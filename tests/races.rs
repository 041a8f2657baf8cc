//! Two hundred carts race for the last ten units.

use crate::common::{
    self, Http, Store,
    shop::{cart, customer, id, stocked},
    until,
};
use serde_json::{Value, json};

/// How many carts are ordered at once.
const CARTS: usize = 200;
/// How many units there are.
const UNITS: i64 = 10;
/// How many times in a row it must come out right.
const RUNS: usize = 20;

fn race(http: &Http) {
    for run in 0..RUNS {
        let product = stocked(http, 3, UNITS);
        let ann = customer(http, "ann");
        let carts: Vec<_> = (0..CARTS).map(|_| json!({"customer_id": ann, "product_ids": [product]})).collect();
        let carts = http.create("/cart", &Value::from(carts));
        let orders = std::thread::scope(|scope| {
            let order = |carts: &[String]| {
                carts.iter().flat_map(|cart| http.create("/order", &json!({"cart_id": cart}))).collect::<Vec<_>>()
            };
            let clients: Vec<_> = carts.chunks(CARTS / 8).map(|carts| scope.spawn(move || order(carts))).collect();
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(orders.len(), CARTS);
        let statuses = until("no order is CREATED any more", || {
            let all = http.get("/orders");
            let ours = all.as_array().unwrap().iter().filter(|order| orders.iter().any(|ours| ours == id(order)));
            let statuses: Vec<_> = ours.map(|order| order["status"].as_str().unwrap().to_owned()).collect();
            statuses.iter().all(|status| status != "CREATED").then_some(statuses)
        });
        let count = |wanted: &str| statuses.iter().filter(|status| *status == wanted).count();
        assert_eq!((count("IN_STOCK"), count("OUT_OF_STOCK")), (10, CARTS - 10), "run {run}");
        assert_eq!(stock(http, &product), 0, "run {run}");
    }
}

fn stock(http: &Http, product: &str) -> i64 {
    let inventories = http.get("/inventories");
    let inventory = inventories.as_array().unwrap().iter().find(|inventory| inventory["product_id"] == product);
    inventory.unwrap()["amount"].as_i64().unwrap()
}

#[test]
fn exactly_ten_win_on_the_embedded_store() {
    race(Store::sqlite().up().http());
}

#[test]
fn exactly_ten_win_on_redis() {
    race(Store::redis().up().http());
}

#[test]
fn exactly_ten_win_in_memory() {
    race(Store::Memory.up().http());
}

#[test]
fn a_cart_for_what_is_not_in_stock_is_refused_and_stock_comes_back() {
    let up = Store::Memory.up();
    let http = up.http();
    let product = stocked(http, 3, 1);
    let ann = customer(http, "ann");
    let first = cart(http, &ann, &[&product]);
    let order = http.create("/order", &json!({"cart_id": first})).remove(0);
    common::shop::until_order_is(http, &order, "IN_STOCK");
    let refused = http.send("POST", "/cart", &json!({"customer_id": ann, "product_ids": [product]}).to_string());
    assert_eq!(refused.status, 422);
    http.delete(&format!("/order/{order}"));
    until("the unit is back", || (stock(http, &product) == 1).then_some(()));
    cart(http, &ann, &[&product]);
}
