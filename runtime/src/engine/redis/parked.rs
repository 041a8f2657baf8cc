//! What consumers have set aside.

use redis::{Pipeline, Value};

use super::{Redis, script};
use crate::{
    Parked, ParkedId, StoreError,
    parking::{PLACE, position_at},
};

impl Redis {
    /// Gives what was set aside before it had an order its place in it.
    pub(super) async fn order_parked(&self) -> Result<(), StoreError> {
        let keys = self.keys();
        let mut counts = Pipeline::with_capacity(2);
        counts.cmd("HLEN").arg(&keys.parked).cmd("ZCARD").arg(&keys.parked_order);
        let counts = self.without_errors(self.0.ordinary.send_all(&counts).await?)?;
        let (entries, ordered): (u64, u64) = self.answer(&keys.parked, Value::Array(counts))?;
        if entries <= ordered {
            return Ok(());
        }
        self.run(&script::ORDER_PARKED, &keys.parked, |run| run).await
    }

    pub(in crate::engine) async fn parked(
        &self,
        after: Option<&ParkedId>,
        limit: usize,
    ) -> Result<Vec<Parked>, StoreError> {
        let from = beginning(after);
        self.listed_parked(&self.keys().parked_order, (&from, "+"), limit).await
    }

    pub(in crate::engine) async fn parked_count(&self) -> Result<u64, StoreError> {
        let key = &self.keys().parked_order;
        let mut count = redis::cmd("ZCARD");
        count.arg(key);
        self.answer(key, self.0.ordinary.send(&count).await?)
    }

    pub(in crate::engine) async fn parked_one(&self, id: &ParkedId) -> Result<Option<Parked>, StoreError> {
        let key = &self.keys().parked;
        let mut get = redis::cmd("HGET");
        get.arg(key).arg(id.key());
        let found: Option<String> = self.answer(key, self.0.ordinary.send(&get).await?)?;
        found.map(|json| self.read_parked(&json)).transpose()
    }

    pub(in crate::engine) async fn to_retry(&self, consumer: &str, limit: usize) -> Result<Vec<Parked>, StoreError> {
        // "!" comes right after the space that ends the consumer's name.
        let (from, to) = (format!("[{consumer} "), format!("({consumer}!"));
        self.listed_parked(&self.keys().parked_retry, (&from, &to), limit).await
    }

    pub(in crate::engine) async fn unparked(
        &self,
        after: Option<&ParkedId>,
        limit: usize,
    ) -> Result<Vec<ParkedId>, StoreError> {
        let key = &self.keys().unparked;
        let mut list = redis::cmd("ZRANGEBYLEX");
        list.arg(key).arg(beginning(after)).arg("+").arg("LIMIT").arg(0).arg(limit);
        let names: Vec<String> = self.answer(key, self.0.ordinary.send(&list).await?)?;
        let read = |name: String| read_key(&name).ok_or_else(|| self.corrupt(key, &format!("{name} names no entry")));
        names.into_iter().map(read).collect()
    }

    async fn listed_parked(
        &self,
        order: &str,
        (from, to): (&str, &str),
        limit: usize,
    ) -> Result<Vec<Parked>, StoreError> {
        let list = self.run(&script::PARKED, order, |run| run.arg(&self.keys().parked).arg(from).arg(to).arg(limit));
        let found: Vec<Option<String>> = list.await?;
        found.into_iter().flatten().map(|json| self.read_parked(&json)).collect()
    }

    fn read_parked(&self, json: &str) -> Result<Parked, StoreError> {
        serde_json::from_str(json).map_err(|error| self.corrupt(&self.keys().parked, &error.to_string()))
    }
}

/// Where a listing begins: after this one.
fn beginning(after: Option<&ParkedId>) -> String {
    after.map_or_else(|| "-".to_owned(), |after| format!("({}", after.key()))
}

/// What [`ParkedId::key`] wrote.
fn read_key(key: &str) -> Option<ParkedId> {
    key.match_indices(' ').find_map(|(at, _)| {
        let (place, topic) = key[at + 1..].split_once(' ')?;
        let position = position_at(place).filter(|_| place.len() == PLACE)?;
        Some(ParkedId { consumer: key[..at].to_owned(), position, topic: topic.to_owned() })
    })
}
