//! A bank's log, and what somebody could have made of it.

use kernel::{Entry, Event};
use runtime::history::write_line;
use serde_json::{Value, json};

use crate::app::{App, fact};

/// A bank where 30 of 100 were moved from one account to another, and its log, in order.
///
/// Two accounts and a transfer are created; the teller takes, gives and marks the transfer as done; the clerk sends a
/// notice, which is its service's last event.
pub(crate) async fn moved() -> (App, Vec<Event>) {
    let app = App::bank().await;
    let accounts = r#"[{"owner":"Momo","balance":100},{"owner":"Gigi"}]"#;
    let [from, to] = app.post("/account", accounts).await.ids().try_into().unwrap();
    let transfer = json!({"from_id": from, "to_id": to, "amount": 30});
    assert_eq!(app.post("/transfer", &transfer.to_string()).await.status, 200);
    let log = async || app.engine.read(&kernel::Checkpoint::default(), 1_000).await.unwrap().entries;
    fact("the notice is sent", async || log().await.iter().any(|entry| topic(entry) == "notice")).await;
    let told = async || app.engine.queues(&["notice-service"]).await.unwrap()[0].claimed == 0;
    fact("its command is done", told).await;
    let events = log().await.into_iter().map(|entry| match entry {
        Entry::Event(event) => event,
        Entry::Junk(junk) => panic!("{junk:?}"),
    });
    let events = events.collect();
    (app, events)
}

fn topic(entry: &Entry) -> &str {
    match entry {
        Entry::Event(event) => &event.topic,
        Entry::Junk(junk) => &junk.topic,
    }
}

/// The same, but that 31 instead of 30 were given: the event that says so is returned too.
pub(crate) fn tampered(mut events: Vec<Event>) -> (Vec<Event>, Event) {
    let given = events.iter_mut().filter(|event| &*event.topic == "account" && event.meta.cause.is_some()).nth(1);
    let given = given.unwrap();
    let mut data: Value = serde_json::from_str(&given.data).unwrap();
    assert_eq!(data["balance"], 30, "{data}");
    data["balance"] = 31.into();
    given.data = data.to_string();
    let given = given.clone();
    (events, given)
}

/// As a history file holds them.
pub(crate) fn history(events: &[Event]) -> String {
    events.iter().map(|event| format!("{}\n", write_line(event))).collect()
}
