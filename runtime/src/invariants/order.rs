//! Whether a log is in order (I3): numbers without holes, positions that strictly increase across topics.

use std::{fmt, sync::Arc};

use kernel::{Checkpoint, Number, Position, Seen};
use serde::Serialize;

use super::SHOWN;
use crate::Engine;

/// Where a log is not in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Disorder {
    /// Events that were counted are not there.
    Missing {
        /// The first of them.
        first: Number,
        /// The last of them.
        last: Number,
        /// The last entry with a number before them; [`Position::ZERO`] where there is none.
        after: Position,
        /// The entry after them; nothing where the log ends.
        before: Option<Position>,
    },
    /// An event's number does not come after the numbers before it.
    Repeated {
        /// The event's number.
        number: Number,
        /// Where it stands.
        position: Position,
        /// The greatest number before it.
        greatest: Number,
        /// Where that one stands.
        at: Position,
    },
    /// The log's head does not know of its last events.
    BeyondHead {
        /// The last event's number.
        last: Number,
        /// Where it stands.
        position: Position,
        /// The head's number.
        head: Number,
    },
    /// Two entries stand at one position.
    Shared {
        /// The position.
        position: Position,
        /// The topics that hold them.
        topics: [Arc<str>; 2],
    },
}

impl fmt::Display for Disorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { first, last, after, before } => {
                if first == last {
                    write!(f, "event {first} is missing, ")?;
                } else {
                    write!(f, "events {first} to {last} are missing, ")?;
                }
                match before {
                    None => write!(f, "after {after}, where the log ends"),
                    Some(before) if *after == Position::ZERO => write!(f, "before {before}"),
                    Some(before) => write!(f, "between {after} and {before}"),
                }
            }
            Self::Repeated { number, position, greatest, at } => {
                write!(f, "{position} is event {number}, after event {greatest} at {at}")
            }
            Self::BeyondHead { last, position, head } => {
                write!(f, "{position} is event {last}, and the log's head says that event {head} is the last")
            }
            Self::Shared { position, topics: [one, other] } => {
                write!(f, "{position} is the position of two entries, in topics {one} and {other}")
            }
        }
    }
}

/// Where a log is not in order, all over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Disorders {
    /// How many times.
    pub count: u64,
    /// The first of them, in log order: at most 20.
    pub first: Vec<Disorder>,
}

/// The order of a log so far.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Whether numbers may be missing: a history may hold a part of a log only.
    may_have_gaps: bool,
    /// The entry before: its position, its topic, and whether it has a number.
    before: Option<(Position, Arc<str>, bool)>,
    /// The greatest number so far, and where it stands.
    greatest: (Number, Position),
    disorders: Disorders,
}

impl Order {
    /// Of a log that nothing has been seen of.
    pub(super) fn of(engine: &Engine) -> Self {
        Self { may_have_gaps: engine.may_have_gaps(), ..Self::default() }
    }

    /// Takes in the next entry in log order.
    pub(super) fn pass(&mut self, seen: &Seen<'_>) {
        let (position, number) = (seen.position(), seen.number());
        if let Some((before, topic, numbered)) = &self.before
            && *before == position
            // Other programs gave positions stream by stream.
            && (*numbered || number.is_some() || !position.is_foreign())
        {
            let topics = [topic.clone(), seen.topic().into()];
            self.note(Disorder::Shared { position, topics });
        }
        self.remember(position, seen.topic(), number.is_some());
        let Some(number) = number else { return };
        let (greatest, at) = self.greatest;
        if number <= greatest {
            self.note(Disorder::Repeated { number, position, greatest, at });
            return;
        }
        if number != greatest.successor() && !self.may_have_gaps {
            let last = Number(number.0 - 1);
            self.note(Disorder::Missing { first: greatest.successor(), last, after: at, before: Some(position) });
        }
        self.greatest = (number, position);
    }

