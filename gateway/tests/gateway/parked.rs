//! What consumers have set aside, over HTTP.

use serde_json::{Value, json};

use crate::app::{App, fact};

const PARKED: &str = "/api/v1/parked";

impl App {
    /// A page of what is set aside, without the times in it.
    async fn parked(&self, query: &str) -> Value {
        let mut page = self.get(&format!("{PARKED}{query}")).await.member("result");
        for entry in page["entries"].as_array_mut().unwrap() {
            assert!(entry.as_object_mut().unwrap().remove("since").unwrap().as_str().unwrap().ends_with('Z'));
        }
        page
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_saga_could_not_do_is_listed_tried_again_and_dropped() {
    let app = App::bank().await;
    assert_eq!(app.parked("").await, json!({"count": 0, "entries": [], "next": null}));
    let [ann] = app.post("/account", r#"[{"owner":"Ann","balance":50}]"#).await.ids().try_into().unwrap();
    let transfer = json!({"from_id": ann, "to_id": ann, "amount": 17}).to_string();
    for _ in 0..2 {
        assert_eq!(app.post("/transfer", &transfer).await.status, 200);
    }
    fact("both are set aside", async || app.parked("").await["count"] == 2).await;
    let page = app.parked("?limit=1").await;
    let position = page["entries"][0]["position"].as_str().unwrap().to_owned();
    let next = page["next"].as_str().unwrap().to_owned();
    let entry = |position: &str, attempts: u32| {
        json!({
            "consumer": "saga/teller", "topic": "transfer", "position": position,
            "reason": "the teller can't count to 17", "attempts": attempts, "retry": false,
        })
    };
    assert_eq!(page, json!({"count": 2, "entries": [entry(&position, 1)], "next": next}));
    assert_eq!(next, format!("{position} saga/teller transfer"));
    let rest = app.parked(&format!("?after={}", next.replace(' ', "+"))).await;
    let last = rest["entries"][0]["position"].as_str().unwrap().to_owned();
    assert_eq!(rest, json!({"count": 2, "entries": [entry(&last, 1)], "next": null}));

    let path = |position: &str| format!("{PARKED}/saga%2Fteller/transfer/{position}");
    assert_eq!(app.post(&format!("{}/retry", path(&position)), "").await.member("result"), true);
    fact("it has been tried again, in vain", async || app.parked("").await["entries"][0] == entry(&position, 2)).await;
    assert_eq!(app.delete(&path(&position)).await.member("result"), true);
    assert_eq!(app.parked("").await, json!({"count": 1, "entries": [entry(&last, 1)], "next": null}));
    let gone = (404, format!("saga/teller has not set aside transfer {position}"));
    assert_eq!(app.delete(&path(&position)).await.problem(), gone);
    assert_eq!(app.post(&format!("{}/retry", path(&position)), "").await.problem(), gone);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_in_another_way_is_refused() {
    let app = App::bank().await;
    let malformed = "\"now\" is no position; expected 1-0".to_owned();
    assert_eq!(app.delete(&format!("{PARKED}/saga%2Fteller/transfer/now")).await.problem(), (400, malformed));
    let (status, detail) = app.get(&format!("{PARKED}?after=1-0")).await.problem();
    assert_eq!((status, detail.starts_with("after: \"1-0\" names no parked entry")), (400, true), "{detail}");
    assert_eq!(
        app.get(&format!("{PARKED}?limit=1000")).await.problem(),
        (400, "limit is \"1000\"; expected a whole number from 1 to 999".to_owned())
    );
    // What nobody here can try again, and the read model alone can't either.
    let aside = |consumer: &str| {
        let parked = runtime::Parked::now(consumer, "transfer", kernel::Position::new(7, 0), "no");
        app.engine.commit_one(runtime::Commit { park: vec![parked], ..runtime::Commit::default() })
    };
    aside("saga/retired").await.unwrap();
    aside("projector").await.unwrap();
    let retried =
        async |consumer: &str| app.post(&format!("{PARKED}/{consumer}/transfer/7-0/retry"), "").await.problem();
    let sentence = "saga/retired is no saga of this program: it can only be dropped here".to_owned();
    assert_eq!(retried("saga%2Fretired").await, (409, sentence));
    let (status, detail) = retried("projector").await;
    assert_eq!((status, detail.starts_with("the read model still can't read transfer 7-0: ")), (409, true), "{detail}");
}
