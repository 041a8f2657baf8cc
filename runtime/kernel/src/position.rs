//! Where an event stands in the log, and what time that was.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

/// First parts below this are Unix seconds, not milliseconds: the IDs that `OrderShop` v2 assigned.
///
/// 10^11 milliseconds is March 1973, before any log; 10^11 seconds is the year 5138.
const FOREIGN_BELOW: u64 = 100_000_000_000;

/// An event's place in the log: a Redis stream ID, `ms-seq`.
///
/// Positions are unique and strictly increasing across all topics of a namespace, in commit order.
/// A first part below 10^11 marks a foreign position, `seconds-microseconds`; every foreign position
/// sorts before every native one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    ms: u64,
    seq: u64,
}

impl Position {
    /// Before the first event of any log.
    pub const ZERO: Self = Self { ms: 0, seq: 0 };
    /// After the last event of any log.
    pub const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };

    /// No native event stands before this; every foreign one does.
    pub const FIRST_NATIVE: Self = Self { ms: FOREIGN_BELOW, seq: 0 };

    /// The position with these two parts.
    #[must_use]
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// The first part: Unix milliseconds, or Unix seconds when [foreign](Self::is_foreign).
    #[must_use]
    pub const fn ms(self) -> u64 {
        self.ms
    }

    /// The second part: a sequence within the millisecond, or microseconds when foreign.
    #[must_use]
    pub const fn seq(self) -> u64 {
        self.seq
    }

    /// The position that follows this one in a log whose server says it is `now_ms` (R1).
    ///
    /// Never goes back: a clock behind the log only lengthens the sequence of its last millisecond.
    #[must_use]
    pub const fn next(self, now_ms: u64) -> Self {
        if now_ms > self.ms { Self { ms: now_ms, seq: 0 } } else { self.successor() }
    }

    /// The smallest position greater than this one; [`Position::MAX`] has none and stays.
    #[must_use]
    pub const fn successor(self) -> Self {
        match (self.seq.checked_add(1), self.ms.checked_add(1)) {
            (Some(seq), _) => Self { ms: self.ms, seq },
            (None, Some(ms)) => Self { ms, seq: 0 },
            (None, None) => Self::MAX,
        }
    }

    /// The greatest position smaller than this one; [`Position::ZERO`] has none and stays.
    #[must_use]
    pub const fn predecessor(self) -> Self {
        match (self.seq.checked_sub(1), self.ms.checked_sub(1)) {
            (Some(seq), _) => Self { ms: self.ms, seq },
            (None, Some(ms)) => Self { ms, seq: u64::MAX },
            (None, None) => Self::ZERO,
        }
    }

    /// Whether this is an ID as `OrderShop` v2 wrote them: `seconds-microseconds`.
    #[must_use]
    pub const fn is_foreign(self) -> bool {
        self.ms < FOREIGN_BELOW
    }

    /// Microseconds since the Unix epoch, by the reading that fits the position.
    #[must_use]
    pub const fn unix_micros(self) -> u64 {
        if self.is_foreign() {
            self.ms.saturating_mul(1_000_000).saturating_add(self.seq)
        } else {
            self.ms.saturating_mul(1_000)
        }
    }

    /// The wall-clock time of the position; `None` beyond the year 9999.
    #[must_use]
    pub fn time(self) -> Option<Timestamp> {
        i64::try_from(self.unix_micros()).ok().and_then(|micros| Timestamp::from_microsecond(micros).ok())
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// A text that is no position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a position; expected two whole numbers joined by a dash, like 1795341904815-0")]
pub struct MalformedPosition(String);

impl FromStr for Position {
    type Err = MalformedPosition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten();
        text.split_once('-')
            .and_then(|(ms, seq)| Some(Self { ms: number(ms)?, seq: number(seq)? }))
            .ok_or_else(|| MalformedPosition(text.to_owned()))
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(PositionText)
    }
}

/// Reads a position where its text stands, without a copy: there is one in every event's meta.
struct PositionText;

impl Visitor<'_> for PositionText {
    type Value = Position;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Position, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests;
