//! Audits of the served read model, over HTTP.

use gateway::Settings;
use kernel::Digest;
use runtime::StoreUrl;
use serde_json::{Value, json};

use crate::app::{App, fact};

const AUDITS: &str = "/api/v1/audits";

impl App {
    async fn audits(&self) -> Value {
        self.get(AUDITS).await.member("result")
    }

    async fn audited(&self) -> Value {
        let answer = self.post(AUDITS, "").await;
        assert_eq!((answer.status, answer.header("location")), (202, AUDITS), "{answer:?}");
        fact("the audit is over", async || self.audits().await["current"].is_null()).await;
        self.audits().await["last"].clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_the_logs_are_clean_and_a_changed_one_is_found() {
    let app = App::start().await;
    assert_eq!(app.audits().await, json!({"current": null, "last": null}));
    let book = app.book("Momo").await;
    app.caught_up().await;
    let last = app.audited().await;
    assert!(last["seconds"].is_f64(), "{last}");
    let audit = &last["audit"];
    assert_eq!((&audit["clean"], &audit["entries"], &audit["log"]), (&true.into(), &1.into(), &"memory:".into()));
    let model = &audit["models"][0];
    assert_eq!(
        (&model["equal"], &model["rows"], &model["place"]),
        (&true.into(), &json!({"book": 1, "loan": 0, "visit": 0}), &"memory:".into())
    );
    assert_eq!(model["digest"], model["expected"]);

    let found = format!(r#"{{"entity_id":"{book}","title":"Mimi","copies":1}}"#);
    crate::rebuilds::tamper(&app, &book, &found).await;
    let last = app.audited().await;
    let (audit, model) = (&last["audit"], &last["audit"]["models"][0]);
    assert_eq!(
        (&audit["clean"], &model["equal"], &model["differences"]["count"]),
        (&false.into(), &false.into(), &1.into())
    );
    let difference = &model["differences"]["first"][0];
    assert_eq!((&difference["topic"], &difference["key"]), (&"book".into(), &book.into()));
    assert_eq!((&difference["found"], difference["expected"].is_string()), (&found.into(), true), "{difference}");
    assert_ne!(model["digest"], json!(Digest::default()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_is_under_way_at_a_time_and_it_takes_no_fields() {
    let app = App::alone(&StoreUrl::Memory, Settings::default()).await;
    app.far_behind().await;
    assert_eq!(app.post(AUDITS, "{}").await.status, 202);
    let held = "another audit is under way; wait for it, GET /api/v1/audits tells how far it is";
    assert_eq!(app.post(AUDITS, "").await.problem(), (409, held.into()));
    let unknown = app.post(AUDITS, r#"{"model":"redis:"}"#).await;
    assert_eq!(unknown.problem(), (422, "unknown field model; the fields are none".into()));
    fact("the audit is over", async || app.audits().await["current"].is_null()).await;
    let last = app.audits().await["last"].clone();
    assert_eq!((&last["audit"]["entries"], &last["audit"]["clean"]), (&50_000.into(), &true.into()), "{last}");
}
