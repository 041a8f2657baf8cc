use super::*;
use crate::{Domain, Journal};

fn order(fields: Vec<Field>) -> Topic {
    Topic::entity("order", "orders", "order-service", fields)
}

fn fields() -> Vec<Field> {
    vec![
        Field::reference("cart_id", "cart"),
        Field::references("product_ids", "product"),
        Field::choice("status", &["CREATED", "IN_STOCK"]).initially("\"CREATED\""),
        Field::text("note"),
        Field::amount("amount"),
        Field::seconds("done"),
    ]
}

fn mail(action: &'static str) -> Topic {
    Topic::journal("mail", "mails", "crm-service", action, vec![Field::text("to")])
}

fn of(topics: &[Topic]) -> u32 {
    projection(topics.iter())
}

fn with(index: usize, field: Field) -> u32 {
    let mut fields = fields();
    fields[index] = field;
    of(&[order(fields)])
}

#[test]
fn it_is_the_same_on_every_machine() {
    assert_eq!(of(&[mail("mail_sent"), order(fields())]), 3_578_490_365);
}

#[test]
fn a_domain_has_the_fingerprint_of_its_topics_in_name_order() {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Sent;
    impl Journal for Sent {
        const TOPIC: &'static str = "mail";

        fn topic() -> Topic {
            mail("mail_sent")
        }
    }
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Order;
    impl crate::Entity for Order {
        const TOPIC: &'static str = "order";

        fn topic() -> Topic {
            order(fields())
        }
    }
    let version = of(&[mail("mail_sent"), order(fields())]);
    assert_eq!(Domain::new("shop").entity::<Order>().journal::<Sent>().projection(), version);
    assert_eq!(Domain::new("other").journal::<Sent>().entity::<Order>().projection(), version);
}

#[test]
fn whatever_changes_rows_changes_it() {
    let topic = |name| Topic::entity(name, "orders", "order-service", fields());
    let fewer = fields()[1..].to_vec();
    let mut swapped = fields();
    swapped.swap(0, 1);
    let status = |choices| Field::choice("status", choices);
    let all = [
        of(&[]),
        of(&[order(vec![])]),
        of(&[order(fields())]),
        of(&[order(fewer)]),
        of(&[order(swapped)]),
        of(&[topic("orders")]),
        of(&[mail("mail_sent"), order(fields())]),
        of(&[mail("mail_sent")]),
        of(&[mail("mail_seen")]),
        of(&[Topic::entity("mail", "mails", "crm-service", vec![Field::text("to")])]),
        with(0, Field::reference("card_id", "cart")),
        with(0, Field::reference("cart_id", "card")),
        with(0, Field::references("cart_id", "cart")),
        with(0, Field::text("cart_id")),
        with(1, Field::references("product_ids", "cart")),
        with(2, status(&["CREATED", "IN_STOCK"])),
        with(2, status(&["CREATED", "IN_STOCK"]).initially("\"IN_STOCK\"")),
        with(2, status(&["CREATED", "IN_STOCK", "LOST"]).initially("\"CREATED\"")),
        with(2, status(&["IN_STOCK", "CREATED"]).initially("\"CREATED\"")),
        with(2, status(&["CREATEDIN_STOCK"]).initially("\"CREATED\"")),
        with(3, Field::text("note").initially("\"\"")),
        with(4, Field::seconds("amount")),
        with(5, Field::amount("done")),
        with(5, Field::seconds("done").initially("0")),
    ];
    for (index, one) in all.iter().enumerate() {
        assert!(!all[..index].contains(one), "{index} is like one before it");
    }
}

#[test]
fn whatever_leaves_rows_alone_leaves_it_alone() {
    let version = of(&[order(fields())]);
    assert_eq!(of(&[Topic::entity("order", "ordres", "shop-service", fields())]), version);
    assert_eq!(with(3, Field::text("note").or_empty()), version);
    assert_eq!(with(3, Field::text("note").personal()), version);
    assert_eq!(with(4, Field::integer("amount")), version);
}
