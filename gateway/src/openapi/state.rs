//! Everything as it stood at a moment, described.

use serde_json::{Map, Value, json};

use super::{list_of, operation, past, path_parameter, schema};

/// The routes.
pub(super) fn paths(paths: &mut Map<String, Value>) {
    let text = |name: &str, description: &str| json!({"name": name, "in": "query", "description": description, "schema": {"type": "string"}});
    let limit = json!({"name": "limit", "in": "query", "description": "How many rows at most", "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 50}});
    let mut describe = |path: &str, id: &str, summary: &str, result: Value, parameters: Value| {
        let mut reading = operation(id, summary, &result);
        reading["parameters"] = parameters;
        reading["responses"]["200"]["headers"] = json!({"Retrace-Position": past::position()});
        paths.insert(path.into(), json!({"get": reading}));
    };
    let (topic, key) = (path_parameter("topic"), path_parameter("key"));
    describe(
        "/api/v1/state",
        "state",
        "All topics at a moment: the last event and what it did, how many rows there are, and some of a topic's",
        schema("State"),
        json!([
            past::at(),
            text("topic", "The topic whose rows are shown"),
            text("after", "Only rows after this key"),
            limit
        ]),
    );
    describe(
        "/api/v1/state/{topic}/{key}",
        "state_of_row",
        "One row at a moment",
        schema("RowState"),
        json!([topic, key, past::at()]),
    );
    describe(
        "/api/v1/state/{topic}/{key}/referrers",
        "referrers",
        "The rows that refer to a row at a moment, by topic and key",
        schema("Referrers"),
        json!([topic, key, past::at(), limit]),
    );
}

/// The shapes.
pub(super) fn schemas(schemas: &mut Map<String, Value>) {
    let or_null =
        |schema: Value, description: &str| json!({"oneOf": [schema, {"type": "null"}], "description": description});
    let (string, row) = (json!({"type": "string"}), json!({"type": ["object", "null"]}));
    let keyed = json!({
        "type": "object",
        "properties": {"key": string, "row": {"type": "object"}},
        "required": ["key", "row"],
        "additionalProperties": false,
    });
    let counts = json!({
        "type": "object",
        "description": "How many rows each topic has; null where that is not known",
        "additionalProperties": {"type": ["integer", "null"]},
    });
    let state = json!({
        "type": "object",
        "properties": {
            "at": schema("Cut"),
            "head": schema("Cut"),
            "event": or_null(schema("LiveEvent"), "The last event at or before that moment"),
            "change": or_null(schema("RowChange"), "What that event did to its row; null for nothing"),
            "counts": counts,
            "topic": string,
            "rows": list_of(&keyed),
            "next": or_null(string.clone(), "The key to go on after; null where these are the last rows"),
        },
        "required": ["at", "head", "event", "change", "counts"],
        "additionalProperties": false,
    });
    schemas.insert("State".into(), state);
    let one = json!({
        "type": "object",
        "properties": {
            "at": schema("Cut"),
            "head": schema("Cut"),
            "topic": string,
            "key": string,
            "row": row,
            "version": or_null(schema("Position"), "The event that made it so, or ended it; null where there was none"),
            "exists_later": {"type": "boolean", "description": "Of a row that is not there: whether it comes later"},
        },
        "required": ["at", "head", "topic", "key", "row", "version"],
        "additionalProperties": false,
    });
    schemas.insert("RowState".into(), one);
    let referrer = json!({
        "type": "object",
        "properties": {"topic": string, "field": string, "key": string, "row": {"type": "object"}},
        "required": ["topic", "field", "key", "row"],
        "additionalProperties": false,
    });
    let referrers = json!({
        "type": "object",
        "properties": {
            "at": schema("Cut"),
            "referrers": list_of(&referrer),
            "truncated": {"type": "boolean", "description": "Whether there are, or may be, more than are listed"},
        },
        "required": ["at", "referrers", "truncated"],
        "additionalProperties": false,
    });
    schemas.insert("Referrers".into(), referrers);
}
