//! The fields of a body that asks for something, each taken once.

use axum::{body::HttpBody as _, extract::Request};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    body::{self, Members},
    gateway::Shared,
    problem::{Kind, Problem},
    settings::Settings,
};

/// The fields of a body; none where there is no body.
#[derive(Debug)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a request for one `thing` that has the `known` fields.
    pub(crate) async fn of(gateway: &Shared, request: Request, thing: &str, known: &[&str]) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if body.is_end_stream() {
            return Ok(Self(Map::new()));
        }
        let (text, _room) = body::text(body, &parts.headers, &gateway.settings, &gateway.room).await?;
        Self::read(&text, &gateway.settings, thing, known)
    }

    /// Reads the fields that JSON text has.
    pub(crate) fn read(text: &str, settings: &Settings, thing: &str, known: &[&str]) -> Result<Self, Problem> {
        let refused = || Problem::new(Kind::Refused, format!("expected the fields of one {thing}"));
        let fields: Map<String, Value> = match Members::read(text, settings)? {
            Members::One(body) => serde_json::from_str(body.get()).map_err(|_| refused())?,
            Members::Many(_) => return Err(refused()),
        };
        if let Some(unknown) = fields.keys().find(|name| !known.contains(&name.as_str())) {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let detail = format!("unknown field {unknown}; the fields are {known}");
            return Err(Problem::new(Kind::Refused, detail).field(unknown));
        }
        Ok(Self(fields))
    }

    /// All of them, as they were written.
    pub(crate) fn told(&self) -> Value {
        self.0.clone().into()
    }

    /// A field's value; nothing where it is missing or null.
    pub(crate) fn take<T: DeserializeOwned>(&mut self, name: &str, expected: &str) -> Result<Option<T>, Problem> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let detail = |_| format!("{name} must be {expected}, not {value}");
                let wrong = |error| Problem::new(Kind::Refused, detail(error)).field(name);
                T::deserialize(&value).map(Some).map_err(wrong)
            }
        }
    }
}
