//! Parts of logs, recorded: they replay as the whole log does.

use std::{collections::BTreeSet, convert::Infallible, ops::ControlFlow, path::PathBuf};

use kernel::{Entry, Event, Meta, Number, Position};
use replay::{
    reactions::{Scope, reactions},
    record::{
        self, Part, RecordError, Window,
        pseudonyms::{Gathered, Key, Pseudonyms},
        shrink::{End, Symptom, shrink},
    },
    snapshot,
    verify::{Report, Until, verify_entries},
};
use runtime::{Engine, Namespace, StoreUrl, history};
use serde_json::Value;

async fn fixture(name: &str) -> Engine {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    Engine::open(&StoreUrl::History(file), &Namespace::default(), &[]).await.unwrap()
}

async fn events(engine: &Engine) -> Vec<Event> {
    let page = engine.read(&kernel::Checkpoint::default(), usize::MAX).await.unwrap();
    page.entries.into_iter().map(event).collect()
}

fn event(entry: Entry) -> Event {
    match entry {
        Entry::Event(event) => event,
        Entry::Junk(junk) => panic!("{junk:?}"),
    }
}

/// The rows that events are about, by topic and id.
fn rows(events: &[Event]) -> BTreeSet<(String, String)> {
    let domain = ordershop::domain();
    let row = |event: &Event| {
        let topic = domain.topic(&event.topic)?;
        Some((event.topic.to_string(), topic.touch(&event.as_ref()).ok()?.key.into_owned()))
    };
    events.iter().filter_map(row).collect()
}

fn verified(part: &Part) -> Report {
    verify_entries(&ordershop::domain(), part.entries.iter().cloned(), Scope::default(), Until::End)
}

