//! What is in a service's queue, over HTTP.

use std::time::Duration;

use gateway::Settings;
use runtime::StoreUrl;
use serde_json::{Value, json};

use crate::app::App;

const QUEUE: &str = "/api/v1/queues/book-service";

impl App {
    /// A page of a queue, without the times in it.
    async fn queue(&self, query: &str) -> Value {
        let answer = self.get(&format!("{QUEUE}{query}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut queue = answer.member("result");
        for command in queue["commands"].as_array_mut().unwrap() {
            let command = command.as_object_mut().unwrap();
            assert!(command.remove("since").unwrap().as_str().unwrap().ends_with('Z'));
            if let Some(ends) = command.remove("lease_ends") {
                assert!(ends.as_str().unwrap().ends_with('Z'));
            }
        }
        queue
    }

    /// Has a command put into the queue; gives its id.
    async fn submitted(&self, title: &str) -> String {
        let answer = self.post("/books", &json!([{ "title": title }]).to_string()).await;
        answer.member("result").as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_are_told_where_they_stand_a_page_at_a_time() {
    let app = App::alone(&StoreUrl::Memory, Settings::default()).await;
    let empty = json!({"service": "book-service", "waiting": 0, "claimed": 0, "dead": 0, "commands": [], "next": null});
    assert_eq!(app.queue("").await, empty);
    let mut ids = Vec::new();
    for title in ["<b>Dead</b>", "Again", "Waiting"] {
        ids.push(app.submitted(title).await);
    }
    app.engine.heartbeat("worker-1", Duration::from_secs(60)).await.unwrap();
    let mut claimer = app.engine.claimer("book-service", "worker-1").await.unwrap();
    for (error, most) in [("no way", 1), ("hiccup", 3)] {
        let claim = claimer.claim(1, Duration::from_secs(30)).await.unwrap().remove(0);
        app.engine.fail(&claim.token, error, most).await.unwrap();
    }
    claimer.claim(1, Duration::from_secs(30)).await.unwrap();

    let command = |index: usize, state: &str, title: &str| {
        json!({
            "state": state, "id": ids[index], "topic": "book", "intent": "create",
            "data": [{"title": title}], "attempts": 0,
        })
    };
    let [mut dead, mut claimed, waiting] =
        [command(0, "dead", "<b>Dead</b>"), command(1, "claimed", "Again"), command(2, "waiting", "Waiting")];
    (dead["attempts"], dead["error"]) = (1.into(), "no way".into());
    (claimed["attempts"], claimed["error"], claimed["worker"]) = (1.into(), "hiccup".into(), "worker-1".into());
    let page = |commands: &[&Value], next: Value| json!({"service": "book-service", "waiting": 1, "claimed": 1, "dead": 1, "commands": commands, "next": next});
    assert_eq!(app.queue("").await, page(&[&claimed, &waiting, &dead], Value::Null));
    assert_eq!(app.queue("?limit=2").await, page(&[&claimed, &waiting], ids[2].clone().into()));
    assert_eq!(app.queue(&format!("?limit=2&after={}", ids[2])).await, page(&[&dead], Value::Null));
    for (state, command) in [("waiting", &waiting), ("claimed", &claimed), ("dead", &dead)] {
        assert_eq!(app.queue(&format!("?state={state}")).await, page(&[command], Value::Null));
        assert_eq!(
            app.queue(&format!("?state={state}&after={}", command["id"].as_str().unwrap())).await["commands"],
            json!([])
        );
    }
    app.post(&format!("{QUEUE}/dead/{}/requeue", ids[0]), "").await;
    let queue = app.queue("?state=waiting").await;
    assert_eq!((&queue["dead"], &queue["commands"][1]["id"]), (&0.into(), &ids[0].clone().into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_queue_can_tell_is_refused() {
    let app = App::alone(&StoreUrl::Memory, Settings::default()).await;
    assert_eq!(app.get("/api/v1/queues/books").await.problem(), (404, "there is no service books".into()));
    for (query, field, said) in [
        ("state=ended", json!("state"), "state is \"ended\"; expected waiting, claimed or dead"),
        ("limit=0", json!("limit"), "limit is \"0\"; expected a whole number from 1 to 1000"),
        ("limit=1001", json!("limit"), "limit is \"1001\"; expected a whole number from 1 to 1000"),
        ("page=2", Value::Null, "there is no parameter page here; there are state, after, limit"),
    ] {
        let answer = app.get(&format!("{QUEUE}?{query}")).await;
        assert_eq!((answer.problem(), answer.member("field")), ((400, said.into()), field), "{query}");
    }
}
