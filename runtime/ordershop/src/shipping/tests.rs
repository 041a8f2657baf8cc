use kernel::Intent;
use serde_json::json;

use super::*;
use crate::{Status, testing::*};

fn shop() -> Given {
    given([
        created(&customer("ann")),
        created(&product("pen", 3)),
        created(&cart("c", "ann", &["pen"])),
        created(&order("o", "c", Status::Cleared)),
        created(&order("p", "c", Status::Cleared)),
    ])
}

#[test]
fn a_shipping_is_on_its_way_unless_it_says_otherwise() {
    let fields = serde_json::value::to_raw_value(&json!({"order_id": "o"})).unwrap();
    let id = assigned::<Shipping>(0);
    shop().asked("shipping", Intent::Create(vec![fields])).then([created(&shipping(&id, "o", 0))]);
    shop().creating(&shipping("", "o", 7)).then([created(&shipping(&id, "o", 7))]);
}

#[test]
fn an_order_has_one_shipping() {
    let shop = shop().and([created(&shipping("s", "o", 0))]);
    shop.creating(&shipping("", "o", 0)).then_refused_for("order_id", "order o has shipping s already");
    let other = shipping(&assigned::<Shipping>(0), "p", 0);
    shop.creating(&other).then([created(&other)]);
    shop.and([deleted(&shipping("s", "o", 0))]).creating(&shipping("", "o", 0)).then([created(&shipping(
        &assigned::<Shipping>(0),
        "o",
        0,
    ))]);
}

#[test]
fn a_shipping_needs_its_order() {
    let refused = "order_id names order x, which does not exist";
    shop().creating(&shipping("", "x", 0)).then_refused_for("order_id", refused);
}

#[test]
fn a_shipping_keeps_its_order() {
    let shop = shop().and([created(&shipping("s", "o", 0))]);
    let refused = "shipping s is of order o and can't become one of order p";
    shop.updating(&shipping("s", "p", 0)).then_refused_for("order_id", refused);
}

#[test]
fn a_shipping_is_delivered_at_a_time_whole_or_not() {
    let shop = shop().and([created(&shipping("s", "o", 0))]);
    shop.updating(&shipping("s", "o", 1_700_000_000)).then([updated(&shipping("s", "o", 1_700_000_000))]);
    let delivered = serde_json::Number::from_f64(1_795_341_913.546_287_8).unwrap();
    let wanted = Shipping { delivered, ..shipping("s", "o", 0) };
    shop.updating(&wanted).then([updated(&wanted)]);
}

#[test]
fn zero_in_any_spelling_is_not_delivered() {
    let delivered = |json: &str| Shipping { delivered: serde_json::from_str(json).unwrap(), ..shipping("s", "o", 0) };
    assert!(["0", "0.0", "-0"].iter().all(|zero| !delivered(zero).is_delivered()));
    assert!(["1", "0.5", "1795341913.5462878", "-1"].iter().all(|time| delivered(time).is_delivered()));
}

#[test]
fn a_shipping_can_be_deleted() {
    let s = shipping("s", "o", 5);
    shop().and([created(&s)]).deleting(&s).then([deleted(&s)]);
}
