use kernel::{CREATED, UPDATED};
use serde_json::{Value, json};
use testkit::bank;

use crate::sample::Log;

use super::*;

/// The tree in short: `command(event(effect effect*))`, a star at what was asked for, a `?` at what was inferred and
/// brackets about what is missing.
fn shape(node: &Node) -> String {
    let name = match &node.what {
        What::Command { id, .. } => id.clone(),
        What::Event { event, inferred: None, .. } => event.id.clone(),
        What::Event { event, inferred: Some(_), .. } => format!("{}?", event.id),
        What::Missing { id } => format!("[{id}]"),
    };
    let effects: Vec<_> = node.effects.iter().map(shape).collect();
    let effects = if effects.is_empty() { String::new() } else { format!("({})", effects.join(" ")) };
    format!("{name}{}{effects}", if node.asked { "*" } else { "" })
}

async fn traced(log: &Log, id: &str) -> Option<Trace> {
    trace(&log.timeline().await, &bank::domain(), id, Position::MAX).await.unwrap()
}

/// The tree in short, of which everything must have been told.
async fn told(log: &Log, id: &str) -> Option<String> {
    let trace = traced(log, id).await?;
    assert_eq!((trace.truncated, trace.searched), (false, true));
    Some(shape(&trace.root))
}

/// Notices, one a millisecond: an id and where it came from.
fn notices<'n>(events: impl IntoIterator<Item = (&'n str, Value)>) -> Log {
    let mut log = Log::default();
    for ((id, meta), ms) in events.into_iter().zip(1_795_341_904_815_u64..) {
        log.notice(&format!("{ms}-0"), id, &meta);
    }
    log
}

fn caused(by: &str) -> Value {
    json!({"cause": by, "handler": "clerk"})
}

fn commanded(command: &str, by: &str) -> Value {
    json!({"command": command, "cause": by, "handler": "clerk"})
}

#[tokio::test]
async fn a_tree_is_the_same_from_wherever_it_is_seen() {
    let mut log = notices([
        ("a", json!({"command": "c1"})),
        ("b", json!({"command": "c1"})),
        ("other", json!({"command": "c9"})),
        ("aa", caused("a")),
        ("ab1", commanded("c2", "a")),
        ("ab2", commanded("c2", "a")),
        ("aaa", caused("aa")),
        ("ba", caused("b")),
    ]);
    log.event("1795341904999-0", ("decision", "decided"), "quiet", &json!({}), &caused("b"));
    let whole = "c1(a(aa(aaa) c2(ab1 ab2)) b(ba))";
    for id in ["c1", "a", "aa", "aaa", "c2", "ab1", "ab2", "b", "ba"] {
        let is = told(&log, id).await.unwrap();
        assert!(is.contains(&format!("{id}*")), "{id}: {is}");
        assert_eq!((is.replace('*', "").as_str(), is.matches('*').count()), (whole, 1), "{id}");
    }
    for id in ["nobody", "", "quiet"] {
        assert_eq!(told(&log, id).await, None, "{id}");
    }
    let trace = traced(&log, "a").await.unwrap();
    assert_eq!(trace.events, 7);
    let What::Command { handler: None, .. } = &trace.root.what else { panic!("{trace:?}") };
    let What::Event { handler: None, .. } = &trace.root.effects[0].what else { panic!("{trace:?}") };
    let [appended, sent] = &*trace.root.effects[0].effects else { panic!("{trace:?}") };
    assert!(matches!(&appended.what, What::Event { handler: Some(handler), .. } if handler == "clerk"));
    assert!(matches!(&sent.what, What::Command { handler: Some(handler), .. } if handler == "clerk"));
    assert!(matches!(&sent.effects[0].what, What::Event { handler: None, .. }), "a service made it");
    let until = "1795341904818-0".parse().unwrap();
    let then = trace_until(&log, "a", until).await.unwrap();
    assert_eq!((shape(&then.root).as_str(), then.events), ("c1(a*(aa) b)", 3), "as far as the log had come");
    assert_eq!(trace_until(&log, "ba", until).await, None);
}

async fn trace_until(log: &Log, id: &str, until: Position) -> Option<Trace> {
    trace(&log.timeline().await, &bank::domain(), id, until).await.unwrap()
}

#[tokio::test]
async fn circles_end() {
    let log = notices([("a", caused("b")), ("b", caused("a")), ("c", caused("b")), ("self", caused("self"))]);
    for (id, tree) in [("a", "a*(b(c))"), ("b", "b*(a c)"), ("c", "a(b(c*))"), ("self", "self*")] {
        assert_eq!(told(&log, id).await.as_deref(), Some(tree), "{id}");
    }
}

