//! Clients that go on ordering whatever becomes of the store, and what they were promised.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of this")]

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::common::{
    Http, Store, invariants,
    shop::{customer, stocked, until_order_is},
    until,
};

/// How long an answer may take at most: a call of the store (5 s) to put the command into its queue, its outcome
/// (10 s), a last look at the store (5 s), and the read model (5 s); the rest is for a busy machine.
pub const BOUND: Duration = Duration::from_secs(30);

/// How long a client repeats one request before the test has failed.
const PERSISTENCE: Duration = Duration::from_secs(120);

/// How long a client waits before it repeats what it got no outcome of: less than it is told, for there is little time.
const PAUSE: Duration = Duration::from_millis(50);

/// How many pens there are.
const STOCK: i64 = 100_000;

/// What clients were promised, and how they were answered.
#[derive(Debug, Default)]
pub struct Promised {
    orders: Vec<String>,
    customers: usize,
    ids: Vec<String>,
    commands: Vec<String>,
    /// Answers by status.
    pub answers: BTreeMap<u16, usize>,
}

/// Clients at work.
#[derive(Debug, Default)]
pub struct Load {
    placed: AtomicUsize,
    acknowledged: AtomicUsize,
    refused: AtomicUsize,
    stop: AtomicBool,
}

impl Load {
    /// Waits until so many more orders were acknowledged.
    #[track_caller]
    pub fn go_on(&self, orders: usize) {
        let target = self.placed.load(Ordering::Relaxed) + orders;
        until(&format!("{orders} more orders are placed"), || {
            (self.placed.load(Ordering::Relaxed) >= target).then_some(())
        });
    }

    /// Waits until so many more requests were acknowledged, whatever they asked for.
    #[track_caller]
    pub fn are_acknowledged(&self, requests: usize) {
        let target = self.acknowledged.load(Ordering::Relaxed) + requests;
        until(&format!("{requests} more requests are acknowledged"), || {
            (self.acknowledged.load(Ordering::Relaxed) >= target).then_some(())
        });
    }

    /// Waits until so many more requests were told to come again.
    #[track_caller]
    pub fn are_refused(&self, requests: usize) {
        let target = self.refused.load(Ordering::Relaxed) + requests;
        until(&format!("{requests} more requests are told to come again"), || {
            (self.refused.load(Ordering::Relaxed) >= target).then_some(())
        });
    }
}

/// Has clients stop, also when the test fails.
struct Stop<'l>(&'l Load);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

/// A shop with pens, before anything goes wrong.
pub struct Shop {
    product: String,
    http: Http,
}

impl Shop {
    pub fn open(http: &Http) -> Self {
        Self { product: stocked(http, 7, STOCK), http: http.clone() }
    }

    /// Has clients order while `work` is done.
    pub fn during(&self, clients: usize, work: impl FnOnce(&Load)) -> Promised {
        let load = Load::default();
        thread::scope(|scope| {
            let client = |client| self.client(client, &load);
            let clients: Vec<_> = (0..clients).map(|number| scope.spawn(move || client(number))).collect();
            let stop = Stop(&load);
            work(&load);
            drop(stop);
            let mut all = Promised::default();
            clients.into_iter().for_each(|client| all.add(client.join().unwrap()));
            all
        })
    }

    fn client(&self, client: usize, load: &Load) -> Promised {
        let http = self.http.within(BOUND);
        let mut promised = Promised { customers: 1, ..Promised::default() };
        let ann = json!({"name": format!("ann{client}"), "email": "ann@shop.example"});
        let ann = promised.insist(&http, "/customer", &ann, &format!("{client}-customer"), load);
        for round in 0.. {
            if load.stop.load(Ordering::Relaxed) {
                break;
            }
            let key = |what: &str| format!("{client}-{round}-{what}");
            let cart = json!({"customer_id": ann, "product_ids": [self.product]});
            let cart = promised.insist(&http, "/cart", &cart, &key("cart"), load);
            let order = promised.insist(&http, "/order", &json!({"cart_id": cart}), &key("order"), load);
            promised.orders.push(order);
            load.placed.fetch_add(1, Ordering::Relaxed);
        }
        promised
    }

    /// Waits for rest; then what was promised holds, once (I1, I2), and so do the other invariants.
    pub fn check(&self, store: &Store, promised: &Promised) {
        let http = &self.http;
        for order in &promised.orders {
            until_order_is(http, order, "IN_STOCK");
        }
        let orders = promised.orders.len();
        let log = invariants::at_rest(store, http);
        invariants::acknowledged(&log, http, &promised.ids, &promised.commands);
        assert_eq!(http.get("/inventories")[0]["amount"], STOCK - i64::try_from(orders).unwrap());
        let created = |topic: &str| {
            let is = |event: &&kernel::Event| &*event.topic == topic && event.action == kernel::CREATED;
            log.iter().filter(is).count()
        };
        assert_eq!((created("customer"), created("order")), (promised.customers, orders));
        let mails = http.get("/mails/sent").as_array().unwrap().len();
        assert_eq!(mails, promised.customers + orders, "a welcome each, and a please pay for each order");
    }
}

impl Promised {
    fn add(&mut self, mut other: Self) {
        self.orders.append(&mut other.orders);
        self.customers += other.customers;
        self.ids.append(&mut other.ids);
        self.commands.append(&mut other.commands);
        other.answers.into_iter().for_each(|(status, count)| *self.answers.entry(status).or_default() += count);
    }

    /// Sends until the gateway tells the outcome; the key keeps a repeat from taking effect twice.
    fn insist(&mut self, http: &Http, path: &str, body: &Value, key: &str, load: &Load) -> String {
        let until = Instant::now() + PERSISTENCE;
        loop {
            assert!(Instant::now() < until, "no outcome of {key} within {PERSISTENCE:?}: {:?}", self.answers);
            let answer = http.try_send("POST", path, &body.to_string(), &[("idempotency-key", key)]);
            let answer = answer.unwrap_or_else(|error| panic!("{key} was not answered within {BOUND:?}: {error}"));
            *self.answers.entry(answer.status).or_default() += 1;
            match answer.status {
                200 => {
                    self.commands.push(answer.headers["retrace-command"].to_str().unwrap().to_owned());
                    let id = answer.result()[0].as_str().unwrap().to_owned();
                    self.ids.push(id.clone());
                    load.acknowledged.fetch_add(1, Ordering::Relaxed);
                    return id;
                }
                409 | 503 | 504 => {
                    let (_, sentence) = answer.error();
                    let after =
                        answer.headers.get("retry-after").unwrap_or_else(|| panic!("no Retry-After: {sentence}"));
                    assert!(after.to_str().unwrap().parse::<u32>().unwrap() > 0, "{after:?}");
                    load.refused.fetch_add(1, Ordering::Relaxed);
                    thread::park_timeout(PAUSE);
                }
                _ => panic!("{path} {body}: {answer:?}"),
            }
        }
    }
}

/// A customer of a test's own, who has been welcomed.
pub fn welcomed(http: &Http, name: &str) -> String {
    let before = http.get("/mails/sent").as_array().unwrap().len();
    let id = customer(http, name);
    until(&format!("{name} is welcomed"), || {
        (http.get("/mails/sent").as_array().unwrap().len() > before).then_some(())
    });
    id
}
