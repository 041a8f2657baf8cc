//! The workload: clients that order and pay, and write down what they were promised.

use std::{
    collections::VecDeque,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::world::World;
use crate::common::{Http, invariants, shop::until_order_is, until};

/// How long a request may be repeated before it counts as lost.
const LOST: Duration = Duration::from_secs(180);

/// How many orders of a client may wait for its payment.
const UNPAID: usize = 12;

/// Units of the product that everybody orders.
pub const STOCK: i64 = 100_000_000;

/// What a client was promised.
#[derive(Debug, Default)]
pub struct Promised {
    orders: Vec<String>,
    billed: Vec<String>,
    ids: Vec<String>,
    commands: Vec<String>,
}

/// One client.
struct Client<'w> {
    world: &'w World,
    name: String,
    promised: Promised,
}

impl Client<'_> {
    /// Sends until the outcome is known: the key keeps a repeat from taking effect twice. Nothing once the test has
    /// failed.
    fn insist(&mut self, path: &str, body: &Value, key: &str) -> Option<String> {
        let key = format!("{}-{key}", self.name);
        let deadline = Instant::now() + LOST;
        let mut http = self.world.http()?;
        loop {
            assert!(Instant::now() < deadline, "no outcome of {key} within {LOST:?}");
            // A gateway that died while it answered has answered nothing.
            let answer = http.try_send("POST", path, &body.to_string(), &[("idempotency-key", &key)]).ok();
            match answer.filter(|answer| answer.status != 200 || !answer.body["result"].is_null()) {
                Some(answer) if answer.status == 200 => {
                    self.promised.commands.push(answer.headers["retrace-command"].to_str().unwrap().to_owned());
                    let id = answer.body["result"][0].as_str().unwrap().to_owned();
                    self.promised.ids.push(id.clone());
                    self.world.tally.acknowledged.fetch_add(1, Ordering::Relaxed);
                    return Some(id);
                }
                Some(answer) if answer.status == 500 && answer.body["type"].to_string().contains("command-failed") => {
                    self.world.requeue(&http);
                }
                Some(answer) => assert!([409, 503, 504].contains(&answer.status), "{path} {body}: {answer:?}"),
                None => {}
            }
            self.world.turn_away(&http);
            http = self.world.http()?;
        }
    }

    /// Whether an order is there to be paid, as far as can be told now.
    fn is_in_stock(&self, order: &str) -> Option<bool> {
        let http = self.world.http()?;
        let answer = http.try_send("GET", &format!("/order/{order}"), "", &[]).ok();
        let is_in_stock = answer.is_some_and(|answer| answer.body["result"]["status"] == "IN_STOCK");
        if !is_in_stock {
            self.world.turn_away(&http);
        }
        Some(is_in_stock)
    }

    fn shop(&mut self, product: &str) -> Option<()> {
        let ann = json!({"name": self.name, "email": format!("{}@shop.example", self.name)});
        let ann = self.insist("/customer", &ann, "customer")?;
        let mut unpaid = VecDeque::new();
        for round in 0.. {
            if self.world.is_over() {
                return None;
            }
            let cart = json!({"customer_id": ann, "product_ids": [product, product]});
            let cart = self.insist("/cart", &cart, &format!("{round}-cart"))?;
            let order = self.insist("/order", &json!({"cart_id": cart}), &format!("{round}-order"))?;
            self.promised.orders.push(order.clone());
            if round % 2 == 0 {
                unpaid.push_back((round, order));
            }
            while let Some((of, order)) = unpaid.front().cloned() {
                if self.is_in_stock(&order)? {
                    let bill = json!({"order_id": order, "amount": 14});
                    self.insist("/billing", &bill, &format!("{of}-billing"))?;
                    self.promised.billed.push(order);
                    unpaid.pop_front();
                } else if unpaid.len() < UNPAID || self.world.is_over() {
                    break;
                }
            }
        }
        None
    }
}

/// One client's shopping, until all is over.
pub fn shop(world: &World, name: &str, product: &str) -> Promised {
    let mut client = Client { world, name: name.to_owned(), promised: Promised::default() };
    client.shop(product);
    client.promised
}

/// Waits until all has come to rest, and checks that what was promised is so: once, and nothing else.
pub fn kept(world: &World, http: &Http, promised: &[Promised]) -> usize {
    until("no command is dead", || (!world.requeue(http)).then_some(()));
    for promised in promised {
        for order in &promised.orders {
            let status = if promised.billed.contains(order) { "SHIPPED" } else { "IN_STOCK" };
            until_order_is(http, order, status);
        }
    }
    // Mails are the last to come; they may have died meanwhile.
    until("no command is dead or on its way", || {
        let idle = |queue: &Value| queue["waiting"] == 0 && queue["claimed"] == 0;
        (!world.requeue(http) && http.get("/api/v1/queues").as_array().unwrap().iter().all(idle)).then_some(())
    });
    let log = invariants::at_rest(&world.store, http);
    for promised in promised {
        invariants::acknowledged(&log, http, &promised.ids, &promised.commands);
    }
    let orders: usize = promised.iter().map(|promised| promised.orders.len()).sum();
    let billed: usize = promised.iter().map(|promised| promised.billed.len()).sum();
    assert_eq!(http.get("/inventories")[0]["amount"], STOCK - 2 * i64::try_from(orders).unwrap());
    let mails = http.get("/mails/sent").as_array().unwrap().len();
    assert_eq!(mails, promised.len() + orders + 2 * billed, "a welcome, please pay, and two for each that was paid");
    world.audited();
    log.len()
}
