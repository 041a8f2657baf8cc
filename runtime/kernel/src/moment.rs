//! When: a position, or a wall-clock time that stands for one.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

use crate::Position;

/// A moment in the life of a log, as a person gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Right after the event at this position.
    Position(Position),
    /// After everything that had happened by this time.
    Time(Timestamp),
}

/// A text that is no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no moment; expected a position like 1795341904815-0 or a time like 2026-11-22T15:04:05Z")]
pub struct MalformedMoment(String);

impl Moment {
    /// The last position that a native event of that moment can have: the moment's own, or the end of its
    /// millisecond.
    #[must_use]
    pub fn native(self) -> Position {
        match self {
            Self::Position(position) => position,
            Self::Time(time) => Position::new(unsigned(time.as_millisecond()), u64::MAX),
        }
    }

    /// The first position that a native event of that moment can have: the moment's own, or the beginning of its
    /// millisecond.
    #[must_use]
    pub fn first_native(self) -> Position {
        match self {
            Self::Position(position) => position,
            Self::Time(time) => Position::new(unsigned(time.as_millisecond()), 0),
        }
    }

    /// The last position that a foreign event of that moment can have ([`Position::is_foreign`]).
    #[must_use]
    pub fn foreign(self) -> Position {
        match self {
            Self::Position(position) => position,
            Self::Time(time) => {
                let micros = unsigned(time.as_microsecond());
                Position::new(micros / 1_000_000, micros % 1_000_000)
            }
        }
    }
}

/// Nothing happened in a log before 1970.
fn unsigned(time: i64) -> u64 {
    u64::try_from(time).unwrap_or(0)
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(position) => position.fmt(f),
            Self::Time(time) => time.fmt(f),
        }
    }
}

impl FromStr for Moment {
    type Err = MalformedMoment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let position = text.parse().map(Self::Position);
        position.or_else(|_| text.parse().map(Self::Time)).map_err(|_| MalformedMoment(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_position_or_a_time() {
        let moment = |text: &str| text.parse::<Moment>();
        assert_eq!(moment("17-3"), Ok(Moment::Position(Position::new(17, 3))));
        let time = moment("2026-11-22T15:04:05.123456Z").unwrap();
        assert_eq!(time.native(), Position::new(1_795_359_845_123, u64::MAX));
        assert_eq!(time.first_native(), Position::new(1_795_359_845_123, 0));
        assert_eq!(time.foreign(), Position::new(1_795_359_845, 123_456));
        assert_eq!(moment("2026-11-22T16:04:05.123456+01:00"), Ok(time));
        assert_eq!(moment("1969-01-01T00:00:00Z").unwrap().native(), Position::new(0, u64::MAX));
        for text in ["", "17", "yesterday", "2026-11-22", "2026-11-22T15:04:05", "17-"] {
            assert_eq!(moment(text), Err(MalformedMoment(text.to_owned())));
        }
    }
}
