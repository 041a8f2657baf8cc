//! Replays and audits, described.

use serde_json::{Map, Value, json};

use super::{list_of, operation, past, schema};

/// The routes.
pub(super) fn paths(paths: &mut Map<String, Value>) {
    let mut start = accepted(
        "replay",
        "Have every decision of a log made again by today's sagas, and hold it against what the log has",
        &schema("ReplayProgress"),
    );
    start["requestBody"] = json!({"content": {"application/json": {"schema": schema("Replay")}}});
    let stop = operation("stop_replay", "Stop the replay that this gateway runs", &json!({"const": true}));
    let told = operation("replays", "How the replay goes, and how the last one went", &schema("Replays"));
    paths.insert("/api/v1/replays".into(), json!({"get": told, "post": start, "delete": stop}));
    let start = accepted(
        "audit",
        "Prove the served read model equal to a fresh fold of the log, and the log in order",
        &schema("AuditProgress"),
    );
    let told = operation("audits", "How the audit goes, and how the last one went", &schema("Audits"));
    paths.insert("/api/v1/audits".into(), json!({"get": told, "post": start}));
}

/// An operation that is under way when it is answered.
pub(super) fn accepted(id: &str, summary: &str, progress: &Value) -> Value {
    let mut operation = operation(id, summary, progress);
    if let Some(responses) = operation["responses"].as_object_mut()
        && let Some(mut answer) = responses.remove("200")
    {
        answer["description"] = "Under way, or over already".into();
        let description = "Where it is told how it goes";
        answer["headers"] = json!({"Location": {"description": description, "schema": {"type": "string"}}});
        responses.insert("202".into(), answer);
    }
    operation
}

/// The shapes.
pub(super) fn schemas(schemas: &mut Map<String, Value>) {
    let asked = json!({"asked": schema("Replay")});
    schemas.insert("Replay".into(), replay());
    schemas.insert("ReplayProgress".into(), progress(&asked));
    schemas.insert("ReplayReport".into(), report());
    let entries = json!({"type": "integer", "description": "Entries looked at"});
    let found = json!({"asked": schema("Replay"), "entries": entries, "report": schema("ReplayReport")});
    schemas.insert("Replays".into(), runs("ReplayProgress", &found));
    schemas.insert("AuditProgress".into(), progress(&json!({})));
    schemas.insert("Audit".into(), audit());
    schemas.insert("Audits".into(), runs("AuditProgress", &json!({"audit": schema("Audit")})));
}

fn replay() -> Value {
    let moment = |what: &str| past::moment_or_null(what, &["1795341904815-0", "2026-11-22T15:04:05Z"]);
    let text = |description: &str| json!({"type": ["string", "null"], "description": description});
    json!({
        "type": "object",
        "properties": {
            "from": moment("Only decisions about events at and after this moment"),
            "to": moment("Only decisions about events up to and at this moment"),
            "topic": text("Only decisions about events of this topic"),
            "handler": text("Only decisions of this saga"),
            "window_ms": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": 3_600_000,
                "default": 10_000,
                "description": "How long after its cause an effect is looked for, in a log that does not say where its events came from",
            },
            "log": text("The id of an opened history to look at instead of the gateway's log"),
        },
        "additionalProperties": false,
    })
}

/// How far it has come, beside what it is told with.
fn progress(beside: &Value) -> Value {
    let mut properties = beside.clone();
    properties["entries"] = json!({"type": "integer", "description": "Entries looked at so far"});
    properties["of"] = json!({"type": "integer", "description": "The number of the log's head"});
    properties["seconds"] = json!({"type": "number"});
    json!({"type": "object", "properties": properties, "required": ["entries", "of", "seconds"]})
}

fn runs(current: &str, found: &Value) -> Value {
    let mut last = found.clone();
    last["seconds"] = json!({"type": "number"});
    last["error"] = json!({"type": "string", "description": "Why nothing came of it"});
    json!({
        "type": "object",
        "properties": {
            "current": {"oneOf": [schema(current), {"type": "null"}], "description": "What is under way"},
            "last": {
                "type": ["object", "null"],
                "description": "What came of the last one, or why nothing did",
                "properties": last,
            },
        },
        "required": ["current", "last"],
        "additionalProperties": false,
    })
}

fn report() -> Value {
    let count = |description: &str| json!({"type": "integer", "description": description});
    let list = |description: &str| json!({"type": "array", "items": {"type": "object"}, "description": description});
    json!({
        "type": "object",
        "description": "As retrace replay verify --json prints it",
        "properties": {
            "log": {"type": "string"},
            "same": {"type": ["boolean", "null"], "description": "Null where nothing was compared"},
            "entries": count("Entries folded"),
            "decisions": count("Decisions made again"),
            "divergent": count("Decisions that differ by themselves"),
            "divergences": list("The first of those"),
            "consequences": count("Decisions that differ because of others"),
            "following": list("The first of those"),
            "groups": list("All of both by what they have in common"),
            "inferred": {"type": "object", "description": "Where the log does not say where its events came from"},
        },
        "required": ["log", "same", "entries", "decisions", "divergent", "divergences", "consequences", "following", "groups"],
    })
}

fn audit() -> Value {
    json!({
        "type": "object",
        "description": "As retrace audit --json prints it",
        "properties": {
            "log": {"type": "string"},
            "clean": {"type": "boolean"},
            "head": {"type": "object"},
            "entries": {"type": "integer", "description": "Entries of the log"},
            "models": list_of(&json!({"type": "object", "properties": {
                "place": {"type": "string"},
                "equal": {"type": "boolean"},
                "stale": {"type": "boolean"},
                "digest": {"type": "string"},
                "recorded": {"type": "string"},
                "expected": {"type": "string"},
                "rows": {"type": "object", "additionalProperties": {"type": "integer"}},
                "differences": {"type": "object"},
            }})),
            "disorders": {"type": "object", "description": "Where the log is not in order"},
            "astray": {"type": "array", "description": "Checkpoints that are where they can't be"},
        },
        "required": ["log", "clean", "head", "entries", "models", "disorders", "astray"],
    })
}
