//! History files opened beside the gateway's log, over HTTP.

use gateway::Settings;
use kernel::Event;
use runtime::StoreUrl;
use serde_json::{Value, json};

use crate::{
    app::App,
    bank::{history, moved, tampered},
    client::Answer,
};

const HISTORIES: &str = "/api/v1/histories";

impl App {
    async fn opened(&self, name: &str, bytes: impl Into<hyper::body::Bytes>) -> Answer {
        self.ask("POST", HISTORIES).header("retrace-name", name).body(bytes).await_answer().await
    }

    /// The names of the open histories, those asked about last first.
    async fn open_names(&self) -> Vec<Value> {
        let open = self.get(HISTORIES).await.member("result");
        open.as_array().unwrap().iter().map(|opened| opened["name"].clone()).collect()
    }
}

/// A gateway to a bank's log that is empty.
async fn empty() -> App {
    App::of(testkit::bank::domain(), &StoreUrl::Memory, Settings::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opened_history_answers_as_its_log_did() {
    let (bank, events) = moved().await;
    let app = empty().await;
    assert_eq!(app.get(HISTORIES).await.said(), (200, r#"{"result":[]}"#));
    let opened = app.opened("M%C3%A4rz.jsonl", history(&events)).await.member("result");
    let id = opened["id"].as_str().unwrap().to_owned();
    let last = events.last().unwrap();
    let head =
        json!({"position": last.position, "number": events.len(), "time": last.position.time().unwrap().to_string()});
    assert_eq!(opened, json!({"id": id, "name": "März.jsonl", "events": events.len(), "head": head}));
    assert_eq!(app.get(HISTORIES).await.member("result"), json!([opened]));

    let (first, given) = (&events[0], &tampered(events.clone()).1);
    let account = serde_json::from_str::<Value>(&first.data).unwrap()["entity_id"].as_str().unwrap().to_owned();
    for path in [
        "/api/v1/log".to_owned(),
        format!("/api/v1/log?after={}&limit=2", first.position),
        "/api/v1/state?topic=account".to_owned(),
        format!("/api/v1/state?at={}&topic=transfer&limit=1", given.position),
        format!("/api/v1/state/account/{account}"),
        format!("/api/v1/state/account/{account}/referrers"),
        format!("/api/v1/diff?from={}&to={}", first.position, last.position),
        format!("/api/v1/history/account/{account}"),
        format!("/api/v1/history/account/{account}?at={}", first.position),
        format!("/api/v1/trace/{}", given.id),
    ] {
        let joint = if path.contains('?') { '&' } else { '?' };
        let (expected, answer) = (bank.get(&path).await, app.get(&format!("{path}{joint}log={id}")).await);
        assert_eq!(expected.status, 200, "{path}: {expected:?}");
        assert_eq!(answer.said(), expected.said(), "{path}");
        assert_ne!(app.get(&path).await.said(), expected.said(), "{path}: not the gateway's own log");
    }
    let last = app.replayed(&json!({"log": id})).await;
    let report = &last["report"];
    assert_eq!(
        (&report["same"], &report["decisions"], &report["log"]),
        (&true.into(), &2.into(), &"März.jsonl".into())
    );
    assert_eq!(app.engine.head().await.unwrap().number.0, 0, "nothing has come into the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_tampered_with_is_found_in_an_opened_history() {
    let (app, events) = moved().await;
    let (tampered, given) = tampered(events);
    let id = app.opened("tampered.jsonl", history(&tampered)).await.member("result")["id"].clone();
    let last = app.replayed(&json!({ "log": id })).await;
    let divergence = &last["report"]["divergences"][0];
    assert_eq!((&last["report"]["divergent"], &divergence["handler"]), (&1.into(), &"teller".into()), "{last}");
    let difference = &divergence["differences"][0];
    assert_eq!(difference["effect"]["position"], given.position.to_string(), "{divergence}");
    assert_eq!(difference["fields"], json!([{"field": "balance", "before": 31, "after": 30}]));
    assert_eq!(app.replayed(&json!({})).await["report"]["same"], true, "the gateway's own log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_one_goes_that_nobody_has_asked_about_for_the_longest_time() {
    let (_, events) = moved().await;
    let app = empty().await;
    let mut ids = Vec::new();
    for length in 1..=4 {
        let opened = app.opened(&format!("{length}"), history(&events[..length])).await.member("result");
        ids.push(opened["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(app.open_names().await, ["4", "3", "2", "1"]);
    assert_eq!(app.get(&format!("/api/v1/log?log={}", ids[0])).await.status, 200);
    app.opened("5", history(&events[..5])).await;
    assert_eq!(app.open_names().await, ["5", "1", "4", "3"]);
    let again = app.opened("another name", history(&events[..3])).await.member("result");
    assert_eq!((&again["id"], &again["name"]), (&ids[2].clone().into(), &"3".into()), "it is open already");
    assert_eq!(app.open_names().await, ["3", "5", "1", "4"]);

    let closed = format!("no history {} is open here; POST /api/v1/histories opens one", ids[1]);
    let answer = app.get(&format!("/api/v1/log?log={}", ids[1])).await;
    assert_eq!((answer.problem(), answer.member("field")), ((404, closed.clone()), "log".into()));
    assert_eq!(app.delete(&format!("{HISTORIES}/{}", ids[1])).await.problem(), (404, closed));
    assert_eq!(app.delete(&format!("{HISTORIES}/{}", ids[0])).await.said(), (200, r#"{"result":true}"#));
    assert_eq!(app.open_names().await, ["3", "5", "4"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_takes_no_room_from_commands() {
    let (_, events) = moved().await;
    let settings = Settings { most_bodies: 256, ..Settings::default() };
    let app = App::of(testkit::bank::domain(), &StoreUrl::Memory, settings).await;
    let history = history(&events);
    assert!(history.len() > 256, "{history}");
    assert_eq!(app.opened("shop", history).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_history_is_refused_with_the_line() {
    let (_, events) = moved().await;
    let settings = Settings { most_history: 4_096, ..Settings::default() };
    let app = App::of(testkit::bank::domain(), &StoreUrl::Memory, settings).await;
    let alien = Event { action: "account_robbed".into(), ..events[1].clone() };
    for (bytes, said) in [
        (history(&events[..2]).replacen("event_id", "id", 1), "line 1"),
        (format!("{}{{", history(&events[..2])), "line 3"),
        (history(&[events[0].clone(), alien]), "line 2"),
    ] {
        let (status, error) = app.opened("bad.jsonl", bytes).await.problem();
        assert!(status == 422 && error.contains("bad.jsonl") && error.contains(said), "{status} {error}");
        assert!(error.ends_with("; nothing was read; mend the line, or export the log again"), "{error}");
    }
    let refused = app.opened("bad.jsonl", "{\"shop\": \"no history\"}\n").await.problem();
    let said = "store bad.jsonl holds something unreadable at line 1: unknown field `shop`, expected one of `stream`, \
                `id`, `fields` (column 7); nothing was read; mend the line, or export the log again";
    assert_eq!(refused, (422, said.into()));
    let large = app.opened("large.jsonl", vec![b' '; 4_097]).await;
    assert_eq!(large.problem(), (413, "the body is larger than 4096 bytes".into()));
    let unannounced = app.ask("POST", HISTORIES).chunks(vec![vec![b' '; 4_000].into(), vec![b' '; 97].into()]);
    assert_eq!(unannounced.await_answer().await.problem().0, 413);
    assert_eq!(app.get(HISTORIES).await.said(), (200, r#"{"result":[]}"#), "nothing is half opened");
    assert_eq!(app.post("/api/v1/replays", r#"{"log":7}"#).await.problem().0, 422);
}