    /// The disorders of a log that ends here and has this head.
    pub(super) fn end(mut self, head: &Checkpoint) -> Disorders {
        let (last, position) = self.greatest;
        if last < head.number && !self.may_have_gaps {
            self.note(Disorder::Missing { first: last.successor(), last: head.number, after: position, before: None });
        }
        if last > head.number {
            self.note(Disorder::BeyondHead { last, position, head: head.number });
        }
        self.disorders
    }

    fn remember(&mut self, position: Position, topic: &str, numbered: bool) {
        match &mut self.before {
            // Most entries are of the same topic as the one before.
            Some((before, known, was)) if **known == *topic => (*before, *was) = (position, numbered),
            before => *before = Some((position, topic.into(), numbered)),
        }
    }

    fn note(&mut self, disorder: Disorder) {
        self.disorders.count += 1;
        if self.disorders.first.len() < SHOWN {
            self.disorders.first.push(disorder);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use kernel::Junk;

    use super::*;

    /// A native position.
    fn at(seq: u64) -> Position {
        Position::new(1_795_341_904_000, seq)
    }

    /// What is said of entries with these topics, positions and numbers, in a log of so many events.
    fn said(entries: &[(&str, Position, u64)], head: u64) -> Vec<String> {
        let mut order = Order::default();
        for (topic, position, number) in entries {
            let number = (*number > 0).then_some(Number(*number));
            let junk = Junk { topic: (*topic).into(), position: *position, number, reason: String::new() };
            order.pass(&Seen::Junk(Cow::Owned(junk)));
        }
        let disorders = order.end(&Checkpoint { number: Number(head), ..Checkpoint::default() });
        assert_eq!(disorders.count, disorders.first.len() as u64);
        disorders.first.iter().map(|disorder| disorder.to_string().replace("1795341904000", "t")).collect()
    }

    #[test]
    fn every_hole_is_named_with_what_stands_around_it() {
        assert_eq!(said(&[("a", at(1), 1), ("b", at(2), 2), ("a", at(3), 3)], 3), [""; 0]);
        assert_eq!(said(&[], 0), [""; 0]);
        assert_eq!(
            said(&[("a", at(1), 3), ("b", at(2), 5), ("a", at(3), 0), ("a", at(4), 9)], 12),
            [
                "events 1 to 2 are missing, before t-1",
                "event 4 is missing, between t-1 and t-2",
                "events 6 to 8 are missing, between t-2 and t-4",
                "events 10 to 12 are missing, after t-4, where the log ends",
            ]
        );
        assert_eq!(said(&[], 2), ["events 1 to 2 are missing, after 0-0, where the log ends"]);
    }

    #[test]
    fn a_number_that_comes_again_is_named_alone() {
        assert_eq!(
            said(&[("a", at(1), 1), ("a", at(2), 2), ("a", at(3), 1), ("a", at(4), 3)], 2),
            [
                "t-3 is event 1, after event 2 at t-2",
                "t-4 is event 3, and the log's head says that event 2 is the last"
            ]
        );
    }

    #[test]
    fn only_foreign_entries_without_numbers_share_a_position() {
        let foreign = Position::new(1_795_341_904, 7);
        assert_eq!(said(&[("a", foreign, 0), ("b", foreign, 0), ("c", foreign, 0)], 0), [""; 0]);
        assert_eq!(
            said(&[("a", foreign, 0), ("b", foreign, 1)], 1),
            ["1795341904-7 is the position of two entries, in topics a and b"]
        );
        assert_eq!(
            said(&[("a", at(1), 0), ("b", at(1), 0)], 0),
            ["t-1 is the position of two entries, in topics a and b"]
        );
    }

    #[test]
    fn only_the_first_are_shown_and_all_are_counted() {
        let mut order = Order::default();
        for n in 1..=50 {
            let junk = Junk { topic: "a".into(), position: at(n), number: Some(Number(2 * n)), reason: String::new() };
            order.pass(&Seen::Junk(Cow::Owned(junk)));
        }
        let Disorders { count, first } = order.end(&Checkpoint { number: Number(100), ..Checkpoint::default() });
        assert_eq!((count, first.len()), (50, SHOWN));
    }
}
