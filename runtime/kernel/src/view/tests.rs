use super::*;
use crate::{CREATED, DELETED, Field, Meta, UPDATED};

fn cart() -> Topic {
    Topic::entity("cart", "carts", "cart-service", vec![Field::reference("customer_id", "customer")])
}

fn entry(ms: u64, action: &str, id: &str, customer: &str) -> Entry {
    Entry::Event(draft(action, id, customer).at(Position::new(ms, 0)))
}

fn draft(action: &str, id: &str, customer: &str) -> Draft {
    let data = format!(r#"{{"entity_id":"{id}","customer_id":"{customer}"}}"#);
    let (topic, action) = ("cart".into(), action.into());
    Draft { topic, id: format!("{action}-{id}"), action, data, meta: Some(Meta::default()), keep: None }
}

fn view(entries: &[Entry]) -> View {
    let mut view = View::new([&cart()]);
    for entry in entries {
        view.apply(entry).unwrap();
    }
    view
}

fn carts_of(view: &View, customer: &str) -> Vec<String> {
    let rows = view.referring(&[], "cart", "customer_id", customer).unwrap();
    rows.iter().map(|(id, _)| id.to_string()).collect()
}

#[test]
fn lookups_follow_what_entities_refer_to() {
    let view = view(&[
        entry(1, CREATED, "a", "ann"),
        entry(2, CREATED, "b", "ann"),
        entry(3, CREATED, "c", "bob"),
        entry(4, UPDATED, "b", "bob"),
        entry(5, DELETED, "c", "bob"),
        entry(6, UPDATED, "ghost", "bob"),
    ]);
    assert_eq!(carts_of(&view, "ann"), ["a"]);
    assert_eq!(carts_of(&view, "bob"), ["b"]);
    assert_eq!((view.len(), view.position(), view.number()), (2, Position::new(6, 0), Number(0)));
}

#[test]
fn an_entry_read_twice_counts_once() {
    let mut view = view(&[entry(1, CREATED, "a", "ann"), entry(2, DELETED, "a", "ann")]);
    view.apply(&entry(1, CREATED, "a", "ann")).unwrap();
    assert!(view.is_empty());
}

#[test]
fn of_two_topics_at_one_position_both_are_folded_once() {
    let order = Topic::entity("order", "orders", "order-service", vec![]);
    let mut view = View::new([&cart(), &order]);
    let at = Position::new(1, 0);
    let first = entry(1, CREATED, "a", "ann");
    let second = Entry::Event(Draft { topic: "order".into(), ..draft(CREATED, "b", "bob") }.at(at));
    for entry in [&first, &second, &first, &second] {
        view.apply(entry).unwrap();
    }
    assert_eq!((view.row("cart", "a").is_some(), view.row("order", "b").is_some(), view.len()), (true, true, 2));
    let mut later = View::new([&cart(), &order]).at(at);
    later.apply(&second).unwrap();
    assert!(later.is_empty(), "all that stands there is in it already");
}

#[test]
fn apply_tells_the_row_before() {
    let mut view = view(&[entry(1, CREATED, "a", "ann")]);
    let before = view.apply(&entry(2, UPDATED, "a", "bob")).unwrap();
    assert_eq!(before.as_deref(), Some(r#"{"entity_id":"a","customer_id":"ann"}"#));
}

#[test]
fn own_effects_stand_in_front_until_the_log_has_reached_them() {
    let mut view = view(&[entry(1, CREATED, "a", "ann")]);
    view.stage(&draft(UPDATED, "a", "bob"), Position::new(5, 0)).unwrap();
    view.stage(&draft(DELETED, "a", "bob"), Position::new(6, 0)).unwrap();
    view.stage(&draft(CREATED, "z", "bob"), Position::new(7, 0)).unwrap();
    assert_eq!((view.row("cart", "a"), carts_of(&view, "bob")), (None, vec!["z".into()]));

    let before = view.apply(&entry(4, UPDATED, "a", "eve")).unwrap();
    assert_eq!(before.as_deref(), Some(r#"{"entity_id":"a","customer_id":"ann"}"#), "the log's, not the staged one");
    assert_eq!(view.row("cart", "a"), None, "still deleted in front");

    for entry in [entry(5, UPDATED, "a", "bob"), entry(6, DELETED, "a", "bob"), entry(7, CREATED, "z", "bob")] {
        view.apply(&entry).unwrap();
    }
    view.apply(&entry(8, UPDATED, "z", "ann")).unwrap();
    assert_eq!((carts_of(&view, "bob"), carts_of(&view, "ann")), (vec![], vec!["z".to_owned()]));
}

#[test]
fn an_unreadable_entry_leaves_the_rows_alone_and_the_view_behind_it() {
    let mut view = view(&[entry(1, CREATED, "a", "ann")]);
    let mut bad = draft(UPDATED, "a", "bob");
    bad.data = "{".into();
    assert!(view.apply(&Entry::Event(bad.at(Position::new(2, 0)))).is_err());
    assert_eq!((carts_of(&view, "ann"), view.position()), (vec!["a".to_owned()], Position::new(2, 0)));
}

#[test]
fn speculation_stands_in_front_of_everything_until_it_ends() {
    let mut view = view(&[entry(1, CREATED, "a", "ann")]);
    view.stage(&draft(UPDATED, "a", "bob"), Position::new(5, 0)).unwrap();
    view.speculate(&draft(UPDATED, "a", "eve")).unwrap();
    view.speculate(&draft(CREATED, "b", "eve")).unwrap();
    assert_eq!((carts_of(&view, "eve"), carts_of(&view, "bob")), (vec!["a".to_owned(), "b".to_owned()], vec![]));
    view.end_speculation();
    assert_eq!((carts_of(&view, "eve"), carts_of(&view, "bob")), (vec![], vec!["a".to_owned()]));
}

#[test]
fn an_update_of_what_the_view_has_not_reached_yet_stands_in_front_all_the_same() {
    let mut view = view(&[]);
    view.stage(&draft(UPDATED, "a", "bob"), Position::new(5, 0)).unwrap();
    assert_eq!(carts_of(&view, "bob"), ["a"]);
    view.apply(&entry(3, CREATED, "a", "ann")).unwrap();
    assert_eq!(carts_of(&view, "bob"), ["a"], "a saga that begins again sees what it saw");
}

#[test]
fn a_view_begins_from_rows_that_were_kept_and_goes_on_behind_them() {
    let mut view = view(&[]);
    view.restore("cart", "a", r#"{"entity_id":"a","customer_id":"ann"}"#);
    view.restore("cart", "b", r#"{"entity_id":"b","customer_id":"bob"}"#);
    view.restore("cart", "b", r#"{"entity_id":"b","customer_id":"ann"}"#);
    view.restore("order", "o", "{}");
    let mut view = view.at(Position::new(5, 0));
    assert_eq!((view.len(), view.position()), (2, Position::new(5, 0)));
    assert_eq!((carts_of(&view, "ann"), carts_of(&view, "bob")), (vec!["a".into(), "b".into()], vec![]));

    view.apply(&entry(5, DELETED, "a", "ann")).unwrap();
    assert_eq!(carts_of(&view, "ann"), ["a", "b"], "the rows are as of there");
    let before = view.apply(&entry(6, UPDATED, "a", "bob")).unwrap();
    assert_eq!(before.as_deref(), Some(r#"{"entity_id":"a","customer_id":"ann"}"#));
    assert_eq!((carts_of(&view, "ann"), carts_of(&view, "bob")), (vec!["b".to_owned()], vec!["a".to_owned()]));
}
