use proptest::prelude::*;

use super::*;

#[test]
fn a_position_reads_back_as_it_was_written() {
    assert_eq!("1795341904815-3".parse(), Ok(Position::new(1_795_341_904_815, 3)));
    assert_eq!(Position::new(1_795_341_904_815, 3).to_string(), "1795341904815-3");
}

#[test]
fn what_is_no_position_is_named_in_the_error() {
    for text in ["", "-", "5", "5-", "-5", "+5-1", "5-1-2", "a-b", "99999999999999999999-0", " 1-2"] {
        assert_eq!(text.parse::<Position>(), Err(MalformedPosition(text.to_owned())), "{text:?}");
    }
}

#[test]
fn foreign_positions_are_seconds_and_microseconds() {
    let position = Position::new(1_795_341_912, 83_706);
    assert!(position.is_foreign());
    assert_eq!(position.time().unwrap().to_string(), "2026-11-22T10:05:12.083706Z");
}

#[test]
fn native_positions_are_milliseconds() {
    let position = Position::new(1_795_341_912_083, 7);
    assert!(!position.is_foreign());
    assert_eq!(position.time().unwrap().to_string(), "2026-11-22T10:05:12.083Z");
}

#[test]
fn a_clock_that_goes_back_does_not_take_positions_back() {
    let last = Position::new(5_000, 2);
    assert_eq!(last.next(4_000), Position::new(5_000, 3));
    assert_eq!(last.next(5_000), Position::new(5_000, 3));
    assert_eq!(last.next(5_001), Position::new(5_001, 0));
    assert_eq!(Position::new(7, u64::MAX).next(7), Position::new(8, 0));
}

proptest! {
    #[test]
    fn next_is_always_greater(ms in 0..u64::MAX, seq: u64, now: u64) {
        let last = Position::new(ms, seq);
        prop_assert!(last.next(now) > last);
    }

    #[test]
    fn predecessor_and_successor_undo_each_other(ms in 0..u64::MAX, seq: u64) {
        let position = Position::new(ms, seq);
        prop_assert_eq!(position.successor().predecessor(), position);
    }

    #[test]
    fn any_position_survives_its_text(ms: u64, seq: u64) {
        let position = Position::new(ms, seq);
        prop_assert_eq!(position.to_string().parse(), Ok(position));
    }
}
