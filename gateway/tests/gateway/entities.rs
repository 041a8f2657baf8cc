//! The routes that every entity has, and the domain's questions.

use crate::app::{App, fact};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entity_is_created_read_replaced_and_ended() {
    let app = App::start().await;
    assert_eq!(app.get("/books").await.said(), (200, r#"{"result":[]}"#));

    let created = app.post("/book", r#"{"title": "Momo"}"#).await;
    let id = created.ids().remove(0);
    assert_eq!(created.said(), (200, format!(r#"{{"result":["{id}"]}}"#).as_str()));
    assert_eq!(created.header("content-type"), "application/json");
    assert!(!created.header("retrace-command").is_empty() && !created.header("retrace-position").is_empty());
    assert_eq!(created.header("retrace-read-model"), "");

    let book = format!("/book/{id}");
    let row = format!(r#"{{"entity_id":"{id}","title":"Momo","copies":1}}"#);
    assert_eq!(app.get(&book).await.said(), (200, format!(r#"{{"result":{row}}}"#).as_str()));
    assert_eq!(app.get("/books").await.said(), (200, format!(r#"{{"result":[{row}]}}"#).as_str()));

    assert_eq!(app.put(&book, r#"{"title":"Momo","copies":3}"#).await.said(), (200, r#"{"result":true}"#));
    let row = format!(r#"{{"entity_id":"{id}","title":"Momo","copies":3}}"#);
    assert_eq!(app.get(&book).await.said(), (200, format!(r#"{{"result":{row}}}"#).as_str()));

    assert_eq!(app.delete(&book).await.said(), (200, r#"{"result":true}"#));
    assert_eq!(app.get(&book).await.said(), (200, r#"{"result":null}"#));
    assert_eq!(app.get("/books").await.said(), (200, r#"{"result":[]}"#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_in_order_of_keys_and_gives_ids_in_order_of_members() {
    let app = App::start().await;
    let ids = app.post("/book", r#"[{"title":"A"},{"title":"B"},{"title":"C"}]"#).await.ids();
    for (id, title) in ids.iter().zip(["A", "B", "C"]) {
        assert_eq!(app.get(&format!("/book/{id}")).await.json()["result"]["title"], title);
    }
    let listed = app.get("/books").await.member("result");
    let listed: Vec<_> = listed.as_array().unwrap().iter().map(|book| book["entity_id"].as_str().unwrap()).collect();
    let mut sorted: Vec<_> = ids.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    assert_eq!(listed, sorted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plural_takes_a_list_and_does_not_wait() {
    let app = App::start().await;
    let answer = app.post("/books", r#"[{"title":"A"},{"title":"B"}]"#).await;
    assert_eq!(answer.status, 200);
    let command = answer.member("result").as_str().unwrap().to_owned();
    assert_eq!(answer.header("retrace-command"), command);
    let fate = format!("/api/v1/commands/{command}");
    fact("the command is done", async || app.get(&fate).await.json()["result"]["status"] == "done").await;
    app.caught_up().await;
    assert_eq!(app.get("/books").await.member("result").as_array().unwrap().len(), 2);

    assert_eq!(
        app.post("/books", r#"{"title":"A"}"#).await.problem(),
        (422, "expected a list; POST /book takes one book".into())
    );
    assert_eq!(app.post("/books", "[]").await.problem(), (422, "a list of books to create must not be empty".into()));
    let wrong = app.post("/books", r#"[{"title":"A"},{"title":7}]"#).await;
    assert_eq!(wrong.problem(), (422, "title must be a text, not 7".into()));
    assert_eq!((wrong.member("field"), wrong.member("member")), ("title".into(), 1.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_all_or_nothing() {
    let app = App::start().await;
    let book = app.book("Momo").await;
    let head = app.engine.head().await.unwrap();
    let loan = format!(r#"{{"book_id":"{book}","reader":"Gigi"}}"#);
    let refused = app.post("/loan", &format!("[{loan},{loan}]")).await;
    assert_eq!(refused.problem(), (422, format!("all 1 copies of book {book} are lent")));
    assert_eq!((refused.member("field"), refused.member("member")), ("book_id".into(), 1.into()));
    assert!(refused.member("command").is_string());
    let dangling = app.post("/loan", &format!(r#"[{loan},{{"book_id":"x","reader":"Beppo"}}]"#)).await;
    assert_eq!(dangling.problem(), (422, "book_id names book x, which does not exist".into()));
    assert_eq!(app.engine.head().await.unwrap(), head, "nothing of either was written");
    assert_eq!(app.get("/loans").await.said(), (200, r#"{"result":[]}"#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_visible_to_the_next_read() {
    let app = App::start().await;
    let book = format!("/book/{}", app.book("Momo").await);
    for copies in 0..500 {
        app.put(&book, &format!(r#"{{"title":"Momo","copies":{copies}}}"#)).await;
        assert_eq!(app.get(&book).await.json()["result"]["copies"], copies);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_have_routes_of_their_own() {
    let app = App::start().await;
    assert_eq!(app.get("/books/lent").await.said(), (200, r#"{"result":[]}"#));
    assert_eq!(
        app.get("/broken").await.problem(),
        (500, "/broken can't be answered: there are no books to ask about".into())
    );
    let book = app.book("Momo").await;
    app.post("/loan", &format!(r#"{{"book_id":"{book}","reader":"Gigi"}}"#)).await.ids();
    assert_eq!(app.get("/books/lent").await.said(), (200, r#"{"result":[{"readers":["Gigi"],"title":"Momo"}]}"#));
    assert_eq!(app.get("/broken").await.problem(), (500, "/broken can't be answered: it panicked".into()));
    assert_eq!(app.get("/visits/made").await.said(), (200, r#"{"result":[]}"#));
    for path in ["/visits", "/visit/1", "/visit"] {
        assert_eq!(app.get(path).await.problem().0, 404, "a journal has no routes but its questions: {path}");
    }
}
