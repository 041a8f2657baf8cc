//! Sagas changed for the worse: each change is found on a fixture, with the right event and saga named first, and on
//! no fixture that it makes no difference to. That the unchanged sagas raise no alarm is in `fixtures.rs`.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Mutex,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::replaying::{NATIVE, events, shop};
use kernel::{CREATED, DELETED, Decision, Domain, Entity as _, Entry, Event, Failure, Occurrence, Saga, View};
use ordershop::{
    Billing, Cart, Customer, Inventory, Mail, Order, Product, Shipping, Status,
    sagas::{CrmSaga, InventorySaga, OrderSaga, ShippingSaga},
};
use replay::{
    reactions::Scope,
    verify::{Difference, Report, Until, report::Cause, verify_entries},
};

/// A saga like another one, with a reaction of its own.
macro_rules! mutant {
    ($name:ident, $of:ty, $react:expr) => {
        struct $name;

        impl Saga for $name {
            const NAME: &'static str = <$of>::NAME;

            fn triggers() -> &'static [(&'static str, &'static str)] {
                <$of>::triggers()
            }

            fn reads() -> &'static [&'static str] {
                <$of>::reads()
            }

            fn recalls() -> &'static [&'static str] {
                <$of>::recalls()
            }

            fn react(occurrence: &Occurrence<'_>, decision: &mut Decision<'_>) -> Result<(), Failure> {
                let react: fn(&Occurrence<'_>, &mut Decision<'_>) -> Result<(), Failure> = $react;
                react(occurrence, decision)
            }
        }
    };
}

fn with_inventory<S: Saga>() -> Domain {
    shop(|shop| shop.saga::<S>().saga::<OrderSaga>().saga::<ShippingSaga>().saga::<CrmSaga>())
}

fn with_order<S: Saga>() -> Domain {
    shop(|shop| shop.saga::<InventorySaga>().saga::<S>().saga::<ShippingSaga>().saga::<CrmSaga>())
}

fn with_shipping<S: Saga>() -> Domain {
    shop(|shop| shop.saga::<InventorySaga>().saga::<OrderSaga>().saga::<S>().saga::<CrmSaga>())
}

fn with_crm<S: Saga>() -> Domain {
    shop(|shop| shop.saga::<InventorySaga>().saga::<OrderSaga>().saga::<ShippingSaga>().saga::<S>())
}

fn verified(domain: &Domain, events: &[Event]) -> Report {
    verify_entries(domain, events.iter().cloned().map(Entry::Event), Scope::default(), Until::End)
}

/// The first divergence: the saga, the event, and what differs.
fn first(report: &Report) -> (String, Vec<String>) {
    let first = &report.divergences[0];
    let Cause::Known(event) = &first.event else { panic!("{first:?}") };
    let about = format!("{} on {} {} {}", first.handler, event.topic, event.action, event.number.unwrap());
    (about, first.differences.iter().map(told).collect())
}

