//! Figures and times as people read them.

use kernel::Position;

/// A count with its thousands set apart.
pub(super) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The wall-clock time of a position.
pub(super) fn when(position: Position) -> String {
    match position.time() {
        Some(time) if position > Position::ZERO => time.to_string(),
        Some(_) | None => "before the first event".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let shown: Vec<_> = [0, 999, 1_000, 12_345, 1_234_567].map(thousands).into();
        assert_eq!(shown, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn a_position_is_a_time() {
        assert_eq!(when(Position::new(1_795_359_845_123, 4)), "2026-11-22T15:04:05.123Z");
        assert_eq!(when(Position::ZERO), "before the first event");
    }
}
