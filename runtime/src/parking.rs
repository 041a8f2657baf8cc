//! What consumers could not process and have set aside: it is listed, tried again or dropped.
//!
//! An entry is parked in the commit that moves its consumer past it, and goes in the commit of whatever is done about
//! it: its late effects, or nothing where it is dropped ([`Commit::unpark`](crate::Commit::unpark)). Who wants it tried
//! again marks it; the consumer's host finds the mark (docs/adr/0017-parked-events.md).

use std::{
    fmt,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};

use kernel::Position;
use serde::{Deserialize, Serialize};

use crate::Commit;

/// How many parked entries are listed at a time.
pub const MOST_LISTED: usize = 1_000;

/// The longest reason that is kept, in characters: it may quote what could not be read, which has no bound.
pub const LONGEST_REASON: usize = 500;

/// What names a parked entry; in the order in which they are listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ParkedId {
    /// The consumer.
    pub consumer: String,
    /// Its place in the log.
    pub position: Position,
    /// The topic whose stream holds the entry: other programs may give entries of two topics the same position.
    pub topic: String,
}

/// An entry that a consumer could not process and has set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The consumer.
    pub consumer: String,
    /// The topic whose stream holds the entry.
    pub topic: String,
    /// Its place in the log.
    pub position: Position,
    /// Why it could not be processed, the last time.
    pub reason: String,
    /// How many times it could not be.
    pub attempts: u32,
    /// When it was set aside, in Unix milliseconds.
    pub since_ms: u64,
    /// Whether it shall be tried again.
    pub retry: bool,
}

/// A text that names no parked entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" names no parked entry; expected its position, consumer and topic: 1795341904815-0 saga/crm order")]
pub struct MalformedParkedId(String);

impl ParkedId {
    /// The text that [`ParkedId::from_str`] reads.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {} {}", self.position, self.consumer, self.topic)
    }

    /// What comes before all that a consumer has set aside.
    #[must_use]
    pub fn before(consumer: &str) -> Self {
        Self { consumer: consumer.to_owned(), position: Position::ZERO, topic: String::new() }
    }

    /// Text that sorts as the entries do.
    pub(crate) fn key(&self) -> String {
        format!("{} {} {}", self.consumer, place(self.position), self.topic)
    }
}

impl fmt::Display for ParkedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {}", self.topic, self.position, self.consumer)
    }
}

impl FromStr for ParkedId {
    type Err = MalformedParkedId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.splitn(3, ' ');
        let mut id = || {
            let (position, consumer, topic) = (words.next()?.parse().ok()?, words.next()?, words.next()?);
            Some(Self { consumer: consumer.to_owned(), position, topic: topic.to_owned() })
        };
        id().ok_or_else(|| MalformedParkedId(text.to_owned()))
    }
}

impl Parked {
    /// An entry that can't be processed for the first time.
    #[must_use]
    pub fn now(consumer: &str, topic: &str, position: Position, reason: &str) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            consumer: consumer.to_owned(),
            topic: topic.to_owned(),
            position,
            reason: shortened(reason),
            attempts: 1,
            since_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            retry: false,
        }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> ParkedId {
        ParkedId { consumer: self.consumer.clone(), position: self.position, topic: self.topic.clone() }
    }

    /// The same after one more attempt that failed.
    #[must_use]
    pub fn failed_again(&self, reason: &str) -> Self {
        let attempts = self.attempts.saturating_add(1);
        Self { reason: shortened(reason), attempts, retry: false, ..self.clone() }
    }

    /// The commit by which it is marked to be tried again; refused when it is not there any more.
    #[must_use]
    pub fn wanted_again(&self) -> Commit {
        let wanted = Self { retry: true, ..self.clone() };
        Commit { unpark: vec![self.id()], park: vec![wanted], ..Commit::default() }
    }

    /// The commit by which it is dropped for good; refused when it is not there any more.
    #[must_use]
    pub fn dropped(id: ParkedId) -> Commit {
        Commit { unpark: vec![id], ..Commit::default() }
    }
}

/// How long a [`place`] is.
pub(crate) const PLACE: usize = 41;

/// A position as text of one length, which sorts as positions do.
pub(crate) fn place(position: Position) -> String {
    format!("{:020}-{:020}", position.ms(), position.seq())
}

/// The position that [`place`] wrote.
pub(crate) fn position_at(place: &str) -> Option<Position> {
    let (ms, seq) = place.split_once('-')?;
    Some(Position::new(ms.parse().ok()?, seq.parse().ok()?))
}

fn shortened(reason: &str) -> String {
    match reason.char_indices().nth(LONGEST_REASON) {
        None => reason.to_owned(),
        Some((end, _)) => format!("{}…", &reason[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_positions_do() {
        let key = |ms, seq| ParkedId { position: Position::new(ms, seq), ..ParkedId::before("saga/a") }.key();
        assert!(key(9, 10) < key(10, 9) && key(10, 9) < key(10, 10) && key(10, 10) < key(u64::MAX, 0));
        assert_eq!(position_at(&place(Position::new(u64::MAX, 7))), Some(Position::new(u64::MAX, 7)));
        assert_eq!((position_at("1"), place(Position::ZERO).len()), (None, PLACE));
    }

    #[test]
    fn a_reason_is_never_long() {
        let parked = Parked::now("c", "t", Position::ZERO, &"ä".repeat(LONGEST_REASON + 1));
        assert_eq!(parked.reason, format!("{}…", "ä".repeat(LONGEST_REASON)));
        let again = parked.failed_again("still no");
        assert_eq!((again.reason.as_str(), again.attempts, again.since_ms), ("still no", 2, parked.since_ms));
        assert_eq!(Parked::now("c", "t", Position::ZERO, "ä").reason, "ä");
        let id = again.id();
        assert_eq!((id.name().as_str(), id.name().parse()), ("0-0 c t", Ok(id)));
        assert_eq!("0-0 c".parse::<ParkedId>(), Err(MalformedParkedId("0-0 c".into())));
    }
}
