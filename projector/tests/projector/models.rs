//! One contract, every kind of read model: the same test must not be able to tell them apart.

use std::{collections::BTreeMap, time::Duration};

use crate::common::{
    DEADLINE, Place,
    contract::{change, contract, state, table, write},
    half_take_less_than, within,
};
use kernel::{Checkpoint, Digest, Epoch, Number, Position};
use projector::{Changes, ModelState, ReadModel};

contract! {
    an_unwritten_model_is_empty_and_stands_nowhere,
    what_was_written_is_read_back_every_way,
    a_deleted_row_is_gone,
    any_text_comes_back_byte_for_byte,
    a_large_write_goes_through_whole,
    a_late_writer_is_fenced_and_changes_nothing,
    reached_tells_what_is_there_and_wakes_for_what_comes,
    what_another_handle_writes_is_reached_without_polling,
    reached_gives_up_after_a_while,
    a_cut_never_shows_half_a_write,
}

async fn an_unwritten_model_is_empty_and_stands_nowhere(place: Place) {
    let model = place.open().await;
    assert_eq!(model.state().await.unwrap(), ModelState::default());
    assert_eq!(model.row("tree", "a").await.unwrap(), None);
    assert_eq!(model.rows(&[("tree", "a")]).await.unwrap(), BTreeMap::new());
    assert_eq!(model.rows(&[]).await.unwrap(), BTreeMap::new());
    let (tables, state) = model.tables(&["leaf", "tree"]).await.unwrap();
    assert_eq!(tables.0, BTreeMap::from([("leaf".into(), table(&[])), ("tree".into(), table(&[]))]));
    assert_eq!(state, ModelState::default());
    assert!(model.reached(Position::ZERO, Duration::ZERO).await.unwrap());
    assert!(!model.reached(Position::new(1, 0), Duration::ZERO).await.unwrap());
}

async fn what_was_written_is_read_back_every_way(place: Place) {
    let model = place.open().await;
    let rows = [change("tree", "a", Some("oak")), change("tree", "b", Some("elm")), change("leaf", "a", Some("green"))];
    write(&model, 1, rows.to_vec()).await;
    write(&model, 2, vec![change("tree", "b", Some("ash"))]).await;
    for model in [model, place.open().await] {
        assert_eq!(model.state().await.unwrap(), state(2));
        assert_eq!(model.row("tree", "a").await.unwrap().as_deref(), Some("oak"));
        assert_eq!(model.row("tree", "b").await.unwrap().as_deref(), Some("ash"));
        assert_eq!(model.row("tree", "c").await.unwrap(), None);
        assert_eq!(model.row("twig", "a").await.unwrap(), None);
        let wanted = [("tree", "b"), ("leaf", "a"), ("leaf", "b"), ("twig", "a")];
        let keyed = |topic: &str, key: &str, row: &str| ((topic.to_owned(), key.to_owned()), row.to_owned());
        let found = BTreeMap::from([keyed("leaf", "a", "green"), keyed("tree", "b", "ash")]);
        assert_eq!(model.rows(&wanted).await.unwrap(), found);
        let (tables, at) = model.tables(&["tree", "twig"]).await.unwrap();
        let expected = [("tree".to_owned(), table(&[("a", "oak"), ("b", "ash")])), ("twig".to_owned(), table(&[]))];
        assert_eq!((tables.0, at), (expected.into(), state(2)));
    }
}

async fn a_deleted_row_is_gone(place: Place) {
    let model = place.open().await;
    write(&model, 1, vec![change("tree", "a", Some("oak")), change("tree", "b", Some("elm"))]).await;
    let rows = vec![change("tree", "a", None), change("tree", "never", None), change("leaf", "c", Some("new"))];
    write(&model, 2, rows).await;
    assert_eq!(model.row("tree", "a").await.unwrap(), None);
    assert_eq!(model.tables(&["tree"]).await.unwrap().0.0["tree"], table(&[("b", "elm")]));
    write(&model, 3, vec![change("tree", "b", None)]).await;
    assert_eq!(model.tables(&["tree"]).await.unwrap().0.0["tree"], table(&[]));
    write(&model, 4, vec![]).await;
    assert_eq!(model.state().await.unwrap(), state(4));
}

async fn any_text_comes_back_byte_for_byte(place: Place) {
    let model = place.open().await;
    let large = "ü\u{1F600}x\"\\".repeat(100_000 / 9);
    let texts = ["", "ü\n\"\\\t", "\u{1F600}\u{202E}e\u{301}", "nul \0 inside", "%_' -- ;", "{\"a\":[1,2]}", &large];
    let rows: Vec<_> = texts.iter().map(|text| change("tree", &format!("k{text:.20}"), Some(text))).collect();
    write(&model, 1, rows.clone()).await;
    let expected: BTreeMap<_, _> =
        rows.iter().map(|c| (c.key.to_string(), c.row.as_deref().unwrap().to_owned())).collect();
    assert_eq!(expected.len(), texts.len());
    assert_eq!(model.tables(&["tree"]).await.unwrap().0.0["tree"], expected);
    let keys: Vec<_> = rows.iter().map(|change| ("tree", &*change.key)).collect();
    let found = model.rows(&keys).await.unwrap();
    assert_eq!(found.into_iter().map(|((_, key), row)| (key, row)).collect::<BTreeMap<_, _>>(), expected);
    for (key, row) in &expected {
        assert_eq!(model.row("tree", key).await.unwrap().as_ref(), Some(row));
    }
    write(&model, 2, rows.iter().map(|put| change("tree", &put.key, None)).collect()).await;
    assert_eq!(model.tables(&["tree"]).await.unwrap().0.0["tree"], table(&[]));
}

