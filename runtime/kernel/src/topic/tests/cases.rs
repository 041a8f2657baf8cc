//! Good and bad events with exactly what the fold makes of them.

use super::*;

/// A topic with a field of every kind.
pub(super) fn things() -> Topic {
    let fields = vec![
        Field::reference("cart_id", "cart"),
        Field::text("name").personal(),
        Field::amount("amount"),
        Field::seconds("at").initially("0"),
        Field::references("ids", "product"),
        Field::choice("status", &["CREATED", "IN_STOCK"]).initially("\"CREATED\""),
    ];
    Topic::entity("thing", "things", "thing-service", fields)
}

/// A journal.
pub(super) fn mails() -> Topic {
    let fields = vec![Field::text("to"), Field::amount("count").initially("1")];
    Topic::journal("mail", "mails", "mail-service", "mail_sent", fields)
}

fn told(topic: &Topic, action: &str, data: &str) -> String {
    match topic.step(&event(action, data)) {
        Err(unreadable) => format!("unreadable: {unreadable}"),
        Ok(Keyed { key, step }) => match step {
            Step::Put(row) => format!("{key}: put {row}"),
            Step::Replace(row) => format!("{key}: replace {row}"),
            Step::Remove => format!("{key}: remove"),
        },
    }
}

/// The file as it would be if what the fold says now were written into it.
fn told_again(topic: &Topic, file: &str) -> String {
    let again = |line: &str| match line.split_once(' ') {
        _ if line.is_empty() || line.starts_with('#') => Some(line.to_owned()),
        Some(("", _)) => None,
        Some((action, data)) => Some(format!("{line}\n  {}", told(topic, action, data))),
        None => panic!("no action and data: {line}"),
    };
    file.split('\n').filter_map(again).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_fold_makes_of_events_what_it_always_did() {
    let file = include_str!("cases.txt");
    assert_eq!(told_again(&things(), file), file);
    let file = include_str!("journal.txt");
    assert_eq!(told_again(&mails(), file), file);
}
