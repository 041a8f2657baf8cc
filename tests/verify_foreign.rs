//! Decisions of histories that don't say where their events came from, made again: the original's own defects, and
//! nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use kernel::{DECISIONS, Decision, Domain, Entry, Event, Failure, Meta, Occurrence, Position, Saga};
use ordershop::{
    Order, Shipping, Status,
    sagas::{CrmSaga, InventorySaga, OrderSaga, ShippingSaga},
};
use replay::{
    causes::Match,
    reactions::Scope,
    verify::{
        Difference, Divergence, Report, Told, Until,
        report::{Cause, Inferred},
        verify_entries,
    },
};
use serde_json::Value;

fn history(name: &str) -> Vec<Event> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("{name}.jsonl"));
    let event = |entry| match entry {
        Entry::Event(event) => event,
        Entry::Junk(junk) => panic!("{junk:?}"),
    };
    runtime::history::read(&file).unwrap().into_iter().map(event).collect()
}

fn busy() -> Vec<Event> {
    history("ordershop-v2-busy")
}

fn verified(events: &[Event]) -> Report {
    verified_by(&ordershop::domain(), events)
}

fn verified_by(domain: &Domain, events: &[Event]) -> Report {
    verify_entries(domain, events.iter().cloned().map(Entry::Event), Scope::default(), Until::End)
}

fn data(event: &Event) -> Value {
    serde_json::from_str(&event.data).unwrap()
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap().to_owned()
}

/// The divergences of one saga about one kind of event, by the position of that event.
fn of<'r>(report: &'r Report, handler: &str, topic: &str, action: &str) -> BTreeMap<Position, &'r Divergence> {
    let about = |divergence: &'r Divergence| match &divergence.event {
        Cause::Known(event) if (&*event.topic, event.action.as_str()) == (topic, action) => {
            Some((event.position, divergence))
        }
        Cause::Known(_) | Cause::Unknown { .. } => None,
    };
    report.divergences.iter().filter(|divergence| divergence.handler == handler).filter_map(about).collect()
}

/// What becomes of each order, by its id: positions and statuses.
fn orders(events: &[Event]) -> BTreeMap<String, Vec<(Position, String)>> {
    let mut orders: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for event in events.iter().filter(|event| &*event.topic == "order") {
        let order = data(event);
        let status = if event.action == "entity_deleted" { "deleted".to_owned() } else { text(&order, "status") };
        orders.entry(text(&order, "entity_id")).or_default().push((event.position, status));
    }
    orders
}

/// The only difference, an order's status.
fn status(divergence: &Divergence) -> (&'static str, String, String) {
    let [difference] = divergence.differences.as_slice() else { panic!("{divergence:?}") };
    let (Difference::Missing(told) | Difference::Extra(told)) = difference else { panic!("{divergence:?}") };
    (difference.kind(), told.key.clone().unwrap(), text(&told.data, "status"))
}

#[test]
fn what_the_original_did_wrong_is_all_that_differs() {
    let report = verified(&busy());
    let inferred = report.inferred.as_ref().unwrap();
    assert_eq!((inferred.window_ms, inferred.exact, inferred.alike, inferred.beside), (10_000, 1_240, 567, 0));
    let asked: Vec<_> = inferred.asked_for.iter().map(|(what, count)| format!("{count} {what}")).collect();
    assert_eq!(asked, ASKED_FOR);
    let kinds: Vec<_> = report
        .groups
        .iter()
        .map(|group| {
            let (on, effect) = (group.on.as_deref().unwrap(), group.effect.as_deref().unwrap());
            format!("{} {} on {on}: {} {effect} {}", group.divergent, group.handler, group.kind, group.fields.join(" "))
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "22 order on shipping entity_created: missing order entity_updated ",
            "15 order on shipping entity_updated: missing order entity_updated ",
            "24 inventory on order entity_deleted: changed inventory entity_updated amount",
        ]
    );
    assert_eq!((report.decisions, report.divergent, report.consequences), (1_700, 45, 0));
    let rest = Report { entries: 2_678, decisions: 1_700, divergent: 45, ..Report::default() };
    let (inferred, divergences, groups) = (report.inferred.clone(), report.divergences.clone(), report.groups.clone());
    assert_eq!(report, Report { inferred, divergences, groups, ..rest });
}

