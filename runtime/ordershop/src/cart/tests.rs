use super::*;
use crate::testing::*;

fn shop() -> Given {
    given([
        created(&customer("ann")),
        created(&product("pen", 3)),
        created(&product("ink", 5)),
        created(&inventory("pens", "pen", 1)),
        created(&inventory("pens too", "pen", 1)),
        created(&inventory("inks", "ink", 9)),
    ])
}

fn with_order(status: Status) -> Given {
    shop().and([created(&cart("c", "ann", &["pen"])), created(&order("o", "c", status))])
}

#[test]
fn a_cart_with_stock_for_all_of_it_is_created() {
    let wanted = cart(&assigned::<Cart>(0), "ann", &["pen", "ink", "pen"]);
    shop().creating(&wanted).then([created(&wanted)]);
}

#[test]
fn a_cart_needs_stock_for_each_of_its_products() {
    let refused = "the cart holds 3 of product pen, but 2 are in stock";
    let too_many = cart("c", "ann", &["pen", "ink", "pen", "pen"]);
    shop().creating(&too_many).then_refused_for("product_ids", refused);
    shop().and([created(&cart("c", "ann", &["ink"]))]).updating(&too_many).then_refused_for("product_ids", refused);
}

#[test]
fn a_product_without_inventory_is_not_in_stock() {
    let shop = shop().and([created(&product("cap", 1))]);
    let refused = "the cart holds 1 of product cap, but 0 are in stock";
    shop.creating(&cart("c", "ann", &["cap"])).then_refused_for("product_ids", refused);
}

#[test]
fn stock_adds_up_beyond_any_one_integer() {
    let shop = shop().and([created(&inventory("a", "ink", i64::MAX)), created(&inventory("b", "ink", i64::MAX))]);
    let wanted = cart(&assigned::<Cart>(0), "ann", &["ink"]);
    shop.creating(&wanted).then([created(&wanted)]);
}

#[test]
fn a_cart_sets_no_stock_aside() {
    let all = cart(&assigned::<Cart>(0), "ann", &["pen", "pen"]);
    let again = cart(&assigned::<Cart>(1), "ann", &["pen", "pen"]);
    shop().creating_all([&all, &again]).then([created(&all), created(&again)]);
}

#[test]
fn a_batch_with_one_cart_too_many_is_refused_whole() {
    let rejection = shop().creating_all([&cart("", "ann", &["ink"]), &cart("", "ann", &["pen"; 4])]).rejection();
    let message = "the cart holds 4 of product pen, but 2 are in stock";
    assert_eq!(rejection, Rejection { member: Some(1), ..Rejection::field("product_ids", message) });
}

#[test]
fn a_cart_can_be_changed_and_deleted_until_its_order_is_past_created() {
    let changed = cart("c", "ann", &["ink"]);
    for shop in [shop().and([created(&cart("c", "ann", &["pen"]))]), with_order(Status::Created)] {
        shop.updating(&changed).then([updated(&changed)]);
        shop.deleting(&changed).then([deleted(&cart("c", "ann", &["pen"]))]);
    }
}

#[test]
fn a_cart_whose_order_is_past_created_stays_as_it_is() {
    for status in Status::ALL.into_iter().filter(|status| *status != Status::Created) {
        let shop = with_order(status);
        let refused = |what| format!("cart c can't be {what}: its order o is {status}, past CREATED");
        shop.updating(&cart("c", "ann", &["ink"])).then_refused(&refused("changed"));
        shop.deleting(&cart("c", "ann", &["pen"])).then_refused(&refused("deleted"));
    }
}

#[test]
fn one_order_past_created_among_several_is_enough() {
    let shop = with_order(Status::Created).and([created(&order("p", "c", Status::OutOfStock))]);
    let refused = "cart c can't be changed: its order p is OUT_OF_STOCK, past CREATED";
    shop.updating(&cart("c", "ann", &["ink"])).then_refused(refused);
}

#[test]
fn orders_of_other_carts_and_deleted_orders_do_not_count() {
    let shop = with_order(Status::InStock).and([deleted(&order("o", "c", Status::InStock))]);
    let shop = shop.and([created(&cart("d", "ann", &["ink"])), created(&order("p", "d", Status::InStock))]);
    shop.deleting(&cart("c", "ann", &["pen"])).then([deleted(&cart("c", "ann", &["pen"]))]);
}

#[test]
fn what_a_cart_refers_to_must_exist() {
    let refused = "customer_id names customer bob, which does not exist";
    shop().creating(&cart("c", "bob", &["pen"])).then_refused_for("customer_id", refused);
    let refused = "product_ids names product hat, which does not exist";
    shop().creating(&cart("c", "ann", &["pen", "hat"])).then_refused_for("product_ids", refused);
}
