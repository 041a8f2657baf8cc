//! One contract of generations, holds and progress, every kind of read model.

use std::{collections::BTreeMap, time::Duration};

use crate::common::{
    DEADLINE, Place,
    contract::{change, contract, state, table, write},
    within,
};
use kernel::{Checkpoint, Digest, Epoch, Number, Position};
use projector::{Change, Changes, Generation, ModelState, ReadModel, Stage};

contract! {
    a_generation_being_built_is_seen_by_nobody,
    a_served_generation_replaces_the_one_before_whole,
    a_generation_is_served_only_from_where_both_stand,
    readers_see_one_generation_or_the_other_while_they_are_swapped,
    a_discarded_generation_leaves_nothing_behind,
    generations_are_listed_from_begin_to_discard,
    rows_of_each_generation_are_counted,
    the_served_generation_is_not_begun,
    a_load_equals_the_same_by_write,
    a_loaded_generation_is_served_and_discarded_whole,
    a_load_from_elsewhere_changes_nothing,
    a_mended_generation_has_another_digest_and_the_same_rows,
    a_served_generation_that_moved_on_gives_way_to_one_not_behind,
    one_at_a_time_may_rebuild,
    progress_is_told_until_it_is_taken_back,
}

/// The state of a generation that stands where the `n`th write brings one.
fn built(generation: u64, n: u64) -> ModelState {
    ModelState { generation, version: 2, ..state(n) }
}

/// Builds a generation with a row.
async fn build(model: &ReadModel, generation: u64, n: u64, row: &str) -> ReadModel {
    let building = model.begin(generation, "plan").await.unwrap();
    let from = building.state().await.unwrap();
    let rows = vec![change("tree", "a", Some(row)), change("leaf", row, Some(row))];
    assert!(building.write(&Changes { from, to: built(generation, n), rows }).await.unwrap());
    building
}

async fn a_generation_being_built_is_seen_by_nobody(place: Place) {
    let model = place.open().await;
    write(&model, 1, vec![change("tree", "a", Some("old"))]).await;
    let building = model.begin(2, "plan").await.unwrap();
    assert_eq!(building.state().await.unwrap(), ModelState { generation: 2, ..ModelState::default() });
    assert_eq!(building.row("tree", "a").await.unwrap(), None);
    build(&model, 2, 7, "new").await;
    let again = place.open().await.begin(2, "plan").await.unwrap();
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
    assert!(!model.serve(&state(1), &built(2, 7)).await.unwrap(), "another is served");
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
    let again = model.begin(2, "plan").await.unwrap();
    assert_eq!(again.state().await.unwrap(), ModelState { generation: 2, ..ModelState::default() });
    assert_eq!(again.row("tree", "a").await.unwrap(), None);
    assert!(again.tables(&["tree", "leaf"]).await.unwrap().0.0.values().all(BTreeMap::is_empty));
    model.discard(1).await.unwrap();
    assert_eq!(model.row("tree", "a").await.unwrap().as_deref(), Some("old"), "the served one is not discarded");
}

fn generation(state: ModelState, stage: Stage, plan: &str) -> Generation {
    Generation { state, stage, plan: plan.to_owned(), torn: false }
}

async fn rows_of_each_generation_are_counted(place: Place) {
    let model = place.open().await;
    assert_eq!(model.row_counts().await.unwrap(), BTreeMap::new());
    write(
        &model,
        1,
        vec![change("tree", "a", Some("x")), change("tree", "b", Some("x")), change("leaf", "a", Some("x"))],
    )
    .await;
    build(&model, 2, 7, "new").await;
    model.begin(5, "empty").await.unwrap();
    assert_eq!(model.row_counts().await.unwrap(), BTreeMap::from([(1, 3), (2, 2), (5, 0)]));
    assert!(model.serve(&state(1), &built(2, 7)).await.unwrap());
    model.discard(5).await.unwrap();
    assert_eq!(model.row_counts().await.unwrap(), BTreeMap::from([(1, 3), (2, 2)]));
}

