//! Replays: started, watched and stopped over HTTP.

use gateway::Settings;
use kernel::Event;
use runtime::StoreUrl;
use serde_json::{Value, json};

use crate::{
    app::{App, fact},
    bank::{history, moved, tampered},
    client::Answer,
};

const REPLAYS: &str = "/api/v1/replays";

impl App {
    pub(crate) async fn replays(&self) -> Value {
        self.get(REPLAYS).await.member("result")
    }

    /// What came of a replay.
    pub(crate) async fn replayed(&self, asked: &Value) -> Value {
        accepted(&self.post(REPLAYS, &asked.to_string()).await, asked);
        fact("the replay is over", async || self.replays().await["current"].is_null()).await;
        let last = self.replays().await["last"].clone();
        assert_eq!(&last["asked"], asked, "{last}");
        last
    }
}

#[track_caller]
fn accepted(answer: &Answer, asked: &Value) {
    assert_eq!((answer.status, answer.header("location")), (202, REPLAYS), "{answer:?}");
    assert_eq!(&answer.member("result")["asked"], asked, "{answer:?}");
}

/// A gateway to a bank whose log is a history file.
async fn reading(events: &[Event]) -> (App, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.jsonl");
    std::fs::write(&path, history(events)).unwrap();
    (App::of(testkit::bank::domain(), &StoreUrl::History(path), Settings::default()).await, folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_todays_sagas_is_the_same_again() {
    let (app, events) = moved().await;
    assert_eq!(app.replays().await, json!({"current": null, "last": null}));
    let last = app.replayed(&json!({})).await;
    assert!(last["seconds"].is_f64(), "{last}");
    let report = &last["report"];
    assert_eq!((&last["entries"], &report["entries"]), (&events.len().into(), &events.len().into()), "{last}");
    assert_eq!((&report["same"], &report["log"], &report["stopped"]), (&true.into(), &"memory:".into(), &false.into()));
    assert_eq!((&report["decisions"], &report["divergent"]), (&2.into(), &0.into()), "{report}");
    let clerk = app.replayed(&json!({"handler": "clerk", "window_ms": 5})).await;
    assert_eq!((&clerk["report"]["decisions"], &clerk["report"]["same"]), (&1.into(), &true.into()), "{clerk}");
    let nothing = app.replayed(&json!({"topic": "account", "from": null})).await;
    assert_eq!((&nothing["report"]["decisions"], &nothing["report"]["same"]), (&0.into(), &Value::Null), "{nothing}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_tampered_with_is_found() {
    let (_, events) = moved().await;
    let (events, given) = tampered(events);
    let (app, _folder) = reading(&events).await;
    let last = app.replayed(&json!({})).await;
    let report = &last["report"];
    assert_eq!((&report["same"], &report["divergent"], &report["consequences"]), (&false.into(), &1.into(), &0.into()));
    let divergence = &report["divergences"][0];
    let cause = events.iter().find(|event| Some(&event.id) == given.meta.cause.as_ref()).unwrap();
    assert_eq!(
        (&divergence["handler"], &divergence["event"]["id"], &divergence["event"]["position"]),
        (&"teller".into(), &cause.id.clone().into(), &cause.position.to_string().into())
    );
    let [difference] = divergence["differences"].as_array().unwrap().as_slice() else { panic!("{divergence}") };
    assert_eq!((&difference["kind"], &difference["effect"]["id"]), (&"changed".into(), &given.id.clone().into()));
    assert_eq!(difference["fields"], json!([{"field": "balance", "before": 31, "after": 30}]));
    assert_eq!(report["groups"][0]["fields"], json!(["balance"]), "{report}");

    // Of a part that does not hold the decision, nothing differs.
    let (before, after) = (events[1].position, cause.position);
    let to = app.replayed(&json!({"to": before.to_string()})).await;
    assert_eq!((&to["report"]["decisions"], &to["report"]["same"]), (&0.into(), &Value::Null));
    let from = app.replayed(&json!({"from": after.to_string(), "to": after.to_string()})).await;
    assert_eq!((&from["report"]["decisions"], &from["report"]["divergent"]), (&1.into(), &1.into()), "{from}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_replayed_is_refused() {
    let (app, events) = moved().await;
    let [first, last] = [0, 2].map(|index: usize| events[index].position.to_string());
    for (body, status, field, sentence) in [
        (r#"{"topic":"acount"}"#, 422, "topic", "the domain has no topic acount; it has account, notice, transfer"),
        (r#"{"handler":"Teller"}"#, 422, "handler", "the domain has no saga Teller; it has clerk, teller"),
        (r#"{"handler":7}"#, 422, "handler", "handler must be the name of a saga, as text, not 7"),
        (
            r#"{"until":"now"}"#,
            422,
            "until",
            "unknown field until; the fields are from, to, topic, handler, window_ms, log",
        ),
        (r#"{"from":5}"#, 422, "from", "from must be a position or a time, as text, not 5"),
        (
            r#"{"window_ms":0}"#,
            422,
            "window_ms",
            "window_ms is 0; expected a whole number of milliseconds from 1 to 3600000",
        ),
        (r#"{"log":"7"}"#, 404, "log", "no history 7 is open here; POST /api/v1/histories opens one"),
        (
            &format!(r#"{{"from":"{last}","to":"{first}"}}"#),
            422,
            "from",
            &format!("no event lies between from, {last}, and to, {first}"),
        ),
    ] {
        let answer = app.post(REPLAYS, body).await;
        assert_eq!((answer.problem(), answer.member("field")), ((status, sentence.into()), field.into()), "{body}");
    }
    for (body, field) in [(r#"{"from":"soon"}"#, "from"), (r#"{"to":"9999999999999-0"}"#, "to")] {
        let answer = app.post(REPLAYS, body).await;
        assert_eq!((answer.problem().0, answer.member("field")), (422, field.into()), "{body}");
    }
    assert_eq!(app.post(REPLAYS, "[]").await.problem(), (422, "expected the fields of one replay".into()));
    assert_eq!(app.post(REPLAYS, "{").await.problem().0, 400);
    assert_eq!(app.replays().await, json!({"current": null, "last": null}), "and nothing was begun");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_is_under_way_at_a_time_and_can_be_stopped() {
    let app = App::alone(&StoreUrl::Memory, Settings::default()).await;
    app.far_behind().await;
    accepted(&app.post(REPLAYS, "").await, &json!({}));
    let held = "another replay is under way; wait for it, GET /api/v1/replays tells how far it is";
    assert_eq!(app.post(REPLAYS, "{}").await.problem(), (409, held.into()));
    let current = app.replays().await["current"].clone();
    assert_eq!((&current["asked"], &current["of"]), (&json!({}), &50_000.into()), "{current}");
    assert!(current["entries"].as_u64().unwrap() < 50_000 && current["seconds"].is_f64(), "{current}");
    assert_eq!(app.delete(REPLAYS).await.said(), (200, r#"{"result":true}"#));
    let replays = app.replays().await;
    assert_eq!(replays["current"], Value::Null);
    let said = replays["last"]["error"].as_str().unwrap();
    assert!(said.starts_with("stopped after ") && said.ends_with(" of 50000 entries"), "{said}");
    assert_eq!(app.delete(REPLAYS).await.problem(), (404, "this gateway runs no replay".into()));
    assert_eq!(app.replayed(&json!({})).await["entries"], 50_000, "another one goes through");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_stops_breaks_its_replay_off() {
    let mut app = App::alone(&StoreUrl::Memory, Settings::default()).await;
    app.far_behind().await;
    accepted(&app.post(REPLAYS, "").await, &json!({}));
    app.stop.cancel();
    app.stopped().await.unwrap();
}
