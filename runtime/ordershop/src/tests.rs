use std::collections::BTreeSet;

use kernel::{Entity, Journal, TopicKind};

use crate::{testing::*, *};

/// The topic's canonical form of an entity, which has its fields in declared order, is the entity's own JSON.
#[track_caller]
fn check_fields<E: Entity>(entity: &E) {
    let fact = created(entity);
    assert_eq!(E::topic().row(&fact.clone().at(0)).unwrap(), fact.data);
    assert_eq!((E::topic().name, E::topic().kind), (E::TOPIC, TopicKind::Entity));
}

#[test]
fn topics_and_types_have_the_same_fields_in_the_same_order() {
    check_fields(&customer("ann"));
    check_fields(&product("pen", 3));
    check_fields(&inventory("pens", "pen", 7));
    check_fields(&cart("c", "ann", &["pen", "pen"]));
    check_fields(&order("o", "c", Status::Created));
    check_fields(&billing("b", "o", 6));
    check_fields(&shipping("s", "o", 9));
    let mail = serde_json::to_string(&Mail { recipient: "ann@shop.example".into(), message: "hello".into() }).unwrap();
    assert_eq!(Mail::topic().admit_new(None, &mail).unwrap(), mail);
}

#[test]
fn the_shop_is_complete() {
    let shop = domain();
    let topics: Vec<_> = shop
        .topics()
        .map(|topic| {
            let fields: Vec<_> = topic.fields.iter().map(|field| field.name).collect();
            format!("{} {} {}: {}", topic.name, topic.plural, topic.service, fields.join(", "))
        })
        .collect();
    insta::assert_snapshot!(topics.join("\n"), @r"
    billing billings billing-service: order_id, amount
    cart carts cart-service: customer_id, product_ids
    customer customers customer-service: name, email
    inventory inventories inventory-service: product_id, amount
    mail mails mail-service: recipient, message
    order orders order-service: cart_id, status
    product products product-service: name, price
    shipping shippings shipping-service: order_id, delivered
    ");
    let sagas: Vec<_> = shop.sagas().iter().map(|saga| saga.name).collect();
    assert_eq!(sagas, ["inventory", "order", "shipping", "crm"]);
    let routes: Vec<_> = shop.queries().iter().map(|query| query.path).collect();
    assert_eq!(
        routes,
        ["/orders/unbilled", "/orders/unshipped", "/orders/delivered", "/mails/sent", "/report", "/report/orders"]
    );
}

#[test]
fn everything_named_is_there() {
    let shop = domain();
    let names: BTreeSet<_> = shop.topics().map(|topic| topic.name).collect();
    for saga in shop.sagas() {
        assert!(saga.reads.iter().all(|topic| names.contains(topic)), "{}", saga.name);
        assert!(saga.triggers.iter().all(|(topic, _)| names.contains(topic)), "{}", saga.name);
    }
    for query in shop.queries() {
        assert!(query.topics.iter().all(|topic| names.contains(topic)), "{}", query.path);
    }
}

#[test]
fn who_somebody_is_is_marked() {
    let shop = domain();
    let personal: Vec<_> = shop
        .topics()
        .flat_map(|topic| topic.fields.iter().map(move |field| (topic.name, field)))
        .filter(|(_, field)| field.personal)
        .map(|(topic, field)| format!("{topic}.{}", field.name))
        .collect();
    assert_eq!(personal, ["customer.name", "customer.email", "mail.recipient"]);
}

#[test]
fn names_and_addresses_are_not_empty_and_prices_and_amounts_not_negative() {
    let shop = given([created(&product("pen", 3))]);
    let nameless = Customer { name: " ".into(), ..customer("ann") };
    shop.creating(&nameless).then_refused_for("name", "name must not be empty");
    let homeless = Customer { email: String::new(), ..customer("ann") };
    shop.creating(&homeless).then_refused_for("email", "email must not be empty");
    shop.creating(&product("p", -1)).then_refused_for("price", "price must be a whole number of at least 0, not -1");
    let refused = "amount must be a whole number of at least 0, not -1";
    shop.creating(&inventory("i", "pen", -1)).then_refused_for("amount", refused);
    let free = product(&assigned::<Product>(0), 0);
    shop.creating(&free).then([created(&free)]);
}

#[test]
fn what_others_refer_to_can_be_deleted() {
    let (ann, pen, pens) = (customer("ann"), product("pen", 3), inventory("pens", "pen", 7));
    let shop = given([created(&ann), created(&pen), created(&pens), created(&cart("c", "ann", &["pen"]))]);
    shop.deleting(&ann).then([deleted(&ann)]);
    shop.deleting(&pen).then([deleted(&pen)]);
    shop.deleting(&pens).then([deleted(&pens)]);
}
