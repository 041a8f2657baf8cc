//! The interface described: OpenAPI 3.1, generated from the domain.
//!
//! <https://spec.openapis.org/oas/v3.1.1.html>

mod opened;
mod past;
mod queues;
mod rebuilds;
mod schemas;
mod state;
mod work;

use kernel::{Domain, QueryHandler, Topic};
use serde_json::{Map, Value, json};

use crate::{settings::Settings, surface::Surface};

/// The whole document.
pub(crate) fn document(domain: &Domain, surface: &Surface, settings: &Settings) -> Value {
    let mut paths = Map::new();
    for topic in &surface.entities {
        paths.insert(format!("/{}", topic.plural), many(topic));
        paths.insert(format!("/{}", topic.name), single(topic));
        paths.insert(format!("/{}/{{id}}", topic.name), one(topic));
    }
    for query in &surface.queries {
        paths.insert(query.path.to_owned(), question(query));
    }
    own(&mut paths);
    past::paths(&mut paths);
    state::paths(&mut paths);
    rebuilds::paths(&mut paths);
    work::paths(&mut paths);
    // After all that can be asked of one.
    opened::paths(&mut paths);
    complete(&mut paths, domain, settings);
    let mut document = frame(domain, surface, &paths);
    if let Some(parameters) = document["components"]["parameters"].as_object_mut() {
        past::parameters(parameters);
        opened::parameters(parameters);
    }
    document
}

/// Says which services and topics there are, where a path has one, and how many of something an answer has at most.
fn complete(paths: &mut Map<String, Value>, domain: &Domain, settings: &Settings) {
    let topics: Vec<_> = domain.topics().map(|topic| topic.name).collect();
    let known = [("service", json!({"enum": domain.services()})), ("topic", json!({"enum": topics}))];
    for operation in paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        let parameters = if operation.is_array() { Some(operation) } else { operation.get_mut("parameters") };
        for parameter in parameters.and_then(Value::as_array_mut).into_iter().flatten() {
            let is_segment = parameter["in"] == "path";
            if let Some((_, schema)) = known.iter().find(|(name, _)| is_segment && parameter["name"] == *name) {
                parameter["schema"] = schema.clone();
            }
            if parameter["name"] == "limit" && parameter["schema"]["maximum"].is_null() {
                parameter["schema"]["maximum"] = settings.most_changes.into();
            }
        }
    }
}

/// The document around its paths.
fn frame(domain: &Domain, surface: &Surface, paths: &Map<String, Value>) -> Value {
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": format!("{} on Retrace", domain.name()),
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Reads come from the read model, or with at from the timeline, as things were; writes are commands, and are answered once the read model shows them.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas::all(&surface.entities),
            "responses": {"Problem": {
                "description": "Why there is no answer",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }},
            "parameters": {
                "IdempotencyKey": {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "description": "A repeat of the request under the same key gets the first outcome",
                    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
                },
                "After": {
                    "name": "after",
                    "in": "query",
                    "description": "The position after which events are wanted; from now on where it is left out",
                    "schema": {"$ref": "#/components/schemas/Position"},
                },
            },
            "securitySchemes": {"token": {
                "type": "http",
                "scheme": "bearer",
                "description": "Needed where the gateway has tokens; with the scope read, command or admin",
            }},
        },
        "security": [{}, {"token": []}],
    })
}

