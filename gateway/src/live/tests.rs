use std::sync::Arc;

use kernel::{Domain, Epoch, Event, Junk, Meta, Number};

use super::*;

/// Where a reader stands after the whole page.
fn whole(at: &Checkpoint, page: &Entries) -> Checkpoint {
    passed(at, page, page.entries.len())
}

fn entry(position: u64, number: Option<u64>) -> Arc<Entry> {
    Arc::new(Entry::Event(Event {
        topic: "book".into(),
        position: Position::new(position, 0),
        number: number.map(Number),
        id: "e".into(),
        action: "entity_created".into(),
        data: "{}".into(),
        meta: Meta::default(),
    }))
}

fn page(entries: Vec<Arc<Entry>>) -> Entries {
    let head = Checkpoint { epoch: Epoch("e".into()), position: Position::MAX, number: Number(99) };
    Entries { entries, head }
}

#[test]
fn a_place_known_by_position_alone_makes_no_claim_about_numbers() {
    let from = Checkpoint { position: Position::new(5, 0), ..Checkpoint::default() };
    assert_eq!(whole(&from, &page(vec![])), from);
    let foreign = whole(&from, &page(vec![entry(6, None)]));
    assert_eq!(foreign, Checkpoint { position: Position::new(6, 0), ..Checkpoint::default() });
    let own = whole(&foreign, &page(vec![entry(7, Some(41)), entry(8, None)]));
    assert_eq!(own, Checkpoint { epoch: Epoch("e".into()), position: Position::new(8, 0), number: Number(41) });
    assert_eq!(whole(&own, &page(vec![entry(9, None)])).number, Number(41));
    let half = passed(&own, &page(vec![entry(9, Some(42)), entry(10, Some(43))]), 1);
    assert_eq!((half.position, half.number), (Position::new(9, 0), Number(42)));
}

#[test]
fn entries_may_share_a_position() {
    let page = page(vec![entry(1, None), entry(1, None), entry(2, None)]);
    assert_eq!([0, 1, 2].map(|index| shares_position(&page, index)), [true, false, false]);
}

#[test]
fn junk_is_not_shown_and_odd_data_is_made_safe() {
    let domain = Domain::new("none");
    let junk = Junk { topic: "t".into(), position: Position::ZERO, number: None, reason: "bad".into() };
    assert_eq!(Shown::of(&domain, &Entry::Junk(junk)), None);
    let event = |action: &str, data: &str| {
        let event = Event {
            topic: "t".into(),
            position: Position::new(1_524_822_411, 42),
            number: None,
            id: "e".into(),
            action: action.into(),
            data: data.into(),
            meta: Meta::default(),
        };
        Shown::of(&domain, &Entry::Event(event)).unwrap()
    };
    let shown = event("ended\nevent: forged", "{\"a\":\n1}");
    assert_eq!(shown.action, "ended?event: forged");
    assert_eq!(
        shown.json,
        r#"{"action":"ended?event: forged","data":{"a": 1},"ts":1524822411.000042,"topic":"t","position":"1524822411-42","number":null,"key":null,"event_id":"e","cause":null,"handler":null}"#
    );
    assert!(event("a", "no\nJSON").json.contains(r#""data":"no\nJSON""#));
}
