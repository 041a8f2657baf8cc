//! Where the event with a number stands: no store has an index for that, but numbers grow with positions.

use kernel::{Checkpoint, Entry, Number, Position};

use super::Engine;
use crate::StoreError;

/// So many entries are read rather than looked between.
const NEAR: usize = 64;

/// Where the search has come to. Of the numbers sought, none stands at or before `low` or after `high`.
struct Search {
    sought: Number,
    /// The last event found that has no later number than the one sought.
    found: Checkpoint,
    low: Position,
    high: Position,
    /// The number of an event at or after `high`, none before it.
    above: Number,
    /// How many times it was looked.
    looks: u32,
}

impl Engine {
    /// Where the event with this number stands, and the head's epoch; nothing but that epoch for 0. Where that number
    /// is missing, as it may be in a history, the last event before it.
    ///
    /// It takes a few looks into the log, however long that is.
    ///
    /// # Errors
    /// When the store failed, no event has that number yet, or the log's events have none.
    pub async fn numbered(&self, number: Number) -> Result<Checkpoint, StoreError> {
        let head = self.head().await?;
        if number == Number::ZERO {
            return Ok(Checkpoint { epoch: head.epoch, ..Checkpoint::default() });
        }
        if number > head.number {
            return Err(match (head.number, head.position) {
                (Number::ZERO, Position::ZERO) | (Number(1..), _) => {
                    StoreError::NumberAfterHead { number, head: head.number }
                }
                (Number::ZERO, _) => StoreError::Unnumbered { url: self.url(), number },
            });
        }
        let found = Checkpoint { epoch: head.epoch, ..Checkpoint::default() };
        let (low, high, above) = (Position::ZERO, head.position, head.number.successor());
        let mut search = Search { sought: number, found, low, high, above, looks: 0 };
        if let Some(above) = self.first_native_number().await? {
            let end = Position::FIRST_NATIVE.predecessor();
            if above > number {
                (search.high, search.above) = (end, above);
            } else {
                (search.low, search.found.number) = (end, Number(above.0 - 1));
            }
        }
        while let Some(guess) = search.guess() {
            match self.last_numbered(guess, search.low).await? {
                Some((position, number)) if number > search.sought => {
                    (search.high, search.above) = (position.predecessor(), number);
                }
                Some((position, number)) => search.passes(guess, (position, number)),
                None => search.low = guess,
            }
            if search.low == guess && search.found.number < number {
                // Where there was nothing for long there is nothing to look between.
                let next = self.page(guess, 1).await?.entries.first().map(|next| (next.position(), next.number()));
                match next {
                    Some((_, Some(next))) if next > number => return Ok(search.found),
                    Some((position, Some(next))) => search.passes(position, (position, next)),
                    Some((_, None)) | None => {}
                }
            }
            if search.found.number == number && search.found.position > Position::ZERO {
                return Ok(search.found);
            }
        }
        self.walk(search).await
    }

    /// The number of the first native event, where other programs have written much before it that has none.
    async fn first_native_number(&self) -> Result<Option<Number>, StoreError> {
        let before = Position::FIRST_NATIVE.predecessor();
        if self.last_at(before).await?.position == Position::ZERO {
            return Ok(None);
        }
        let first = self.page(before, 1).await?.entries.first().and_then(Entry::number);
        Ok(first.filter(|number| *number > Number::ZERO))
    }

    /// The last event after `low`, up to and at `position`, that has a number.
    async fn last_numbered(&self, position: Position, low: Position) -> Result<Option<(Position, Number)>, StoreError> {
        let last = self.last_at(position).await?;
        if last.position <= low {
            return Ok(None);
        }
        if last.number > Number::ZERO {
            return Ok(Some((last.position, last.number)));
        }
        let mut before = last.position.successor();
        loop {
            let entries = self.entries_before(before, NEAR).await?;
            let Some(first) = entries.first().map(Entry::position) else { return Ok(None) };
            let entries = entries.iter().rev().take_while(|entry| entry.position() > low);
            let found = entries.filter_map(|entry| Some((entry.position(), entry.number()?))).next();
            if found.is_some() || first <= low {
                return Ok(found);
            }
            before = first;
        }
    }

    /// Reads on from where the search has come to.
    async fn walk(&self, search: Search) -> Result<Checkpoint, StoreError> {
        let Search { sought, mut found, mut low, .. } = search;
        loop {
            let entries = self.page(low, NEAR).await?.entries;
            let Some(last) = entries.last().map(Entry::position) else { return Ok(found) };
            for entry in &entries {
                match entry.number() {
                    Some(number) if number > sought => return Ok(found),
                    Some(number) => (found.position, found.number) = (entry.position(), number),
                    None => {}
                }
            }
            if found.number == sought {
                return Ok(found);
            }
            low = last;
        }
    }
}

impl Search {
    /// Up to `low` there is nothing but what comes before the number sought; the last of it is this event.
    fn passes(&mut self, low: Position, (position, number): (Position, Number)) {
        self.low = low;
        (self.found.position, self.found.number) = (position, number);
    }

    /// Where to look next; nothing when what is left is soon read.
    fn guess(&mut self) -> Option<Position> {
        let (low, high) = (self.low.successor(), self.high.predecessor());
        let (from, numbers) = (self.found.number.0, self.above.0 - self.found.number.0);
        if low > high || numbers <= NEAR as u64 {
            return None;
        }
        self.looks += 1;
        // Where it would be if events came evenly; every other time the middle, as they don't.
        let (part, whole) = if self.looks.is_multiple_of(2) { (1, 2) } else { (self.sought.0 - from, numbers) };
        let between = |low: u64, high: u64| {
            let step = u128::from(high - low) * u128::from(part) / u128::from(whole);
            low + u64::try_from(step).unwrap_or(0)
        };
        Some(match (low.ms(), high.ms()) {
            (low, high) if low < high => Position::new(between(low, high - 1), u64::MAX),
            (ms, _) => Position::new(ms, between(low.seq(), high.seq())),
        })
    }
}
