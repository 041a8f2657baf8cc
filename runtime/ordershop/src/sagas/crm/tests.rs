use super::*;
use crate::testing::*;

fn shop(status: Status) -> Given {
    given([
        created(&customer("ann")),
        created(&product("pen", 3)),
        created(&product("ink", 5)),
        created(&cart("c", "ann", &["pen", "ink", "pen"])),
        created(&order("o", "c", status)),
    ])
}

fn text(reacted: Reacted) -> String {
    let Mail { recipient, message } = reacted.then_mail();
    format!("to {recipient}\n{message}")
}

/// Everything that a shop's order is written about.
fn occasions() -> [Fact; 3] {
    [updated(&order("o", "c", Status::InStock)), created(&billing("b", "o", 11)), created(&shipping("s", "o", 0))]
}

#[test]
fn customers_are_welcomed() {
    insta::assert_snapshot!(text(given([]).when::<CrmSaga>(created(&customer("ann")))), @r"
    to ann@shop.example
    Dear ANN,

    welcome to OrderShop! We are glad that you are here.

    Yours,
    OrderShop
    ");
}

#[test]
fn customers_are_taken_leave_of() {
    let shop = given([created(&customer("ann"))]);
    insta::assert_snapshot!(text(shop.when::<CrmSaga>(deleted(&customer("ann")))), @r"
    to ann@shop.example
    Dear ANN,

    your account is closed. Thank you for having been with us; you are welcome back any time.

    Yours,
    OrderShop
    ");
}

#[test]
fn an_order_in_stock_is_to_be_paid() {
    let event = updated(&order("o", "c", Status::InStock));
    insta::assert_snapshot!(text(shop(Status::Created).when::<CrmSaga>(event)), @r"
    to ann@shop.example
    Dear ANN,

    everything in your order o is in stock. Please pay € 11.

    Yours,
    OrderShop
    ");
}

#[test]
fn a_payment_is_thanked_for() {
    let event = created(&billing("b", "o", 11));
    insta::assert_snapshot!(text(shop(Status::InStock).when::<CrmSaga>(event)), @r"
    to ann@shop.example
    Dear ANN,

    we have received € 11 for your order o. Thank you!

    Yours,
    OrderShop
    ");
}

#[test]
fn a_shipping_is_announced() {
    let event = created(&shipping("s", "o", 0));
    insta::assert_snapshot!(text(shop(Status::Cleared).when::<CrmSaga>(event)), @r"
    to ann@shop.example
    Dear ANN,

    your order o is on its way to you.

    Yours,
    OrderShop
    ");
}

#[test]
fn only_coming_into_stock_asks_for_payment() {
    for before in Status::ALL {
        for after in Status::ALL {
            let reacted = shop(before).when::<CrmSaga>(updated(&order("o", "c", after)));
            if after == Status::InStock && before != Status::InStock {
                assert!(reacted.then_mail().message.contains("€ 11"));
            } else {
                reacted.then_nothing();
            }
        }
    }
}

#[test]
fn an_update_of_an_order_that_never_was_is_passed_over() {
    let too_soon = updated(&order("o", "c", Status::InStock));
    let shop = shop(Status::Created).and([deleted(&order("o", "c", Status::Created))]);
    shop.when::<CrmSaga>(too_soon.clone()).then_nothing();
    shop.when_late::<CrmSaga>(too_soon, [created(&order("o", "c", Status::Created))]).then_nothing();
}

#[test]
fn nobody_is_written_to_about_what_is_gone() {
    let gone = [
        deleted(&order("o", "c", Status::Created)),
        deleted(&cart("c", "ann", &["pen", "ink", "pen"])),
        deleted(&customer("ann")),
    ];
    for gone in gone {
        for event in occasions() {
            shop(Status::Created).and([gone.clone()]).when::<CrmSaga>(event.clone()).then_nothing();
            shop(Status::Created).when_late::<CrmSaga>(event, [gone.clone()]).then_nothing();
        }
    }
}

#[test]
fn nobody_is_asked_for_a_sum_that_can_not_be_told() {
    let [in_stock, billed, shipped] = occasions();
    let shop = shop(Status::Created).and([deleted(&product("ink", 5))]);
    shop.when::<CrmSaga>(in_stock).then_nothing();
    assert!(shop.when::<CrmSaga>(billed).then_mail().message.contains("€ 11"));
    assert!(shop.when::<CrmSaga>(shipped).then_mail().message.contains("order o"));
}

#[test]
fn a_customer_who_moved_gets_the_mail_where_they_are() {
    let moved = Customer { email: "ann@elsewhere.example".into(), ..customer("ann") };
    for event in occasions() {
        let mail = shop(Status::Created).when_late::<CrmSaga>(event, [updated(&moved)]).then_mail();
        assert_eq!(mail.recipient, moved.email);
    }
}
