//! The recorded histories: each is listed, decides the same again, and holds what it is said to guard.

use std::collections::{BTreeMap, BTreeSet};

use crate::replaying::{NATIVE, events, fixture};
use kernel::{CREATED, DECISIONS, DELETED, Entry, Event, UPDATED};
use replay::{
    reactions::Scope,
    verify::{Report, Until, verify_entries},
};
use serde_json::Value;

/// A history's events, and what each says.
struct History(Vec<(Event, Value)>);

impl History {
    fn of(name: &str) -> Self {
        let said = |event: Event| (event.clone(), serde_json::from_str(&event.data).unwrap());
        Self(events(name).into_iter().map(said).collect())
    }

    fn of_topic(&self, topic: &str) -> impl DoubleEndedIterator<Item = &(Event, Value)> {
        self.0.iter().filter(move |(event, _)| &*event.topic == topic)
    }

    /// What an entity's field became, event by event.
    fn field(&self, topic: &str, key: &str, field: &str) -> Vec<Value> {
        let of_it = self.of_topic(topic).filter(|(_, data)| data["entity_id"] == key);
        of_it.map(|(_, data)| data[field].clone()).collect()
    }

    /// The entities of a topic, in order of appearance.
    fn keys(&self, topic: &str) -> Vec<&str> {
        let created = self.of_topic(topic).filter(|(event, _)| event.action == CREATED);
        created.map(|(_, data)| data["entity_id"].as_str().unwrap()).collect()
    }

    /// The statuses of each order.
    fn statuses(&self) -> Vec<Vec<&str>> {
        let created_or_moved = || self.of_topic("order").filter(|(event, _)| event.action != DELETED);
        let of = |key: &str| {
            let of_it = created_or_moved().filter(|(_, data)| data["entity_id"] == key);
            of_it.map(|(_, data)| data["status"].as_str().unwrap()).collect()
        };
        self.keys("order").into_iter().map(of).collect()
    }

    /// The amounts of each inventory.
    fn stocks(&self) -> Vec<Vec<i64>> {
        let number = |amount: &Value| amount.as_i64().or_else(|| amount.as_str()?.parse().ok()).unwrap();
        let stock = |key: &&str| self.field("inventory", key, "amount").iter().map(number).collect();
        self.keys("inventory").iter().map(stock).collect()
    }

    /// What was appended or recorded as a saga's reaction, with the event it reacted to.
    fn reactions<'h>(&'h self, saga: &'h str) -> impl Iterator<Item = (&'h Event, &'h Event)> {
        let by_id: BTreeMap<_, _> = self.0.iter().map(|(event, _)| (event.id.as_str(), event)).collect();
        let of_saga = self.0.iter().filter(move |(event, _)| event.meta.handler.as_deref() == Some(saga));
        of_saga.map(move |(event, _)| (event, by_id[event.meta.cause.as_deref().unwrap()]))
    }

    /// The mails to an address, by their recipients' names and what they are about.
    fn mails(&self, address: &str) -> Vec<&str> {
        let about = |(_, data): &'_ (Event, Value)| {
            let subjects = ["welcome to", "account is closed", "Please pay", "have received", "is on its way"];
            let text = data["message"].as_str().unwrap();
            *subjects.iter().find(|subject| text.contains(*subject)).unwrap()
        };
        self.of_topic("mail").filter(|(_, data)| data["recipient"] == address).map(about).collect()
    }
}

#[test]
fn every_history_is_listed_and_everything_listed_is_there() {
    let names = std::fs::read_dir(fixture("")).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let there: BTreeSet<_> = names.filter(|name| name.ends_with(".jsonl")).collect();
    let table = std::fs::read_to_string(fixture("README.md")).unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let listed: BTreeSet<_> = rows.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(listed, there);
    let foreign = ["ordershop-v2-busy.jsonl", "ordershop-v2-small.jsonl"];
    let known: BTreeSet<_> = NATIVE.iter().map(|(name, ..)| *name).chain(foreign).map(str::to_owned).collect();
    assert_eq!(known, there);
}

