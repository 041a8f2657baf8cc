//! Every order in which sagas and clients can come to act, and where each ends.

use kernel::{Decided, Effect, Entity, Entry, Event, Saga, SagaHandler, Then, UPDATED, View};

use super::*;
use crate::{Billing, Inventory, Order, Shipping, Status, domain, testing::*};

/// A log and the sagas that follow it.
#[derive(Clone)]
struct Shop {
    log: Vec<Event>,
    sagas: Vec<Follower>,
}

/// A saga, how far it has come, and what it sees there.
#[derive(Clone)]
struct Follower {
    saga: SagaHandler,
    view: View,
    come: usize,
}

/// A client's next command: the event it would lead to, once it would be accepted.
type Client = fn(&Shop) -> Option<Fact>;

impl Shop {
    fn new(facts: impl IntoIterator<Item = Fact>) -> Self {
        let mut shop = Self { log: Vec::new(), sagas: Vec::new() };
        facts.into_iter().for_each(|fact| shop.append(fact));
        shop
    }

    /// Lets a saga follow the log from its head.
    fn followed_by<S: Saga>(mut self) -> Self {
        let saga = saga::<S>();
        let mut view = saga.view(&domain());
        self.log.iter().for_each(|event| drop(view.apply(&Entry::Event(event.clone())).unwrap()));
        self.sagas.push(Follower { saga, view, come: self.log.len() });
        self
    }

    fn append(&mut self, fact: Fact) {
        self.log.push(fact.at(self.log.len()));
    }

    fn all<E: Entity>(&self) -> Vec<E> {
        let mut view = View::new([&E::topic()]);
        self.log.iter().for_each(|event| drop(view.apply(&Entry::Event(event.clone())).unwrap()));
        view.rows(E::TOPIC).map(|(_, row)| serde_json::from_str(&row).unwrap()).collect()
    }

    fn status(&self) -> Option<Status> {
        self.all::<Order>().first().map(|order| order.status)
    }

    /// Takes a saga to its next event and lets it react; false where none is left.
    fn step(&mut self, index: usize) -> bool {
        let follower = &mut self.sagas[index];
        while let Some(event) = self.log.get(follower.come) {
            follower.come += 1;
            let before = follower.view.apply(&Entry::Event(event.clone())).unwrap();
            if !follower.saga.wants(event) {
                continue;
            }
            let mut decided = react(&follower.saga, event, before.as_ref(), &follower.view, Then::default());
            if self.log[follower.come..].iter().any(|later| contradicts(later, &decided, follower.saga.name)) {
                let mut late = follower.view.clone();
                self.log.iter().for_each(|event| drop(late.apply(&Entry::Event(event.clone())).unwrap()));
                decided = react(&follower.saga, event, before.as_ref(), &late, decided.then);
            }
            for effect in &decided.effects {
                if let Effect::Append(draft) = effect {
                    let position = Fact::from(effect).at(self.log.len()).position;
                    follower.view.stage(draft, position).unwrap();
                    self.log.push(draft.at(position));
                }
            }
            return true;
        }
        false
    }
}

/// Whether an event that came after a decision, and not from the decider, mentions what it had read (R7).
fn contradicts(later: &Event, decided: &Decided, decider: &str) -> bool {
    let foreign = later.meta.handler.as_deref() != Some(decider);
    let mentions = |text: &str| later.data.contains(&format!("\"{text}\""));
    foreign && decided.reads.iter().any(|read| read.topic == *later.topic && mentions(&read.text))
}

/// Runs every interleaving to its end and gives the ends; on the way, orders must move along the graph.
fn ends(shop: &Shop, clients: &[Client]) -> Vec<Shop> {
    let mut ends = Vec::new();
    if let Some((client, rest)) = clients.split_first()
        && let Some(fact) = client(shop)
    {
        let mut shop = shop.clone();
        shop.append(fact);
        ends.extend(self::ends(&shop, rest));
    }
    for index in 0..shop.sagas.len() {
        let mut shop = shop.clone();
        if shop.step(index) {
            ends.extend(self::ends(&shop, clients));
        }
    }
    if ends.is_empty() {
        check_moves(&shop.log);
        ends.push(shop.clone());
    }
    ends
}

fn check_moves(log: &[Event]) {
    let moves = log.iter().filter(|event| *event.topic == *Order::TOPIC);
    let orders: Vec<(String, Order)> =
        moves.map(|event| (event.action.clone(), serde_json::from_str(&event.data).unwrap())).collect();
    for (index, (action, to)) in orders.iter().enumerate() {
        let from = orders[..index].iter().rev().find(|(_, from)| from.entity_id == to.entity_id);
        if let (UPDATED, Some((_, from))) = (action.as_str(), from) {
            assert!(from.status.may_become(to.status), "{} became {}", from.status, to.status);
        }
    }
}

