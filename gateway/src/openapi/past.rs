//! Questions about the past, described.

use serde_json::{Map, Value, json};

use super::{list_of, operation, path_parameter, schema};

/// The parameter that makes a read one of the past.
pub(super) fn at() -> Value {
    json!({"$ref": "#/components/parameters/At"})
}

/// The header that says which position an answer is for.
pub(super) fn position() -> Value {
    json!({
        "description": "With at: the position of the last event at or before it, which the answer is for",
        "schema": schema("Position"),
    })
}

/// The parameters that tell moments.
pub(super) fn parameters(parameters: &mut Map<String, Value>) {
    parameters.insert("At".into(), moment("at", "As things were then; as they are now where it is left out", false));
    parameters.insert("From".into(), moment("from", "Where the difference begins", true));
    parameters.insert("To".into(), moment("to", "Where the difference ends; it may lie before from", true));
}

/// The shape of a moment: which texts are one, the parameter `at` tells.
pub(super) fn instant() -> Value {
    json!({"type": "string", "format": "moment"})
}

/// A member of a body that is a moment or null.
pub(super) fn moment_or_null(what: &str, examples: &[&str]) -> Value {
    // Null by itself: what a format says is said of texts.
    json!({"anyOf": [instant(), {"type": "null"}], "description": what, "examples": examples})
}

fn moment(name: &str, what: &str, required: bool) -> Value {
    json!({
        "name": name,
        "in": "query",
        "required": required,
        "description": format!(
            "{what}: a position, an event's number behind # (%23 in a URL; 0 is before the first), or a time; without an \
             offset it is UTC, and lengths of time like -10m and days like yesterday are told by this machine's clock. \
             What lies after the log's head is refused with 422, what is \
             no moment with 400"
        ),
        "schema": instant(),
        "examples": {
            "position": {"value": "1795341904815-0"},
            "number": {"value": "#17"},
            "time": {"value": "2026-11-22T15:04:05Z"},
            "before now": {"value": "-10m"},
        },
    })
}

