//! Lives of rows, and what led to events.

use gateway::Settings;
use serde_json::{Value, json};

use crate::{app::App, client::Answer};

/// A book that was changed so often, and the positions of its versions.
async fn versions(app: &App, count: usize) -> (String, Vec<String>) {
    let position = |answer: &Answer| answer.header("retrace-position").to_owned();
    let created = app.post("/book", r#"{"title":"Momo"}"#).await;
    let id = created.ids().remove(0);
    let mut positions = vec![position(&created)];
    for copies in 2..=count {
        let body = format!(r#"{{"title":"Momo","copies":{copies}}}"#);
        positions.push(position(&app.put(&format!("/book/{id}"), &body).await));
    }
    (id, positions)
}

/// Where the chapters of an answer stand, and whether there are more.
fn told(answer: &Answer) -> (Vec<String>, bool) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let life = answer.member("result");
    let chapters = life["chapters"].as_array().unwrap().iter();
    let positions = chapters.map(|chapter| chapter["event"]["position"].as_str().unwrap().to_owned());
    (positions.collect(), life["more"].as_bool().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_life_is_told_page_by_page() {
    let app = App::start().await;
    let (id, positions) = versions(&app, 5).await;
    let path = format!("/api/v1/history/book/{id}");
    let ask = async |query: &str| app.get(&format!("{path}?{query}")).await;
    let all = app.get(&path).await;
    assert_eq!((told(&all), all.header("retrace-position")), ((positions.clone(), false), &*positions[4]));
    for (query, range, more) in [
        ("limit=2".to_owned(), 0..2, true),
        (format!("limit=2&after={}", positions[1]), 2..4, true),
        (format!("limit=2&after={}", positions[3]), 4..5, false),
        (format!("limit=2&after={}", positions[4]), 5..5, false),
        ("limit=5".to_owned(), 0..5, false),
        ("limit=1000&after=0-0".to_owned(), 0..5, false),
    ] {
        let page = ask(&query).await;
        assert_eq!(told(&page), (positions[range].to_vec(), more), "{query}");
        assert_eq!(page.header("retrace-position"), positions[4], "{query}");
    }
    let then = ask(&format!("at={}&limit=2&after={}", positions[2], positions[0])).await;
    assert_eq!((told(&then), then.header("retrace-position")), ((positions[1..3].to_vec(), false), &*positions[2]));

    let life = ask("limit=2").await.member("result");
    let row = |copies: u32| json!({"entity_id": id, "title": "Momo", "copies": copies});
    let [first, second] = [0, 1].map(|index| &life["chapters"][index]);
    assert_eq!((&first["kind"], &first["before"], &first["after"]), (&json!("created"), &Value::Null, &row(1)));
    assert_eq!((&second["kind"], &second["before"], &second["after"]), (&json!("changed"), &row(1), &row(2)));
    assert_eq!((&second["fields"], &second["event"]["number"]), (&json!({"copies": [1, 2]}), &json!(2)));
    assert!(second["origin"]["command"].is_string(), "{second}");
    assert_eq!((&life["searched"], &second["event"]["key"]), (&json!(true), &json!(id)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_life_says_what_it_does_not_know() {
    let app = App::start_with(Settings { most_changes: 3, ..Settings::default() }).await;
    let before = app.book("Other").await;
    let start = app.caught_up().await;
    let (id, positions) = versions(&app, 4).await;
    let path = format!("/api/v1/history/book/{id}");
    assert_eq!(told(&app.get(&path).await), (positions[..3].to_vec(), true), "no more than may be asked for");
    for (limit, said) in [("0", "\"0\""), ("4", "\"4\""), ("many", "\"many\""), ("-1", "\"-1\""), ("", "\"\"")] {
        let answer = app.get(&format!("{path}?limit={limit}")).await;
        let sentence = format!("limit is {said}; expected a whole number from 1 to 3");
        assert_eq!((answer.problem(), answer.member("field")), ((400, sentence), json!("limit")));
    }
    let head = &positions[3];
    for (path, sentence) in [
        ("book/other".to_owned(), format!("no book other has existed up to {head}")),
        (format!("book/other?after={start}"), format!("no book other has existed up to {head}")),
        (format!("book/{id}?at={start}"), format!("no book {id} has existed up to {start}")),
        (format!("loan/{id}"), format!("no loan {id} has existed up to {head}")),
        ("wood/1".to_owned(), "the domain has no topic wood; it has book, loan, visit".to_owned()),
    ] {
        assert_eq!(app.get(&format!("/api/v1/history/{path}")).await.problem(), (404, sentence), "{path}");
    }
    for (query, status, field) in
        [("at=soon", 400, "at"), ("after=soon", 400, "after"), ("after=9999999999999-0", 422, "after")]
    {
        let answer = app.get(&format!("{path}?{query}")).await;
        assert_eq!((answer.problem().0, answer.member("field")), (status, json!(field)), "{query}");
    }
    // Of what has ended, the life is told all the same.
    app.delete(&format!("/book/{before}")).await;
    let gone = app.get(&format!("/api/v1/history/book/{before}")).await.member("result");
    let last = &gone["chapters"][1];
    assert_eq!((&last["kind"], &last["after"], &gone["more"]), (&json!("deleted"), &Value::Null, &json!(false)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_is_told_by_event_and_by_command() {
    let app = App::start().await;
    let written = app.post("/book", r#"[{"title":"A"},{"title":"B"}]"#).await;
    let [first, second] = written.ids().try_into().unwrap();
    let command = written.header("retrace-command").to_owned();
    let life = app.get(&format!("/api/v1/history/book/{first}")).await.member("result");
    let event = life["chapters"][0]["event"].clone();
    let trace = app.get(&format!("/api/v1/trace/{command}")).await.member("result");
    assert_eq!((&trace["events"], &trace["truncated"], &trace["searched"]), (&json!(2), &json!(false), &json!(true)));
    let root = &trace["root"];
    assert_eq!((&root["kind"], &root["id"], &root["asked"]), (&json!("command"), &json!(command), &json!(true)));
    assert_eq!(root["effects"][0], json!({"kind": "event", "event": event, "effects": []}));
    assert_eq!(root["effects"][1]["event"]["key"], json!(second));
    let by_event = app.get(&format!("/api/v1/trace/{}", event["id"].as_str().unwrap())).await.member("result");
    assert_eq!((by_event["root"].get("asked"), &by_event["root"]["effects"][0]["asked"]), (None, &json!(true)));
    let unknown = app.get("/api/v1/trace/nobody").await;
    assert_eq!(unknown.problem(), (404, "no event of the log has, or names, the id nobody".to_owned()));
}

/// What does not fit a schema of the document, by where it stands; as much of JSON Schema as the document uses.
fn misfits(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        return misfits(document, document.pointer(&reference[1..]).unwrap(), value, at, found);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        misfits(document, part, value, at, found);
    }
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types = &schema["type"];
    if !types.is_null() && types != is && !types.as_array().is_some_and(|types| types.contains(&json!(is))) {
        found.push(format!("{at} is {is}, not {types}"));
    }
    if schema["enum"].as_array().is_some_and(|values| !values.contains(value))
        || schema.get("const").is_some_and(|constant| constant != value)
    {
        found.push(format!("{at} is {value}"));
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        misfits(document, &schema["items"], item, &format!("{at}/{index}"), found);
    }
    let Some(members) = value.as_object() else { return };
    for name in schema["required"].as_array().into_iter().flatten() {
        if !members.contains_key(name.as_str().unwrap()) {
            found.push(format!("{at} has no {name}"));
        }
    }
    for (name, member) in members {
        match schema["properties"].get(name) {
            Some(schema) => misfits(document, schema, member, &format!("{at}/{name}"), found),
            None if schema["additionalProperties"] == false => found.push(format!("{at} has {name}")),
            None => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_as_they_are_described() {
    let app = App::start().await;
    let (id, positions) = versions(&app, 3).await;
    app.delete(&format!("/book/{id}")).await;
    let document = app.get("/openapi.json").await.json();
    let history = app.get(&format!("/api/v1/history/book/{id}")).await.member("result");
    let event = history["chapters"][0]["event"]["id"].as_str().unwrap();
    let trace = app.get(&format!("/api/v1/trace/{event}")).await.member("result");
    let diff = app.get(&format!("/api/v1/diff?from=0-0&to={}", positions[2])).await.member("result");
    for (path, answer) in
        [("/api/v1/history/{topic}/{id}", history), ("/api/v1/trace/{id}", trace), ("/api/v1/diff", diff)]
    {
        let content = &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        assert!(content.is_object(), "{path}: {}", document["paths"][path]);
        let (mut found, mut wrong) = (Vec::new(), Vec::new());
        misfits(&document, content, &json!({ "result": answer }), "", &mut found);
        assert_eq!(found, Vec::<String>::new(), "{path}");
        misfits(&document, content, &json!({ "result": {"odd": 1} }), "", &mut wrong);
        assert!(wrong.contains(&"/result has odd".to_owned()), "{path}: {wrong:?}");
    }
}