fn told(difference: &Difference) -> String {
    let kind = difference.kind();
    match difference {
        Difference::Missing(effect) | Difference::Extra(effect) => format!("{kind} {} {}", effect.topic, effect.data),
        Difference::Changed { effect, fields } => {
            let value = |value: &Option<serde_json::Value>| value.clone().unwrap().to_string();
            let field = |field: &projector::field_changes::FieldChange| {
                format!("{} {} → {}", field.field, value(&field.before), value(&field.after))
            };
            format!("{kind} {} {}", effect.topic, fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Difference::Reordered { .. } => kind.to_owned(),
        Difference::Fails { reason } => format!("{kind} {reason}"),
    }
}

/// The fixtures on which a change is found, and how many decisions differ by themselves there.
fn found(domain: &Domain) -> Vec<(&'static str, u64)> {
    found_after(domain, |_| {})
}

/// As [`found`], where something has to be done before each.
fn found_after(domain: &Domain, prepare: impl Fn(&[Event])) -> Vec<(&'static str, u64)> {
    let divergent = |name| {
        let events = events(name);
        prepare(&events);
        let report = verified(domain, &events);
        assert_eq!(report.is_same(), report.divergent == 0, "{name}");
        report.divergent
    };
    let all = NATIVE.iter().map(|(name, ..)| (name.strip_suffix(".jsonl").unwrap(), divergent(name)));
    all.filter(|(_, divergent)| *divergent > 0).collect()
}

/// How many billings led to a shipping.
const BILLED: [(&str, u64); 6] = [
    ("billing-deleted", 3),
    ("customer-deleted-after-update", 1),
    ("happy-path", 3),
    ("older-schema", 1),
    ("order-deleted", 1),
    ("ordershop-demo", 42),
];

fn order_of(occurrence: &Occurrence<'_>) -> Result<String, Failure> {
    Ok(occurrence.entity::<Billing>()?.order_id)
}

mutant!(RepeatsForNothing, CrmSaga, |occurrence, decision| {
    if &*occurrence.event.topic != Order::TOPIC || occurrence.entity::<Order>()?.status != Status::InStock {
        return CrmSaga::react(occurrence, decision);
    }
    let Some(order) = decision.get::<Order>(&occurrence.entity::<Order>()?.entity_id)? else { return Ok(()) };
    let Some(cart) = decision.get::<Cart>(&order.cart_id)? else { return Ok(()) };
    let Some(customer) = decision.get::<Customer>(&cart.customer_id)? else { return Ok(()) };
    let mut sum = 0;
    for (product, _) in cart.demand() {
        sum += decision.get::<Product>(product)?.map_or(0, |product| product.price);
    }
    let text = format!("everything in your order {} is in stock. Please pay € {sum}.", order.entity_id);
    let message = format!("Dear {},\n\n{text}\n\nYours,\nOrderShop", customer.name);
    decision.send(&Mail { recipient: customer.email, message })
});

#[test]
fn a_wrong_price_sum() {
    let domain = with_crm::<RepeatsForNothing>();
    let report = verified(&domain, &events("happy-path.jsonl"));
    let (about, differences) = first(&report);
    assert_eq!((about.as_str(), differences.len()), ("crm on order entity_updated 15", 1));
    let (log, now) = differences[0].split_once(" → ").unwrap();
    assert!(log.starts_with("changed mail message") && log.contains("Please pay € 50."), "{log}");
    assert!(now.contains("Please pay € 41."), "{now}");
    assert_eq!(
        found(&domain),
        [
            ("billing-deleted", 2),
            ("customer-deleted-after-update", 1),
            ("happy-path", 2),
            ("older-schema", 1),
            ("order-deleted", 1),
            ("ordershop-demo", 8),
            ("out-of-stock", 3),
            ("two-carts-racing", 3),
            ("worker-died", 9)
        ]
    );
}

mutant!(TakesAgain, InventorySaga, |occurrence, decision| {
    if occurrence.event.action != DELETED {
        return InventorySaga::react(occurrence, decision);
    }
    let Some(order) = occurrence.before::<Order>()?.filter(|order| order.status.holds_stock()) else { return Ok(()) };
    let Some(cart) = decision.get_then::<Cart>(&order.cart_id)? else { return Ok(()) };
    for (product, count) in cart.demand() {
        for mut inventory in Inventory::of_product(decision, product)? {
            inventory.amount -= count;
            decision.update(&inventory)?;
        }
    }
    Ok(())
});

#[test]
fn stock_lowered_instead_of_given_back() {
    let domain = with_inventory::<TakesAgain>();
    let (about, differences) = first(&verified(&domain, &events("order-deleted.jsonl")));
    assert_eq!(about, "inventory on order entity_deleted 18");
    assert_eq!(differences, ["changed inventory amount 6 → 2", "changed inventory amount 4 → 2"]);
    assert_eq!(found(&domain), [("order-deleted", 2), ("ordershop-demo", 1)]);
}

mutant!(AnyStatus, OrderSaga, |occurrence, decision| {
    if occurrence.event.action != DELETED {
        return OrderSaga::react(occurrence, decision);
    }
    if let Some(mut order) = decision.get::<Order>(&order_of(occurrence)?)? {
        order.status = Status::Uncleared;
        decision.update(&order)?;
    }
    Ok(())
});

#[test]
fn a_missing_status_check() {
    let domain = with_order::<AnyStatus>();
    let (about, differences) = first(&verified(&domain, &events("billing-deleted.jsonl")));
    assert_eq!(about, "order on billing entity_deleted 41");
    assert!(differences.len() == 1 && differences[0].starts_with("missing order"), "{differences:?}");
    assert!(differences[0].contains("UNCLEARED"), "{differences:?}");
    assert_eq!(found(&domain), [("billing-deleted", 1), ("ordershop-demo", 3)]);
}

/// Ships what is billed, with these.
fn ship(order_id: String, decision: &mut Decision<'_>, entity_id: String, delivered: u64) -> Result<(), Failure> {
    let stands = decision.exists(Order::TOPIC, &order_id)? && !Billing::of_order(decision, &order_id)?.is_empty();
    if stands && Shipping::of_order(decision, &order_id)?.is_empty() {
        decision.create(&Shipping { entity_id, order_id, delivered: delivered.into() })?;
    }
    Ok(())
}

mutant!(Clock, ShippingSaga, |occurrence, decision| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let id = decision.derive("shipping");
    ship(order_of(occurrence)?, decision, id, now)
});

#[test]
fn a_wall_clock() {
    let domain = with_shipping::<Clock>();
    let (about, differences) = first(&verified(&domain, &events("happy-path.jsonl")));
    assert_eq!((about.as_str(), differences.len()), ("shipping on billing entity_created 17", 1));
    assert!(differences[0].starts_with("changed shipping delivered 0 → "), "{differences:?}");
    assert_eq!(found(&domain), BILLED);
}

mutant!(Dice, ShippingSaga, |occurrence, decision| {
    ship(order_of(occurrence)?, decision, uuid::Uuid::new_v4().to_string(), 0)
});

#[test]
fn a_random_id() {
    let domain = with_shipping::<Dice>();
    let (about, differences) = first(&verified(&domain, &events("happy-path.jsonl")));
    assert_eq!((about.as_str(), differences.len()), ("shipping on billing entity_created 17", 1));
    assert!(differences[0].starts_with("changed shipping entity_id "), "{differences:?}");
    assert_eq!(found(&domain), BILLED);
}

/// Takes an order's stock, one product after the other.
fn take(
    occurrence: &Occurrence<'_>,
    decision: &mut Decision<'_>,
    demand: impl Fn(&Cart) -> Vec<(String, i64)>,
    mut stock: impl FnMut(&mut Decision<'_>, &str) -> Result<Vec<Inventory>, Failure>,
) -> Result<(), Failure> {
    if occurrence.event.action != CREATED {
        return InventorySaga::react(occurrence, decision);
    }
    let order = decision.get::<Order>(&occurrence.entity::<Order>()?.entity_id)?;
    let Some(mut order) = order.filter(|order| order.status == Status::Created) else { return Ok(()) };
    let mut lowered = Vec::new();
    order.status = Status::OutOfStock;
    if let Some(cart) = decision.get::<Cart>(&order.cart_id)? {
        order.status = Status::InStock;
        for (product, mut wanted) in demand(&cart) {
            for mut inventory in stock(decision, &product)? {
                let taken = inventory.amount.min(wanted);
                wanted -= taken;
                inventory.amount -= taken;
                if taken > 0 {
                    lowered.push(inventory);
                }
            }
            if wanted > 0 {
                (order.status, lowered) = (Status::OutOfStock, Vec::new());
                break;
            }
        }
    }
    for inventory in &lowered {
        decision.update(inventory)?;
    }
    decision.update(&order)
}

fn in_order(cart: &Cart) -> Vec<(String, i64)> {
    cart.demand().into_iter().map(|(product, count)| (product.to_owned(), count)).collect()
}

mutant!(JustTheSame, InventorySaga, |occurrence, decision| take(occurrence, decision, in_order, Inventory::of_product));

#[test]
fn what_the_next_ones_are_made_from_does_the_same() {
    assert_eq!(found(&with_inventory::<JustTheSame>()), []);
}

/// By the events reacted to, whether the map gave the products in another order than their own.
static SHUFFLED: Mutex<BTreeMap<String, bool>> = Mutex::new(BTreeMap::new());

mutant!(Hashed, InventorySaga, |occurrence, decision| {
    let hashed = |cart: &Cart| {
        let hashed: Vec<_> = in_order(cart).into_iter().collect::<HashMap<_, _>>().into_iter().collect();
        SHUFFLED.lock().unwrap().insert(occurrence.event.id.clone(), !hashed.is_sorted());
        hashed
    };
    take(occurrence, decision, hashed, Inventory::of_product)
});

#[test]
fn a_map_s_iteration_order() {
    let events = events("ordershop-demo.jsonl");
    let report = verified(&with_inventory::<Hashed>(), &events);
    // Where the map happened to give the order that there was, nothing differs.
    let shuffled = SHUFFLED.lock().unwrap();
    let is_in_stock = |event: &Event| event.data.contains("\"IN_STOCK\"");
    let reaction = |order: &Event| {
        events.iter().find(|event| event.meta.cause.as_ref() == Some(&order.id) && &*event.topic == "order")
    };
    let orders = events.iter().filter(|event| shuffled.get(&event.id) == Some(&true));
    let mut expected = orders.filter(|order| reaction(order).is_some_and(is_in_stock));
    let first_shuffled = expected.clone().next().unwrap().number.unwrap();
    let about = format!("inventory on order entity_created {first_shuffled}");
    assert_eq!(first(&report), (about, vec!["reordered".to_owned()]));
    assert_eq!(report.divergent, expected.by_ref().count() as u64);
}

/// The rows as they are at the end, as a handler that asks the read model would find them.
static NEWEST: Mutex<Option<View>> = Mutex::new(None);

fn finish(events: &[Event]) {
    let domain = ordershop::domain();
    let mut view = View::new(domain.topics());
    for event in events {
        view.apply(&Entry::Event(event.clone())).unwrap();
    }
    *NEWEST.lock().unwrap() = Some(view);
}

mutant!(Newest, InventorySaga, |occurrence, decision| {
    take(occurrence, decision, in_order, |_, product| {
        let newest = NEWEST.lock().unwrap();
        let rows = newest.as_ref().unwrap().rows(Inventory::TOPIC);
        let rows = rows.map(|(_, row)| serde_json::from_str::<Inventory>(&row).unwrap());
        Ok(rows.filter(|inventory| inventory.product_id == product).collect())
    })
});

#[test]
fn the_newest_state_instead_of_the_decision_s() {
    let domain = with_inventory::<Newest>();
    let events = events("two-carts-racing.jsonl");
    finish(&events);
    let (about, differences) = first(&verified(&domain, &events));
    assert_eq!(about, "inventory on order entity_created 17");
    // Seven scarves after the last restocking, where there were six.
    assert_eq!(differences, ["changed inventory amount 4 → 5"]);
    assert_eq!(
        found_after(&domain, finish),
        [
            ("billing-deleted", 3),
            ("customer-deleted-after-update", 2),
            ("happy-path", 3),
            ("older-schema", 1),
            ("order-deleted", 4),
            ("ordershop-demo", 56),
            ("out-of-stock", 4),
            ("two-carts-racing", 3),
            ("worker-died", 9)
        ]
    );
}

/// Stock as this handler first saw it.
static REMEMBERED: Mutex<BTreeMap<String, Vec<Inventory>>> = Mutex::new(BTreeMap::new());

mutant!(Remembering, InventorySaga, |occurrence, decision| {
    take(occurrence, decision, in_order, |decision, product| {
        let mut remembered = REMEMBERED.lock().unwrap();
        if let Some(inventories) = remembered.get(product) {
            return Ok(inventories.clone());
        }
        let seen = Inventory::of_product(decision, product)?;
        remembered.insert(product.to_owned(), seen.clone());
        Ok(seen)
    })
});

#[test]
fn an_older_state_that_was_remembered() {
    let domain = with_inventory::<Remembering>();
    let forget = |_: &[Event]| REMEMBERED.lock().unwrap().clear();
    let (about, differences) = first(&verified(&domain, &events("out-of-stock.jsonl")));
    // One lamp is left of the three that it remembers.
    assert_eq!((about.as_str(), differences.len()), ("inventory on order entity_created 19", 2));
    assert_eq!(differences[0], "changed order status \"OUT_OF_STOCK\" → \"IN_STOCK\"");
    assert!(differences[1].starts_with("missing inventory {\"amount\":1,"), "{differences:?}");
    assert_eq!(
        found_after(&domain, forget),
        [
            ("billing-deleted", 2),
            ("customer-deleted-after-update", 1),
            ("happy-path", 2),
            ("older-schema", 1),
            ("order-deleted", 1),
            ("ordershop-demo", 47),
            ("out-of-stock", 3),
            ("two-carts-racing", 3),
            ("worker-died", 8)
        ]
    );
}

mutant!(Stingy, ShippingSaga, |_, _| Ok(()));

mutant!(Clumsy, ShippingSaga, |_, _| panic!("out of parcels"));

mutant!(Speechless, CrmSaga, |_, _| panic!("out of paper"));

#[test]
fn a_saga_that_only_sent_commands_and_breaks() {
    let report = verified(&with_crm::<Speechless>(), &events("happy-path.jsonl"));
    let (about, differences) = first(&report);
    assert_eq!((about.as_str(), differences.len()), ("crm on customer entity_created 7", 2));
    assert!(differences[0].contains("out of paper"), "{differences:?}");
    assert!(differences[1].starts_with("extra mail "), "{differences:?}");
    // On what it had nothing to do about it fails as well, and nobody can tell whether it had seen it.
    assert_eq!((report.divergent, report.failing), (13, 5));
}

#[test]
fn a_saga_that_does_nothing_any_more_or_breaks() {
    let (stingy, clumsy) = (with_shipping::<Stingy>(), with_shipping::<Clumsy>());
    let events = events("happy-path.jsonl");
    let (about, differences) = first(&verified(&stingy, &events));
    assert_eq!((about.as_str(), differences.len()), ("shipping on billing entity_created 17", 1));
    assert!(differences[0].starts_with("extra shipping "), "{differences:?}");
    let (about, differences) = first(&verified(&clumsy, &events));
    assert_eq!((about.as_str(), differences.len()), ("shipping on billing entity_created 17", 2));
    assert!(differences[0].contains("out of parcels"), "{differences:?}");
    assert_eq!(found(&stingy), BILLED);
    // Where a billing was taken back before it was reacted to, nothing was decided; now that fails.
    let more = |(name, count)| (name, count + u64::from(["billing-deleted", "order-deleted"].contains(&name)));
    assert_eq!(found(&clumsy), BILLED.map(more));
}
