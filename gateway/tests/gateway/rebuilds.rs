//! Rebuilds of the read model: started, watched, stopped, approved and undone over HTTP.

mod refusals;
mod stale;

use gateway::Settings;
use kernel::{CREATED, Draft};
use projector::{Change, Changes, ModelState};
use runtime::{Commit, StoreUrl};
use serde_json::{Value, json};

use crate::{
    app::{App, fact},
    client::Answer,
};

const REBUILDS: &str = "/api/v1/rebuilds";

impl App {
    async fn rebuilds(&self) -> Value {
        self.get(REBUILDS).await.member("result")
    }

    /// How the last rebuild went, once it has ended.
    async fn ended(&self) -> Value {
        fact("the rebuild is over", async || self.rebuilds().await["current"].is_null()).await;
        self.rebuilds().await["last"].clone()
    }

    async fn generation(&self) -> Value {
        self.rebuilds().await["served"]["generation"].clone()
    }

    /// Many events, none of which the read model has.
    pub(crate) async fn far_behind(&self) {
        let draft = |n: usize| Draft {
            topic: "book".into(),
            id: format!("e{n}"),
            action: CREATED.into(),
            data: format!(r#"{{"entity_id":"{n}","title":"Momo","copies":"1"}}"#),
            meta: None,
            keep: None,
        };
        for first in (0..50_000).step_by(10_000) {
            let append = (first..first + 10_000).map(draft).collect();
            self.engine.commit_one(Commit { append, ..Commit::default() }).await.unwrap();
        }
    }
}

#[track_caller]
fn accepted(answer: &Answer) {
    assert_eq!((answer.status, answer.header("location")), (202, REBUILDS), "{answer:?}");
    assert!(answer.member("result")["phase"].is_string(), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_is_served_and_undone() {
    let app = App::start().await;
    let book = app.book("Momo").await;
    let head = app.caught_up().await;
    let before = app.rebuilds().await;
    assert_eq!((&before["served"]["generation"], &before["served"]["stale"]), (&1.into(), &false.into()));
    assert_eq!(before["served"]["checkpoint"]["position"], head.to_string());
    assert_eq!((&before["place"], &before["generations"]), (&"memory:".into(), &json!([])));
    assert!(before["current"].is_null() && before["last"].is_null(), "{before}");

    accepted(&app.ask("POST", REBUILDS).await_answer().await);
    let last = app.ended().await;
    assert_eq!((&last["kind"], &last["report"]["served"]), (&"rebuild".into(), &true.into()), "{last}");
    assert_eq!((&last["report"]["events"], &last["report"]["rows"]["book"]), (&1.into(), &1.into()));
    let after = app.rebuilds().await;
    assert_eq!((&after["served"]["generation"], &after["served"]["digest"]), (&2.into(), &before["served"]["digest"]));
    let kept = &after["generations"][0];
    assert_eq!((&kept["state"]["generation"], &kept["stage"]), (&1.into(), &"kept".into()));

    let second = app.book("Jim Knopf").await;
    accepted(&app.post("/api/v1/rebuilds/rollback", "").await);
    let last = app.ended().await;
    assert_eq!((&last["kind"], &last["report"]["generation"]), (&"rollback".into(), &1.into()), "{last}");
    assert_eq!(app.generation().await, 1);
    let third = app.book("Die unendliche Geschichte").await;
    for id in [book, second, third] {
        assert_eq!(app.get(&format!("/book/{id}")).await.member("result")["entity_id"], *id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_is_under_way_at_a_time_and_can_be_stopped() {
    let app = App::alone(&StoreUrl::Memory, Settings::default()).await;
    app.far_behind().await;
    accepted(&app.post(REBUILDS, "{}").await);
    let held = format!(
        "read model memory: is being rebuilt by {}; wait for it, `retrace status` shows how far it is",
        projector::holder("the gateway")
    );
    for path in [REBUILDS, "/api/v1/rebuilds/rollback"] {
        assert_eq!(app.post(path, "").await.problem(), (409, held.clone()), "{path}");
    }
    assert_eq!(app.rebuilds().await["current"]["generation"], 2);
    assert_eq!(app.delete(REBUILDS).await.said(), (200, r#"{"result":true}"#));
    let rebuilds = app.rebuilds().await;
    assert_eq!(rebuilds["last"]["kind"], "rebuild");
    let said = rebuilds["last"]["error"].as_str().unwrap();
    assert!(
        said.starts_with("interrupted; everything up to ") && said.ends_with("the same rebuild goes on from there"),
        "{said}"
    );
    assert_eq!((&rebuilds["current"], &rebuilds["served"]["generation"]), (&Value::Null, &0.into()));
    assert_eq!(
        (&rebuilds["generations"][0]["stage"], &rebuilds["generations"][0]["plan"]),
        (&"building".into(), &json!({}))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_stops_breaks_its_rebuild_off_in_order() {
    let mut app = App::alone(&StoreUrl::Memory, Settings::default()).await;
    app.far_behind().await;
    accepted(&app.post(REBUILDS, "").await);
    app.stop.cancel();
    app.stopped().await.unwrap();
    assert!(app.model.hold("the test").await.unwrap().is_ok(), "the right to rebuild is free");
    assert_eq!(app.model.state().await.unwrap(), ModelState::default(), "nothing half made is served");
    let again = app.another(Settings::default()).await;
    accepted(&again.post(REBUILDS, "").await);
    assert_eq!(again.ended().await["report"]["generation"], 2, "the one that was begun");
}

/// Changes a row behind the projection's back.
pub(crate) async fn tamper(app: &App, key: &str, row: &str) {
    let state = app.model.state().await.unwrap();
    let rows = vec![Change { topic: "book", key: key.into(), row: Some(row.into()) }];
    assert!(app.model.write(&Changes { from: state.clone(), to: state, rows }).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_differ_are_held_back_until_they_are_approved() {
    let app = App::start().await;
    let book = app.book("Momo").await;
    app.book("Jim Knopf").await;
    app.caught_up().await;
    let path = format!("/book/{book}");
    let expected = app.get(&path).await.member("result").to_string();
    let found = format!(r#"{{"entity_id":"{book}","title":"Mimi","copies":1}}"#);
    tamper(&app, &book, &found).await;

    accepted(&app.post(REBUILDS, r#"{"approval":"needed"}"#).await);
    let last = app.ended().await;
    assert_eq!(
        (&last["report"]["served"], &last["report"]["differences"]["count"]),
        (&false.into(), &1.into()),
        "{last}"
    );
    let difference = &last["report"]["differences"]["first"][0];
    assert_eq!((&difference["topic"], &difference["key"]), (&"book".into(), &book.as_str().into()));
    assert_eq!(difference["found"], found);
    let should = serde_json::from_str::<Value>(difference["expected"].as_str().unwrap()).unwrap();
    assert_eq!(should, serde_json::from_str::<Value>(&expected).unwrap());
    let rebuilds = app.rebuilds().await;
    assert_eq!((&rebuilds["served"]["generation"], &rebuilds["generations"][0]["stage"]), (&1.into(), &"held".into()));
    assert_eq!(app.get(&path).await.member("result")["title"], "Mimi", "what was served is served");

    assert_eq!(app.get("/api/v1/rebuilds/rows").await.member("result"), json!({"1": 2, "2": 2}));

    app.book("Die unendliche Geschichte").await;
    accepted(&app.post("/api/v1/rebuilds/approval", "").await);
    let last = app.ended().await;
    assert_eq!((&last["report"]["served"], &last["report"]["resumed"]), (&true.into(), &true.into()), "{last}");
    assert_eq!(
        (app.generation().await, app.get(&path).await.member("result")["title"].clone()),
        (2.into(), "Momo".into())
    );
    assert_eq!(app.get("/books").await.member("result").as_array().unwrap().len(), 3);
    assert_eq!(app.post("/api/v1/rebuilds/approval", "").await.problem().0, 404, "there is nothing more to approve");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generation_that_is_held_back_is_discarded_and_no_other() {
    let app = App::start().await;
    let book = app.book("Momo").await;
    app.caught_up().await;
    accepted(&app.post(REBUILDS, "").await);
    assert_eq!(app.ended().await["report"]["served"], true);
    tamper(&app, &book, "{}").await;
    accepted(&app.post(REBUILDS, r#"{"approval":"needed"}"#).await);
    assert_eq!(app.ended().await["report"]["served"], false);
    for other in ["1", "2", "4", "third"] {
        let said = format!("read model memory: has no generation {other} that is neither served nor kept");
        assert_eq!(app.delete(&format!("/api/v1/rebuilds/generations/{other}")).await.problem(), (404, said));
    }
    assert_eq!(app.delete("/api/v1/rebuilds/generations/3").await.said(), (200, r#"{"result":true}"#));
    let left = app.rebuilds().await["generations"].clone();
    assert_eq!((left.as_array().unwrap().len(), &left[0]["stage"]), (1, &"kept".into()), "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_do_not_differ_need_no_approval() {
    let app = App::start().await;
    app.book("Momo").await;
    accepted(&app.post(REBUILDS, r#"{"approval":"needed"}"#).await);
    let last = app.ended().await;
    assert_eq!(
        (&last["report"]["served"], &last["report"]["differences"]["count"]),
        (&true.into(), &0.into()),
        "{last}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_ask_are_shown_how_a_rebuild_goes_and_others_see_nothing_of_it() {
    let app = App::start().await;
    app.book("Momo").await;
    app.caught_up().await;
    let (mut asked, mut old) =
        (crate::live::connect(&app, "/ws?rebuilds=1").await, crate::live::connect(&app, "/ws").await);
    accepted(&app.post(REBUILDS, "{}").await);
    assert_eq!(last(&mut asked).await["rebuild"]["phase"], "done");
    app.model.tell(Some(r#"{"phase":"write"}"#)).await;
    let message = crate::live::event(&mut asked).await.unwrap();
    assert_eq!(message, json!({"rebuild": {"phase": "write"}}), "another process's");
    let mut late = crate::live::connect(&app, "/ws?rebuilds=1").await;
    assert_eq!(crate::live::event(&mut late).await.unwrap(), json!({"rebuild": {"phase": "write"}}), "at once");
    app.model.tell(None).await;
    for client in [&mut asked, &mut late] {
        assert_eq!(crate::live::event(client).await.unwrap(), json!({"rebuild": {"phase": "write"}, "ended": true}));
    }
    app.book("Jim Knopf").await;
    for client in [&mut asked, &mut late, &mut old] {
        assert_eq!(crate::live::event(client).await.unwrap()["action"], "book_created", "and nothing in between");
    }
}

/// The last message about a rebuild.
async fn last(socket: &mut crate::live::Socket) -> Value {
    loop {
        let message = crate::live::event(socket).await.unwrap();
        assert!(message["rebuild"].is_object(), "{message}");
        if message["ended"] == true {
            return message;
        }
    }
}
