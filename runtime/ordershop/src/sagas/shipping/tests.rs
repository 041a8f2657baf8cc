use super::*;
use crate::{Status, testing::*};

/// UUIDv5 of the billing's event, this saga and "shipping"; a log that was written holds it.
const DERIVED: &str = "ba5ed9e3-ad8e-524b-9a9d-e96b27d31cf5";

fn shop() -> Given {
    given([created(&order("o", "c", Status::InStock))])
}

fn bill() -> Billing {
    billing("b", "o", 6)
}

#[test]
fn a_billing_leads_to_a_shipping() {
    shop().when::<ShippingSaga>(created(&bill())).then([created(&shipping(DERIVED, "o", 0))]);
    let other = created(&shipping("s", "p", 0));
    shop().when_late::<ShippingSaga>(created(&bill()), [other]).then([created(&shipping(DERIVED, "o", 0))]);
}

#[test]
fn an_order_with_a_shipping_gets_no_other() {
    for delivered in [0, 7] {
        let shipped = created(&shipping("s", "o", delivered));
        shop().and([shipped.clone()]).when::<ShippingSaga>(created(&bill())).then_nothing();
        shop().when_late::<ShippingSaga>(created(&bill()), [shipped]).then_nothing();
    }
}

#[test]
fn an_order_that_is_gone_is_not_shipped() {
    given([]).when::<ShippingSaga>(created(&bill())).then_nothing();
    let gone = [deleted(&order("o", "c", Status::InStock))];
    shop().when_late::<ShippingSaga>(created(&bill()), gone).then_nothing();
}

#[test]
fn a_billing_taken_back_before_the_reaction_ships_nothing() {
    shop().when_late::<ShippingSaga>(created(&bill()), [deleted(&bill())]).then_nothing();
}