/// An operation that answers with `{"result": <schema>}`.
fn operation(id: &str, summary: &str, result: &Value) -> Value {
    let result = json!({
        "type": "object",
        "properties": {"result": result},
        "required": ["result"],
        "additionalProperties": false,
    });
    json!({
        "operationId": id,
        "summary": summary,
        "responses": {
            "200": {"description": "Done", "content": {"application/json": {"schema": result}}},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    })
}

/// An operation that answers with rows, or with what was made of them.
fn reading(id: &str, summary: &str, result: &Value) -> Value {
    let mut operation = operation(id, summary, result);
    operation["parameters"] = json!([past::at()]);
    operation["responses"]["200"]["headers"] = json!({
        "Retrace-Position": past::position(),
        "Retrace-Stale": {
            "description": "Where another version of the projection than this program's made the rows: both versions",
            "schema": {"type": "string"},
        },
    });
    operation
}

/// An operation that becomes a command.
fn command(id: &str, summary: &str, result: &Value, body: Option<Value>) -> Value {
    let mut operation = operation(id, summary, result);
    operation["parameters"] = json!([{"$ref": "#/components/parameters/IdempotencyKey"}]);
    let header = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    operation["responses"]["200"]["headers"] = json!({
        "Retrace-Command": header("The command that the request became"),
        "Retrace-Position": header("The position of its last event"),
        "Retrace-Read-Model": header("behind, where the read model does not show it yet"),
    });
    if let Some(schema) = body {
        operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": schema}}});
    }
    operation
}

fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn list_of(schema: &Value) -> Value {
    json!({"type": "array", "items": schema})
}

/// A list of at least one new entity.
fn batch(topic: &Topic) -> Value {
    json!({"type": "array", "items": schema(&schemas::new(topic)), "minItems": 1})
}

fn many(topic: &Topic) -> Value {
    let (name, plural) = (topic.name, topic.plural);
    json!({
        "get": reading(&format!("list_{name}"), &format!("All {plural}, by id"), &list_of(&schema(name))),
        "post": command(
            &format!("submit_{name}"),
            &format!("Have {plural} created, all or none, without waiting: the answer is the command's id"),
            &json!({"type": "string"}),
            Some(batch(topic)),
        ),
    })
}

fn single(topic: &Topic) -> Value {
    let name = topic.name;
    let either = json!({"oneOf": [schema(&schemas::new(topic)), batch(topic)]});
    let ids = json!({"type": "array", "items": {"type": "string"}});
    json!({"post": command(
        &format!("create_{name}"),
        &format!("Create one {name}, or a list of them, all or none: the answer is their ids"),
        &ids,
        Some(either),
    )})
}

fn one(topic: &Topic) -> Value {
    let name = topic.name;
    let done = json!({"const": true});
    let found = json!({"oneOf": [schema(name), {"type": "null"}]});
    json!({
        "parameters": [path_parameter("id")],
        "get": reading(&format!("get_{name}"), &format!("One {name}; null where there is none"), &found),
        "put": command(
            &format!("replace_{name}"),
            &format!("Replace all fields of a {name}"),
            &done,
            Some(schema(&schemas::replacement(topic))),
        ),
        "delete": command(&format!("delete_{name}"), &format!("End a {name}"), &done, None),
    })
}

fn question(query: &QueryHandler) -> Value {
    let id = query.path.trim_start_matches('/').replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let summary = format!("An answer from {}", query.topics.join(", "));
    json!({"get": reading(&format!("query_{id}"), &summary, &json!({}))})
}

fn path_parameter(name: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})
}

/// The gateway's own routes.
fn own(paths: &mut Map<String, Value>) {
    let any = json!({"type": "object"});
    let get = |id: &str, summary: &str| json!({"get": operation(id, summary, &json!({}))});
    let bare = |id: &str, summary: &str, kind: &str| {
        let answer = json!({"description": summary, "content": {kind: {}}});
        json!({"get": {"operationId": id, "summary": summary, "responses": {
            "200": answer, "default": {"$ref": "#/components/responses/Problem"},
        }}})
    };
    paths.insert("/api/v1/status".into(), get("status", "Log, read model, timeline, consumers and queues"));
    paths.insert("/api/v1/topics".into(), get("topics", "What the domain is made of"));
    let mut fate = json!({"get": operation("command", "What became of a command", &any)});
    fate["parameters"] = json!([path_parameter("id")]);
    paths.insert("/api/v1/commands/{id}".into(), fate);

    queues::paths(paths);
    queues::parked(paths);

    let after = json!([{"$ref": "#/components/parameters/After"}]);
    let mut events = bare("events", "Events as they happen, as server-sent events", "text/event-stream");
    events["get"]["parameters"] = after.clone();
    paths.insert("/api/v1/events".into(), events);
    let mut socket = bare("websocket", "Events as they happen, one text message each", "application/json");
    socket["get"]["parameters"] = after;
    if let Some(parameters) = socket["get"]["parameters"].as_array_mut() {
        parameters.push(json!({
            "name": "rebuilds",
            "in": "query",
            "description": "With 1, rebuilds of the read model are told of too, twice a second while they last, each message a RebuildMessage",
            "schema": {"const": "1"},
        }));
    }
    socket["get"]["responses"] = json!({
        "101": {"description": "The connection is a WebSocket now; each message is a LiveEvent"},
        "default": {"$ref": "#/components/responses/Problem"},
    });
    paths.insert("/ws".into(), socket);
    paths.insert("/livez".into(), bare("livez", "The process answers", "application/json"));
    let mut ready = bare("readyz", "Ready for requests", "application/json");
    ready["get"]["responses"]["503"] =
        json!({"description": "Not ready, and why", "content": {"application/json": {}}});
    paths.insert("/readyz".into(), ready);
    paths.insert("/metrics".into(), bare("metrics", "Counters for Prometheus", "text/plain"));
    paths.insert("/openapi.json".into(), bare("openapi", "This document", "application/json"));
    paths.insert("/".into(), bare("page", "A page for people", "text/html"));
}
