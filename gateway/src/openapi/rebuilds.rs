//! Rebuilds of the read model, described.

use serde_json::{Map, Value, json};

use super::{list_of, operation, past, schema, work};

/// The routes.
pub(super) fn paths(paths: &mut Map<String, Value>) {
    let state =
        operation("rebuilds", "The generations of the read model, and how its rebuilds go", &schema("Rebuilds"));
    let accepted = |id: &str, summary: &str| work::accepted(id, summary, &schema("RebuildProgress"));
    let mut start = accepted("rebuild", "Build the read model anew beside the served one, and swap it in");
    start["requestBody"] = json!({"content": {"application/json": {"schema": schema("Rebuild")}}});
    let stop = operation(
        "stop_rebuild",
        "Stop the rebuild that this gateway runs; the next one of the same plan goes on with it",
        &json!({"const": true}),
    );
    paths.insert("/api/v1/rebuilds".into(), json!({"get": state, "post": start, "delete": stop}));
    let counts = json!({"type": "object", "additionalProperties": {"type": "integer"}});
    let rows =
        operation("generation_rows", "How many rows each generation of the read model has, by its number", &counts);
    paths.insert("/api/v1/rebuilds/rows".into(), json!({"get": rows}));
    let mut discard = operation(
        "discard_generation",
        "Drop a generation that is neither served nor kept: interrupted, or held back",
        &json!({"const": true}),
    );
    discard["parameters"] = json!([{"name": "number", "in": "path", "required": true, "schema": {"type": "integer"}}]);
    paths.insert("/api/v1/rebuilds/generations/{number}".into(), json!({"delete": discard}));
    let back = accepted("roll_back", "Serve the generation again that was served before, once it has caught up");
    paths.insert("/api/v1/rebuilds/rollback".into(), json!({"post": back}));
    let approve = accepted("approve_rebuild", "Serve the generation that is held back although its rows differ");
    paths.insert("/api/v1/rebuilds/approval".into(), json!({"post": approve}));
}

/// The shapes.
pub(super) fn schemas(schemas: &mut Map<String, Value>) {
    schemas.insert("ModelState".into(), model_state());
    schemas.insert("Rebuild".into(), rebuild());
    schemas.insert("Rebuilds".into(), rebuilds());
    schemas.insert("RebuildProgress".into(), progress());
    schemas.insert("RebuildMessage".into(), message());
}

fn model_state() -> Value {
    json!({
        "type": "object",
        "properties": {
            "checkpoint": {"type": "object", "properties": {
                "epoch": {"type": "string"},
                "position": schema("Position"),
                "number": {"type": "integer"},
            }},
            "digest": {"type": "string", "description": "Of all rows"},
            "version": {"type": "integer", "description": "Of the projection that made the rows"},
            "generation": {"type": "integer"},
            "stale": {
                "type": "boolean",
                "description": "Whether that is another version than this program's; of the served generation",
            },
        },
        "required": ["checkpoint", "digest", "version", "generation"],
    })
}

fn rebuild() -> Value {
    let moment = |what: &str| past::moment_or_null(what, &["1795341904815-0", "#17", "2026-11-22T15:04:05Z"]);
    json!({
        "type": "object",
        "properties": {
            "from": moment("Start from the state as of this position or time, and apply everything after it again"),
            "to": moment("Stop at this position or time; it must not lie before what is served"),
            "empty": {"type": ["boolean", "null"], "description": "Start from nothing at from", "default": false},
            "topics": {
                "type": ["array", "null"],
                "items": {"type": "string"},
                "description": "Only these; the rows of the others are taken over as they are served",
            },
            "approval": {
                "enum": ["not_needed", "needed", "given", null],
                "description": "Whether rows are compared with the served ones first: needed holds the new generation back where some differ, given serves it all the same",
                "default": "not_needed",
            },
        },
        "additionalProperties": false,
    })
}

fn rebuilds() -> Value {
    let generation = json!({
        "type": "object",
        "properties": {
            "state": schema("ModelState"),
            "stage": {"enum": ["building", "held", "kept"]},
            "plan": {"description": "What is being built"},
            "torn": {"type": "boolean", "description": "Whether a write to it was broken off, or is under way"},
        },
    });
    json!({
        "type": "object",
        "properties": {
            "place": {"type": "string", "description": "Where the read model is kept"},
            "served": schema("ModelState"),
            "generations": list_of(&generation),
            "current": {
                "oneOf": [schema("RebuildProgress"), {"type": "null"}],
                "description": "The rebuild under way, whichever process runs it",
            },
            "last": {
                "type": ["object", "null"],
                "description": "The last one that this gateway has run: its report, or why it has failed",
                "properties": {
                    "kind": {"enum": ["rebuild", "rollback"]},
                    "report": {"type": "object"},
                    "error": {"type": "string"},
                },
            },
        },
        "required": ["place", "served", "generations", "current", "last"],
        "additionalProperties": false,
    })
}

fn progress() -> Value {
    json!({
        "type": "object",
        "properties": {
            "generation": {"type": "integer"},
            "phase": {"enum": ["begin", "read", "write", "catch_up", "compare", "swap", "done"]},
            "events": {"type": "integer", "description": "Entries read so far"},
            "fraction": {"type": "number", "minimum": 0, "maximum": 1},
            "position": schema("Position"),
            "seconds": {"type": "number"},
            "events_per_second": {"type": "number"},
            "seconds_left": {"type": ["number", "null"]},
        },
    })
}

fn message() -> Value {
    json!({
        "type": "object",
        "properties": {
            "rebuild": schema("RebuildProgress"),
            "ended": {"const": true, "description": "In the last message of a rebuild"},
        },
        "required": ["rebuild"],
    })
}
