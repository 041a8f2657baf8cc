//! What a rebuild refuses to serve, and what it says: plans that make no sense, and rows that differ.

use crate::common::{
    Place, Projector, append, caught_up,
    contract::{change, contract},
    domain, event, until, whole, within,
};
use crate::rebuilding::{
    self, beside, commit_every, entries, fold, grow, grown_log, is_whole_log, memory_log, rebuild, refused, roll_back,
    run, sqlite_log,
};
use kernel::{CREATED, DELETED, Position, UPDATED};
use projector::{
    Change, Changes, Difference, ModelState, ReadModel, Stage,
    rebuild::{Approval, Plan, Rebuild, RebuildError},
};
use serde_json::json;

contract! {
    a_plan_that_makes_no_sense_is_refused,
    a_part_is_not_served_where_a_projector_goes_on_from_it,
    a_read_model_of_another_version_gives_no_rows_and_is_not_gone_back_to,
    a_difference_is_held_until_it_is_allowed,
    no_difference_is_served,
    differences_are_found_at_one_position_while_events_keep_arriving,
    what_an_earlier_run_left_further_on_is_not_compared,
}

fn with(base: &Rebuild, plan: Plan) -> Rebuild {
    Rebuild { plan, ..base.clone() }
}

fn topics(topics: &[&str]) -> Plan {
    Plan { topics: topics.iter().map(|topic| (*topic).to_owned()).collect(), ..Plan::default() }
}

async fn positions(engine: &runtime::Engine) -> Vec<Position> {
    entries(engine).await.iter().map(kernel::Entry::position).collect()
}

async fn a_plan_that_makes_no_sense_is_refused(place: Place) {
    let engine = grown_log(10, 5).await;
    let model = place.open().await;
    let base = rebuild(&engine, &model);
    run(&base).await.unwrap();
    let before = whole(&model).await;
    let at = positions(&engine).await;
    assert_eq!(
        refused(&with(&base, topics(&["tree", "wood"]))).await,
        "the domain has no topic wood; it has leaf, note, tree"
    );
    let reversed = Plan { from: Some(at[5]), to: Some(at[4]), ..Plan::default() };
    assert_eq!(
        refused(&with(&base, reversed)).await,
        format!("the rebuild would start at {} and stop before that, at {}; exchange the two", at[5], at[4])
    );
    // The others' rows are at the head, and can't be taken back.
    let back = Plan { to: Some(at[4]), ..topics(&["tree"]) };
    let expected = format!(
        "read model {} stands at {} and would go back to {}; build it elsewhere: retrace rebuild --into \
         sqlite:then.model",
        model.place(),
        at[9],
        at[4]
    );
    assert_eq!(refused(&with(&base, back)).await, expected);
    let now = whole(&model).await;
    assert_eq!((now.0.0, now.1), (before.0.0, before.1));
    // What was begun for that is in nobody's way.
    run(&base).await.unwrap();
    assert_eq!(beside(&model).await, [(1, Stage::Kept)]);
}

async fn a_part_is_not_served_where_a_projector_goes_on_from_it(place: Place) {
    let engine = grown_log(10, 5).await;
    let model = place.open().await;
    let base = Rebuild { is_followed: true, ..rebuild(&engine, &model) };
    let at = positions(&engine).await;
    let partial = |what: &str| {
        format!(
            "{what} gives a part of the read model, which {} would serve as if it were the whole; build it \
             elsewhere: retrace rebuild --into sqlite:part.model",
            model.place()
        )
    };
    let empty = Plan { from: Some(at[3]), empty: true, ..Plan::default() };
    assert_eq!(refused(&with(&base, empty)).await, partial("a rebuild from nothing"));
    assert_eq!(refused(&with(&base, topics(&["tree"]))).await, partial("a rebuild of some topics"));

    // Further back than nothing is impossible, and further on is no part of what is served.
    run(&with(&base, Plan { to: Some(at[4]), ..Plan::default() })).await.unwrap();
    assert_eq!(whole(&model).await.1.checkpoint.position, at[4]);
    let expected = format!(
        "read model {} stands at {} and would go back to {}; build it elsewhere: retrace rebuild --into \
         sqlite:then.model",
        model.place(),
        at[4],
        at[3]
    );
    assert_eq!(refused(&with(&base, Plan { to: Some(at[3]), ..Plan::default() })).await, expected);
    run(&with(&base, Plan { to: Some(at[4]), ..Plan::default() })).await.unwrap();
    run(&with(&base, topics(&["tree"]))).await.unwrap();
    is_whole_log(&engine, &model).await;

    // Of a log that was begun again, no rows can be taken over.
    let again = grown_log(20, 5).await;
    let before = whole(&model).await;
    let other = Rebuild { engine: again.clone(), ..base.clone() };
    assert_eq!(refused(&with(&other, topics(&["tree"]))).await, partial("a rebuild of some topics"));
    let now = whole(&model).await;
    assert_eq!((now.0.0, now.1), (before.0.0, before.1));
    run(&other).await.unwrap();
    is_whole_log(&again, &model).await;
}

