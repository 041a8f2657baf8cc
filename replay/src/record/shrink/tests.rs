use std::convert::Infallible;

use kernel::{Event, Meta, Position};

use super::*;

/// So many events, three of which come of each command.
fn history(count: usize) -> Vec<Entry> {
    let event = |index: usize| Event {
        topic: "note".into(),
        position: Position::new(1_700_000_000_000, index as u64),
        number: None,
        id: index.to_string(),
        action: "noted".to_owned(),
        data: "{}".to_owned(),
        meta: Meta { correlation: Some(format!("command {}", index / 3)), ..Meta::default() },
    };
    (0..count).map(|index| Entry::Event(event(index))).collect()
}

const fn on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn ids(entries: &[Entry]) -> Vec<&str> {
    entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Event(event) => Some(event.id.as_str()),
            Entry::Junk(_) => None,
        })
        .collect()
}

#[test]
fn what_is_not_needed_is_dropped_and_nothing_else() {
    for wanted in [vec!["0"], vec!["99"], vec!["5", "6"], vec!["7", "50", "98"], vec!["0", "1", "2", "3", "99"]] {
        let mut asked = 0;
        let shrunk = shrink(&history(100), on, |entries| {
            asked += 1;
            assert!(!entries.is_empty());
            Ok::<_, Infallible>(wanted.iter().all(|id| ids(entries).contains(id)))
        });
        let shrunk = shrunk.unwrap();
        assert_eq!((ids(&shrunk.entries), shrunk.end), (wanted, End::Least));
        assert_eq!(shrunk.tries, asked);
        let numbers: Vec<_> = shrunk.entries.iter().filter_map(Entry::number).map(|number| number.0).collect();
        assert_eq!(numbers, (1..=shrunk.entries.len() as u64).collect::<Vec<_>>());
    }
}

#[test]
fn what_belongs_together_is_dropped_together() {
    let mut tries = 0;
    let shrunk = shrink(&history(900), on, |entries| {
        tries += 1;
        // Half a family does not hold.
        let ids = ids(entries);
        let whole = |family: usize| (family * 3..family * 3 + 3).all(|index| ids.contains(&&*index.to_string()));
        Ok::<_, Infallible>(whole(17) && ids.len().is_multiple_of(3))
    });
    let shrunk = shrunk.unwrap();
    assert_eq!(ids(&shrunk.entries), ["51", "52", "53"]);
    assert!(tries < 30, "{tries}");
}

#[test]
fn it_is_asked_only_so_often() {
    let shrunk = shrink(&history(2_000), on, |_| Ok::<_, Infallible>(false)).unwrap();
    assert_eq!((shrunk.entries.len(), shrunk.tries, shrunk.end), (2_000, MOST_TRIES, End::Tries));
}

#[test]
fn what_cannot_be_asked_ends_it() {
    assert_eq!(shrink(&history(9), on, |_| Err("no such command")).unwrap_err(), "no such command");
}

#[test]
fn whoever_has_enough_gets_what_is_left_so_far() {
    let mut heard = Vec::new();
    let few = |progress: Progress| {
        heard.push(progress.entries);
        if progress.entries > 30 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let shrunk = shrink(&history(90), few, |entries| Ok::<_, Infallible>(ids(entries).contains(&"1"))).unwrap();
    assert_eq!((shrunk.entries.len(), shrunk.tries, shrunk.end), (24, 2, End::Stopped));
    assert_eq!(heard, [90, 45, 24]);
}
