//! What the gateway says about itself and what is behind it.

use gateway::{Gateway, Settings, Unroutable};
use kernel::{Domain, Entity, Field, Page, Topic};
use runtime::StoreUrl;
use serde::{Deserialize, Serialize};

use crate::app::{App, fact};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_tell_alive_from_ready() {
    let app = App::alone(&StoreUrl::Memory, Settings { most_lag: 1, ..Settings::default() }).await;
    assert_eq!(app.get("/livez").await.said(), (200, r#"{"alive":true}"#));
    assert_eq!(app.get("/readyz").await.said(), (200, r#"{"ready":true,"reasons":[]}"#));
    app.decide();
    let books = r#"[{"title":"A"},{"title":"B"}]"#;
    app.post("/books", books).await;
    fact("both are in the log", async || app.engine.head().await.unwrap().number.0 == 2).await;
    let behind = r#"{"ready":false,"reasons":["the read model is 2 events behind; more than 1 is too many"]}"#;
    assert_eq!(app.get("/readyz").await.said(), (503, behind));
    app.project();
    app.caught_up().await;
    assert_eq!(app.get("/readyz").await.said(), (200, r#"{"ready":true,"reasons":[]}"#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_says_how_everything_is_going() {
    let app = App::start().await;
    app.book("Momo").await;
    let status = app.get("/api/v1/status").await.member("result");
    assert_eq!((&status["domain"], &status["store"]), (&"library".into(), &"memory:".into()));
    assert_eq!((&status["head"]["number"], &status["read_model"]["lag"]), (&1.into(), &0.into()));
    assert_eq!(status["read_model"]["state"]["checkpoint"], status["head"]);
    assert_eq!((&status["parked"], &status["consumers"]), (&0.into(), &serde_json::json!([])));
    assert_eq!(
        status["queues"][0],
        serde_json::json!({"service": "book-service", "waiting": 0, "claimed": 0, "dead": 0})
    );
    assert!(status["trouble"].is_null());
    fact("the timeline has it", async || {
        let timeline = app.get("/api/v1/status").await.member("result")["timeline"].take();
        let standing = serde_json::json!({
            "place": "memory:", "checkpoint": status["head"], "since": "0-0", "stale": false, "bytes": 0,
        });
        timeline == serde_json::json!({ "standing": standing, "lag": 0 })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_describe_the_domain() {
    let app = App::start().await;
    insta::assert_json_snapshot!(app.get("/api/v1/topics").await.json());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_interface_is_described_from_the_domain() {
    let app = App::start().await;
    let document = app.get("/openapi.json").await.json();
    insta::assert_json_snapshot!(document["components"]["schemas"]);
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    insta::assert_json_snapshot!(paths);
    insta::assert_json_snapshot!(document["paths"]["/book"]);
    for path in ["/books", "/book/{id}", "/loans", "/books/lent", "/visits/made"] {
        let get = &document["paths"][path]["get"];
        assert_eq!(get["parameters"], serde_json::json!([{"$ref": "#/components/parameters/At"}]), "{path}");
        assert!(get["responses"]["200"]["headers"]["Retrace-Position"].is_object(), "{path}");
    }
    check_references(&document, &document);
}

/// Every `$ref` leads somewhere.
fn check_references(document: &serde_json::Value, part: &serde_json::Value) {
    if let Some(reference) = part.get("$ref").and_then(serde_json::Value::as_str) {
        let found = document.pointer(reference.strip_prefix('#').unwrap());
        assert!(found.is_some(), "{reference}");
    }
    let members = part.as_object().into_iter().flat_map(serde_json::Map::values);
    members.chain(part.as_array().into_iter().flatten()).for_each(|part| check_references(document, part));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_counted_by_route_not_by_path() {
    let app = App::start().await;
    let id = app.book("Momo").await;
    app.get(&format!("/book/{id}")).await;
    app.get("/book/other").await;
    app.get("/nowhere/1").await;
    app.get("/nowhere/2").await;
    app.post("/loan", r#"{"book_id":"x","reader":"Gigi"}"#).await;
    app.ask("BREW", "/books").await_answer().await;
    let metrics = app.get("/metrics").await;
    assert_eq!(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for line in [
        r#"retrace_http_request_duration_seconds_count{route="/book/{id}",method="GET",status="200"} 2"#,
        r#"retrace_http_request_duration_seconds_count{route="/book",method="POST",status="200"} 1"#,
        r#"retrace_http_request_duration_seconds_count{route="unmatched",method="GET",status="404"} 2"#,
        r#"retrace_http_request_duration_seconds_count{route="/books",method="other",status="405"} 1"#,
        r#"retrace_http_request_duration_seconds_bucket{route="/book/{id}",method="GET",status="200",le="+Inf"} 2"#,
        r#"retrace_commands_total{outcome="done"} 1"#,
        r#"retrace_commands_total{outcome="rejected"} 1"#,
        r#"retrace_live_clients{kind="websocket"} 0"#,
        "retrace_http_requests_in_flight 1",
        "retrace_commands_under_way 0",
        "retrace_commands_under_way_limit 1024",
        "retrace_log_head_number 1",
        "retrace_timeline_bytes 0",
        "retrace_timeline_stale 0",
        "retrace_read_model_lag_events 0",
        r#"retrace_queue_commands{service="book-service",state="waiting"} 0"#,
        "retrace_parked_entries 0",
        "retrace_store_up 1",
    ] {
        assert!(metrics.body.lines().any(|found| found == line), "{line} is not in\n{}", metrics.body);
    }
    assert!(!metrics.body.contains(&id) && !metrics.body.contains("nowhere"), "{}", metrics.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_workbench_is_in_the_binary() {
    let app = App::start().await;
    let page = app.get("/").await;
    let linked = ["href=\"assets/", "src=\"assets/", "\"./assets/"];
    let files =
        linked.iter().flat_map(|before| page.body.split(before).skip(1).filter_map(|rest| rest.split('"').next()));
    let files: Vec<_> = files.collect();
    assert!(files.len() > 10, "{files:?}");
    for file in files {
        let path = format!("/assets/{file}");
        let found = app.get(&path).await;
        let kind = match path.rsplit_once('.').unwrap().1 {
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            _ => "text/javascript; charset=utf-8",
        };
        assert_eq!((found.status, found.header("content-type")), (200, kind), "{path}");
        let again = app.ask("GET", &path).header("if-none-match", found.header("etag")).await_answer().await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
    }
    for nowhere in
        ["/assets/", "/assets/nothing.js", "/assets/../Cargo.toml", "/assets/%2e%2e/Cargo.toml", "/assets/pages/x.js"]
    {
        assert_eq!(app.get(nowhere).await.status, 404, "{nowhere}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_the_domain_brings_is_served_with_what_it_is_made_of() {
    let page = Page {
        name: "desk",
        title: "Desk",
        script: "import './desk/lamp.js';",
        modules: &[("lamp.js", "export {};")],
        style: ".desk {}",
    };
    let app = App::of(Domain::new("office").page(page), &StoreUrl::Memory, Settings::default()).await;
    let pages = app.get("/api/v1/topics").await.member("result")["pages"].take();
    assert_eq!(pages, serde_json::json!([{"name": "desk", "title": "Desk"}]));
    for (file, kind, text) in [
        ("desk.js", "text/javascript; charset=utf-8", "import './desk/lamp.js';"),
        ("desk.css", "text/css; charset=utf-8", ".desk {}"),
        ("desk/lamp.js", "text/javascript; charset=utf-8", "export {};"),
    ] {
        let found = app.get(&format!("/assets/pages/{file}")).await;
        assert_eq!((found.header("content-type"), found.said()), (kind, (200, text)), "{file}");
    }
    for nowhere in ["desk", "desk.html", "door.js", "desk/door.js", "door/lamp.js"] {
        assert_eq!(app.get(&format!("/assets/pages/{nowhere}")).await.status, 404, "{nowhere}");
    }
}

#[derive(Serialize, Deserialize)]
struct Metric {
    entity_id: String,
}

impl Entity for Metric {
    const TOPIC: &'static str = "metric";

    fn topic() -> Topic {
        Topic::entity("metric", "metrics", "metric-service", vec![Field::text("name")])
    }
}

#[tokio::test]
async fn a_domain_whose_names_are_no_routes_is_refused() {
    let app = App::start().await;
    let domain = std::sync::Arc::new(Domain::new("odd").entity::<Metric>());
    let (tail, _) = runtime::Tail::follow(app.engine.clone()).await.unwrap();
    let model = projector::ReadModel::open(&StoreUrl::Memory, &runtime::Namespace::default()).await.unwrap();
    let (engine, timeline) = (app.engine.clone(), app.timeline.clone());
    let refused = Gateway::new(domain, engine, tail, model, timeline, Settings::default()).unwrap_err();
    assert_eq!(
        refused,
        Unroutable::Unusable {
            path: "/metrics".into(),
            owner: "the plural of metric".into(),
            reason: "the gateway needs for itself"
        }
    );
}