#[test]
fn every_native_history_is_decided_the_same_again() {
    for (name, entries, decisions) in NATIVE {
        let events = History::of(name).0.into_iter().map(|(event, _)| Entry::Event(event));
        let mut report = verify_entries(&ordershop::domain(), events, Scope::default(), Until::End);
        // An older version did not say where events came from, so it was looked for; what it did say was believed.
        let looked = report.inferred.take().map(|inferred| inferred.exact + inferred.alike + inferred.beside);
        assert_eq!(looked, (name == "older-schema.jsonl").then_some(0));
        assert_eq!(report, Report { entries, decisions, ..Report::default() }, "{name}");
    }
}

#[test]
fn the_happy_path_goes_all_the_way() {
    let history = History::of("happy-path.jsonl");
    let shipped = ["CREATED", "IN_STOCK", "CLEARED", "SHIPPED"];
    let delivered = [&shipped[..], &["DELIVERED"]].concat();
    assert_eq!(history.statuses(), [&delivered[..], &delivered, &shipped]);
    let paid = ["Please pay", "have received", "is on its way"];
    assert_eq!(sorted(history.mails("ann.applegate@mail.example")), sorted([&["welcome to"][..], &paid].concat()));
    assert_eq!(
        sorted(history.mails("bob.birchwood@mail.example")),
        sorted([&["welcome to"][..], &paid, &paid].concat())
    );
}

fn sorted(mut texts: Vec<&str>) -> Vec<&str> {
    texts.sort_unstable();
    texts
}

#[test]
fn what_is_out_of_stock_leaves_the_stock_alone() {
    let history = History::of("out-of-stock.jsonl");
    let (taken, refused) = (["CREATED", "IN_STOCK"], ["CREATED", "OUT_OF_STOCK"]);
    assert_eq!(history.statuses(), [taken, refused, taken, taken]);
    // Lamps: two are taken, two more are not there, one is taken, restocked, two are taken.
    assert_eq!(history.stocks(), [vec![3, 1, 0, 5, 3], vec![8, 7, 5]]);
}