/// Five pens, a new order of two, and all the sagas that append events.
fn ordered() -> Shop {
    let shop = Shop::new([created(&inventory("pens", "pen", 5)), created(&cart("c", "ann", &["pen", "pen"]))]);
    let mut shop = shop.followed_by::<InventorySaga>().followed_by::<OrderSaga>().followed_by::<ShippingSaga>();
    shop.append(created(&order("o", "c", Status::Created)));
    shop
}

fn bill(shop: &Shop) -> Option<Fact> {
    let billable = shop.status()?.may_become(Status::Cleared) && shop.all::<Billing>().is_empty();
    billable.then(|| created(&billing(&format!("billing {}", shop.log.len()), "o", 6)))
}

fn take_billing_back(shop: &Shop) -> Option<Fact> {
    shop.all().first().map(deleted::<Billing>)
}

fn ship(shop: &Shop) -> Option<Fact> {
    shop.all::<Shipping>().is_empty().then(|| created(&shipping("s", "o", 0)))
}

fn deliver(shop: &Shop) -> Option<Fact> {
    let mut shipping: Shipping = shop.all().pop()?;
    shipping.delivered = 7.into();
    Some(updated(&shipping))
}

fn end_order(shop: &Shop) -> Option<Fact> {
    shop.all().first().map(deleted::<Order>)
}

fn change_cart(shop: &Shop) -> Option<Fact> {
    shop.status().is_none().then(|| updated(&cart("c", "ann", &["pen"])))
}

fn stock(shop: &Shop) -> i64 {
    shop.all::<Inventory>().iter().map(|inventory| inventory.amount).sum()
}

/// Checks the ends of all interleavings and gives how many there are.
fn check(shop: &Shop, clients: &[Client], check: impl Fn(&Shop)) -> usize {
    let ends = ends(shop, clients);
    ends.iter().for_each(check);
    ends.len()
}

#[test]
fn a_billed_order_ends_shipped_whichever_saga_runs_first() {
    let ways = check(&ordered(), &[bill], |end| {
        assert_eq!(end.status(), Some(Status::Shipped));
        assert_eq!((end.all::<Shipping>().len(), stock(end)), (1, 3));
    });
    assert!(ways > 1, "{ways}");
}

#[test]
fn a_shipping_that_a_client_makes_is_the_only_one() {
    check(&ordered(), &[ship, bill], |end| {
        assert_eq!(end.status(), Some(Status::Shipped));
        assert_eq!(end.all::<Shipping>(), [shipping("s", "o", 0)]);
    });
}

#[test]
fn what_is_delivered_ends_delivered_however_early() {
    for clients in [[bill as Client, deliver].as_slice(), &[ship, deliver, bill], &[ship, bill, deliver]] {
        check(&ordered(), clients, |end| assert_eq!(end.status(), Some(Status::Delivered)));
    }
}

#[test]
fn a_billing_taken_back_and_made_again_ends_shipped() {
    check(&ordered(), &[bill, take_billing_back, bill], |end| {
        assert_eq!((end.status(), end.all::<Shipping>().len()), (Some(Status::Shipped), 1));
    });
}

#[test]
fn an_order_taken_back_before_it_is_shipped_costs_no_stock() {
    for clients in [
        [end_order as Client].as_slice(),
        &[bill, end_order],
        &[bill, take_billing_back, end_order],
        &[end_order, change_cart],
    ] {
        check(&ordered(), clients, |end| {
            let orders = end.log.iter().filter(|event| *event.topic == *Order::TOPIC);
            let shipped = orders.clone().any(|event| event.data.contains(Status::Shipped.name()));
            assert_eq!((end.status(), stock(end)), (None, if shipped { 3 } else { 5 }));
        });
    }
}

#[test]
fn no_stock_is_taken_twice_and_none_is_lost() {
    let mut shop = ordered();
    shop.append(updated(&inventory("pens", "pen", 3)));
    shop.append(created(&order("p", "c", Status::Created)));
    let one_more: Client = |shop| Some(updated(&inventory("pens", "pen", stock(shop) + 1)));
    let ways = check(&shop, &[one_more], |end| {
        let taken = end.all::<Order>().iter().filter(|order| order.status == Status::InStock).count();
        assert!(stock(end) >= 0 && taken > 0);
        assert_eq!(usize::try_from(stock(end)).unwrap() + 2 * taken, 4);
    });
    assert!(ways > 1, "{ways}");
}