async fn a_large_write_goes_through_whole(place: Place) {
    let model = place.open().await;
    // More than fits in one call of the scripts, and not a multiple of it.
    let topic = |n: usize| ["leaf", "tree"][n % 2];
    let put = |n: usize| change(topic(n), &format!("{n:05}"), Some(&format!("row {n}")));
    write(&model, 1, (0..7_003).map(put).collect()).await;
    let (tables, _) = model.tables(&["leaf", "tree"]).await.unwrap();
    assert_eq!(tables.0.values().map(BTreeMap::len).sum::<usize>(), 7_003);
    for n in 0..7_003 {
        assert_eq!(tables.0[topic(n)][&format!("{n:05}")], format!("row {n}"));
    }
    let delete = |n: usize| change(topic(n), &format!("{n:05}"), n.is_multiple_of(5).then_some("kept"));
    write(&model, 2, (0..7_003).map(delete).collect()).await;
    let (tables, _) = model.tables(&["leaf", "tree"]).await.unwrap();
    assert_eq!(tables.0.values().map(BTreeMap::len).sum::<usize>(), 7_003usize.div_ceil(5));
    assert!(tables.0.values().flat_map(BTreeMap::values).all(|row| row == "kept"));
}

async fn a_late_writer_is_fenced_and_changes_nothing(place: Place) {
    let model = place.open().await;
    write(&model, 1, vec![change("tree", "a", Some("oak"))]).await;
    write(&model, 2, vec![]).await;
    let here = |from: ModelState| Changes { from, to: state(9), rows: vec![change("tree", "a", None)] };
    let at = state(2);
    let elsewhere = [
        ModelState::default(),
        state(1),
        state(3),
        ModelState { generation: 2, ..at.clone() },
        ModelState { version: 2, ..at.clone() },
        ModelState { digest: Digest::default(), ..at.clone() },
        ModelState { checkpoint: Checkpoint { epoch: Epoch("e2".into()), ..at.checkpoint.clone() }, ..at.clone() },
        ModelState { checkpoint: Checkpoint { number: Number(7), ..at.checkpoint.clone() }, ..at.clone() },
    ];
    for from in elsewhere {
        assert!(!model.write(&here(from.clone())).await.unwrap(), "fenced from {from:?}");
    }
    assert_eq!(model.state().await.unwrap(), state(2));
    assert_eq!(model.row("tree", "a").await.unwrap().as_deref(), Some("oak"));
    write(&model, 3, vec![]).await;
}

async fn reached_tells_what_is_there_and_wakes_for_what_comes(place: Place) {
    let model = place.open().await;
    write(&model, 1, vec![]).await;
    assert!(model.reached(state(1).checkpoint.position, Duration::ZERO).await.unwrap());
    assert!(place.open().await.reached(state(1).checkpoint.position, DEADLINE).await.unwrap());
    let waiting = model.clone();
    let waits = tokio::spawn(async move { waiting.reached(state(3).checkpoint.position, DEADLINE).await });
    write(&model, 2, vec![]).await;
    assert!(!model.reached(state(3).checkpoint.position, Duration::ZERO).await.unwrap());
    write(&model, 3, vec![]).await;
    assert!(within(waits).await.unwrap().unwrap());
}

/// As a gateway waits for a projector in another process: the median of many waits is far below any polling.
async fn what_another_handle_writes_is_reached_without_polling(place: Place) {
    let (model, reader) = (place.open().await, place.open().await);
    if let ReadModel::Sqlite(_) = model {
        return; // Another process's writes to a file are looked for, a few times a second.
    }
    write(&model, 1, vec![]).await;
    assert!(reader.reached(state(1).checkpoint.position, DEADLINE).await.unwrap());
    let mut next = 2..;
    let series = async || {
        let mut waits = Vec::new();
        for n in next.by_ref().take(99) {
            let reader = reader.clone();
            let waiter = tokio::spawn(async move {
                let reached = reader.reached(state(n).checkpoint.position, DEADLINE).await.unwrap();
                (reached, tokio::time::Instant::now())
            });
            write(&model, n, vec![]).await;
            let written = tokio::time::Instant::now();
            let (reached, at) = within(waiter).await.unwrap();
            assert!(reached);
            waits.push(at.saturating_duration_since(written));
        }
        waits
    };
    half_take_less_than(Duration::from_millis(50), series).await;
}

async fn reached_gives_up_after_a_while(place: Place) {
    let model = place.open().await;
    write(&model, 1, vec![]).await;
    assert!(!within(model.reached(state(2).checkpoint.position, Duration::from_millis(300))).await.unwrap());
}

/// Each write sets two rows in two topics to the same number, which is the state's.
async fn a_cut_never_shows_half_a_write(place: Place) {
    const WRITES: u64 = 300;
    let (model, reader) = (place.open().await, place.open().await);
    let row = |n: u64| Some(n.to_string());
    let writer = tokio::spawn(async move {
        for n in 1..=WRITES {
            let row = row(n);
            write(&model, n, vec![change("tree", "a", row.as_deref()), change("leaf", "b", row.as_deref())]).await;
        }
    });
    let mut seen = 0;
    while seen < WRITES {
        let (tables, state) = within(reader.tables(&["tree", "leaf"])).await.unwrap();
        let number = state.checkpoint.number.0;
        let expected = row(number).filter(|_| number > 0);
        assert_eq!(tables.0["tree"].get("a"), expected.as_ref());
        assert_eq!(tables.0["leaf"].get("b"), expected.as_ref());
        let rows = reader.rows(&[("tree", "a"), ("leaf", "b")]).await.unwrap();
        let values: std::collections::BTreeSet<_> = rows.values().collect();
        assert!(values.len() <= 1, "rows of two writes: {rows:?}");
        assert!(number >= seen, "{number} after {seen}");
        seen = number;
    }
    within(writer).await.unwrap();
}
