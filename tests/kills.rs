//! Services and sagas are killed at random under load; what must hold, holds.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use common::{
    Http, Process, Store, invariants,
    shop::{customer, stocked, until_order_is},
};
use serde_json::{Value, json};

/// What is killed.
const ROLES: [&str; 2] = ["services", "sagas"];

/// How many clients order at the same time.
const CLIENTS: usize = 4;

/// How many processes are killed: fifty with `--long`.
fn kills() -> usize {
    if common::long() { 50 } else { 8 }
}

/// What a client was promised.
#[derive(Default)]
struct Promised {
    orders: Vec<String>,
    billed: Vec<String>,
    ids: Vec<String>,
    commands: Vec<String>,
}

/// Sends until the gateway knows the outcome; the key keeps a repeat from taking effect twice.
fn insist(http: &Http, path: &str, body: &Value, key: &str, promised: &mut Promised) -> String {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        assert!(Instant::now() < deadline, "no outcome of {key} within two minutes");
        let answer = http.send_with("POST", path, &body.to_string(), &[("idempotency-key", key)]);
        match answer.status {
            200 => {
                promised.commands.push(answer.headers["retrace-command"].to_str().unwrap().to_owned());
                let id = answer.result()[0].as_str().unwrap().to_owned();
                promised.ids.push(id.clone());
                return id;
            }
            409 | 503 | 504 => {}
            _ => panic!("{path} {body}: {answer:?}"),
        }
    }
}

/// Orders one pen after the other, and pays for every second one.
fn shop(http: &Http, client: usize, product: &str, ordered: &AtomicUsize, stop: &AtomicBool) -> Promised {
    let mut promised = Promised::default();
    let ann = customer(http, &format!("ann{client}"));
    for round in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let key = |what: &str| format!("{client}-{round}-{what}");
        let cart = json!({"customer_id": ann, "product_ids": [product, product]});
        let cart = insist(http, "/cart", &cart, &key("cart"), &mut promised);
        let order = insist(http, "/order", &json!({"cart_id": cart}), &key("order"), &mut promised);
        ordered.fetch_add(1, Ordering::Relaxed);
        if round % 2 == 0 {
            until_order_is(http, &order, "IN_STOCK");
            insist(http, "/billing", &json!({"order_id": order, "amount": 14}), &key("billing"), &mut promised);
            promised.billed.push(order.clone());
        }
        promised.orders.push(order);
    }
    promised
}

/// A small generator: which process dies next, and when.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Kills one of the two after so many more orders, or after a while in which nothing moves, and starts another.
fn kill_in_turn(store: &Store, mut processes: [Process; 2], ordered: &AtomicUsize, seed: u64) -> [Process; 2] {
    let mut dice = Dice(seed);
    for _ in 0..kills() {
        let target = ordered.load(Ordering::Relaxed) + usize::try_from(dice.below(30)).unwrap();
        let deadline = Instant::now() + Duration::from_secs(4);
        while ordered.load(Ordering::Relaxed) < target && Instant::now() < deadline {
            std::thread::yield_now();
        }
        let victim = usize::try_from(dice.below(2)).unwrap();
        let started = store.roles(&[ROLES[victim]]);
        std::mem::replace(&mut processes[victim], started).kill();
    }
    processes
}

#[test]
fn killed_services_and_sagas_lose_nothing_and_double_nothing() {
    let seed = std::env::var("RETRACE_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    println!("seed {seed}");
    let store = Store::redis();
    let front = store.roles(&["gateway", "projector"]);
    let http = front.http();
    let (ordered, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let stock = 100_000;
    let first = ROLES.map(|role| store.roles(&[role]));
    let product = stocked(http, 7, stock);
    let (promised, _processes) = std::thread::scope(|scope| {
        let killing = scope.spawn(|| kill_in_turn(&store, first, &ordered, seed));
        let (product, ordered, stop) = (&product, &ordered, &stop);
        let clients: Vec<_> =
            (0..CLIENTS).map(|client| scope.spawn(move || shop(http, client, product, ordered, stop))).collect();
        let processes = killing.join().unwrap();
        stop.store(true, Ordering::Relaxed);
        let promised: Vec<_> = clients.into_iter().map(|client| client.join().unwrap()).collect();
        (promised, processes)
    });
    let orders: usize = promised.iter().map(|promised| promised.orders.len()).sum();
    println!("{orders} orders over {} kills", kills());
    for promised in &promised {
        for order in &promised.orders {
            let status = if promised.billed.contains(order) { "SHIPPED" } else { "IN_STOCK" };
            until_order_is(http, order, status);
        }
    }
    let inventories = http.get("/inventories");
    assert_eq!(inventories[0]["amount"], stock - 2 * i64::try_from(orders).unwrap());
    let log = invariants::at_rest(&store, http);
    for promised in &promised {
        invariants::acknowledged(&log, http, &promised.ids, &promised.commands);
    }
    let mails = http.get("/mails/sent").as_array().unwrap().len();
    let billed: usize = promised.iter().map(|promised| promised.billed.len()).sum();
    assert_eq!(mails, CLIENTS + orders + 2 * billed, "a welcome, please pay, and two for each that was paid");
}
