//! How a generation's state and rows are written down in Redis.

use std::collections::BTreeMap;

use kernel::{Checkpoint, Epoch, Number};
use redis::{Value, from_redis_value, pipe};
use runtime::StoreError;

use super::connect::{Lane, Server};
use crate::ModelState;

/// The field that names the generation.
pub(super) const GENERATION: &str = "generation";

/// The fields of a state, in the order in which the scripts take them.
pub(super) const FIELDS: [&str; 6] = ["epoch", "position", "number", "digest", "version", GENERATION];

/// The fields of a state as Redis answers them; none of a model that was never written.
type StateFields = [Option<String>; 6];

/// Where a generation's state is kept: the one served, or one that is being built.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// The key of the hash; also the channel on which its positions are told.
    pub(super) key: String,
}

impl Slot {
    pub(super) async fn state(&self, server: &Server) -> Result<ModelState, StoreError> {
        let (answer,): (Value,) =
            server.send(Lane::Quick, pipe().cmd("HMGET").arg(&self.key).arg(FIELDS.as_slice()), &self.key).await?;
        self.parse(server, answer)
    }

    pub(super) fn parse(&self, server: &Server, answer: Value) -> Result<ModelState, StoreError> {
        let fields: StateFields =
            from_redis_value(answer).map_err(|error| server.corrupt(&self.key, error.to_string()))?;
        let unreadable =
            || server.corrupt(&self.key, format!("it holds {fields:?}, which is no state of a read model"));
        state(&fields).ok_or_else(unreadable)
    }
}

/// The texts of a state's fields.
pub(super) fn fields(state: &ModelState) -> [String; 6] {
    [
        state.checkpoint.epoch.0.clone(),
        state.checkpoint.position.to_string(),
        state.checkpoint.number.to_string(),
        state.digest.to_string(),
        state.version.to_string(),
        state.generation.to_string(),
    ]
}

fn state(fields: &StateFields) -> Option<ModelState> {
    /// What a field says; the default where it is missing.
    fn read<T: Default + std::str::FromStr>(field: Option<&String>) -> Option<T> {
        field.map_or_else(|| Some(T::default()), |text| text.parse().ok())
    }
    let [epoch, position, number, digest, version, generation] = fields.each_ref().map(Option::as_ref);
    Some(ModelState {
        checkpoint: Checkpoint { epoch: Epoch(read(epoch)?), position: read(position)?, number: Number(read(number)?) },
        digest: read(digest)?,
        version: read(version)?,
        generation: read(generation)?,
    })
}

/// The rows of a table as Redis answers them, taken over rather than copied.
pub(super) fn table(answer: Value) -> Result<BTreeMap<String, String>, String> {
    if let Value::Array(values) = answer {
        let mut values = values.into_iter();
        return std::iter::from_fn(|| Some((values.next()?, values.next()?))).map(keyed).collect();
    }
    if let Value::Map(pairs) = answer {
        return pairs.into_iter().map(keyed).collect();
    }
    Err("it is no hash of rows".to_owned())
}

fn keyed((key, row): (Value, Value)) -> Result<(String, String), String> {
    let (Value::BulkString(key), Value::BulkString(row)) = (key, row) else {
        return Err("a key or a row is no text".to_owned());
    };
    let text = |bytes| String::from_utf8(bytes).map_err(|error| format!("a key or a row is no text: {error}"));
    Ok((text(key)?, text(row)?))
}
