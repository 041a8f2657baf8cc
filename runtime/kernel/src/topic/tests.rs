use super::*;
use crate::{CREATED, DELETED, Event, Meta, Position, UPDATED};

mod cases;
mod plain;

fn order() -> Topic {
    Topic::entity(
        "order",
        "orders",
        "order-service",
        vec![Field::reference("cart_id", "cart"), Field::choice("status", &["CREATED", "IN_STOCK"])],
    )
}

fn event(action: &str, data: &str) -> Event {
    Event {
        topic: "order".into(),
        position: Position::new(1, 0),
        number: None,
        id: "e".into(),
        action: action.into(),
        data: data.into(),
        meta: Meta::default(),
    }
}

const DATA: &str = r#"{"status": "CREATED", "cart_id": "c", "entity_id": "o"}"#;

#[test]
fn each_action_has_its_step() {
    let row: Row = r#"{"entity_id":"o","cart_id":"c","status":"CREATED"}"#.into();
    let step = |action| order().step(&event(action, DATA)).unwrap();
    assert_eq!(step(CREATED), Keyed { key: "o".into(), step: Step::Put(row.clone()) });
    assert_eq!(step(UPDATED), Keyed { key: "o".into(), step: Step::Replace(row) });
    assert_eq!(step(DELETED), Keyed { key: "o".into(), step: Step::Remove });
}

#[test]
fn a_touch_borrows_from_the_event_and_its_row_is_written_later() {
    let (order, created) = (order(), event(CREATED, DATA));
    let touch = order.touch(&created.as_ref()).unwrap();
    assert!(matches!(touch.key, Cow::Borrowed("o")));
    assert_eq!(touch.step, Step::Put(Content::Entity(&created.data)));
    let mut out = String::from("before ");
    order.write_row_into(&Content::Entity(DATA), &mut out);
    assert_eq!(out, r#"before {"entity_id":"o","cart_id":"c","status":"CREATED"}"#);
}

#[test]
fn content_that_the_topic_can_not_read_is_given_back_as_it_stands() {
    let mut out = String::from("before ");
    order().write_row_into(&Content::Entity(r#"{"entity_id":"o","cart_id":"c"}"#), &mut out);
    assert_eq!(out, r#"before {"entity_id":"o","cart_id":"c"}"#);
    assert_eq!(order().write_row(&Content::Entity("")), "");
}

#[test]
fn an_update_never_brings_an_entity_back() {
    let (old, new): (Row, Row) = ("old".into(), "new".into());
    assert_eq!(Step::Replace(new.clone()).fold(None), None);
    assert_eq!(Step::Replace(new.clone()).fold(Some(&old)), Some(new.clone()));
    assert_eq!(Step::Put(new.clone()).fold(None), Some(new));
    assert_eq!(Step::Remove.fold(Some(&old)), None);
}

#[test]
fn what_can_not_be_read_says_why() {
    let reason = |action, data| order().step(&event(action, data)).unwrap_err().0;
    assert_eq!(
        reason("exploded", DATA),
        "unknown action exploded; order knows entity_created, entity_updated, entity_deleted"
    );
    assert_eq!(reason(CREATED, r#"{"cart_id":"c","status":"CREATED"}"#), "entity_id is missing or no text");
    assert_eq!(
        reason(CREATED, r#"{"entity_id":"o","cart_id":null,"status":"CREATED"}"#),
        "cart_id must be the id of a cart, not null"
    );
    assert_eq!(reason(CREATED, r#"{"entity_id":"o","cart_id":"c"}"#), "status is missing");
    let mut newer = event(CREATED, DATA);
    newer.meta.schema = Some(2);
    assert_eq!(order().step(&newer).unwrap_err().0, "event format 2 is newer than 1, the newest known here");
}

#[test]
fn a_command_may_repeat_its_own_id_and_no_other() {
    let body = |id: &str| format!(r#"{{"entity_id":"{id}","cart_id":"c","status":"CREATED"}}"#);
    assert!(order().admit_update("o", &body("o")).is_ok());
    assert_eq!(
        order().admit_update("o", &body("p")).unwrap_err().message,
        "entity_id is p, but the command is about o"
    );
    assert_eq!(
        order().admit_new(Some("o"), &body("p")).unwrap_err().message,
        "entity_id is assigned on creation; leave it out"
    );
}
