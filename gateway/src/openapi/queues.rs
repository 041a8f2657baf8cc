//! Queues and dead letters, described.

use serde_json::{Map, Value, json};

use super::{list_of, operation, path_parameter, schema};

/// The routes.
pub(super) fn paths(paths: &mut Map<String, Value>) {
    let all = operation("queues", "How full each service's queue is", &json!({}));
    paths.insert("/api/v1/queues".into(), json!({"get": all}));
    let mut queue = operation("queue", "What is in a service's queue, a page at a time", &schema("Queue"));
    let parameter = |name: &str, description: &str, schema: &Value| json!({"name": name, "in": "query", "description": description, "schema": schema});
    queue["parameters"] = json!([
        path_parameter("service"),
        parameter(
            "state",
            "Only commands that stand there; with a token, dead ones take the scope admin",
            &json!({"enum": ["waiting", "claimed", "dead"]})
        ),
        parameter("after", "With next of a page, the page after it", &json!({"type": "string"})),
        parameter("limit", "How many commands at most", &json!({"type": "integer", "minimum": 1, "default": 50})),
    ]);
    paths.insert("/api/v1/queues/{service}".into(), json!({"get": queue}));

    let any = json!({"type": "object"});
    let letter = json!([path_parameter("service"), path_parameter("command")]);
    let done = json!({"const": true});
    let mut dead = json!({"get": operation("dead_letters", "Commands that failed every attempt", &list_of(&any))});
    dead["parameters"] = json!([path_parameter("service")]);
    paths.insert("/api/v1/queues/{service}/dead".into(), dead);
    let discard = operation("discard_dead_letter", "Drop a dead letter for good", &done);
    paths.insert("/api/v1/queues/{service}/dead/{command}".into(), json!({"parameters": letter, "delete": discard}));
    let requeue = operation("requeue_dead_letter", "Put a dead letter back into its queue", &done);
    paths.insert(
        "/api/v1/queues/{service}/dead/{command}/requeue".into(),
        json!({"parameters": letter, "post": requeue}),
    );
}

/// The routes of what consumers have set aside.
pub(super) fn parked(paths: &mut Map<String, Value>) {
    let done = json!({"const": true});
    let mut list = operation("parked", "What consumers have set aside, a page at a time", &schema("ParkedPage"));
    list["parameters"] = json!([
        {"name": "after", "in": "query", "description": "With next of a page, the page after it", "schema": {"type": "string", "pattern": "^[0-9]{1,18}-[0-9]{1,18} [a-z/]{1,40} [a-z]{1,40}$"}},
        {"name": "limit", "in": "query", "description": "How many entries at most", "schema": {"type": "integer", "minimum": 1, "maximum": 999, "default": 50}},
    ]);
    paths.insert("/api/v1/parked".into(), json!({"get": list}));
    let mut position = path_parameter("position");
    position["schema"] = json!({"type": "string", "pattern": "^[0-9]{1,18}-[0-9]{1,18}$"});
    let entry = json!([path_parameter("consumer"), path_parameter("topic"), position]);
    let discard = operation("discard_parked", "Drop what was set aside for good; the log keeps it", &done);
    paths
        .insert("/api/v1/parked/{consumer}/{topic}/{position}".into(), json!({"parameters": entry, "delete": discard}));
    let retry = operation("retry_parked", "Have a saga decide about it again", &done);
    paths.insert(
        "/api/v1/parked/{consumer}/{topic}/{position}/retry".into(),
        json!({"parameters": entry, "post": retry}),
    );
}

/// The shapes.
pub(super) fn schemas(schemas: &mut Map<String, Value>) {
    let count = json!({"type": "integer"});
    let time = json!({"type": ["string", "null"], "description": "RFC 3339"});
    let text = json!({"type": "string"});
    let said = |description: &str| json!({"type": "string", "description": description});
    let command = json!({
        "type": "object",
        "properties": {
            "state": {"enum": ["waiting", "claimed", "dead"]},
            "id": text,
            "attempts": {"type": "integer", "description": "How many have failed"},
            "topic": text,
            "intent": {"enum": ["create", "update", "delete", "record"]},
            "data": {"description": "What is to be created, replaced, ended or recorded"},
            "since": time,
            "cause": said("The id of the event that a saga reacted to"),
            "handler": said("That saga"),
            "error": said("Of the last attempt that failed"),
            "worker": said("Who has it in hand"),
            "lease_ends": time,
            "text": said("Of a command that can't be read: what stands there"),
            "unreadable": said("Why it can't"),
        },
        "required": ["state", "id", "attempts"],
        "additionalProperties": false,
    });
    let queue = json!({
        "type": "object",
        "properties": {
            "service": text,
            "waiting": count,
            "claimed": count,
            "dead": count,
            "commands": list_of(&schema("QueuedCommand")),
            "next": {"type": ["string", "null"], "description": "Where the next page begins; null on the last"},
        },
        "required": ["service", "waiting", "claimed", "dead", "commands", "next"],
        "additionalProperties": false,
    });
    let parked = json!({
        "type": "object",
        "properties": {
            "consumer": text,
            "topic": text,
            "position": schema("Position"),
            "reason": said("Why it could not be processed, the last time"),
            "attempts": {"type": "integer", "description": "How many times it could not be"},
            "since": time,
            "retry": {"type": "boolean", "description": "Whether it is to be tried again"},
        },
        "required": ["consumer", "topic", "position", "reason", "attempts", "since", "retry"],
        "additionalProperties": false,
    });
    let page = json!({
        "type": "object",
        "properties": {
            "count": {"type": "integer", "description": "How many there are in all"},
            "entries": list_of(&schema("ParkedEntry")),
            "next": {"type": ["string", "null"], "description": "Where the next page begins; null on the last"},
        },
        "required": ["count", "entries", "next"],
        "additionalProperties": false,
    });
    schemas.insert("ParkedEntry".into(), parked);
    schemas.insert("ParkedPage".into(), page);
    schemas.insert("QueuedCommand".into(), command);
    schemas.insert("Queue".into(), queue);
}
