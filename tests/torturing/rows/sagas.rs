//! Row 5: the saga host dies between any two steps.

use std::time::Duration;

use serde_json::json;

use crate::{
    common::{
        self, Store, invariants,
        shop::{cart, customer, stocked, until_order_is},
        until,
    },
    torturing::{
        plan,
        victim::{Victim, aborted},
        world,
    },
};

/// How much is in stock: more than is ever ordered.
const STOCK: i64 = 10_000;

/// After how long without its death the next order is placed.
const LOOK: Duration = Duration::from_millis(300);

/// How many times in a row it dies at the same point, one hit later each time.
fn lives() -> u64 {
    if common::long() { 8 } else { 2 }
}

#[test]
fn die_between_any_two_steps_and_each_event_is_reacted_to_once() {
    let points = plan::points("saga");
    assert_eq!(points, ["saga.read", "saga.decided", "saga.committed"]);
    std::thread::scope(|scope| {
        points.into_iter().for_each(|point| drop(scope.spawn(move || die_at(point))));
    });
}

#[test]
fn freeze_past_their_role_and_their_late_steps_are_refused() {
    let store = Store::redis();
    let front = store.roles(&["gateway", "services", "projector"]);
    let http = front.http();
    let product = stocked(http, 7, STOCK);
    let ann = customer(http, "ann");
    let order = || {
        let cart = cart(http, &ann, &[&*product, &*product]);
        http.create("/order", &json!({"cart_id": cart})).remove(0)
    };
    let mut orders = vec![order()];
    let frozen = Victim::start(&mut store.command(&["run", "sagas"]), Some("saga.decided:1:freeze"));
    frozen.freezes();
    let second = Victim::start(&mut store.command(&["run", "sagas"]), None).up();
    until_order_is(http, &orders[0], "IN_STOCK");
    let before = invariants::at_rest(&store, http).len();
    frozen.thaw();
    frozen.says("somebody else runs it or has moved its checkpoint; beginning again");
    assert_eq!(invariants::at_rest(&store, http).len(), before, "its late step changed nothing");
    // It goes on as if nothing had been.
    second.kill();
    orders.push(order());
    until_order_is(http, &orders[1], "IN_STOCK");
    let log = invariants::at_rest(&store, http);
    assert_eq!(log.iter().filter(|event| &*event.topic == "mail").count(), 3, "a welcome, and please pay for each");
    assert_eq!(http.get("/inventories")[0]["amount"], STOCK - 4);
    world::audited(&store);
}

fn die_at(point: &str) {
    let store = Store::redis();
    let front = store.roles(&["gateway", "services", "projector"]);
    let http = front.http();
    let product = stocked(http, 7, STOCK);
    let ann = customer(http, "ann");
    let order = |http| {
        let cart = cart(http, &ann, &[&*product, &*product]);
        http.create("/order", &json!({"cart_id": cart})).remove(0)
    };
    let mut orders = Vec::new();
    for hit in 1..=lives() {
        orders.push(order(http));
        let mut host = Victim::start(&mut store.command(&["run", "sagas"]), Some(&format!("{point}:{hit}")));
        // What waits when it begins may be done at one go: more orders bring it to later hits.
        let status = until(&format!("it dies at {point}:{hit}"), || {
            let status = host.ended(LOOK);
            if status.is_none() {
                orders.push(order(http));
            }
            status
        });
        assert!(aborted(status), "{point}:{hit}: {status}");
    }
    let _sagas = Victim::start(&mut store.command(&["run", "sagas"]), None).up();
    orders.iter().for_each(|order| until_order_is(http, order, "IN_STOCK"));
    until("everybody was written to", || {
        (http.get("/mails/sent").as_array().unwrap().len() == 1 + orders.len()).then_some(())
    });
    let log = invariants::at_rest(&store, http);
    let count = |topic: &str| log.iter().filter(|event| &*event.topic == topic).count();
    assert_eq!(http.get("/inventories")[0]["amount"], STOCK - 2 * i64::try_from(orders.len()).unwrap(), "{point}");
    assert_eq!(count("mail"), 1 + orders.len(), "{point}: a welcome, and please pay for each");
    assert_eq!(count("order"), 2 * orders.len(), "{point}: each was created and came into stock");
    assert_eq!(count("inventory"), 1 + orders.len(), "{point}: each took from the stock once");
    world::audited(&store);
}
