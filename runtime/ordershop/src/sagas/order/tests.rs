use super::*;
use crate::testing::*;

fn at(status: Status) -> Order {
    order("o", "c", status)
}

fn bill() -> Billing {
    billing("b", "o", 6)
}

fn with(status: Status) -> Given {
    given([created(&at(status))])
}

fn moves(statuses: &[Status]) -> Vec<Fact> {
    statuses.iter().map(|status| updated(&at(*status))).collect()
}

#[test]
fn a_billing_clears_an_order_in_stock_or_uncleared_and_no_other() {
    for status in Status::ALL {
        let reacted = with(status).when::<OrderSaga>(created(&bill()));
        match status {
            Status::InStock | Status::Uncleared => reacted.then(moves(&[Status::Cleared])),
            Status::Created | Status::OutOfStock | Status::Cleared | Status::Shipped | Status::Delivered => {
                reacted.then_nothing();
            }
        }
    }
}

#[test]
fn a_billing_taken_back_unclears_a_cleared_order_and_no_other() {
    for status in Status::ALL {
        let reacted = with(status).and([created(&bill())]).when::<OrderSaga>(deleted(&bill()));
        match status {
            Status::Cleared => reacted.then(moves(&[Status::Uncleared])),
            Status::Created
            | Status::InStock
            | Status::OutOfStock
            | Status::Uncleared
            | Status::Shipped
            | Status::Delivered => reacted.then_nothing(),
        }
    }
}

#[test]
fn a_shipping_ships_a_cleared_order_and_no_other() {
    for status in Status::ALL {
        let reacted = with(status).when::<OrderSaga>(created(&shipping("s", "o", 0)));
        match status {
            Status::Cleared => reacted.then(moves(&[Status::Shipped])),
            Status::Created
            | Status::InStock
            | Status::OutOfStock
            | Status::Uncleared
            | Status::Shipped
            | Status::Delivered => reacted.then_nothing(),
        }
    }
}

#[test]
fn a_delivered_shipping_delivers_a_shipped_order() {
    for status in Status::ALL {
        let shop = with(status).and([created(&shipping("s", "o", 0))]);
        let reacted = shop.when::<OrderSaga>(updated(&shipping("s", "o", 7)));
        match status {
            Status::Cleared => reacted.then(moves(&[Status::Shipped, Status::Delivered])),
            Status::Shipped => reacted.then(moves(&[Status::Delivered])),
            Status::Created | Status::InStock | Status::OutOfStock | Status::Uncleared | Status::Delivered => {
                reacted.then_nothing();
            }
        }
    }
}

#[test]
fn a_shipping_updated_without_being_delivered_delivers_nothing() {
    let shop = with(Status::Shipped).and([created(&shipping("s", "o", 0))]);
    shop.when::<OrderSaga>(updated(&shipping("s", "o", 0))).then_nothing();
}

#[test]
fn a_shipping_created_as_delivered_does_both() {
    with(Status::Cleared)
        .when::<OrderSaga>(created(&shipping("s", "o", 7)))
        .then(moves(&[Status::Shipped, Status::Delivered]));
    with(Status::Shipped).when::<OrderSaga>(created(&shipping("s", "o", 7))).then(moves(&[Status::Delivered]));
}

#[test]
fn a_billing_after_the_shipping_clears_and_ships() {
    let shop = with(Status::InStock).and([created(&shipping("s", "o", 0))]);
    shop.when::<OrderSaga>(created(&bill())).then(moves(&[Status::Cleared, Status::Shipped]));
    let shop = with(Status::Uncleared).and([created(&shipping("s", "o", 7))]);
    shop.when::<OrderSaga>(created(&bill())).then(moves(&[Status::Cleared, Status::Shipped, Status::Delivered]));
}

#[test]
fn a_late_reaction_to_the_billing_sees_the_shipping() {
    let arrives = created(&shipping("s", "o", 0));
    let delivered = updated(&shipping("s", "o", 7));
    with(Status::InStock)
        .when_late::<OrderSaga>(created(&bill()), [arrives.clone()])
        .then(moves(&[Status::Cleared, Status::Shipped]));
    with(Status::InStock).when_late::<OrderSaga>(created(&bill()), [arrives, delivered]).then(moves(&[
        Status::Cleared,
        Status::Shipped,
        Status::Delivered,
    ]));
}

#[test]
fn a_billing_taken_back_before_the_reaction_clears_nothing() {
    with(Status::InStock).when_late::<OrderSaga>(created(&bill()), [deleted(&bill())]).then_nothing();
    let again = created(&billing("b2", "o", 6));
    with(Status::InStock)
        .when_late::<OrderSaga>(created(&bill()), [deleted(&bill()), again])
        .then(moves(&[Status::Cleared]));
}

#[test]
fn a_billing_taken_back_never_ships_what_has_a_shipping() {
    let shop = with(Status::Cleared).and([created(&bill()), created(&shipping("s", "o", 7))]);
    shop.when::<OrderSaga>(deleted(&bill())).then(moves(&[Status::Uncleared]));
}

#[test]
fn an_order_with_another_billing_stays_cleared() {
    let shop = with(Status::Cleared).and([created(&bill()), created(&billing("b2", "o", 6))]);
    shop.when::<OrderSaga>(deleted(&bill())).then_nothing();
}

#[test]
fn an_order_that_is_gone_goes_nowhere() {
    let none = given([]);
    none.when::<OrderSaga>(created(&bill())).then_nothing();
    none.when::<OrderSaga>(deleted(&bill())).then_nothing();
    none.when::<OrderSaga>(created(&shipping("s", "o", 0))).then_nothing();
    none.when::<OrderSaga>(updated(&shipping("s", "o", 7))).then_nothing();
    let gone = [deleted(&at(Status::InStock))];
    with(Status::InStock).when_late::<OrderSaga>(created(&bill()), gone).then_nothing();
}

#[test]
fn other_orders_keep_their_status() {
    let shop = with(Status::InStock).and([created(&order("p", "c", Status::InStock)), created(&shipping("s", "p", 7))]);
    shop.when::<OrderSaga>(created(&bill())).then(moves(&[Status::Cleared]));
}
