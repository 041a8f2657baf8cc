//! One contract, every kind of read model: the same test must not be able to tell them apart.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::{collections::BTreeMap, time::Duration};

use common::{DEADLINE, Place, within};
use kernel::{Checkpoint, Digest, Epoch, Number, Position};
use projector::{Change, Changes, ModelState, ReadModel};

macro_rules! contract {
    ($($case:ident),+ $(,)?) => {
        contract!(on memory: $($case)+);
        contract!(on redis: $($case)+);
        contract!(on sqlite: $($case)+);
    };
    (on $kind:ident: $($case:ident)+) => {
        mod $kind {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$case(crate::Place::$kind()).await;
                }
            )+
        }
    };
}

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
    a_generation_being_built_is_seen_by_nobody,
    a_served_generation_replaces_the_one_before_whole,
    a_generation_is_served_only_from_where_both_stand,
    readers_see_one_generation_or_the_other_while_they_are_swapped,
    a_discarded_generation_leaves_nothing_behind,
}

/// The state that the `n`th write brings a model to.
fn state(n: u64) -> ModelState {
    let mut digest = Digest::default();
    digest.add("tree", "any", &n.to_string());
    let checkpoint =
        Checkpoint { epoch: Epoch("e1".into()), position: Position::new(1_795_341_904_000, n), number: Number(n) };
    ModelState { checkpoint, digest, version: 1, generation: 1 }
}

fn change(topic: &'static str, key: &str, row: Option<&str>) -> Change {
    Change { topic, key: key.into(), row: row.map(Into::into) }
}

/// The `n`th write, counted from 1.
fn changes(n: u64, rows: Vec<Change>) -> Changes {
    let from = if n == 1 { ModelState::default() } else { state(n - 1) };
    Changes { from, to: state(n), rows }
}

async fn write(model: &ReadModel, n: u64, rows: Vec<Change>) {
    assert!(model.write(&changes(n, rows)).await.unwrap(), "write {n} goes through");
}

