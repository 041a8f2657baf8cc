//! Opened history files, described.

use serde_json::{Map, Value, json};

use super::{list_of, operation, path_parameter, schema};

/// What can be asked of an opened history instead of the gateway's log: the routes that begin so.
const ASKED: [&str; 5] = ["/api/v1/log", "/api/v1/state", "/api/v1/diff", "/api/v1/history/", "/api/v1/trace/"];

/// The routes.
pub(super) fn paths(paths: &mut Map<String, Value>) {
    let list =
        operation("histories", "The open history files, those asked about last first", &list_of(&schema("History")));
    let mut open = operation(
        "open_history",
        "Open a history file to look at it; of more than four, the one goes that nobody has asked about for the longest time",
        &schema("History"),
    );
    open["parameters"] = json!([{
        "name": "Retrace-Name",
        "in": "header",
        "description": "What the file is called, percent-encoded",
        "schema": {"type": "string"},
    }]);
    let file =
        json!({"type": "string", "description": "One entry of a stream a line; an empty file is an empty history"});
    open["requestBody"] = json!({"content": {"application/jsonl": {"schema": file}}});
    paths.insert("/api/v1/histories".into(), json!({"get": list, "post": open}));
    let close = operation("close_history", "Forget an open history file", &json!({"const": true}));
    paths.insert("/api/v1/histories/{id}".into(), json!({"parameters": [path_parameter("id")], "delete": close}));
    for (path, routes) in paths.iter_mut() {
        if ASKED.iter().any(|asked| path.starts_with(asked))
            && let Some(parameters) = routes["get"]["parameters"].as_array_mut()
        {
            parameters.push(json!({"$ref": "#/components/parameters/Log"}));
        }
    }
}

/// The parameter that names an opened history.
pub(super) fn parameters(parameters: &mut Map<String, Value>) {
    let log = json!({
        "name": "log",
        "in": "query",
        "description": "The id of an open history file to ask instead of the gateway's log",
        "schema": {"type": "string"},
    });
    parameters.insert("Log".into(), log);
}

/// The shapes.
pub(super) fn schemas(schemas: &mut Map<String, Value>) {
    let history = json!({
        "type": "object",
        "properties": {
            "id": {"type": "string", "description": "Of what the file says: the same file has the same"},
            "name": {"type": "string"},
            "events": {"type": "integer", "description": "How many it has"},
            "head": schema("Cut"),
        },
        "required": ["id", "name", "events", "head"],
        "additionalProperties": false,
    });
    schemas.insert("History".into(), history);
}