#[test]
fn a_deleted_order_gives_its_stock_back_unless_it_is_shipped() {
    let history = History::of("order-deleted.jsonl");
    assert_eq!(history.stocks(), [vec![6, 4, 6, 5, 6, 5, 4], vec![4, 3, 4, 3, 4]]);
    let deleted: Vec<_> = history.of_topic("order").filter(|(event, _)| event.action == DELETED).collect();
    let statuses: Vec<_> = deleted.iter().map(|(_, data)| data["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["IN_STOCK", "IN_STOCK", "CREATED", "SHIPPED"]);
    // The third was gone before the saga came to its creation.
    let third = &deleted[2];
    let came = |(_, cause): &(&Event, &Event)| cause.action == CREATED && cause.data == third.0.data;
    let (reaction, _) = history.reactions("inventory").find(came).unwrap();
    assert_eq!(&*reaction.topic, DECISIONS);
    assert!(reaction.meta.as_of.unwrap() > third.0.position);
}

#[test]
fn a_deleted_billing_takes_a_cleared_order_back() {
    let history = History::of("billing-deleted.jsonl");
    let there_and_back = ["CREATED", "IN_STOCK", "CLEARED", "UNCLEARED", "CLEARED", "SHIPPED"];
    let straight = ["CREATED", "IN_STOCK", "CLEARED", "SHIPPED"];
    assert_eq!(history.statuses(), [&there_and_back[..], &straight, &straight]);
    let actions: Vec<_> = history.of_topic("billing").map(|(event, _)| event.action.as_str()).collect();
    assert_eq!(actions, [CREATED, DELETED, CREATED, CREATED, DELETED, CREATED]);
    assert_eq!(history.keys("shipping").len(), 3);
}

#[test]
fn carts_that_race_are_decided_later_than_their_events() {
    let history = History::of("two-carts-racing.jsonl");
    let late = |(event, cause): &(&Event, &Event)| event.meta.as_of.unwrap() > cause.position;
    assert_eq!(history.reactions("inventory").filter(late).count(), 8);
    let (taken, refused) = (["CREATED", "IN_STOCK"], ["CREATED", "OUT_OF_STOCK"]);
    assert_eq!(history.statuses(), [taken, taken, taken, refused]);
    assert_eq!(history.stocks(), [vec![4, 3, 0], vec![6, 6, 4, 2, 5, 7]]);
    // All four were there before the first was decided about.
    let created: Vec<_> = history.of_topic("order").map(|(event, _)| event.action.as_str()).take(4).collect();
    assert_eq!(created, [CREATED; 4]);
}

#[test]
fn a_customer_deleted_after_an_update_stays_deleted() {
    let history = History::of("customer-deleted-after-update.jsonl");
    let actions = |key: &&str| {
        let of_it = history.of_topic("customer").filter(|(_, data)| data["entity_id"] == *key);
        of_it.map(|(event, _)| event.action.as_str()).collect::<Vec<_>>()
    };
    let lives: Vec<_> = history.keys("customer").iter().map(actions).collect();
    assert_eq!(lives, [vec![CREATED, UPDATED, DELETED], vec![CREATED, UPDATED, DELETED], vec![CREATED, UPDATED]]);
    assert_eq!(history.mails("ann.applegate@mail.example"), ["welcome to"]);
    // Billed and shipped after she was gone: no word of that.
    assert_eq!(history.mails("ann.birchwood@mail.example"), ["Please pay", "account is closed"]);
    assert_eq!(history.mails("robert@mail.example"), ["account is closed"]);
    let orders = history.statuses();
    assert_eq!(orders.iter().filter_map(|order| order.last()).collect::<Vec<_>>(), [&"SHIPPED", &"IN_STOCK"]);
}

#[test]
fn what_a_dead_worker_had_claimed_is_done_once_and_later() {
    let history = History::of("worker-died.jsonl");
    let waited = |event: &Event, cause: &Event| event.position.ms() - cause.position.ms();
    // Two orders were reacted to when the sagas died; the others when their role had run out.
    let stock = history.reactions("inventory").filter(|(event, _)| &*event.topic == "order");
    let (soon, late): (Vec<_>, Vec<_>) = stock.partition(|(event, cause)| waited(event, cause) < 1_000);
    assert_eq!((soon.len(), late.len()), (2, 7));
    assert!(late.iter().all(|(event, cause)| waited(event, cause) >= 3_000));
    // The mails about those two were claimed by the worker that died: others, asked for later, were sent earlier.
    let mails: Vec<_> = history.reactions("crm").filter(|(_, cause)| &*cause.topic == "order").collect();
    let causes: Vec<_> = mails.iter().map(|(_, cause)| cause.position).collect();
    let (others, claimed) = causes.split_at(7);
    assert_eq!((others.is_sorted(), claimed.len()), (true, 2));
    assert!(claimed.iter().all(|position| position < &others[0]));
    assert!(mails[7..].iter().all(|(event, cause)| waited(event, cause) >= 6_000));
    let once: BTreeSet<_> = mails.iter().map(|(event, _)| event.meta.command.clone().unwrap()).collect();
    assert_eq!((once.len(), history.stocks()), (9, vec![(182..=200).rev().step_by(2).collect()]));
}

#[test]
fn a_log_that_an_older_program_began_is_read_as_it_is() {
    let history = History::of("older-schema.jsonl");
    let (old, new) = history.0.split_at(13);
    for (event, data) in old {
        assert_eq!((event.number, &event.meta), (None, &kernel::Meta::default()));
        assert!(event.position.ms() < 100_000_000_000, "{}: Unix seconds", event.position);
        assert!(["price", "amount"].iter().all(|name| !data[*name].is_number()), "{data}");
    }
    assert_eq!(old.iter().filter(|(_, data)| data["currency"] == "EUR").count(), 3);
    assert!(new.iter().enumerate().all(|(index, (event, _))| event.number.unwrap().0 == index as u64 + 1));
    assert!(new.iter().all(|(_, data)| data["currency"].is_null() && !data["amount"].is_string()));
    // Today's sagas decided about the old entries, as of them.
    let old_causes = history.reactions("inventory").filter(|(_, cause)| cause.number.is_none()).count();
    assert_eq!(old_causes, 4);
    assert_eq!(history.statuses()[0].last(), Some(&"DELIVERED"));
    assert_eq!(history.statuses()[1], ["CREATED", "OUT_OF_STOCK"]);
    assert_eq!(history.of_topic("billing").map(|(_, data)| data["amount"].clone()).collect::<Vec<_>>(), [18]);
}