async fn closure(engine: &Engine, (topic, id): &(String, String)) -> Part {
    record::closure(&ordershop::domain(), engine, (topic, id), Window::default()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_closure_of_a_row_is_decided_as_the_whole_log_is() {
    let engine = fixture("ordershop-demo.jsonl").await;
    let all = events(&engine).await;
    let (mut decisions, mut moved) = (0, 0);
    for row in rows(&all).iter().filter(|(topic, _)| topic != "order").step_by(9) {
        let part = closure(&engine, row).await;
        let report = verified(&part);
        assert!(report.is_same(), "{row:?}: {report:?}");
        assert_eq!(part.report, report, "{row:?}");
        decisions += report.decisions;
        moved += part.moved;
    }
    assert_eq!((decisions, moved), (225, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_closure_of_an_order_is_no_more_than_what_its_decisions_need() {
    let engine = fixture("ordershop-demo.jsonl").await;
    let all = events(&engine).await;
    let orders = rows(&all).into_iter().filter(|(topic, _)| topic == "order");
    let domain = ordershop::domain();
    let mut sizes = Vec::new();
    for row in orders {
        let part = closure(&engine, &row).await;
        assert!(verified(&part).is_same(), "{row:?}");
        let whole = snapshot::of_log_where(&domain, &engine, |event| part.own.holds(&event.id)).await.unwrap();
        let decided = reactions(&domain, part.entries.iter().cloned());
        assert_eq!(snapshot::of_part(&domain, &part.entries, &decided, |_| true), whole, "{row:?}");
        let mut is_given = 0;
        for (entry, number) in part.entries.into_iter().zip(1..) {
            let event = event(entry);
            let before = all.iter().find(|before| before.id == event.id).unwrap();
            assert_eq!(event.number, Some(Number(number)));
            if event.meta.given {
                is_given += 1;
                let given = Meta { given: true, ..Meta::default() };
                assert_eq!((&event.data, &event.action, &event.meta), (&before.data, &before.action, &given));
                assert!(event.position <= before.position);
            } else {
                assert_eq!(Event { number: before.number, ..event.clone() }, *before);
            }
        }
        sizes.push((part.own.len(), is_given));
        assert!(part.own.len() + is_given <= all.len() / 20, "{row:?}");
    }
    let sum = |sizes: &[(usize, usize)]| sizes.iter().fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1));
    assert_eq!((sizes.len(), sum(&sizes)), (56, (756, 591)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_cause_is_recorded_of_is_found_by_what_sagas_would_do() {
    let engine = fixture("ordershop-v2-small.jsonl").await;
    let all = events(&engine).await;
    let orders: Vec<_> = rows(&all).into_iter().filter(|(topic, _)| topic == "order").collect();
    let mut found = Vec::new();
    for row in &orders {
        let part = closure(&engine, row).await;
        found.push((part.own.len(), part.own.inferred));
    }
    // An order, its billing and its shipping, as far as it came; all but what clients did is inferred.
    assert_eq!(found, [(7, 6), (8, 7), (16, 13), (7, 6), (7, 6), (7, 6), (9, 8), (8, 7), (14, 12), (9, 8)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_decided_as_it_was_on_what_was_there_before() {
    let engine = fixture("ordershop-demo.jsonl").await;
    let all = events(&engine).await;
    // First and last event; how many are given; how many decisions there are.
    let ranges = [(0, 978, 0, 470), (300, 600, 120, 146), (600, 978, 97, 181), (0, 400, 0, 173), (500, 501, 5, 0)];
    for (first, last, given, decisions) in ranges {
        let window = Window { from: all[first].position, to: all[last].position };
        let part = record::range(&ordershop::domain(), &engine, window).await.unwrap();
        let report = verified(&part);
        assert!(report.is_same(), "{first} to {last}: {report:?}");
        let is_inside = |entry: &&Entry| window.from <= entry.position();
        let inside = part.entries.iter().filter(is_inside).count();
        assert_eq!((inside, part.entries.len()), (last - first + 1, last - first + 1 + given), "{first} to {last}");
        assert_eq!((part.report.decisions, &part.report), (decisions, &report), "{first} to {last}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_ends_where_a_decision_ends_wherever_it_was_to_end() {
    let engine = fixture("happy-path.jsonl").await;
    let domain = ordershop::domain();
    let mut moved = Vec::new();
    for to in events(&engine).await.iter().map(|event| event.position) {
        let end = record::end_of_decisions(&domain, &engine, to).await.unwrap();
        let part = record::range(&domain, &engine, Window { from: Position::ZERO, to: end }).await.unwrap();
        assert!(part.report.is_same(), "{to}");
        let cut = record::range(&domain, &engine, Window { from: Position::ZERO, to }).await;
        assert_eq!(matches!(cut, Err(RecordError::Differs { .. })), end != to, "{to}");
        moved.extend((end != to).then(|| format!("{to} to {end}")));
    }
    let expected = [
        "1795381101180-0 to 1795381101180-2",
        "1795381101180-1 to 1795381101180-2",
        "1795381101194-0 to 1795381101194-1",
        "1795381102347-0 to 1795381102347-2",
        "1795381102347-1 to 1795381102347-2",
        "1795381102358-0 to 1795381102358-1",
        "1795381103498-0 to 1795381103498-1",
        "1795381103518-0 to 1795381103518-1",
    ];
    assert_eq!(moved, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_there_has_no_closure() {
    let engine = fixture("ordershop-demo.jsonl").await;
    let part = record::closure(&ordershop::domain(), &engine, ("order", "nobody's"), Window::default()).await.unwrap();
    assert!(part.is_none());
}

/// All names and addresses of the log.
fn personal(events: &[Event]) -> BTreeSet<String> {
    let fields = [("customer", "name"), ("customer", "email"), ("mail", "recipient")];
    let values = events.iter().flat_map(|event| {
        let data: Value = serde_json::from_str(&event.data).unwrap();
        let fields = fields.iter().filter(|(topic, _)| **topic == *event.topic);
        fields.filter_map(|(_, field)| Some(data[*field].as_str()?.to_owned())).collect::<Vec<_>>()
    });
    values.collect()
}

fn pseudonyms(events: &[Event], key: &str) -> Pseudonyms {
    let mut gathered = Gathered::new(&ordershop::domain(), Key::new(key).unwrap());
    events.iter().for_each(|event| gathered.note(&event.as_ref()));
    gathered.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_names_and_addresses_everything_is_decided_the_same() {
    let all = events(&fixture("ordershop-demo.jsonl").await).await;
    let names = personal(&all);
    let pseudonyms = pseudonyms(&all, "a key");
    assert_eq!((names.len(), pseudonyms.len()), (74, 74));
    let replaced: Vec<_> = all.iter().cloned().map(|event| pseudonyms.event(event)).collect();
    let entries: Vec<_> = replaced.iter().cloned().map(Entry::Event).collect();
    assert!(verify_entries(&ordershop::domain(), entries, Scope::default(), Until::End).is_same());
    for (before, after) in all.iter().zip(&replaced) {
        let line = history::write_line(after);
        assert_eq!(names.iter().find(|name| line.contains(*name)), None, "{line}");
        assert_eq!(Event { data: String::new(), ..before.clone() }, Event { data: String::new(), ..after.clone() });
        let is_personal = ["customer", "mail"].contains(&&*before.topic);
        assert_eq!(before.data == after.data, !is_personal, "{} {}", before.data, after.data);
    }
    assert_eq!(rows(&all), rows(&replaced));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_replaced_by_the_same_in_every_part_under_one_key_only() {
    let engine = fixture("ordershop-demo.jsonl").await;
    let all = events(&engine).await;
    let customers: Vec<_> = all.iter().filter(|event| &*event.topic == "customer").take(5).cloned().collect();
    let (whole, part, other) = (pseudonyms(&all, "a key"), pseudonyms(&customers, "a key"), pseudonyms(&all, "b key"));
    for customer in customers {
        let replaced = whole.event(customer.clone());
        assert_eq!(part.event(customer.clone()), replaced);
        assert_ne!(other.event(customer).data, replaced.data);
    }
}

/// The history with one effect dropped, which is missing then.
async fn tampered() -> Vec<Entry> {
    let mut all = events(&fixture("ordershop-demo.jsonl").await).await;
    let is_effect = |event: &&Event| &*event.topic == "inventory" && event.meta.cause.is_some();
    let dropped = all.iter().filter(is_effect).nth(20).unwrap().id.clone();
    all.retain(|event| event.id != dropped);
    all.into_iter().map(Entry::Event).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_shrinks_to_what_its_first_divergence_needs() {
    let (domain, entries) = (ordershop::domain(), tampered().await);
    let symptom = Symptom::of(&domain, &entries).unwrap();
    assert_eq!(symptom.to_string(), "inventory on order entity_created: missing inventory entity_updated");
    let holds = |entries: &[Entry]| Ok::<_, Infallible>(Symptom::of(&domain, entries).as_ref() == Some(&symptom));
    let shrunk = shrink(&entries, |_| ControlFlow::Continue(()), holds).unwrap();
    let told: Vec<_> = shrunk.entries.iter().map(|entry| entry.topic().to_string()).collect();
    assert_eq!((told.join(" "), shrunk.end), ("inventory cart order order".to_owned(), End::Least));
    // The order, its cart, what is in stock, and what says that the saga has reacted.
    assert_eq!(Symptom::of(&domain, &shrunk.entries).unwrap(), symptom);
}