async fn generations_are_listed_from_begin_to_discard(place: Place) {
    let (model, other) = (place.open().await, place.open().await);
    assert_eq!(model.generations().await.unwrap(), []);
    write(&model, 1, vec![change("tree", "a", Some("old"))]).await;
    assert_eq!(model.generations().await.unwrap(), [], "the served one is not beside itself");

    let fresh = |generation| ModelState { generation, ..ModelState::default() };
    model.begin(10, "ten").await.unwrap();
    model.begin(2, "two").await.unwrap();
    other.begin(2, "another").await.unwrap();
    let [two, ten] = [(2, "two"), (10, "ten")].map(|(n, plan)| generation(fresh(n), Stage::Building, plan));
    for model in [&model, &other] {
        assert_eq!(model.generations().await.unwrap(), [two.clone(), ten.clone()], "by number, their first plans kept");
    }

    build(&model, 2, 7, "new").await;
    let two = generation(built(2, 7), Stage::Building, "two");
    assert_eq!(other.generations().await.unwrap(), [two, ten.clone()]);

    assert!(model.serve(&state(1), &built(2, 7)).await.unwrap());
    let one = generation(state(1), Stage::Kept, "");
    assert_eq!(other.generations().await.unwrap(), [one.clone(), ten.clone()]);
    other.begin(1, "again").await.unwrap();
    assert_eq!(other.generations().await.unwrap(), [one, ten.clone()], "begun again, a kept one is still kept");

    // Back to the first: the second is kept as it stands, with the plan that made it.
    assert!(model.serve(&built(2, 7), &state(1)).await.unwrap());
    let two = generation(built(2, 7), Stage::Kept, "two");
    assert_eq!(other.generations().await.unwrap(), [two, ten.clone()]);

    model.discard(2).await.unwrap();
    model.discard(1).await.unwrap();
    assert_eq!(other.generations().await.unwrap(), [ten]);
    model.discard(10).await.unwrap();
    assert_eq!(other.generations().await.unwrap(), []);
    model.begin(2, "afresh").await.unwrap();
    assert_eq!(other.generations().await.unwrap(), [generation(fresh(2), Stage::Building, "afresh")]);
    assert_eq!(model.state().await.unwrap(), state(1));
    assert_eq!(model.row("tree", "a").await.unwrap().as_deref(), Some("old"));
}

