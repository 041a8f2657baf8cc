//! Rebuilds that do not happen, and what is said about it.

use serde_json::Value;

use super::{REBUILDS, accepted};
use crate::app::App;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_rebuilt_is_told_with_the_field() {
    let app = App::start().await;
    app.book("Momo").await;
    let first = app.caught_up().await;
    app.book("Jim Knopf").await;
    let head = app.caught_up().await;
    let back = "build it elsewhere: retrace rebuild --into sqlite:then.model";
    for (body, error, field) in [
        (
            r#"{"form":"1-0"}"#.to_owned(),
            "unknown field form; the fields are from, to, empty, topics, approval".into(),
            "form",
        ),
        (r#"{"from":3}"#.into(), "from must be a position or a time, as text, not 3".into(), "from"),
        (
            r#"{"to":"soon"}"#.into(),
            "to: \"soon\" is no moment; expected a position like 1795341904815-0, an event's number like #17, or a time like 2026-11-22T15:04:05Z"
                .into(),
            "to",
        ),
        (
            r#"{"to":"9999999999999-0"}"#.into(),
            format!("position 9999999999999-0 lies after {head}, the head of the log ({})", head.time().unwrap()),
            "to",
        ),
        (r#"{"empty":"yes"}"#.into(), "empty must be true or false, not \"yes\"".into(), "empty"),
        (r#"{"topics":"book"}"#.into(), "topics must be a list of texts, not \"book\"".into(), "topics"),
        (
            r#"{"topics":["book","shelf"]}"#.into(),
            "the domain has no topic shelf; it has book, loan, visit".into(),
            "topics",
        ),
        (
            r#"{"approval":"maybe"}"#.into(),
            "approval must be not_needed, needed or given, not \"maybe\"".into(),
            "approval",
        ),
        (
            format!(r#"{{"to":"{head}","approval":"needed"}}"#),
            "rows are compared over the whole log; leave out approval, or to and empty".into(),
            "approval",
        ),
        (
            format!(r#"{{"from":"{head}","to":"{first}"}}"#),
            format!("the rebuild would start at {head} and stop before that, at {first}; exchange the two"),
            "from",
        ),
        (
            format!(r#"{{"to":"{first}"}}"#),
            format!("read model memory: stands at {head} and would go back to {first}; {back}"),
            "to",
        ),
    ] {
        let answer = app.post(REBUILDS, &body).await;
        assert_eq!((answer.problem(), answer.member("field")), ((422, error), field.into()), "{body}");
    }
    assert_eq!(app.generation().await, 1, "nothing has happened");
    for body in [r#"{"topics":["book"],"from":null}"#.to_owned(), format!(r#"{{"from":"{first}","to":"{head}"}}"#)] {
        accepted(&app.post(REBUILDS, &body).await);
        assert_eq!(app.ended().await["report"]["served"], true, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_rebuild_at_all_is_refused() {
    let app = App::start().await;
    app.book("Momo").await;
    let head = app.caught_up().await;
    let part = "gives a part of the read model, which memory: would serve as if it were the whole; build it elsewhere: retrace rebuild --into sqlite:part.model";
    let partial = format!("a rebuild from nothing {part}");
    assert_eq!(app.post(REBUILDS, &format!(r#"{{"from":"{head}","empty":true}}"#)).await.problem(), (422, partial));
    for body in ["[]", "3", "\"all\""] {
        assert_eq!(
            app.post(REBUILDS, body).await.problem(),
            (422, "expected the fields of one rebuild".into()),
            "{body}"
        );
    }
    assert_eq!(app.post(REBUILDS, "{").await.problem().0, 400);
    assert_eq!(app.post(REBUILDS, " ").await.problem(), (400, "the body is empty; expected JSON".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_can_not_be_undone_stopped_or_approved() {
    let app = App::start().await;
    app.book("Momo").await;
    let nothing = |what: &str| (404, what.to_owned());
    let back = app.post("/api/v1/rebuilds/rollback", "").await.problem();
    assert_eq!(
        back,
        nothing(
            "read model memory: keeps no earlier generation to go back to; only the one that the last rebuild replaced is kept"
        )
    );
    let approved = app.post("/api/v1/rebuilds/approval", "").await.problem();
    assert_eq!(approved, nothing("read model memory: has no generation that is held back"));
    assert_eq!(app.delete(REBUILDS).await.problem(), nothing("this gateway runs no rebuild"));
    assert_eq!(app.rebuilds().await["last"]["kind"], "rollback");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_that_rebuilds_is_seen_and_named() {
    let app = App::start().await;
    app.book("Momo").await;
    let hold = app.model.hold("retrace rebuild (process 17)").await.unwrap().unwrap();
    let held = "read model memory: is being rebuilt by retrace rebuild (process 17); wait for it, `retrace status` shows how far it is";
    for path in [REBUILDS, "/api/v1/rebuilds/rollback"] {
        assert_eq!(app.post(path, "{}").await.problem(), (409, held.into()), "{path}");
    }
    app.model.tell(Some(r#"{"generation":2,"phase":"read","events":40,"fraction":0.5,"position":"1-0","seconds":1.0,"events_per_second":40.0,"seconds_left":1.0}"#)).await;
    let rebuilds = app.rebuilds().await;
    assert_eq!((&rebuilds["current"]["events"], &rebuilds["last"]), (&40.into(), &Value::Null), "{rebuilds}");
    assert_eq!(app.delete(REBUILDS).await.problem(), (404, "this gateway runs no rebuild".into()), "it is not its own");
    let metrics = app.get("/metrics").await.body;
    for line in [
        "retrace_read_model_generation 1",
        "retrace_read_model_stale 0",
        "retrace_rebuild_running 1",
        "retrace_rebuild_events_read 40",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
    hold.give_up().await;
    app.model.tell(None).await;
    assert!(app.rebuilds().await["current"].is_null());
    assert!(app.get("/metrics").await.body.contains("\nretrace_rebuild_running 0\n"));
}