async fn a_read_model_of_another_version_gives_no_rows_and_is_not_gone_back_to(place: Place) {
    let engine = grown_log(10, 5).await;
    let model = place.open().await;
    let current = domain().projection();
    let stale = ModelState { version: current ^ 1, generation: 4, ..ModelState::default() };
    let rows = vec![change("leaf", "a", Some("of another shape"))];
    assert!(model.write(&Changes { from: ModelState::default(), to: stale.clone(), rows }).await.unwrap());
    let base = rebuild(&engine, &model);
    let expected = format!(
        "read model {} was made by another version of the projection, so no topic's rows can be taken over; rebuild \
         all topics",
        model.place()
    );
    assert_eq!(refused(&with(&base, topics(&["tree"]))).await, expected);
    assert_eq!(model.state().await.unwrap(), stale);
    run(&base).await.unwrap();
    let state = is_whole_log(&engine, &model).await;
    let error = roll_back(&base).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "generation 4 was made by version {:08x} of the projection, and this program has {current:08x}; go back \
             with the program that made it",
            current ^ 1
        )
    );
    assert_eq!(model.state().await.unwrap(), state);
}

fn row(id: &str, name: &str) -> String {
    json!({ "entity_id": id, "name": name }).to_string()
}

/// Changes rows of the served generation by hand; a projector that works on it sees to its own.
async fn tamper(model: &ReadModel, rows: &[Change]) {
    until("the rows are tampered with", async || {
        let from = model.state().await.unwrap();
        let mut digest = from.digest;
        for Change { topic, key, row } in rows {
            if let Some(old) = model.row(topic, key).await.unwrap() {
                digest.remove(topic, key, &old);
            }
            row.iter().for_each(|row| digest.add(topic, key, row));
        }
        let to = ModelState { digest, ..from.clone() };
        model.write(&Changes { from, to, rows: rows.to_vec() }).await.unwrap()
    })
    .await;
}

fn difference(topic: &str, key: &str, found: Option<String>, expected: Option<String>) -> Difference {
    Difference { topic: topic.to_owned(), key: key.to_owned(), found, expected }
}

/// What is done by hand to a model of [`small_log`], and what a rebuild finds of it.
fn by_hand() -> (Vec<Change>, Vec<Difference>) {
    let changes = vec![
        change("leaf", "new", Some(&row("new", "by hand"))),
        change("tree", "a", Some(&row("a", "by hand"))),
        change("tree", "b", None),
    ];
    let differences = vec![
        difference("leaf", "new", Some(row("new", "by hand")), None),
        difference("tree", "a", Some(row("a", "by hand")), Some(row("a", "oak"))),
        difference("tree", "b", None, Some(row("b", "elm"))),
    ];
    (changes, differences)
}

fn small_log() -> Vec<kernel::Draft> {
    vec![
        event("tree", CREATED, "a", "oak"),
        event("tree", CREATED, "b", "elm"),
        event("leaf", CREATED, "c", "green"),
        event("leaf", DELETED, "c", "green"),
    ]
}

async fn a_difference_is_held_until_it_is_allowed(place: Place) {
    let engine = memory_log().await;
    append(&engine, small_log()).await;
    let model = place.open().await;
    let base = rebuild(&engine, &model);
    run(&base).await.unwrap();
    let (changes, expected) = by_hand();
    tamper(&model, &changes).await;
    let before = whole(&model).await;
    let needed = Rebuild { approval: Approval::Needed, ..base.clone() };
    // Redis gives what is taken up a new number.
    let renumbers = u64::from(matches!(model, ReadModel::Redis(_)));
    for round in 0..2 {
        let report = run(&needed).await.unwrap();
        let found = report.differences.unwrap();
        assert_eq!((found.count, found.first), (3, expected.clone()));
        assert!(!report.served);
        let generation = 2 + round * renumbers;
        assert_eq!(
            (report.generation, report.resumed),
            (generation, round > 0),
            "the one that is held is gone on with"
        );
        assert_eq!(report.digest, rebuilding::digest(&fold(&entries(&engine).await).0));
        let now = whole(&model).await;
        assert_eq!((&now.0.0, &now.1), (&before.0.0, &before.1), "the served one stays");
        assert_eq!(beside(&model).await, [(generation, Stage::Held)]);
    }
    // What has happened meanwhile is no difference: the served rows stand where they stood.
    append(&engine, vec![event("tree", UPDATED, "a", "ash"), event("tree", CREATED, "d", "fir")]).await;
    let found = run(&needed).await.unwrap().differences.unwrap();
    assert_eq!((found.count, found.first), (3, expected.clone()));

    let given = Rebuild { approval: Approval::Given, ..base };
    let report = run(&given).await.unwrap();
    let found = report.differences.unwrap();
    assert_eq!((found.count, found.first), (3, expected));
    assert!(report.served && report.resumed);
    assert_eq!(is_whole_log(&engine, &model).await.generation, 2 + 3 * renumbers);
    assert_eq!(beside(&model).await, [(1, Stage::Kept)]);
}