fn table(rows: &[(&str, &str)]) -> BTreeMap<String, String> {
    rows.iter().map(|(key, row)| ((*key).to_owned(), (*row).to_owned())).collect()
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
    let mut waits = Vec::new();
    for n in 2..=100 {
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
    waits.sort_unstable();
    assert!(waits[waits.len() / 2] < Duration::from_millis(50), "half of the waits took {:?}", waits[waits.len() / 2]);
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

/// The state of a generation that stands where the `n`th write brings one.
fn built(generation: u64, n: u64) -> ModelState {
    ModelState { generation, version: 2, ..state(n) }
}

/// Builds a generation with a row.
async fn build(model: &ReadModel, generation: u64, n: u64, row: &str) -> ReadModel {
    let building = model.begin(generation).await.unwrap();
    let from = building.state().await.unwrap();
    let rows = vec![change("tree", "a", Some(row)), change("leaf", row, Some(row))];
    assert!(building.write(&Changes { from, to: built(generation, n), rows }).await.unwrap());
    building
}

async fn a_generation_being_built_is_seen_by_nobody(place: Place) {
    let model = place.open().await;
    write(&model, 1, vec![change("tree", "a", Some("old"))]).await;
    let building = model.begin(2).await.unwrap();
    assert_eq!(building.state().await.unwrap(), ModelState { generation: 2, ..ModelState::default() });
    assert_eq!(building.row("tree", "a").await.unwrap(), None);
    build(&model, 2, 7, "new").await;
    let again = place.open().await.begin(2).await.unwrap();
    assert_eq!(again.state().await.unwrap(), built(2, 7), "it is gone on with");
    assert_eq!(again.row("tree", "a").await.unwrap().as_deref(), Some("new"));
    assert_eq!(model.state().await.unwrap(), state(1));
    assert_eq!(model.row("tree", "a").await.unwrap().as_deref(), Some("old"));
    assert!(!model.reached(state(7).checkpoint.position, Duration::ZERO).await.unwrap());
    write(&model, 2, vec![change("tree", "a", Some("older"))]).await;
    assert_eq!(again.row("tree", "a").await.unwrap().as_deref(), Some("new"));
}

async fn a_served_generation_replaces_the_one_before_whole(place: Place) {
    let (model, reader) = (place.open().await, place.open().await);
    write(&model, 1, vec![change("tree", "a", Some("old")), change("tree", "b", Some("old"))]).await;
    assert_eq!(reader.row("tree", "b").await.unwrap().as_deref(), Some("old"));
    build(&model, 2, 7, "new").await;
    assert!(model.serve(&state(1), &built(2, 7)).await.unwrap());
    for model in [&model, &reader] {
        assert_eq!(model.row("tree", "a").await.unwrap().as_deref(), Some("new"));
        assert_eq!(model.row("tree", "b").await.unwrap(), None);
        assert_eq!(model.rows(&[("tree", "b"), ("leaf", "new")]).await.unwrap().len(), 1);
        assert_eq!(model.tables(&["tree"]).await.unwrap().0.0["tree"], table(&[("a", "new")]));
        assert_eq!(model.state().await.unwrap(), built(2, 7));
        assert!(model.reached(state(7).checkpoint.position, DEADLINE).await.unwrap());
    }
    assert!(model.write(&Changes { from: built(2, 7), to: built(2, 8), rows: vec![] }).await.unwrap());
    // The generation before is kept: it can be served again.
    assert!(model.serve(&built(2, 8), &state(1)).await.unwrap());
    assert_eq!(reader.row("tree", "b").await.unwrap().as_deref(), Some("old"));
    assert_eq!(reader.state().await.unwrap(), state(1));
}

async fn a_generation_is_served_only_from_where_both_stand(place: Place) {
    let model = place.open().await;
    assert!(!model.serve(&ModelState::default(), &built(2, 7)).await.unwrap(), "there is none");
    build(&model, 2, 7, "new").await;
    assert!(!model.serve(&state(1), &built(2, 7)).await.unwrap(), "the served one stands elsewhere");
    assert!(!model.serve(&ModelState::default(), &built(2, 8)).await.unwrap(), "the built one stands elsewhere");
    assert_eq!(model.state().await.unwrap(), ModelState::default());
    assert!(model.serve(&ModelState::default(), &built(2, 7)).await.unwrap(), "in place of nothing");
    assert!(!model.serve(&built(2, 7), &built(2, 7)).await.unwrap(), "in place of itself");
    assert_eq!(model.state().await.unwrap(), built(2, 7));
    assert_eq!(model.row("tree", "a").await.unwrap().as_deref(), Some("new"));
}

async fn readers_see_one_generation_or_the_other_while_they_are_swapped(place: Place) {
    let (model, reader) = (place.open().await, place.open().await);
    write(&model, 1, vec![change("tree", "a", Some("1")), change("leaf", "1", Some("1"))]).await;
    let swaps = tokio::spawn(async move {
        let mut served = state(1);
        for generation in 2..60 {
            build(&model, generation, generation, &generation.to_string()).await;
            let next = built(generation, generation);
            assert!(model.serve(&served, &next).await.unwrap());
            model.discard(served.generation).await.unwrap();
            served = next;
        }
    });
    while !swaps.is_finished() {
        let (tables, state) = reader.tables(&["tree", "leaf"]).await.unwrap();
        let generation = state.generation.to_string();
        assert_eq!(tables.0["tree"], table(&[("a", &generation)]));
        assert_eq!(tables.0["leaf"], table(&[(&generation, &generation)]));
        assert!(reader.row("tree", "a").await.unwrap().is_some(), "never an empty model");
        let rows = reader.rows(&[("tree", "a")]).await.unwrap();
        assert_eq!(rows.len(), 1, "never an empty model");
    }
    within(swaps).await.unwrap();
}

async fn a_discarded_generation_leaves_nothing_behind(place: Place) {
    let model = place.open().await;
    write(&model, 1, vec![change("tree", "a", Some("old"))]).await;
    build(&model, 2, 7, "new").await;
    model.discard(2).await.unwrap();
    model.discard(3).await.unwrap();
    let again = model.begin(2).await.unwrap();
    assert_eq!(again.state().await.unwrap(), ModelState { generation: 2, ..ModelState::default() });
    assert_eq!(again.row("tree", "a").await.unwrap(), None);
    assert!(again.tables(&["tree", "leaf"]).await.unwrap().0.0.values().all(BTreeMap::is_empty));
    model.discard(1).await.unwrap();
    assert_eq!(model.row("tree", "a").await.unwrap().as_deref(), Some("old"), "the served one is not discarded");
}