#[tokio::test]
async fn causes_that_are_gone_are_named() {
    let log = notices([
        ("a", caused("gone")),
        ("b1", commanded("c", "gone")),
        ("b2", commanded("c", "gone")),
        ("aa", caused("a")),
    ]);
    let whole = "[gone](a(aa) c(b1 b2))";
    for id in ["gone", "a", "b1", "b2", "c", "aa"] {
        let is = told(&log, id).await.unwrap();
        assert_eq!((is.replace('*', "").as_str(), is.matches('*').count()), (whole, 1), "{id}: {is}");
    }
    let root = traced(&log, "gone").await.unwrap();
    assert_eq!(root.events, 4);
    let json = serde_json::to_value(&root.root).unwrap();
    assert_eq!((&json["kind"], &json["id"], &json["asked"]), (&json!("missing"), &json!("gone"), &json!(true)));
}

#[tokio::test]
async fn a_tree_has_a_limit_and_what_was_asked_for_is_in_it() {
    let effects: Vec<_> = (1..=1_500).map(|effect| format!("e{effect}")).collect();
    let of = |count: usize| {
        let effects = effects[..count].iter().map(|id| (&**id, caused("root")));
        notices([("root", Value::Null)].into_iter().chain(effects))
    };
    let whole = traced(&of(MOST - 1), "root").await.unwrap();
    assert_eq!((whole.events, whole.root.effects.len(), whole.truncated), (MOST, MOST - 1, false));
    let one_more = traced(&of(MOST), "root").await.unwrap();
    assert_eq!((one_more.events, one_more.root.effects.len(), one_more.truncated), (MOST, MOST - 1, true));
    let last = traced(&of(1_500), "e1500").await.unwrap();
    assert_eq!((last.events, last.root.effects.len(), last.truncated), (MOST, MOST - 1, true));
    let is = shape(&last.root);
    assert!(is.starts_with("root(e1 e2 ") && is.ends_with(" e998 e1500*)"), "{is}");
}

/// How many levels there are.
fn depth(node: &Node) -> usize {
    1 + node.effects.iter().map(depth).max().unwrap_or(0)
}

/// How many events there are.
fn events(node: &Node) -> usize {
    usize::from(matches!(node.what, What::Event { .. })) + node.effects.iter().map(events).sum::<usize>()
}

#[tokio::test]
async fn a_tree_is_only_so_deep_that_others_can_read_it() {
    let ids: Vec<_> = (0..1_500).map(|id| (format!("e{id}"), format!("e{}", id + 1), format!("c{}", id + 1))).collect();
    let first = || [("e0", json!({"command": "c0"}))].into_iter();
    let plain = notices(first().chain(ids.iter().map(|(cause, id, _)| (&**id, caused(cause)))));
    let by_command = notices(first().chain(ids.iter().map(|(cause, id, command)| (&**id, commanded(command, cause)))));
    for log in [plain, by_command] {
        for asked in ["c0", "e0", "e1", "e24", "e25", "e700", "e1470"] {
            let trace = traced(&log, asked).await.unwrap();
            let is_deep = (DEEPEST - 1..=DEEPEST).contains(&depth(&trace.root));
            assert!(is_deep && trace.truncated, "{asked}: {}", depth(&trace.root));
            assert_eq!(shape(&trace.root).matches('*').count(), 1, "{asked}");
            assert_eq!(trace.events, events(&trace.root), "{asked}");
            let text = json!({ "result": trace }).to_string();
            assert!(serde_json::from_str::<Value>(&text).is_ok(), "{asked}");
        }
    }
}

#[tokio::test]
async fn what_nobody_wrote_down_is_inferred_from_wherever_it_is_seen() {
    let mut log = Log::default();
    let at = |ms: u64| format!("{}-0", 1_795_341_904_815 + ms);
    for (ms, owner) in [(0, "ann"), (1, "bob")] {
        log.account(&at(ms), CREATED, owner, 10);
    }
    let transfer =
        |status: &str| json!({"entity_id": "t", "from_id": "ann", "to_id": "bob", "amount": 3, "status": status});
    log.event(&at(5_000), ("transfer", CREATED), "asked", &transfer("ASKED"), &Value::Null);
    log.account(&at(5_100), UPDATED, "ann", 7);
    // Each comes soon after what caused it, but the last not so soon after what started it all.
    log.account(&at(6_500), UPDATED, "bob", 13);
    log.event(&at(6_900), ("transfer", UPDATED), "done", &transfer("DONE"), &Value::Null);
    let notice = json!({"recipient": "ann", "text": "3 of t left for bob"});
    log.event(&at(8_700), ("notice", "notice_sent"), "told", &notice, &Value::Null);
    for id in ["asked", "ann 7", "bob 13", "done", "told"] {
        let is = told(&log, id).await.unwrap();
        let whole = "asked(ann 7? bob 13? done?(told?))";
        assert_eq!((is.replace('*', "").as_str(), is.matches('*').count()), (whole, 1), "{id}: {is}");
    }
    assert_eq!(told(&log, "ann 10").await.as_deref(), Some("ann 10*"));
}