async fn no_difference_is_served(place: Place) {
    let engine = grown_log(500, 90).await;
    let model = place.open().await;
    for (approval, generation) in [(Approval::Needed, 1), (Approval::Needed, 2), (Approval::Given, 3)] {
        let report = run(&Rebuild { approval, ..rebuild(&engine, &model) }).await.unwrap();
        let compared = report.differences.map(|found| (found.count, found.first));
        assert_eq!(compared, (generation > 1).then(|| (0, vec![])), "there is nothing to compare the first with");
        assert!(report.served);
        assert_eq!(is_whole_log(&engine, &model).await.generation, generation);
        grow(&engine, 50, 100, &generation.to_string()).await;
    }
}

async fn differences_are_found_at_one_position_while_events_keep_arriving(place: Place) {
    let (engine, _folder) = sqlite_log().await;
    append(&engine, small_log()).await;
    grow(&engine, 300, 50, "first").await;
    let model = place.open().await;
    let projector = Projector::start(&engine, &model).await;
    caught_up(&engine, &model).await;
    let base = Rebuild { is_followed: true, limits: commit_every(64), ..rebuild(&engine, &model) };

    let (log, stop) = (engine.clone(), tokio_util::sync::CancellationToken::new());
    let told = stop.clone();
    let arriving = tokio::spawn(async move {
        let mut count = 0;
        while !told.is_cancelled() {
            let drafts = (0..20).map(|n| event("tree", [CREATED, UPDATED, DELETED][n % 3], &n.to_string(), "late"));
            append(&log, drafts.collect()).await;
            append(&log, vec![event("leaf", UPDATED, "unknown", &format!("{count}"))]).await;
            count += 1;
            // A log that grows faster than a busy machine reads it is never caught up with.
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    });
    for round in 0..4 {
        let needed = Rebuild { approval: Approval::Needed, ..base.clone() };
        let report = within(run(&needed)).await.unwrap();
        assert_eq!(report.differences.map(|found| (found.count, found.first)), Some((0, vec![])), "round {round}");
        assert!(report.served);

        let (changes, expected) = by_hand();
        tamper(&model, &changes).await;
        let generation = model.state().await.unwrap().generation;
        let report = within(run(&needed)).await.unwrap();
        let found = report.differences.unwrap();
        assert_eq!((found.count, found.first), (3, expected.clone()), "round {round}");
        assert_eq!((report.served, model.state().await.unwrap().generation), (false, generation));
        let given = Rebuild { approval: Approval::Given, ..base.clone() };
        let report = within(run(&given)).await.unwrap();
        let found = report.differences.unwrap();
        assert_eq!((found.count, found.first, report.served), (3, expected, true), "round {round}");
    }
    stop.cancel();
    arriving.await.unwrap();
    caught_up(&engine, &model).await;
    is_whole_log(&engine, &model).await;
    projector.stop().await.unwrap();
}

async fn what_an_earlier_run_left_further_on_is_not_compared(place: Place) {
    let engine = grown_log(100, 20).await;
    let model = place.open().await;
    let base = Rebuild { limits: commit_every(10), ..rebuild(&engine, &model) };
    run(&base).await.unwrap();
    grow(&engine, 100, 20, "later").await;
    // Nobody keeps the served one up, and a run that was to serve without a question has come beyond it.
    let (progress, stop) = (tokio::sync::watch::Sender::default(), tokio_util::sync::CancellationToken::new());
    let mut seen: tokio::sync::watch::Receiver<projector::rebuild::Progress> = progress.subscribe();
    let told = stop.clone();
    let watching = tokio::spawn(async move {
        seen.wait_for(|progress| progress.events >= 150).await.unwrap();
        told.cancel();
    });
    match base.run(&progress, &stop).await {
        Err(RebuildError::Interrupted(at)) => assert!(at > model.state().await.unwrap().checkpoint.position),
        // It was told when there was nothing left to read: then there is nothing to see here.
        other => drop(other.unwrap()),
    }
    watching.await.unwrap();
    let report = run(&Rebuild { approval: Approval::Needed, ..base }).await.unwrap();
    assert_eq!(report.differences.map(|found| (found.count, found.first)), Some((0, vec![])));
    assert!(report.served);
    is_whole_log(&engine, &model).await;
}
