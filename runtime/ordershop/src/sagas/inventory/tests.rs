use super::*;
use crate::testing::*;

/// Two inventories of pens, one of ink.
fn shop(wanted: &[&str]) -> Given {
    given([
        created(&inventory("pens 2", "pen", 5)),
        created(&inventory("pens 1", "pen", 2)),
        created(&inventory("inks", "ink", 3)),
        created(&inventory("hats", "hat", 9)),
        created(&cart("c", "ann", wanted)),
    ])
}

fn new_order() -> Order {
    order("o", "c", Status::Created)
}

fn ordered(given: &Given) -> Reacted {
    given.when::<InventorySaga>(created(&new_order()))
}

#[test]
fn an_order_takes_its_stock_in_id_order_each_inventory_once() {
    ordered(&shop(&["pen", "ink", "pen", "pen", "ink"])).then([
        updated(&inventory("inks", "ink", 1)),
        updated(&inventory("pens 1", "pen", 0)),
        updated(&inventory("pens 2", "pen", 4)),
        updated(&order("o", "c", Status::InStock)),
    ]);
}

#[test]
fn stock_is_enough_when_the_sum_is() {
    ordered(&shop(&["pen"; 7])).then([
        updated(&inventory("pens 1", "pen", 0)),
        updated(&inventory("pens 2", "pen", 0)),
        updated(&order("o", "c", Status::InStock)),
    ]);
    ordered(&shop(&["pen"; 8])).then([updated(&order("o", "c", Status::OutOfStock))]);
}

#[test]
fn an_inventory_that_is_not_needed_is_left_alone() {
    ordered(&shop(&["pen", "pen"]))
        .then([updated(&inventory("pens 1", "pen", 0)), updated(&order("o", "c", Status::InStock))]);
    let empty = shop(&["pen"]).and([updated(&inventory("pens 1", "pen", 0))]);
    ordered(&empty).then([updated(&inventory("pens 2", "pen", 4)), updated(&order("o", "c", Status::InStock))]);
}

#[test]
fn an_order_short_of_one_product_takes_nothing() {
    ordered(&shop(&["pen", "ink", "ink", "ink", "ink"])).then([updated(&order("o", "c", Status::OutOfStock))]);
    ordered(&shop(&["pen", "cap"])).then([updated(&order("o", "c", Status::OutOfStock))]);
}

#[test]
fn an_inventory_below_zero_has_nothing_and_takes_nothing() {
    let oversold = shop(&["pen", "pen"]).and([updated(&inventory("pens 1", "pen", -4))]);
    ordered(&oversold).then([updated(&inventory("pens 2", "pen", 3)), updated(&order("o", "c", Status::InStock))]);
}

#[test]
fn an_order_without_cart_is_out_of_stock() {
    ordered(&given([])).then([updated(&order("o", "c", Status::OutOfStock))]);
}

#[test]
fn an_order_that_is_gone_or_has_moved_on_takes_nothing() {
    let shop = shop(&["pen"]);
    shop.when_late::<InventorySaga>(created(&new_order()), [deleted(&new_order())]).then_nothing();
    for status in Status::ALL.into_iter().filter(|status| *status != Status::Created) {
        let moved = order("o", "c", status);
        shop.when_late::<InventorySaga>(created(&new_order()), [updated(&moved)]).then_nothing();
        shop.when::<InventorySaga>(created(&moved)).then_nothing();
    }
}

#[test]
fn a_late_reaction_takes_what_is_there_and_wanted_by_then() {
    let meanwhile = [
        updated(&cart("c", "ann", &["ink"])),
        updated(&inventory("inks", "ink", 20)),
        updated(&inventory("pens 1", "pen", 0)),
    ];
    shop(&["pen"])
        .when_late::<InventorySaga>(created(&new_order()), meanwhile)
        .then([updated(&inventory("inks", "ink", 19)), updated(&order("o", "c", Status::InStock))]);

    let meanwhile = [created(&cart("d", "ann", &["hat"])), updated(&order("o", "d", Status::Created))];
    shop(&["pen"])
        .when_late::<InventorySaga>(created(&new_order()), meanwhile)
        .then([updated(&inventory("hats", "hat", 8)), updated(&order("o", "d", Status::InStock))]);
}

#[test]
fn a_deleted_order_gives_back_what_it_had_taken_and_no_other_does() {
    for status in Status::ALL {
        let o = order("o", "c", status);
        let shop = shop(&["pen", "ink", "pen"]).and([created(&new_order()), updated(&o)]);
        let reacted = shop.when::<InventorySaga>(deleted(&o));
        if [Status::InStock, Status::Cleared, Status::Uncleared].contains(&status) {
            reacted.then([updated(&inventory("inks", "ink", 4)), updated(&inventory("pens 1", "pen", 4))]);
        } else {
            reacted.then_nothing();
        }
    }
}

#[test]
fn stock_without_an_inventory_goes_nowhere() {
    let o = order("o", "c", Status::InStock);
    let shop = shop(&["pen", "cap"]).and([created(&o)]);
    shop.when::<InventorySaga>(deleted(&o)).then([updated(&inventory("pens 1", "pen", 3))]);
    given([created(&o)]).when::<InventorySaga>(deleted(&o)).then_nothing();
}

#[test]
fn an_order_is_given_back_as_the_log_has_it_and_once() {
    let (o, told) = (order("o", "c", Status::InStock), order("o", "c", Status::Shipped));
    let shop = shop(&["pen"]).and([created(&o)]);
    shop.when::<InventorySaga>(deleted(&told)).then([updated(&inventory("pens 1", "pen", 3))]);
    shop.and([deleted(&o)]).when::<InventorySaga>(deleted(&o)).then_nothing();
}

#[test]
fn what_is_given_back_late_goes_on_top_of_what_is_there_by_then() {
    let o = order("o", "c", Status::InStock);
    let shop = shop(&["pen"]).and([created(&o)]);
    let meanwhile = [updated(&inventory("pens 1", "pen", 50))];
    shop.when_late::<InventorySaga>(deleted(&o), meanwhile).then([updated(&inventory("pens 1", "pen", 51))]);
    let meanwhile = [deleted(&inventory("pens 1", "pen", 2))];
    shop.when_late::<InventorySaga>(deleted(&o), meanwhile).then([updated(&inventory("pens 2", "pen", 6))]);
}

#[test]
fn a_cart_that_changed_since_gives_back_what_it_held_when_the_order_ended() {
    let o = order("o", "c", Status::InStock);
    let shop = shop(&["pen"]).and([created(&o)]);
    let back = || [updated(&inventory("pens 1", "pen", 3))];
    let changed = updated(&cart("c", "ann", &["ink"]));
    shop.when_late::<InventorySaga>(deleted(&o), [changed]).then(back());
    let gone = deleted(&cart("c", "ann", &["pen"]));
    shop.when_late::<InventorySaga>(deleted(&o), [gone]).then(back());
}