/// What the one client of the busy run asked for.
const ASKED_FOR: &[&str] = &[
    "150 billing entity_created",
    "200 cart entity_created",
    "4 cart entity_deleted",
    "30 cart entity_updated",
    "50 customer entity_created",
    "5 customer entity_deleted",
    "6 customer entity_updated",
    "50 inventory entity_created",
    "4 inventory entity_updated",
    "200 order entity_created",
    "16 order entity_deleted",
    "1 order entity_updated",
    "50 product entity_created",
    "4 product entity_updated",
    "1 shipping entity_deleted",
    "100 shipping entity_updated",
];

#[test]
fn each_order_that_was_never_shipped_is_named_with_its_shipping() {
    let events = busy();
    let report = verified(&events);
    let found = of(&report, "order", "shipping", "entity_created");
    let orders = orders(&events);
    let has = |order: &str, status: &str| orders[order].iter().any(|(_, had)| had == status);
    let missed = events.iter().filter(|event| (&*event.topic, &*event.action) == ("shipping", "entity_created"));
    let missed = missed.map(|event| (event.position, text(&data(event), "order_id")));
    let missed: BTreeMap<_, _> = missed.filter(|(_, order)| !has(order, "SHIPPED")).collect();
    assert_eq!(missed.len(), 22);
    assert!(missed.values().all(|order| has(order, "CLEARED")));
    let named: BTreeMap<_, _> = found.iter().map(|(position, divergence)| (*position, status(divergence))).collect();
    let expected = missed.into_iter().map(|(position, order)| (position, ("missing", order, "SHIPPED".to_owned())));
    assert_eq!(named, expected.collect());
    assert!(
        found.iter().all(|(position, divergence)| divergence.as_of == Some(*position) && divergence.same.is_empty())
    );
}

#[test]
fn each_order_that_was_delivered_without_being_shipped_is_named_with_both() {
    let events = busy();
    let report = verified(&events);
    let found = of(&report, "order", "shipping", "entity_updated");
    let jumps = orders(&events).into_iter().filter_map(|(order, life)| {
        let jump = life.windows(2).find(|pair| pair[0].1 == "CLEARED" && pair[1].1 == "DELIVERED")?;
        Some((order, jump[1].0))
    });
    let jumps: BTreeMap<_, _> = jumps.collect();
    assert_eq!(jumps.len(), 15);
    let named = found.values().map(|divergence| {
        let ("missing", order, status) = status(divergence) else { panic!("{divergence:?}") };
        assert_eq!(status, "SHIPPED");
        let [Told { position, inferred, data, .. }] = divergence.same.as_slice() else { panic!("{divergence:?}") };
        assert_eq!((*inferred, text(data, "status").as_str()), (Some(Match::Exact), "DELIVERED"));
        (order, position.unwrap())
    });
    assert_eq!(named.collect::<BTreeMap<_, _>>(), jumps);
}

/// The stock that today's saga gives back: each difference with the position, what the log has, and what is decided.
fn stock(divergence: &Divergence) -> Vec<(Position, i64, i64)> {
    let amounts = divergence.differences.iter().map(|difference| {
        let Difference::Changed { effect, fields } = difference else { panic!("{difference:?}") };
        let [amount] = fields.as_slice() else { panic!("{fields:?}") };
        assert_eq!((amount.field.as_str(), effect.inferred), ("amount", Some(Match::Alike)));
        let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_i64).unwrap();
        (effect.position.unwrap(), number(&amount.before), number(&amount.after))
    });
    amounts.collect()
}

