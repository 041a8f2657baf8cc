//! What the shop says.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The answer to a request.
pub(super) struct Answer<'b> {
    status: u16,
    /// What stands under `result` where the shop said yes.
    result: Option<&'b Value>,
}

impl<'b> Answer<'b> {
    pub(super) fn new(status: u16, body: &'b Value) -> Self {
        let yes = (200..300).contains(&status);
        Self { status, result: body.get("result").filter(|_| yes) }
    }

    /// Whether a rule of the shop said no, or what the request was about is gone.
    pub(super) const fn is_refusal(&self) -> bool {
        matches!(self.status, 404 | 409 | 422)
    }

    /// Whether it was done.
    pub(super) const fn is_done(&self) -> bool {
        self.result.is_some()
    }

    /// The ids of what was created; none where nothing was.
    pub(super) fn ids(&self) -> Vec<String> {
        self.read().unwrap_or_default()
    }

    /// The id of the one entity that was created.
    pub(super) fn id(&self) -> Option<String> {
        self.ids().into_iter().next()
    }

    /// The entity that was asked for; nothing where there is none.
    pub(super) fn entity<E: DeserializeOwned>(&self) -> Option<E> {
        self.read()
    }

    /// The entities that were asked for; those that are not what they should be are passed over.
    pub(super) fn entities<E: DeserializeOwned>(&self) -> Vec<E> {
        let all = self.result.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        all.iter().filter_map(|value| E::deserialize(value).ok()).collect()
    }

    /// How many entities are told by id.
    pub(super) fn count(&self) -> u64 {
        self.result.and_then(Value::as_object).map_or(0, |by_id| by_id.len() as u64)
    }

    fn read<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(self.result?).ok()
    }
}
