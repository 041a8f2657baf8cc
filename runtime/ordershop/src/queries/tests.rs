use std::collections::BTreeMap;

use kernel::{DELETED, Query};
use serde_json::json;

use super::*;
use crate::{Status, domain, testing::*};

/// The answer to a query over what these facts leave, of the topics that the query names.
fn ask<Q: Query>(facts: &[Fact]) -> Value {
    answer::<Q>(&tables::<Q>(facts)).unwrap()
}

fn answer<Q: Query>(tables: &Tables) -> Result<Value, Failure> {
    let domain = domain();
    let query = domain.queries().iter().find(|query| query.path == Q::PATH).unwrap();
    query.answer(tables)
}

fn tables<Q: Query>(facts: &[Fact]) -> Tables {
    let (domain, mut tables) = (domain(), Tables::default());
    for (index, fact) in facts.iter().enumerate() {
        let keyed = domain.topic(&fact.topic).unwrap().step(&fact.clone().at(index)).unwrap();
        let rows: &mut BTreeMap<_, _> = tables.0.entry(fact.topic.clone()).or_default();
        match keyed.step.fold(None) {
            Some(row) => rows.insert(keyed.key.to_string(), row.to_string()),
            None => rows.remove(&*keyed.key),
        };
        assert!(fact.action == DELETED || rows.contains_key(&*keyed.key), "updates are not for these tests");
    }
    tables.0.retain(|topic, _| Q::topics().contains(&topic.as_str()));
    tables
}

fn orders() -> Vec<Fact> {
    vec![
        created(&order("o", "c", Status::Delivered)),
        created(&order("p", "c", Status::Shipped)),
        created(&order("q", "gone", Status::InStock)),
    ]
}

fn and(mut facts: Vec<Fact>, more: impl IntoIterator<Item = Fact>) -> Vec<Fact> {
    facts.extend(more);
    facts
}

fn sent(data: &str) -> Fact {
    Fact { topic: "mail".into(), action: "mail_sent".into(), data: data.into() }
}

#[test]
fn unbilled_orders_are_those_without_a_billing_by_id() {
    let q = json!({"q": {"entity_id": "q", "cart_id": "gone", "status": "IN_STOCK"}});
    let facts = and(orders(), [created(&billing("b", "o", 1)), created(&billing("d", "p", 2))]);
    assert_eq!(ask::<UnbilledOrders>(&facts), q);
    assert_eq!(ask::<UnbilledOrders>(&[]), json!({}));
    assert_eq!(ask::<UnbilledOrders>(&orders()).as_object().unwrap().len(), 3);
}

#[test]
fn a_second_billing_or_one_of_a_deleted_order_changes_nothing() {
    let facts = [
        created(&billing("a", "o", 1)),
        created(&billing("b", "o", 1)),
        created(&billing("c", "x", 1)),
        deleted(&order("p", "c", Status::Shipped)),
    ];
    let facts = and(orders(), facts);
    assert_eq!(ask::<UnbilledOrders>(&facts).as_object().unwrap().keys().collect::<Vec<_>>(), ["q"]);
}

#[test]
fn unshipped_orders_are_those_without_a_shipping_by_id() {
    let facts = and(orders(), [created(&shipping("s", "o", 7)), created(&shipping("t", "x", 0))]);
    let expected = json!({
        "p": {"entity_id": "p", "cart_id": "c", "status": "SHIPPED"},
        "q": {"entity_id": "q", "cart_id": "gone", "status": "IN_STOCK"},
    });
    assert_eq!(ask::<UnshippedOrders>(&facts), expected);
}

#[test]
fn delivered_orders_are_the_shippings_that_arrived() {
    let text = r#"{"entity_id": "u", "order_id": "gone", "delivered": "1795341913.5462878"}"#;
    let facts = [
        created(&shipping("s", "o", 0)),
        created(&shipping("t", "p", 1_700_000_000)),
        Fact { data: text.into(), ..created(&shipping("u", "q", 0)) },
        Fact {
            data: text.replace("1795341913.5462878", "0").replace("\"u\"", "\"v\""),
            ..created(&shipping("", "", 0))
        },
    ];
    let expected = json!([
        {"entity_id": "t", "order_id": "p", "delivered": 1_700_000_000},
        {"entity_id": "u", "order_id": "gone", "delivered": 1_795_341_913.546_287_8},
    ]);
    assert_eq!(ask::<DeliveredOrders>(&facts), expected);
    assert_eq!(ask::<DeliveredOrders>(&[]), json!([]));
}