/// The routes.
pub(super) fn paths(paths: &mut Map<String, Value>) {
    let mut diff = operation("diff", "Rows that are not the same at two moments", &schema("Diff"));
    let parameter = |name: &str, description: &str| json!({"name": name, "in": "query", "description": description, "schema": {"type": "string"}});
    diff["parameters"] = json!([
        {"$ref": "#/components/parameters/From"},
        {"$ref": "#/components/parameters/To"},
        parameter("topic", "Only rows of this topic"),
        parameter("id", "Only the row of the topic with this key"),
    ]);
    paths.insert("/api/v1/diff".into(), json!({"get": diff}));

    let at_a_moment = |name: &str, description: &str| json!({"name": name, "in": "query", "description": description, "schema": instant()});
    let any_text = |name: &str, description: &str| json!({"name": name, "in": "query", "description": description, "schema": {"type": "string"}});
    let mut log = operation("log", "Events of the log, in its order, a stretch at a time", &schema("LogPage"));
    log["parameters"] = json!([
        at_a_moment("after", "The next ones after this moment"),
        at_a_moment("before", "The last ones before this moment; without after and before, the last ones there are"),
        {"name": "limit", "in": "query", "description": "How many at most", "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}},
        any_text("topic", "Only those of these topics, joined by commas"),
        any_text("entity", "Only those about rows with this key"),
        any_text("text", "Only those that have this in action, id, key or data, in capitals or not"),
    ]);
    paths.insert("/api/v1/log".into(), json!({"get": log}));

    let mut history = operation("history", "Every version of a row, with what changed and why", &schema("Life"));
    history["parameters"] = json!([
        path_parameter("topic"),
        path_parameter("id"),
        at_a_moment("after", "Only versions after this moment; with the position of the last one seen, the next page"),
        at(),
        {"name": "limit", "in": "query", "description": "How many versions at most", "schema": {"type": "integer", "minimum": 1, "default": 100}},
    ]);
    paths.insert("/api/v1/history/{topic}/{id}".into(), json!({"get": history}));
    let mut trace =
        operation("trace", "What led to an event, or came of a command, and all that came of it", &schema("Trace"));
    trace["parameters"] = json!([path_parameter("id"), at()]);
    paths.insert("/api/v1/trace/{id}".into(), json!({"get": trace}));
}

/// The shapes.
pub(super) fn schemas(schemas: &mut Map<String, Value>) {
    let cut = json!({
        "type": "object",
        "properties": {
            "position": schema("Position"),
            "number": {"type": "integer", "description": "The event's number; 0 where it has none"},
            "time": {"type": ["string", "null"], "description": "RFC 3339; null before the first event"},
        },
        "required": ["position", "number", "time"],
        "additionalProperties": false,
    });
    let diff = json!({
        "type": "object",
        "properties": {
            "from": schema("Cut"),
            "to": schema("Cut"),
            "count": {"type": "integer", "description": "How many rows changed"},
            "truncated": {"type": "boolean", "description": "Whether more changed than are listed"},
            "changes": list_of(&schema("RowChange")),
        },
        "required": ["from", "to", "count", "truncated", "changes"],
        "additionalProperties": false,
    });
    schemas.insert("Cut".into(), cut);
    schemas.insert("LogPage".into(), log_page());
    let change = row_change("The row at from; null where there was none", "The row at to; null where there is none");
    schemas.insert("RowChange".into(), change);
    schemas.insert("Diff".into(), diff);
    causes(schemas);
}

/// A stretch of the log.
fn log_page() -> Value {
    let edge = |description: &str| json!({"oneOf": [schema("Position"), {"type": "null"}], "description": description});
    json!({
        "type": "object",
        "properties": {
            "events": list_of(&schema("LiveEvent")),
            "from": edge("The first entry that was looked at: the page before this one is asked for with before"),
            "to": edge("The last entry that was looked at: the page after this one is asked for with after"),
            "more": {"type": "boolean", "description": "Whether the log goes on beyond, in the direction that was asked for"},
            "head": schema("Cut"),
        },
        "required": ["events", "from", "to", "more", "head"],
        "additionalProperties": false,
    })
}

/// How a row changed.
fn row_change(before: &str, after: &str) -> Value {
    let fields = json!({
        "type": "object",
        "description": "The fields that are not the same: what they held, and what they hold",
        "additionalProperties": {"type": "array", "minItems": 2, "maxItems": 2},
    });
    let row = |description: &str| json!({"type": ["object", "null"], "description": description});
    json!({
        "type": "object",
        "properties": {
            "topic": {"type": "string"},
            "key": {"type": "string"},
            "kind": {"enum": ["created", "changed", "deleted"]},
            "before": row(before),
            "after": row(after),
            "fields": fields,
        },
        "required": ["topic", "key", "kind", "before", "after", "fields"],
        "additionalProperties": false,
    })
}

/// Why things happened.
fn causes(schemas: &mut Map<String, Value>) {
    let text = json!({"type": "string"});
    let maybe = |description: &str| json!({"type": ["string", "null"], "description": description});
    let fit = json!({
        "enum": ["exact", "alike"],
        "description": "Where nobody wrote the cause down: whether today's saga would do just this, or something like it",
    });
    let mention = json!({
        "type": "object",
        "properties": {
            "id": text, "topic": text, "action": text,
            "key": maybe("The row that it is about"),
            "position": schema("Position"),
            "number": {"type": ["integer", "null"]},
            "time": maybe("RFC 3339"),
        },
        "required": ["id", "topic", "action", "key", "position", "number", "time"],
        "additionalProperties": false,
    });
    schemas.insert("Mention".into(), mention);
    let origin = json!({
        "type": "object",
        "properties": {
            "command": {"type": "string", "description": "The command that a service turned into it"},
            "handler": {"type": "string", "description": "The saga that reacted"},
            "cause": schema("Mention"),
            "inferred": fit,
        },
        "additionalProperties": false,
    });
    // A row's change closes its list of members, so it can't be referred to and added to.
    let mut chapter =
        row_change("The row before; null where there was none", "The row then; null where it was deleted");
    chapter["properties"]["event"] = schema("Mention");
    chapter["properties"]["origin"] = origin;
    chapter["required"] = json!(["event", "topic", "key", "kind", "before", "after", "fields", "origin"]);
    let life = json!({
        "type": "object",
        "properties": {"chapters": list_of(&chapter), "more": {"type": "boolean"}, "searched": searched()},
        "required": ["chapters", "more", "searched"],
        "additionalProperties": false,
    });
    schemas.insert("Life".into(), life);
    let node = json!({
        "type": "object",
        "properties": {
            "kind": {"enum": ["command", "event", "missing"], "description": "missing: an event that others name as their cause, and that is not in the log"},
            "id": {"type": "string", "description": "Of a command, or of an event that is missing"},
            "handler": {"type": "string", "description": "The saga that sent or appended it"},
            "event": schema("Mention"),
            "inferred": fit,
            "asked": {"const": true, "description": "What was asked for"},
            "effects": list_of(&schema("TraceNode")),
        },
        "required": ["kind", "effects"],
        "additionalProperties": false,
    });
    schemas.insert("TraceNode".into(), node);
    let trace = json!({
        "type": "object",
        "properties": {
            "root": schema("TraceNode"),
            "events": {"type": "integer"},
            "truncated": {"type": "boolean", "description": "Whether there is more than is shown"},
            "searched": searched(),
        },
        "required": ["root", "events", "truncated", "searched"],
        "additionalProperties": false,
    });
    schemas.insert("Trace".into(), trace);
}

/// Whether causes were looked for.
fn searched() -> Value {
    json!({"type": "boolean", "description": "Whether causes that are not recorded were looked for everywhere"})
}
