use super::*;
use crate::testing::*;

/// An order of two pens and an ink, which cost 11.
fn shop(status: Status) -> Given {
    given([
        created(&customer("ann")),
        created(&product("pen", 3)),
        created(&product("ink", 5)),
        created(&cart("c", "ann", &["pen", "ink", "pen"])),
        created(&order("o", "c", status)),
        created(&cart("d", "ann", &["pen"])),
        created(&order("p", "d", Status::InStock)),
    ])
}

fn billed() -> Given {
    shop(Status::Cleared).and([created(&billing("b", "o", 11))])
}

#[test]
fn an_order_in_stock_or_uncleared_can_be_billed_and_no_other() {
    for status in Status::ALL {
        let wanted = billing(&assigned::<Billing>(0), "o", 11);
        let answered = shop(status).creating(&wanted);
        if [Status::InStock, Status::Uncleared].contains(&status) {
            answered.then([created(&wanted)]);
        } else {
            let refused = format!("order o can't be billed: it is {status}, not IN_STOCK or UNCLEARED");
            answered.then_refused_for("order_id", &refused);
        }
    }
}

#[test]
fn an_order_is_billed_once() {
    let shop = shop(Status::InStock).and([created(&billing("b", "o", 11))]);
    let refused = "order o can't be billed: it has billing b already";
    shop.creating(&billing("", "o", 11)).then_refused_for("order_id", refused);

    let wanted = billing(&assigned::<Billing>(0), "o", 11);
    let freed = shop.and([deleted(&billing("b", "o", 11))]);
    freed.creating(&wanted).then([created(&wanted)]);
    let rejection = freed.creating_all([&wanted, &wanted]).rejection();
    let refused = format!("order o can't be billed: it has billing {} already", wanted.entity_id);
    assert_eq!(rejection, Rejection { member: Some(1), ..Rejection::field("order_id", refused) });
}

#[test]
fn a_billing_is_for_the_sum_of_the_prices() {
    for amount in [0, 8, 10, 12] {
        let refused = format!("order o costs 11, but the billing's amount is {amount}");
        shop(Status::InStock).creating(&billing("", "o", amount)).then_refused_for("amount", &refused);
    }
}

#[test]
fn prices_add_up_beyond_any_one_integer() {
    let shop = shop(Status::InStock).and([updated(&product("pen", i64::MAX))]);
    let refused = "order o costs 18446744073709551619, but the billing's amount is 11";
    shop.creating(&billing("", "o", 11)).then_refused_for("amount", refused);
}

#[test]
fn what_has_no_price_can_not_be_billed() {
    let without_product = shop(Status::InStock).and([deleted(&product("ink", 5))]);
    let refused = "order o can't be billed: product ink of its cart does not exist";
    without_product.creating(&billing("", "o", 6)).then_refused_for("order_id", refused);
    let without_cart = shop(Status::InStock).and([deleted(&cart("c", "ann", &[]))]);
    let refused = "order o can't be billed: its cart c does not exist";
    without_cart.creating(&billing("", "o", 11)).then_refused_for("order_id", refused);
}

#[test]
fn a_billing_needs_its_order() {
    let refused = "order_id names order x, which does not exist";
    shop(Status::InStock).creating(&billing("", "x", 11)).then_refused_for("order_id", refused);
}

#[test]
fn an_updated_billing_is_still_for_the_sum() {
    billed().updating(&billing("b", "o", 11)).then([updated(&billing("b", "o", 11))]);
    let refused = "order o costs 11, but the billing's amount is 12";
    billed().updating(&billing("b", "o", 12)).then_refused_for("amount", refused);

    let dearer = billed().and([updated(&product("ink", 6))]);
    dearer.updating(&billing("b", "o", 12)).then([updated(&billing("b", "o", 12))]);
}

#[test]
fn a_billing_keeps_its_order() {
    let refused = "billing b is of order o and can't become one of order p";
    billed().updating(&billing("b", "p", 3)).then_refused_for("order_id", refused);
}

#[test]
fn a_billing_can_be_deleted_whatever_became_of_its_order() {
    let b = billing("b", "o", 11);
    for status in Status::ALL {
        shop(status).and([created(&b)]).deleting(&b).then([deleted(&b)]);
    }
    billed().and([deleted(&order("o", "c", Status::Cleared))]).deleting(&b).then([deleted(&b)]);
}
