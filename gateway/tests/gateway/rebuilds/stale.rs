//! Rows that another version of the projection made are served, and said to be.

use gateway::Settings;
use projector::{Change, Changes, ModelState};
use runtime::StoreUrl;

use crate::app::{App, fact};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_another_version_are_served_and_said_to_be() {
    let app = App::alone(&StoreUrl::Memory, Settings::default()).await;
    let current = crate::domain::domain().projection();
    let row = r#"{"entity_id":"1","title":"Momo","copies":1}"#;
    let rows = vec![Change { topic: "book", key: "1".into(), row: Some(row.into()) }];
    let to = ModelState { version: current ^ 1, generation: 4, ..ModelState::default() };
    assert!(app.model.write(&Changes { from: ModelState::default(), to, rows }).await.unwrap());
    let stale = format!("version {:08x} of the projection made these rows, current is {current:08x}", current ^ 1);
    let rows = ["/book/1", "/book/none", "/books", "/loans", "/books/lent"];
    // Single rows are marked by what was seen last, and the gateway may have looked before there was anything to see.
    fact("the gateway has seen it", async || app.get("/books").await.header("retrace-stale") == stale).await;
    for path in rows {
        let answer = app.get(path).await;
        assert_eq!((answer.status, answer.header("retrace-stale")), (200, stale.as_str()), "{path}");
    }
    let model = app.get("/api/v1/status").await.member("result")["read_model"].clone();
    assert_eq!((&model["stale"], &model["current_version"]), (&true.into(), &current.into()));
    assert_eq!(app.rebuilds().await["served"]["stale"], true);
    assert!(app.get("/metrics").await.body.contains("\nretrace_read_model_stale 1\n"));
    assert_eq!(app.get("/readyz").await.status, 200, "it is of use all the same");
    assert_eq!(app.get("/nowhere").await.header("retrace-stale"), "");

    app.project();
    app.decide();
    app.book("Jim Knopf").await;
    fact("the projector has made it anew", async || app.generation().await == 5).await;
    fact("the gateway has seen it", async || app.get("/books").await.header("retrace-stale").is_empty()).await;
    for path in rows {
        assert_eq!(app.get(path).await.header("retrace-stale"), "", "{path}");
    }
    let model = app.get("/api/v1/status").await.member("result")["read_model"].clone();
    assert_eq!((&model["stale"], &model["state"]["version"]), (&false.into(), &current.into()));
    let back = app.post("/api/v1/rebuilds/rollback", "").await.problem();
    let error = format!(
        "generation 4 was made by version {:08x} of the projection, and this program has {current:08x}; go back with the program that made it",
        current ^ 1
    );
    assert_eq!(back, (409, error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_answer_already_says_that_its_rows_are_stale() {
    let app = App::alone(&StoreUrl::Memory, Settings::default()).await;
    let to = ModelState { version: 1, generation: 1, ..ModelState::default() };
    assert!(app.model.write(&Changes { from: ModelState::default(), to, rows: Vec::new() }).await.unwrap());
    let late = app.another(Settings::default()).await;
    assert!(late.get("/book/1").await.header("retrace-stale").starts_with("version 00000001 of the projection"));
}
