//! The live projection: what it makes of a log, whatever happens to it on the way.

use std::{collections::BTreeMap, time::Duration};

use crate::common::{
    DEADLINE, Place, Projector, TOPICS, append, caught_up, domain, draft, event, half_take_less_than, until, whole,
};
use kernel::{CREATED, DELETED, Draft, Entry, Position, UPDATED};
use projector::{Change, Changes, ModelState, ReadModel, Stage, live, parked};
use proptest::prelude::*;
use runtime::{Commit, Engine, Namespace, Parked, StoreError, StoreUrl};

async fn log() -> Engine {
    Engine::open(&StoreUrl::Memory, &Namespace::default(), &TOPICS).await.unwrap()
}

/// The rows of a log, folded without anything of the program's: the last word on each entity.
async fn folded(engine: &Engine) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut tables: BTreeMap<String, BTreeMap<String, String>> =
        TOPICS.iter().map(|topic| ((*topic).to_owned(), BTreeMap::new())).collect();
    for entry in engine.read(&kernel::Checkpoint::default(), usize::MAX).await.unwrap().entries {
        let Entry::Event(event) = entry else { continue };
        let Some(table) = tables.get_mut(&*event.topic) else { continue };
        let Ok(data) = serde_json::from_str::<BTreeMap<String, String>>(&event.data) else { continue };
        let text = |field: &str| serde_json::to_string(&data[field]).unwrap();
        match (&*event.topic, &*event.action) {
            ("note", "noted") if data.contains_key("text") => {
                let row = format!(
                    "{{\"event_action\":\"noted\",\"event_data\":{},\"event_id\":\"{}\"}}",
                    serde_json::to_string(&event.data).unwrap(),
                    event.id
                );
                table.insert(event.position.to_string(), row);
            }
            ("tree" | "leaf", action) if data.contains_key("name") && data.contains_key("entity_id") => {
                let id = data["entity_id"].clone();
                let row = format!("{{\"entity_id\":{},\"name\":{}}}", text("entity_id"), text("name"));
                let known = table.contains_key(&id);
                match action {
                    CREATED => drop(table.insert(id, row)),
                    UPDATED if known => drop(table.insert(id, row)),
                    DELETED => drop(table.remove(&id)),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    tables
}

/// The model holds what the log says, and stands at its head.
async fn check(engine: &Engine, model: &ReadModel) -> ModelState {
    let (tables, state) = whole(model).await;
    assert_eq!(tables.0, folded(engine).await);
    assert_eq!(state.checkpoint, engine.head().await.unwrap());
    assert_eq!(state.version, domain().projection());
    state
}

/// One event: mostly sound, of any topic, about few entities.
fn any_event() -> impl Strategy<Value = Draft> {
    let name = prop_oneof!["[a-z]{0,5}", "[ü😀\"\\\\\n\\PC]{0,8}"];
    let id = prop_oneof!["[abc]", "[ü😀\" ]{1,2}"];
    let topic = prop::sample::select(vec!["tree", "leaf"]);
    let action = prop::sample::select(vec![CREATED, CREATED, UPDATED, UPDATED, DELETED, "entity_moved"]);
    prop_oneof![
        12 => (topic, action, id, name).prop_map(|(topic, action, id, name)| event(topic, action, &id, &name)),
        2 => "[a-z\"]{0,6}".prop_map(|text| draft("note", "noted", serde_json::json!({ "text": text }).to_string())),
        1 => Just(draft("tree", CREATED, "no JSON".into())),
        1 => Just(draft("tree", CREATED, "{\"name\":\"nobody\"}".into())),
        1 => Just(draft("note", "unknown", "{\"text\":\"x\"}".into())),
        1 => Just(draft("stranger", CREATED, "{\"entity_id\":\"x\"}".into())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_projection_is_the_fold_of_its_log(
        batches in prop::collection::vec((prop::collection::vec(any_event(), 1..30), 0..60_usize), 1..8)
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        for place in Place::all() {
            runtime.block_on(interrupted(&place, &batches));
        }
    }
}

/// Projects batches as they come, killed somewhere in each, and then to the end.
async fn interrupted(place: &Place, batches: &[(Vec<Draft>, usize)]) {
    let engine = log().await;
    let model = place.open().await;
    for (batch, turns) in batches {
        let projector = Projector::start(&engine, &model).await;
        append(&engine, batch.clone()).await;
        for _ in 0..*turns {
            tokio::task::yield_now().await;
        }
        projector.kill().await;
    }
    let projector = Projector::start(&engine, &model).await;
    caught_up(&engine, &model).await;
    check(&engine, &model).await;
    projector.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projector_killed_anywhere_goes_on_where_it_stood() {
    for place in Place::all() {
        let engine = log().await;
        let model = place.open().await;
        for round in 0..60_usize {
            let drafts =
                (0..100).map(|n| event("tree", CREATED, &format!("{}", (n * 7 + round) % 150), &round.to_string()));
            append(&engine, drafts.collect()).await;
            let projector = Projector::start(&engine, &model).await;
            for _ in 0..round * round / 8 {
                tokio::task::yield_now().await;
            }
            projector.kill().await;
        }
        let projector = Projector::start(&engine, &model).await;
        caught_up(&engine, &model).await;
        check(&engine, &model).await;
        projector.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_projectors_one_works_and_the_other_takes_over() {
    for place in Place::all() {
        let engine = log().await;
        let model = place.open().await;
        let first = Projector::start(&engine, &model).await;
        append(&engine, vec![event("tree", CREATED, "a", "0")]).await;
        caught_up(&engine, &model).await;
        let second = Projector::start(&engine, &place.open().await).await;
        for round in 1..200 {
            append(&engine, vec![event("tree", UPDATED, "a", &round.to_string())]).await;
            append(&engine, vec![draft("note", "noted", "{\"text\":\"once\"}".into())]).await;
        }
        caught_up(&engine, &model).await;
        check(&engine, &model).await;
        first.stop().await.unwrap();
        append(&engine, vec![event("tree", UPDATED, "a", "last")]).await;
        caught_up(&engine, &model).await;
        check(&engine, &model).await;
        second.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_event_is_projected_within_milliseconds() {
    for place in Place::all() {
        let engine = log().await;
        let (model, reader) = (place.open().await, place.open().await);
        let reader = if matches!(model, ReadModel::Sqlite(_)) { model.clone() } else { reader };
        let projector = Projector::start(&engine, &model).await;
        let series = async || {
            let mut times = Vec::new();
            for round in 0..200 {
                let start = tokio::time::Instant::now();
                let position = append(&engine, vec![event("tree", CREATED, "a", &round.to_string())]).await;
                assert!(reader.reached(position, DEADLINE).await.unwrap());
                times.push(start.elapsed());
                let row = reader.row("tree", "a").await.unwrap();
                assert_eq!(row, Some(format!("{{\"entity_id\":\"a\",\"name\":\"{round}\"}}")), "its own write is read");
            }
            times
        };
        half_take_less_than(Duration::from_millis(20), series).await;
        projector.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_read_is_parked_and_the_rest_goes_on() {
    for place in Place::all() {
        let engine = log().await;
        let model = place.open().await;
        let bad = [draft("tree", CREATED, "no JSON".into()), draft("note", "shouted", "{\"text\":\"!\"}".into())];
        append(&engine, vec![event("tree", CREATED, "a", "oak"), bad[0].clone(), bad[1].clone()]).await;
        let position = append(&engine, vec![event("tree", CREATED, "b", "elm")]).await;
        let projector = Projector::start(&engine, &model).await;
        assert!(model.reached(position, DEADLINE).await.unwrap());
        check(&engine, &model).await;
        projector.stop().await.unwrap();
        let parked = engine.parked(None, usize::MAX).await.unwrap();
        let positions: Vec<_> = engine.read(&kernel::Checkpoint::default(), 9).await.unwrap().entries;
        let (tree, note) = (positions[1].position(), positions[2].position());
        let about = |parked: &Parked| (parked.consumer.clone(), parked.topic.clone(), parked.position);
        let projector_parked =
            |topic: &str, position: Position| (live::CONSUMER.to_owned(), topic.to_owned(), position);
        assert_eq!(
            parked.iter().map(about).collect::<Vec<_>>(),
            [projector_parked("tree", tree), projector_parked("note", note)]
        );
        assert_eq!(parked[1].reason, "unknown action shouted; note knows noted");
    }
}

#[tokio::test]
async fn a_history_with_something_unreadable_in_it_is_projected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h.jsonl");
    let line = |id: &str, fields: &str| format!("{{\"stream\":\"events:tree\",\"id\":\"{id}\",\"fields\":{fields}}}\n");
    let fields = |id: &str, action: &str| {
        let data = serde_json::json!({ "entity_id": "a", "name": "oak" }).to_string();
        serde_json::json!({ "event_id": id, "event_action": action, "event_data": data }).to_string()
    };
    let lines =
        [line("1795341904-1", &fields("e1", "entity_moved")), line("1795341904-2", &fields("e2", "entity_created"))];
    std::fs::write(&path, lines.concat()).unwrap();
    let engine = Engine::open(&StoreUrl::History(path), &Namespace::default(), &TOPICS).await.unwrap();
    let model = Place::memory().open().await;
    let projector = Projector::start(&engine, &model).await;
    assert!(model.reached(Position::new(1_795_341_904, 2), DEADLINE).await.unwrap());
    assert_eq!(whole(&model).await.0.0["tree"].len(), 1);
    projector.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_begun_again_stops_the_projection() {
    for place in Place::all() {
        let first = log().await;
        let model = place.open().await;
        append(&first, vec![event("tree", CREATED, "a", "oak"), event("tree", CREATED, "b", "elm")]).await;
        let projector = Projector::start(&first, &model).await;
        caught_up(&first, &model).await;
        projector.stop().await.unwrap();
        let before = whole(&model).await.1;
        let other = log().await;
        for _ in 0..3 {
            let ended = Projector::start(&other, &model).await.ended().await.unwrap_err();
            assert!(
                matches!(&ended, StoreError::Diverged { checkpoint, .. } if *checkpoint == before.checkpoint),
                "{ended}"
            );
            append(&other, vec![event("tree", CREATED, "c", "ash")]).await;
        }
        assert_eq!(whole(&model).await.1, before, "it is left as it was");
        Projector::start(&first, &model).await.stop().await.unwrap();
    }
}

/// A model as another version of the projection would have left it.
async fn stale(model: &ReadModel) -> ModelState {
    let row = Change { topic: "tree", key: "gone".into(), row: Some("of another shape".into()) };
    let to = ModelState { version: domain().projection() ^ 1, generation: 4, ..ModelState::default() };
    let changes = Changes { from: ModelState::default(), to: to.clone(), rows: vec![row] };
    assert!(model.write(&changes).await.unwrap());
    to
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_of_another_version_is_made_anew_beside_and_replaced() {
    for place in Place::all() {
        let engine = log().await;
        let model = place.open().await;
        stale(&model).await;
        let drafts = (0..5_000).map(|n| event("tree", CREATED, &(n % 700).to_string(), "oak")).collect();
        let head = append(&engine, drafts).await;
        let reader = place.open().await;
        let projector = Projector::start(&engine, &model).await;
        until("the new generation is served", async || {
            let (tables, state) = reader.tables(&TOPICS).await.unwrap();
            match state.generation {
                4 => assert_eq!(tables.0["tree"].len(), 1, "the old one is served whole"),
                5 => assert_eq!(tables.0["tree"].len(), 700, "the new one is served whole"),
                other => panic!("generation {other}"),
            }
            state.generation == 5
        })
        .await;
        assert!(model.reached(head, DEADLINE).await.unwrap());
        append(&engine, vec![event("leaf", CREATED, "a", "green")]).await;
        caught_up(&engine, &model).await;
        assert_eq!(check(&engine, &model).await.generation, 5);
        projector.stop().await.unwrap();
        let kept: Vec<_> = model.generations().await.unwrap();
        let kept: Vec<_> = kept.iter().map(|generation| (generation.state.generation, generation.stage)).collect();
        assert_eq!(kept, [(4, Stage::Kept)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_rows_made_anew_hold_is_set_aside_no_more() {
    for place in Place::all() {
        let engine = log().await;
        let model = place.open().await;
        stale(&model).await;
        let shouted = draft("note", "shouted", "{\"text\":\"!\"}".into());
        append(&engine, vec![event("tree", CREATED, "a", "oak"), shouted]).await;
        let entries = engine.read(&kernel::Checkpoint::default(), 9).await.unwrap().entries;
        // The program before could read neither, and a saga has its own reasons.
        let aside = |consumer: &str, entry: &kernel::Entry| {
            Parked::now(consumer, entry.topic(), entry.position(), "an older program could not")
        };
        let (tree, note) = (aside(live::CONSUMER, &entries[0]), aside(live::CONSUMER, &entries[1]));
        let saga = aside("saga/x", &entries[0]);
        let park = vec![tree.clone(), note.clone(), saga.clone()];
        engine.commit_one(Commit { park, ..Commit::default() }).await.unwrap();
        let told = async |id| parked::retry(&domain(), &engine, &id).await.unwrap_err().to_string();
        let position = tree.position;
        assert_eq!(
            told(tree.id()).await,
            format!(
                "the read model has passed over tree {position}, and this program can read it: `retrace rebuild` makes \
                 the rows anew with it, and it is set aside no more"
            )
        );
        let position = note.position;
        assert_eq!(
            told(note.id()).await,
            format!(
                "the read model still can't read note {position}: unknown action shouted; note knows noted; drop it, or \
                 make the rows anew with a program that can"
            )
        );
        assert_eq!(told(saga.id()).await, "saga/x is no saga of this program: it can only be dropped here");
        let projector = Projector::start(&engine, &model).await;
        until("only what is still unreadable is set aside", async || {
            let aside = engine.parked(None, usize::MAX).await.unwrap();
            aside.iter().map(Parked::id).eq([note.id(), saga.id()])
        })
        .await;
        projector.stop().await.unwrap();
        parked::discard(&engine, &saga.id()).await.unwrap();
        let gone = parked::discard(&engine, &saga.id()).await.unwrap_err().to_string();
        assert_eq!(gone, format!("saga/x has not set aside tree {}", saga.position));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_new_generation_is_gone_on_with() {
    for place in Place::all() {
        let engine = log().await;
        let model = place.open().await;
        stale(&model).await;
        for round in 0..30_usize {
            append(&engine, (0..300).map(|n| event("tree", CREATED, &n.to_string(), &round.to_string())).collect())
                .await;
            let projector = Projector::start(&engine, &model).await;
            for _ in 0..round * 5 {
                tokio::task::yield_now().await;
            }
            projector.kill().await;
        }
        let projector = Projector::start(&engine, &model).await;
        // Each time it is taken up it may get a new number, under which who was killed writes nothing any more.
        until("the new generation is served", async || model.state().await.unwrap().generation > 4).await;
        let beside = model.generations().await.unwrap();
        assert_eq!(beside.iter().map(|other| other.state.generation).collect::<Vec<_>>(), [4], "one was built, by all");
        caught_up(&engine, &model).await;
        check(&engine, &model).await;
        projector.stop().await.unwrap();
    }
}