#[test]
fn mails_come_in_the_order_of_their_positions_not_of_their_texts() {
    let row = |id: &str| format!(r#"{{"event_action":"mail_sent","event_data":"{{}}","event_id":"{id}"}}"#);
    let keys = ["10-0", "9-0", "9-10", "9-9", "1700000000000-0"];
    let rows = keys.iter().map(|key| ((*key).to_owned(), row(key))).collect();
    let tables = Tables(BTreeMap::from([("mail".to_owned(), rows)]));
    let mail = |key: &str| json!([key, {"event_id": key, "event_action": "mail_sent", "event_data": "{}"}]);
    let expected: Value = ["9-0", "9-9", "9-10", "10-0", "1700000000000-0"].map(mail).into_iter().collect();
    assert_eq!(answer::<SentMails>(&tables), Ok(expected));
}

#[test]
fn a_mail_tells_its_data_as_it_was_written() {
    let data = r#"{"recipient": "ann@shop.example", "message": "Dear Ann!\n\nHello."}"#;
    let event = json!({"event_id": "event 0", "event_action": "mail_sent", "event_data": data});
    assert_eq!(ask::<SentMails>(&[sent(data)]), json!([["1700000000000-0", event]]));
    assert_eq!(ask::<SentMails>(&[]), json!([]));
}

#[test]
fn the_report_holds_everything_by_kind() {
    let nothing = json!({
        "billings": [], "carts": [], "customers": [], "inventory": [],
        "mails": [], "orders": [], "products": [], "shippings": [],
    });
    assert_eq!(ask::<Report>(&[]), nothing);
    let data = r#"{"recipient":"a","message":"m"}"#;
    let facts = [
        created(&customer("bob")),
        created(&customer("ann")),
        created(&product("pen", 3)),
        created(&inventory("pens", "pen", 7)),
        created(&cart("c", "gone", &["pen", "pen", "gone"])),
        created(&order("o", "gone", Status::InStock)),
        created(&billing("b", "gone", 6)),
        created(&shipping("s", "gone", 0)),
        sent(data),
    ];
    let expected = json!({
        "billings": [{"entity_id": "b", "order_id": "gone", "amount": 6}],
        "carts": [{"entity_id": "c", "customer_id": "gone", "product_ids": ["pen", "pen", "gone"]}],
        "customers": [
            {"entity_id": "ann", "name": "ANN", "email": "ann@shop.example"},
            {"entity_id": "bob", "name": "BOB", "email": "bob@shop.example"},
        ],
        "inventory": [{"entity_id": "pens", "product_id": "pen", "amount": 7}],
        "mails": [["1700000008000-0", {"event_id": "event 8", "event_action": "mail_sent", "event_data": data}]],
        "orders": [{"entity_id": "o", "cart_id": "gone", "status": "IN_STOCK"}],
        "products": [{"entity_id": "pen", "name": "PEN", "price": 3}],
        "shippings": [{"entity_id": "s", "order_id": "gone", "delivered": 0}],
    });
    assert_eq!(ask::<Report>(&facts), expected);
}

#[test]
fn the_order_report_puts_entities_in_place_of_ids() {
    let facts = [
        created(&customer("ann")),
        created(&product("pen", 3)),
        created(&product("ink", 5)),
        created(&cart("c", "ann", &["pen", "ink", "pen"])),
        created(&order("o", "c", Status::Delivered)),
        created(&billing("b", "o", 11)),
        created(&billing("a", "o", 11)),
        created(&shipping("s", "o", 7)),
        created(&shipping("t", "gone", 7)),
    ];
    let (pen, ink) = (
        json!({"entity_id": "pen", "name": "PEN", "price": 3}),
        json!({"entity_id": "ink", "name": "INK", "price": 5}),
    );
    let expected = json!([{
        "entity_id": "o",
        "status": "DELIVERED",
        "cart": {
            "entity_id": "c",
            "customer": {"entity_id": "ann", "name": "ANN", "email": "ann@shop.example"},
            "products": [pen, ink, pen],
        },
        "billings": [
            {"entity_id": "a", "order_id": "o", "amount": 11},
            {"entity_id": "b", "order_id": "o", "amount": 11},
        ],
        "shippings": [{"entity_id": "s", "order_id": "o", "delivered": 7}],
    }]);
    assert_eq!(ask::<OrderReport>(&facts), expected);
    assert_eq!(ask::<OrderReport>(&[]), json!([]));
}

#[test]
fn what_does_not_exist_is_null_in_the_order_report() {
    let facts = [
        created(&product("pen", 3)),
        created(&cart("c", "gone", &["gone", "pen"])),
        created(&order("o", "c", Status::InStock)),
        created(&order("p", "gone", Status::OutOfStock)),
    ];
    let pen = json!({"entity_id": "pen", "name": "PEN", "price": 3});
    let expected = json!([
        {
            "entity_id": "o", "status": "IN_STOCK", "billings": [], "shippings": [],
            "cart": {"entity_id": "c", "customer": null, "products": [null, pen]},
        },
        {"entity_id": "p", "status": "OUT_OF_STOCK", "billings": [], "shippings": [], "cart": null},
    ]);
    assert_eq!(ask::<OrderReport>(&facts), expected);
}

#[test]
fn a_row_that_is_not_what_its_type_says_is_named() {
    let broken = |topic: &str, key: &str| {
        Tables(BTreeMap::from([(topic.to_owned(), BTreeMap::from([(key.to_owned(), "{".to_owned())]))]))
    };
    let eof = "EOF while parsing an object at line 1 column 1";
    let failure = |message: String| Err(Failure(message));
    assert_eq!(answer::<UnbilledOrders>(&broken("order", "o")), failure(format!("order o: {eof}")));
    assert_eq!(answer::<DeliveredOrders>(&broken("shipping", "s")), failure(format!("shipping s: {eof}")));
    let mut unplaced = broken("mail", "here");
    unplaced.0.get_mut("mail").unwrap().insert("here".into(), "{}".into());
    let message =
        "mail here: \"here\" is not a position; expected two whole numbers joined by a dash, like 1795341904815-0";
    assert_eq!(answer::<SentMails>(&unplaced), failure(message.into()));
}