async fn the_served_generation_is_not_begun(place: Place) {
    let model = place.open().await;
    write(&model, 1, vec![change("tree", "a", Some("old"))]).await;
    for served in [0, 1] {
        let error = model.begin(served, "plan").await.unwrap_err();
        let expected = format!(
            "store {} can't be used: generation {served} can't be begun: it is the one that is served",
            model.place()
        );
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(model.generations().await.unwrap(), []);
}

/// Rows 0 to `rows` of two topics, as a load takes them; each `nth` is deleted.
fn rows(rows: usize, row: &str, nth: usize) -> Vec<Change> {
    let each = |topic| {
        (0..rows).map(move |n| {
            change(topic, &format!("{n:05}"), (n % nth != nth - 1).then(|| format!("{row} {n}")).as_deref())
        })
    };
    each("leaf").chain(each("tree")).collect()
}

async fn a_load_equals_the_same_by_write(place: Place) {
    let model = place.open().await;
    let [loaded, written] = [model.begin(2, "loaded").await.unwrap(), model.begin(3, "written").await.unwrap()];
    let fresh = |generation| ModelState { generation, ..ModelState::default() };
    let steps = [rows(2_500, "first", 2_501), rows(1_250, "second", 3), vec![], rows(2_500, "third", 1)];
    for (n, rows) in (1..).zip(&steps) {
        let from = |generation| if n == 1 { fresh(generation) } else { built(generation, n - 1) };
        assert!(loaded.load(&from(2), &built(2, n), rows).await.unwrap());
        let changes = Changes { from: from(3), to: built(3, n), rows: rows.clone() };
        assert!(written.write(&changes).await.unwrap());
        let (tables, at) = loaded.tables(&["leaf", "tree"]).await.unwrap();
        assert_eq!(tables.0, written.tables(&["leaf", "tree"]).await.unwrap().0.0);
        assert_eq!(at, built(2, n));
        let count: usize = tables.0.values().map(BTreeMap::len).sum();
        assert_eq!(count, [5_000, 5_000 - 2 * 416, 5_000 - 2 * 416, 0][usize::try_from(n).unwrap() - 1]);
        assert!(loaded.reached(built(2, n).checkpoint.position, Duration::ZERO).await.unwrap());
    }
    let states: Vec<_> = model.generations().await.unwrap().into_iter().map(|one| (one.state, one.torn)).collect();
    assert_eq!(states, [(built(2, 4), false), (built(3, 4), false)]);
    assert!(model.serve(&ModelState::default(), &built(2, 4)).await.unwrap());
}

async fn a_loaded_generation_is_served_and_discarded_whole(place: Place) {
    let model = place.open().await;
    write(&model, 1, vec![change("tree", "a", Some("old"))]).await;
    let building = model.begin(2, "plan").await.unwrap();
    let from = ModelState { generation: 2, ..ModelState::default() };
    let large = "x".repeat(700_000);
    let rows = [change("leaf", "a", Some(&large)), change("leaf", "b", Some(&large)), change("tree", "a", Some("new"))];
    assert!(building.load(&from, &built(2, 7), &rows).await.unwrap());
    assert_eq!(model.row("leaf", "a").await.unwrap(), None);
    assert!(model.serve(&state(1), &built(2, 7)).await.unwrap());
    assert_eq!(model.row("leaf", "b").await.unwrap(), Some(large));
    assert_eq!(model.row("tree", "a").await.unwrap().as_deref(), Some("new"));
    assert!(!building.load(&built(2, 7), &built(2, 8), &rows[..1]).await.unwrap(), "served, it is not loaded into");
    assert!(!model.load(&built(2, 7), &built(2, 8), &rows[..1]).await.unwrap(), "nor by any other handle");
    assert_eq!(model.state().await.unwrap(), built(2, 7));
    assert!(model.serve(&built(2, 7), &state(1)).await.unwrap());
    model.discard(2).await.unwrap();
    let again = model.begin(2, "plan").await.unwrap();
    assert!(again.tables(&["leaf", "tree"]).await.unwrap().0.0.values().all(BTreeMap::is_empty));
}

async fn a_load_from_elsewhere_changes_nothing(place: Place) {
    let model = place.open().await;
    let building = build(&model, 2, 7, "new").await;
    let at = built(2, 7);
    let elsewhere = [
        ModelState::default(),
        ModelState { generation: 2, ..ModelState::default() },
        built(2, 6),
        built(3, 7),
        ModelState { version: 1, ..at.clone() },
        ModelState { digest: Digest::default(), ..at.clone() },
    ];
    let rows = [change("tree", "a", None), change("twig", "a", Some("x"))];
    for from in elsewhere {
        assert!(!building.load(&from, &built(2, 8), &rows).await.unwrap(), "from {from:?}");
        assert!(!building.mend(&from, &built(2, 8)).await.unwrap(), "from {from:?}");
    }
    assert_eq!(building.row("tree", "a").await.unwrap().as_deref(), Some("new"));
    assert_eq!(building.row("twig", "a").await.unwrap(), None);
    assert_eq!(model.generations().await.unwrap(), [generation(at.clone(), Stage::Building, "plan")]);
    model.discard(2).await.unwrap();
    assert!(!building.load(&at, &built(2, 8), &rows).await.unwrap(), "there is none");
    assert!(!building.load(&ModelState::default(), &built(2, 8), &rows).await.unwrap(), "there is none");
    assert_eq!(model.generations().await.unwrap(), []);
}

async fn a_mended_generation_has_another_digest_and_the_same_rows(place: Place) {
    let model = place.open().await;
    let building = build(&model, 2, 7, "new").await;
    let mended = ModelState { digest: Digest::default(), ..built(2, 7) };
    assert!(building.mend(&built(2, 7), &mended).await.unwrap());
    assert_eq!(building.row("tree", "a").await.unwrap().as_deref(), Some("new"));
    assert_eq!(model.generations().await.unwrap(), [generation(mended, Stage::Building, "plan")]);
    write(&model, 1, vec![]).await;
    assert!(!model.mend(&state(1), &state(2)).await.unwrap(), "the served one is never torn");
}

fn at(generation: u64, epoch: &str, position: Position) -> ModelState {
    let checkpoint = Checkpoint { epoch: Epoch(epoch.to_owned()), position, number: Number(1) };
    ModelState { checkpoint, generation, ..ModelState::default() }
}

/// A model that serves generation 1 at one state, and has generation 2 at another.
async fn two(place: &Place, served: &ModelState, built: &ModelState) -> ReadModel {
    let model = place.open().await;
    for generation in model.generations().await.unwrap() {
        model.discard(generation.state.generation).await.unwrap();
    }
    let from = model.state().await.unwrap();
    assert!(model.write(&Changes { from, to: served.clone(), rows: vec![] }).await.unwrap());
    let building = model.begin(built.generation, "plan").await.unwrap();
    let from = building.state().await.unwrap();
    assert!(building.load(&from, built, &[change("tree", "a", Some("new"))]).await.unwrap());
    model
}

async fn a_served_generation_that_moved_on_gives_way_to_one_not_behind(place: Place) {
    // As a number of 53 bits, each would be taken for the other.
    const LARGE: u64 = (1 << 53) + 1;
    let refused = [
        ("beyond in time", at(1, "e1", Position::new(1_001, 0)), Position::new(1_000, 7)),
        ("beyond by one digit", at(1, "e1", Position::new(10_000, 0)), Position::new(9_999, 0)),
        ("beyond in sequence", at(1, "e1", Position::new(1_000, 10)), Position::new(1_000, 9)),
        ("beyond by little", at(1, "e1", Position::new(1_000, LARGE)), Position::new(1_000, LARGE - 1)),
        ("of another epoch", at(1, "e2", Position::new(10, 0)), Position::new(1_000, 0)),
        ("of another number", at(3, "e1", Position::new(10, 0)), Position::new(1_000, 0)),
    ];
    let seen = at(1, "e1", Position::new(5, 0));
    for (why, served, to) in refused {
        let to = at(2, "e1", to);
        let model = two(&place, &served, &to).await;
        assert!(!model.serve(&seen, &to).await.unwrap(), "{why}");
        assert_eq!(model.state().await.unwrap(), served, "{why}");
        assert_eq!(model.generations().await.unwrap(), [generation(to, Stage::Building, "plan")], "{why}");
    }
    let served = at(1, "e1", Position::new(10, 0));
    let to = at(2, "e2", Position::new(20, 0));
    let model = two(&place, &served, &to).await;
    assert!(!model.serve(&seen, &to).await.unwrap(), "positions of two epochs can't be compared");

    let through = [
        ("behind in time", Position::new(9_999, 50), Position::new(10_000, 7)),
        ("behind in sequence", Position::new(1_000, 9), Position::new(1_000, 10)),
        ("behind by little", Position::new(1_000, LARGE - 1), Position::new(1_000, LARGE)),
        ("as far", Position::new(1_000, LARGE), Position::new(1_000, LARGE)),
    ];
    for (why, served, to) in through {
        let (served, to) = (at(1, "e1", served), at(2, "e1", to));
        let model = two(&place, &served, &to).await;
        assert!(model.serve(&seen, &to).await.unwrap(), "{why}");
        assert_eq!(model.state().await.unwrap(), to, "{why}");
        let kept = generation(served.clone(), Stage::Kept, "");
        assert_eq!(model.generations().await.unwrap(), [kept], "{why}: kept as it stood then");
        assert!(model.serve(&to, &served).await.unwrap(), "{why}: back, where it was seen exactly");
    }
    // Seen exactly, it may stand anywhere: a rollback goes back.
    let (served, to) = (at(1, "e1", Position::new(20, 0)), at(2, "e2", Position::new(10, 0)));
    let model = two(&place, &served, &to).await;
    assert!(model.serve(&served, &to).await.unwrap());
    assert_eq!(model.row("tree", "a").await.unwrap().as_deref(), Some("new"));
}

async fn one_at_a_time_may_rebuild(place: Place) {
    let (model, other) = (place.open().await, place.open().await);
    let hold = model.hold("first, of 1 host").await.unwrap().unwrap();
    for model in [&model, &other, &model.begin(2, "plan").await.unwrap()] {
        let held = within(model.hold("second")).await.unwrap();
        assert_eq!(held.unwrap_err(), "first, of 1 host");
        let held = within(model.hold("first, of 1 host")).await.unwrap();
        assert_eq!(held.unwrap_err(), "first, of 1 host", "the same text is another holder");
    }
    assert!(tokio::time::timeout(Duration::ZERO, hold.lost()).await.is_err(), "it is kept");
    drop(hold);
    let hold = within(other.hold("second")).await.unwrap().unwrap();
    assert_eq!(within(model.hold("first")).await.unwrap().unwrap_err(), "second");
    within(hold.give_up()).await;
    drop(within(model.hold("first")).await.unwrap().unwrap());
}

async fn progress_is_told_until_it_is_taken_back(place: Place) {
    let (model, other) = (place.open().await, place.open().await);
    assert_eq!(other.told().await.unwrap(), None);
    model.tell(None).await;
    for progress in ["{\"events\":1}", "{\"events\":2}"] {
        model.tell(Some(progress)).await;
        assert_eq!(other.told().await.unwrap().as_deref(), Some(progress));
        assert_eq!(model.begin(2, "plan").await.unwrap().told().await.unwrap().as_deref(), Some(progress));
    }
    model.tell(None).await;
    assert_eq!(other.told().await.unwrap(), None);
}
