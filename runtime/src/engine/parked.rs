//! What consumers have set aside, on whichever engine it is.

use super::Engine;
use crate::{Parked, ParkedId, StoreError, parking::MOST_LISTED};

impl Engine {
    /// What consumers have set aside, by consumer, position and topic: what comes after `after`, at most `limit` and
    /// at most [`MOST_LISTED`].
    ///
    /// # Errors
    /// When the store failed.
    pub async fn parked(&self, after: Option<&ParkedId>, limit: usize) -> Result<Vec<Parked>, StoreError> {
        let limit = limit.min(MOST_LISTED);
        each!(self, parked(after, limit))
    }

    /// How many entries are set aside.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn parked_count(&self) -> Result<u64, StoreError> {
        each!(self, parked_count())
    }

    /// One entry that is set aside.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn parked_one(&self, id: &ParkedId) -> Result<Option<Parked>, StoreError> {
        each!(self, parked_one(id))
    }

    /// What a consumer has set aside and shall try again, in log order, at most [`MOST_LISTED`].
    ///
    /// # Errors
    /// When the store failed.
    pub async fn to_retry(&self, consumer: &str) -> Result<Vec<Parked>, StoreError> {
        each!(self, to_retry(consumer, MOST_LISTED))
    }

    /// What was set aside once and is not any more: tried again, or dropped. In the order of [`Engine::parked`].
    ///
    /// # Errors
    /// When the store failed.
    pub async fn unparked(&self, after: Option<&ParkedId>, limit: usize) -> Result<Vec<ParkedId>, StoreError> {
        let limit = limit.min(MOST_LISTED);
        each!(self, unparked(after, limit))
    }
}
