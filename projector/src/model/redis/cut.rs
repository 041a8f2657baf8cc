//! Reads of several keys that all belong to one moment.

use redis::{Pipeline, Value, pipe};
use runtime::StoreError;

use super::{
    RedisModel,
    connect::Lane,
    slot::{FIELDS, Slot},
};
use crate::ModelState;

/// Answers that belong to one moment, in the order they were asked for.
pub(super) struct Cut {
    /// The answers.
    pub(super) answers: Vec<Value>,
    /// Where the read model stood then.
    pub(super) state: ModelState,
}

impl RedisModel {
    /// Asks for what `ask` adds, given a generation, until that is the one served at that moment.
    pub(super) async fn cut(&self, lane: Lane, ask: impl Fn(&mut Pipeline, u64)) -> Result<Cut, StoreError> {
        loop {
            let asked = self.generation();
            let cut = match self.transaction(lane, asked, &ask).await {
                // A server without room takes no transactions, whatever is in them.
                Err(StoreError::Full { .. }) => self.framed(lane, asked, &ask).await?,
                cut => Some(cut?),
            };
            if let Some(cut) = cut
                && self.is_of(asked, cut.state.generation)
            {
                return Ok(cut);
            }
        }
    }

    async fn transaction(&self, lane: Lane, asked: u64, ask: impl Fn(&mut Pipeline, u64)) -> Result<Cut, StoreError> {
        let mut request = pipe();
        request.atomic();
        ask(&mut request, asked);
        ask_state(&mut request, self.slot());
        let mut answers: Vec<Value> = self.server().send(lane, &request, &self.slot().key).await?;
        let state = self.slot().parse(self.server(), answers.pop().unwrap_or(Value::Nil))?;
        Ok(Cut { answers, state })
    }

    /// The same without a transaction: the state is asked for before and after; nothing where it moved.
    async fn framed(
        &self,
        lane: Lane,
        asked: u64,
        ask: impl Fn(&mut Pipeline, u64),
    ) -> Result<Option<Cut>, StoreError> {
        let mut request = pipe();
        ask_state(&mut request, self.slot());
        ask(&mut request, asked);
        ask_state(&mut request, self.slot());
        let mut answers: Vec<Value> = self.server().send(lane, &request, &self.slot().key).await?;
        let after = self.slot().parse(self.server(), answers.pop().unwrap_or(Value::Nil))?;
        let before = if answers.is_empty() { Value::Nil } else { answers.remove(0) };
        let state = self.slot().parse(self.server(), before)?;
        Ok((state == after).then_some(Cut { answers, state }))
    }
}

fn ask_state(request: &mut Pipeline, slot: &Slot) {
    request.cmd("HMGET").arg(&slot.key).arg(FIELDS.as_slice());
}
