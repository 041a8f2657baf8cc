use std::collections::BTreeSet;

use super::*;
use crate::testing::*;

fn shop() -> Given {
    given([
        created(&customer("ann")),
        created(&product("pen", 3)),
        created(&cart("c", "ann", &["pen"])),
        created(&cart("d", "ann", &["pen"])),
    ])
}

/// The arrows of the specification, `CREATED → IN_STOCK | OUT_OF_STOCK` and so on.
const ARROWS: [(Status, Status); 7] = [
    (Status::Created, Status::InStock),
    (Status::Created, Status::OutOfStock),
    (Status::InStock, Status::Cleared),
    (Status::Cleared, Status::Uncleared),
    (Status::Cleared, Status::Shipped),
    (Status::Uncleared, Status::Cleared),
    (Status::Shipped, Status::Delivered),
];

#[test]
fn status_changes_along_the_arrows_and_no_other_way() {
    for from in Status::ALL {
        for to in Status::ALL {
            let shop = shop().and([created(&order("o", "c", from))]);
            let wanted = order("o", "c", to);
            if from == to || ARROWS.contains(&(from, to)) {
                shop.updating(&wanted).then([updated(&wanted)]);
            } else {
                let rejection = shop.updating(&wanted).rejection();
                assert_eq!(rejection.field.as_deref(), Some("status"), "{from} to {to}");
                assert!(rejection.message.starts_with(&format!("order o can't become {to}: it is {from}, ")));
            }
        }
    }
}

#[test]
fn a_refused_change_of_status_says_what_is_possible() {
    let refused = |from, to, message: &str| {
        let shop = shop().and([created(&order("o", "c", from))]);
        shop.updating(&order("o", "c", to)).then_refused_for("status", message);
    };
    let message = "order o can't become SHIPPED: it is IN_STOCK, which can become CLEARED";
    refused(Status::InStock, Status::Shipped, message);
    let message = "order o can't become DELIVERED: it is CLEARED, which can become UNCLEARED or SHIPPED";
    refused(Status::Cleared, Status::Delivered, message);
    let message = "order o can't become IN_STOCK: it is OUT_OF_STOCK, which can become nothing else";
    refused(Status::OutOfStock, Status::InStock, message);
}

#[test]
fn a_new_order_is_created_whether_it_says_so_or_not() {
    let fields = serde_json::value::to_raw_value(&serde_json::json!({"cart_id": "c"})).unwrap();
    let wanted = order(&assigned::<Order>(0), "c", Status::Created);
    shop().asked("order", kernel::Intent::Create(vec![fields])).then([created(&wanted)]);
    shop().creating(&wanted).then([created(&wanted)]);
    shop().creating(&wanted).then_told(serde_json::json!([assigned::<Order>(0)]));
}

#[test]
fn a_new_order_can_be_nothing_but_created() {
    for status in Status::ALL.into_iter().filter(|status| *status != Status::Created) {
        let refused = format!("a new order is CREATED, not {status}");
        shop().creating(&order("o", "c", status)).then_refused_for("status", &refused);
    }
}

#[test]
fn an_order_changes_its_cart_while_it_is_created() {
    let wanted = order("o", "d", Status::Created);
    shop().and([created(&order("o", "c", Status::Created))]).updating(&wanted).then([updated(&wanted)]);
}

#[test]
fn an_order_past_created_keeps_its_cart() {
    for status in Status::ALL.into_iter().filter(|status| *status != Status::Created) {
        let refused = format!("order o is {status}, past CREATED, so it can't change its cart from c to d");
        let shop = shop().and([created(&order("o", "c", status))]);
        shop.updating(&order("o", "d", status)).then_refused_for("cart_id", &refused);
    }
}

#[test]
fn an_order_can_be_deleted_at_any_time() {
    for status in Status::ALL {
        let o = order("o", "c", status);
        shop().and([created(&o)]).deleting(&o).then([deleted(&o)]);
    }
}

#[test]
fn an_order_needs_its_cart() {
    let refused = "cart_id names cart x, which does not exist";
    shop().creating(&order("o", "x", Status::Created)).then_refused_for("cart_id", refused);
}

#[test]
fn a_status_has_one_name_everywhere() {
    let names: Vec<_> = Status::ALL.iter().map(|status| serde_json::to_value(status).unwrap()).collect();
    assert_eq!(names, Status::NAMES);
    assert_eq!(Status::ALL.map(|status| status.to_string()), Status::NAMES);
    assert_eq!(Status::ALL.iter().collect::<BTreeSet<_>>().len(), Status::ALL.len());
    assert_eq!(Status::ALL.last(), Some(&Status::Delivered), "the last variant is in it");
}
