//! When: a position, or an event's number or a wall-clock time that stands for one.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

use crate::{Number, Position};

/// A moment in the life of a log, as a person gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Right after the event at this position.
    Position(Position),
    /// Right after the event with this number; 0 is before the first.
    Number(Number),
    /// After everything that had happened by this time.
    Time(Timestamp),
}

/// A text that is no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no moment; expected a position like 1795341904815-0, an event's number like #17, or a time like \
     2026-11-22T15:04:05Z"
)]
pub struct MalformedMoment(String);

impl Moment {
    /// The last position that a native event of that moment can have: the moment's own, or the end of its
    /// millisecond. Which position a number has only a log knows, here and below.
    #[must_use]
    pub fn native(self) -> Option<Position> {
        match self {
            Self::Position(position) => Some(position),
            Self::Number(_) => None,
            Self::Time(time) => Some(Position::new(unsigned(time.as_millisecond()), u64::MAX)),
        }
    }

    /// The first position that a native event of that moment can have: the moment's own, or the beginning of its
    /// millisecond.
    #[must_use]
    pub fn first_native(self) -> Option<Position> {
        match self {
            Self::Position(position) => Some(position),
            Self::Number(_) => None,
            Self::Time(time) => Some(Position::new(unsigned(time.as_millisecond()), 0)),
        }
    }

    /// The last position that a foreign event of that moment can have ([`Position::is_foreign`]).
    #[must_use]
    pub fn foreign(self) -> Option<Position> {
        match self {
            Self::Position(position) => Some(position),
            Self::Number(_) => None,
            Self::Time(time) => {
                let micros = unsigned(time.as_microsecond());
                Some(Position::new(micros / 1_000_000, micros % 1_000_000))
            }
        }
    }
}

/// A number in digits and nothing else.
fn number(text: &str) -> Option<Number> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain).map(Number)
}

/// Nothing happened in a log before 1970.
fn unsigned(time: i64) -> u64 {
    u64::try_from(time).unwrap_or(0)
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(position) => position.fmt(f),
            Self::Number(number) => write!(f, "#{number}"),
            Self::Time(time) => time.fmt(f),
        }
    }
}

impl FromStr for Moment {
    type Err = MalformedMoment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = || text.strip_prefix('#').and_then(number).map(Self::Number);
        let time = || text.parse().ok().map(Self::Time);
        let position = text.parse().ok().map(Self::Position);
        position.or_else(number).or_else(time).ok_or_else(|| MalformedMoment(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_position_a_number_or_a_time() {
        let moment = |text: &str| text.parse::<Moment>();
        assert_eq!(moment("17-3"), Ok(Moment::Position(Position::new(17, 3))));
        let time = moment("2026-11-22T15:04:05.123456Z").unwrap();
        assert_eq!(time.native(), Some(Position::new(1_795_359_845_123, u64::MAX)));
        assert_eq!(time.first_native(), Some(Position::new(1_795_359_845_123, 0)));
        assert_eq!(time.foreign(), Some(Position::new(1_795_359_845, 123_456)));
        assert_eq!(moment("2026-11-22T16:04:05.123456+01:00"), Ok(time));
        assert_eq!(moment("1969-01-01T00:00:00Z").unwrap().native(), Some(Position::new(0, u64::MAX)));
        let number = Moment::Number(Number(17));
        assert_eq!((moment("#17"), moment("#017"), number.to_string()), (Ok(number), Ok(number), "#17".to_owned()));
        assert_eq!((number.native(), number.first_native(), number.foreign()), (None, None, None));
        assert_eq!(moment("#0"), Ok(Moment::Number(Number::ZERO)));
        for text in [
            "",
            "17",
            "#",
            "#-1",
            "#+1",
            "# 1",
            "#1-0",
            "##1",
            "#18446744073709551616",
            "yesterday",
            "2026-11-22",
            "2026-11-22T15:04:05",
            "17-",
        ] {
            assert_eq!(moment(text), Err(MalformedMoment(text.to_owned())));
        }
    }
}