#[test]
fn each_deleted_order_that_took_its_stock_again_is_named_with_all_of_it() {
    let events = busy();
    let report = verified(&events);
    let found = of(&report, "inventory", "order", "entity_deleted");
    let deleted = orders(&events).into_values().filter_map(|life| match life.as_slice() {
        [.., (_, before), (position, now)] if now == "deleted" && before == "IN_STOCK" => Some(*position),
        _ => None,
    });
    assert_eq!(found.keys().copied().collect::<BTreeSet<_>>(), deleted.collect());
    assert_eq!(found.len(), 8);
    let amounts: Vec<_> = found.values().flat_map(|divergence| stock(divergence)).collect();
    assert_eq!(amounts.len(), 24);
    let held: BTreeMap<_, _> = events.iter().map(|event| (event.position, event)).collect();
    let mut takings = 0;
    for (position, log, now) in amounts {
        let event = held[&position];
        assert_eq!((&*event.topic, data(event)["amount"].as_i64()), ("inventory", Some(log)));
        takings += now - log;
        assert_eq!((now - log) % 2, 0, "as much as was taken would have been given");
    }
    assert_eq!(takings, 48, "one of each");
}

#[test]
fn in_the_small_run_one_order_took_its_stock_again_one_piece_at_a_time() {
    let report = verified(&history("ordershop-v2-small"));
    let found = of(&report, "inventory", "order", "entity_deleted");
    let [divergence] = found.into_values().collect::<Vec<_>>()[..] else { panic!("{report:?}") };
    let kinds: Vec<_> = divergence.differences.iter().map(Difference::kind).collect();
    assert_eq!(kinds, ["changed", "changed", "changed", "changed", "changed", "extra", "extra"]);
    let extra = divergence.differences.iter().filter_map(|difference| {
        let Difference::Extra(told) = difference else { return None };
        Some((told.inferred, told.data["amount"].clone()))
    });
    let beside = |amount: i64| (Some(Match::Beside), Value::from(amount));
    assert_eq!(extra.collect::<Vec<_>>(), [beside(90), beside(89)]);
    assert_eq!((report.divergent, report.decisions, report.waiting + report.on_their_way), (1, 40, 0));
}

#[test]
fn a_history_of_this_program_is_the_same_though_it_forgets_where_its_events_came_from() {
    let events = history("ordershop-demo").into_iter().filter(|event| &*event.topic != DECISIONS);
    let events: Vec<_> = events.map(|event| Event { meta: Meta::default(), number: None, ..event }).collect();
    let report = verified(&events);
    assert_eq!(report.divergences, []);
    let asked_for = report.inferred.as_ref().unwrap().asked_for.clone();
    let inferred = Some(Inferred { window_ms: 10_000, exact: 527, alike: 0, beside: 0, asked_for });
    assert_eq!(report, Report { entries: 806, decisions: 470, inferred, ..Report::default() });
}

#[test]
fn what_is_taken_out_is_missing_where_it_was() {
    let (events, before) = (busy(), verified(&busy()));
    let is_end = |event: &Event| {
        let is_update = (&*event.topic, event.action.as_str()) == ("order", "entity_updated");
        is_update && ["OUT_OF_STOCK", "SHIPPED"].contains(&text(&data(event), "status").as_str())
    };
    let ends: Vec<_> = events.iter().enumerate().filter(|(_, event)| is_end(event)).collect();
    for (index, event) in ends.iter().step_by(40) {
        let mut without = events.clone();
        without.remove(*index);
        let report = verified(&without);
        let new = report.divergences.iter().find(|now| !before.divergences.contains(now));
        let (kind, order, status) = status(new.unwrap_or_else(|| panic!("{event:?}")));
        assert_eq!((kind, order, status), ("missing", text(&data(event), "entity_id"), text(&data(event), "status")));
    }
}

