//! The shapes of entities, commands, problems and live events, as JSON Schema.

use std::sync::Arc;

use kernel::{ENTITY_ID, Field, Kind, Topic};
use serde_json::{Map, Value, json};

use crate::problem::{self, Kind as ProblemKind};

/// The name of the shape that creates an entity.
pub(super) fn new(topic: &Topic) -> String {
    format!("new_{}", topic.name)
}

/// The name of the shape that replaces an entity.
pub(super) fn replacement(topic: &Topic) -> String {
    format!("replaced_{}", topic.name)
}

/// What a shape is for: facts keep to fewer rules than commands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Reading,
    Creating,
    Replacing,
}

/// Every shape by name.
pub(super) fn all(topics: &[Arc<Topic>]) -> Map<String, Value> {
    let mut schemas = Map::new();
    for topic in topics {
        schemas.insert(topic.name.to_owned(), entity(topic, For::Reading));
        schemas.insert(new(topic), entity(topic, For::Creating));
        schemas.insert(replacement(topic), entity(topic, For::Replacing));
    }
    schemas.insert("Position".into(), json!({"type": "string", "pattern": "^[0-9]+-[0-9]+$"}));
    schemas.insert("Problem".into(), problem());
    schemas.insert("LiveEvent".into(), live_event());
    super::opened::schemas(&mut schemas);
    super::queues::schemas(&mut schemas);
    super::rebuilds::schemas(&mut schemas);
    super::work::schemas(&mut schemas);
    super::past::schemas(&mut schemas);
    super::state::schemas(&mut schemas);
    schemas
}

fn entity(topic: &Topic, purpose: For) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    if purpose != For::Creating {
        properties.insert(ENTITY_ID.into(), json!({"type": "string"}));
    }
    if purpose == For::Reading {
        required.push(ENTITY_ID);
    }
    for field in &topic.fields {
        properties.insert(field.name.into(), value(field, purpose));
        if purpose != For::Creating || field.initially.is_none() {
            required.push(field.name);
        }
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn value(field: &Field, purpose: For) -> Value {
    let command = purpose != For::Reading;
    let filled = command && !field.may_be_empty;
    // Blank is empty: at least one character that is no white space.
    let text = if filled { json!({"type": "string", "pattern": "\\S"}) } else { json!({"type": "string"}) };
    let mut schema = match field.kind {
        Kind::Text => text,
        Kind::Integer { min } => {
            let mut schema = json!({"type": "integer", "format": "int64"});
            if command && min != i64::MIN {
                schema["minimum"] = min.into();
            }
            schema
        }
        Kind::Seconds => {
            let mut schema = json!({"type": "number", "description": "Unix seconds; 0 for not yet"});
            if command {
                schema["minimum"] = 0.into();
            }
            schema
        }
        Kind::Reference(topic) => {
            let mut schema = text;
            schema["description"] = format!("The id of a {topic}").into();
            schema
        }
        Kind::References(topic) => {
            let mut schema = json!({"type": "array", "items": text});
            schema["description"] = format!("Ids of a {topic}; repeats count").into();
            if filled {
                schema["minItems"] = 1.into();
            }
            schema
        }
        Kind::Choice(choices) => json!({"enum": choices}),
    };
    if let (For::Creating, Some(initially)) = (purpose, field.initially) {
        schema["default"] = serde_json::from_str(initially).unwrap_or(Value::Null);
    }
    schema
}

fn problem() -> Value {
    let types: Vec<_> = ProblemKind::ALL.iter().map(|kind| problem::type_uri(kind.about().1)).collect();
    json!({
        "type": "object",
        "description": "RFC 9457, with the key error for older clients",
        "properties": {
            "error": {"type": "string", "description": "A sentence; the same as detail"},
            "type": {"enum": types},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "field": {"type": "string", "description": "The field at fault"},
            "member": {"type": "integer", "description": "The member of the list at fault, counted from 0"},
            "command": {"type": "string", "description": "The command, to ask for at /api/v1/commands/{id}"},
            "line": {"type": "integer"},
            "column": {"type": "integer"},
        },
        "required": ["error", "type", "title", "status", "detail"],
    })
}

fn live_event() -> Value {
    let or_null = json!({"type": ["string", "null"]});
    json!({
        "type": "object",
        "properties": {
            "action": {"type": "string", "examples": ["order_created"]},
            "data": {"description": "The entity or fact"},
            "ts": {"type": "number", "description": "Unix seconds"},
            "topic": {"type": "string"},
            "position": {"$ref": "#/components/schemas/Position"},
            "number": {"type": ["integer", "null"], "description": "Its ordinal in the log; null where another program wrote it"},
            "key": {"type": ["string", "null"], "description": "The key of the row that it is about"},
            "event_id": {"type": "string"},
            "cause": or_null,
            "handler": or_null,
            "command": {"type": "string"},
        },
        "required": ["action", "data", "ts", "topic", "position", "number", "key", "event_id", "cause", "handler"],
    })
}
