mod gateway;

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use gateway::Gateway;

/// What was asked, and the answer.
type Exchange = (Request, u16, Value);

/// Lets clients of one shop take turns, the sagas reacting to this many events after each request.
fn run(seed: u64, clients: u64, requests: usize, reactions: usize) -> Vec<Exchange> {
    let (mut gateway, mut exchanges) = (Gateway::new(), Vec::new());
    let mut clients: Vec<_> = (0..clients).map(|index| Client::new(seed, index)).collect();
    while exchanges.len() < requests {
        for client in &mut clients {
            let request = client.next(1_700_000_000_000 + exchanges.len() as u64);
            let (status, body) = gateway.answer(&request);
            client.answered(status, &body);
            exchanges.push((request, status, body));
            for _ in 0..reactions {
                gateway.react();
            }
        }
    }
    exchanges
}

/// Asserts that the shop said no only where clients can't know better: goods ran out between looking and
/// buying, or somebody else has cleared them away.
#[track_caller]
fn assert_expected(exchanges: &[Exchange]) {
    for (request, status, body) in exchanges {
        let error = body["error"].as_str().unwrap_or_default();
        let expected = match request.label {
            "fill cart" | "change cart" => *status == 422 && error.ends_with(" are in stock"),
            "clear away" => *status == 404,
            _ => false,
        };
        assert!(*status == 200 || expected, "{request:?}: {status} {error}");
    }
}

fn labels(exchanges: &[Exchange]) -> BTreeSet<&'static str> {
    exchanges.iter().map(|(request, ..)| request.label).collect()
}

#[test]
fn the_same_seed_and_answers_give_the_same_requests() {
    let requests = |seed| run(seed, 2, 300, 5).into_iter().map(|(request, ..)| request).collect::<Vec<_>>();
    assert_eq!(requests(1), requests(1));
    assert_ne!(requests(1), requests(2));
}

#[test]
fn every_request_of_one_client_is_valid() {
    for seed in 1..=20 {
        assert_expected(&run(seed, 1, 500, 100));
    }
}

#[test]
fn every_request_of_many_clients_is_valid_however_late_sagas_react() {
    for seed in 1..=20 {
        for reactions in [1, 3] {
            assert_expected(&run(seed, 7, 500, reactions));
        }
    }
}

#[test]
fn everything_that_can_be_done_is_done_sooner_or_later() {
    let all: Vec<_> = (1..=20).flat_map(|seed| run(seed, 1 + seed % 4, 1_000, 1)).collect();
    let expected = [
        "add products",
        "cancel order",
        "change cart",
        "clear away",
        "close account",
        "confirm delivery",
        "fill cart",
        "look at order",
        "look at packing list",
        "look at product",
        "look at products",
        "look at shippings",
        "look at stock",
        "move house",
        "pay",
        "place order",
        "sign up",
        "take in goods",
        "take payment back",
    ];
    assert_eq!(labels(&all), BTreeSet::from(expected));
    let statuses: BTreeSet<_> = all.iter().filter_map(|(.., body)| body["result"]["status"].as_str()).collect();
    assert!(
        statuses.is_superset(&["CREATED", "IN_STOCK", "OUT_OF_STOCK", "SHIPPED", "UNCLEARED"].into()),
        "{statuses:?}"
    );
}

#[test]
fn most_orders_are_paid_and_most_of_those_delivered() {
    let all = run(3, 4, 4_000, 100);
    let done = |label| all.iter().filter(|(request, status, _)| request.label == label && *status == 200).count();
    let (placed, paid, delivered) = (done("place order"), done("pay"), done("confirm delivery"));
    assert!(placed > 500 && paid * 10 > placed * 7 && delivered * 2 > paid, "{placed} {paid} {delivered}");
    let looks = done("look at packing list") + done("look at shippings") + done("look at stock");
    assert!(looks * 10 < all.len(), "{looks} looks through whole topics are too many");
}

#[test]
fn only_client_0_adds_products_and_only_where_there_are_few() {
    let added = |exchanges: &[Exchange]| labels(exchanges).contains("add products");
    let mut gateway = Gateway::new();
    let mut others: Vec<_> = (1..5).map(|index| Client::new(1, index)).collect();
    for turn in 0..40 {
        let client = &mut others[turn % 4];
        let request = client.next(0);
        assert_eq!(request.label, "look at stock");
        let (status, body) = gateway.answer(&request);
        client.answered(status, &body);
    }
    let products: Value = (0..12).map(|n| json!({ "name": format!("product {n}"), "price": n })).collect();
    gateway.answer(&Request::post("", "/product", products));
    let mut keeper = Client::new(1, 0);
    let exchanges: Vec<Exchange> = (0..50)
        .map(|_| {
            let request = keeper.next(0);
            let (status, body) = gateway.answer(&request);
            keeper.answered(status, &body);
            (request, status, body)
        })
        .collect();
    assert!(!added(&exchanges));
    assert!(added(&run(1, 1, 10, 0)));
}

#[test]
fn a_client_outlives_answers_that_fail_or_get_lost() {
    let (mut gateway, mut client) = (Gateway::new(), Client::new(5, 0));
    let mut exchanges = Vec::new();
    for turn in 0..2_000 {
        let request = client.next(0);
        match turn % 11 {
            3 => client.answered(503, &json!({ "error": "the store is away" })),
            7 => {
                gateway.answer(&request);
                client.answered(504, &Value::Null);
            }
            _ => {
                let (status, body) = gateway.answer(&request);
                client.answered(status, &body);
                exchanges.push((request, status, body));
            }
        }
        while gateway.react() {}
    }
    // What was done although nobody heard of it is refused the second time.
    exchanges.retain(|(request, status, _)| !(request.label == "clear away" && *status == 404));
    assert_expected(&exchanges);
    assert!(labels(&exchanges).contains("confirm delivery"));
}

#[test]
fn on_a_large_shop_a_client_knows_a_part_and_looks_through_all_of_it_seldom() {
    let mut memory = Memory::new(1, 0);
    let product = |n: usize| crate::Product { entity_id: format!("p{n}"), name: "pen".into(), price: 1 };
    memory.learn((0..10_000).map(product).collect());
    assert!((50..=60).contains(&memory.catalogue().len()));
    memory.after_round(1_000_000);
    let rounds = (0..1_000).filter(|_| matches!(memory.after_visit(memory::Met::Plenty), Scene::Deliveries(_))).count();
    assert_eq!(rounds, 0);
}