#[test]
fn what_clients_write_is_no_reaction() {
    let mut events = busy();
    let is_taken = |event: &&Event| &*event.topic == "inventory" && event.position > Position::new(1_795_342_670, 0);
    let taken = events.iter().find(is_taken).cloned().unwrap();
    let mut stock = data(&taken);
    stock["amount"] = 1_000.into();
    let position = Position::new(taken.position.ms() + 3, 1);
    let restocked = Event { id: "restocked".into(), position, data: stock.to_string(), ..taken };
    let index = events.partition_point(|event| event.position < position);
    events.insert(index, restocked);
    let (before, after) = (verified(&busy()), verified(&events));
    assert_eq!(after.divergent, before.divergent);
    assert_eq!(after.inferred.unwrap().asked_for["inventory entity_updated"], 5);
}

/// A saga that moves an order along only where it stands.
struct Strict;

impl Saga for Strict {
    const NAME: &'static str = OrderSaga::NAME;

    fn triggers() -> &'static [(&'static str, &'static str)] {
        OrderSaga::triggers()
    }

    fn reads() -> &'static [&'static str] {
        OrderSaga::reads()
    }

    fn react(occurrence: &Occurrence<'_>, decision: &mut Decision<'_>) -> Result<(), Failure> {
        if (&*occurrence.event.topic, occurrence.event.action.as_str()) != ("shipping", "entity_updated") {
            return OrderSaga::react(occurrence, decision);
        }
        let shipping: Shipping = occurrence.entity()?;
        let order = decision.get::<Order>(&shipping.order_id)?;
        let Some(mut order) = order.filter(|order| order.status == Status::Shipped) else { return Ok(()) };
        order.status = Status::Delivered;
        decision.update(&order)
    }
}

fn shop() -> Domain {
    Domain::new("ordershop")
        .entity::<ordershop::Customer>()
        .entity::<ordershop::Product>()
        .entity::<ordershop::Inventory>()
        .entity::<ordershop::Cart>()
        .entity::<Order>()
        .entity::<ordershop::Billing>()
        .entity::<Shipping>()
        .journal::<ordershop::Mail>()
}

#[test]
fn what_a_saga_would_not_have_done_is_extra() {
    let domain = shop().saga::<InventorySaga>().saga::<Strict>().saga::<ShippingSaga>().saga::<CrmSaga>();
    let report = verified_by(&domain, &busy());
    let found = of(&report, "order", "shipping", "entity_updated");
    let delivered = found.values().filter(|divergence| {
        let (kind, _, status) = status(divergence);
        let [Difference::Extra(told)] = divergence.differences.as_slice() else { panic!("{divergence:?}") };
        (kind, status.as_str(), told.inferred) == ("extra", "DELIVERED", Some(Match::Beside))
    });
    assert_eq!((delivered.count(), found.len(), report.divergent), (15, 15, 45));
}

#[test]
fn what_no_saga_does_any_more_is_taken_to_be_asked_for() {
    let domain = shop().saga::<InventorySaga>().saga::<OrderSaga>().saga::<CrmSaga>();
    let report = verified_by(&domain, &busy());
    assert_eq!(report.inferred.unwrap().asked_for["shipping entity_created"], 150);
    assert_eq!(report.divergent, 45, "and nobody can tell");
}

#[test]
fn given_events_do_not_say_whose_log_it_is() {
    let given = |events: &mut [Event]| {
        events.iter_mut().for_each(|event| event.meta = Meta { given: true, ..Meta::default() });
    };
    let mut events = busy();
    assert!(events[..10].iter().all(|event| &*event.topic == "customer" || &*event.topic == "mail"));
    given(&mut events[..10]);
    let report = verified(&events);
    assert_eq!((report.divergent, report.inferred.map(|inferred| inferred.exact)), (45, Some(1_240)));
    let mut events = history("ordershop-demo");
    given(&mut events[..1]);
    let report = verified(&events);
    assert_eq!((report.inferred, report.divergent), (None, 0));
}
