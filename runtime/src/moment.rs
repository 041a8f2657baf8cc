//! Moments as people write them: what was at `yesterday 15:00`, what has changed since `-10m`.
//!
//! | written | means |
//! |---|---|
//! | `1795341904815-0` | right after the entry at this position |
//! | `#17` | right after the event with this number; `#0` is before the first |
//! | `2026-11-22T15:04:05Z`, with any offset | that time |
//! | `2026-11-22`, `2026-11-22 15:04` | that time on the clock of `now`'s time zone; a day alone, its beginning |
//! | `now` | now |
//! | `-10m`, `-1h30m`, `-2d`, `2 days ago` | so long before now; `m` is minutes, a day ends at the same time of day |
//! | `yesterday 15:00`, `tuesday`, `last friday 3pm` | that time of that day; without one, the day's beginning |
//! | `2 days ago 15:00` | that time of the day that was so long ago |
//! | `15:00` | the last time that it was so late |
//!
//! People ask about the past: a weekday is the last such day whose time has come. Only what says so lies ahead: a
//! date, `today 23:00`, `tomorrow`, `next tuesday`. A time of day that a time zone's change leaves out is as much
//! later as was left out; of one that comes twice the first is meant. A word that says nothing definite is refused
//! rather than guessed at: a bare number, half a position, a length of time that goes forward. But whatever could
//! be a position is one, `2026-11` too.

use jiff::{Span, ToSpan as _, Zoned, civil::DateTime, fmt::friendly::SpanParser, tz::TimeZone};
use kernel::Moment;

/// Lengths of time as people write them.
static LENGTHS: SpanParser = SpanParser::new();

/// Days that a time of day may follow or precede.
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// A text that tells no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no moment; expected a position like 1795341904815-0, an event's number like #17, a time like \
     2026-11-22T15:04:05Z, \"2026-11-22 15:04\" or 2026-11-22, a length of time before now like -10m, -1h30m or \
     \"2 days ago\", a day or a time of day like \"yesterday 15:00\", tuesday or 15:00, or now"
)]
pub struct UnreadableMoment(String);

/// The moment that `text` tells a person whose clock shows `now`.
///
/// # Errors
/// When the text is not of the forms that this module lists.
pub fn read(text: &str, now: &Zoned) -> Result<Moment, UnreadableMoment> {
    let trimmed = text.trim();
    let time = || time(trimmed, now).map(|time| Moment::Time(time.timestamp()));
    trimmed.parse().ok().or_else(time).ok_or_else(|| UnreadableMoment(text.to_owned()))
}

fn time(text: &str, now: &Zoned) -> Option<Zoned> {
    if text.eq_ignore_ascii_case("now") {
        return Some(now.clone());
    }
    clock_time(text, now).or_else(|| before_now(text, now)).or_else(|| day_and_time(text, now))
}

/// A date, or a date and a time, without an offset.
fn clock_time(text: &str, now: &Zoned) -> Option<Zoned> {
    // What stands behind the time would be passed over: an offset, the name of a time zone.
    let (date, time) = text.split_at_checked("2026-11-22".len())?;
    let is_plain = date.contains('-') && time.bytes().all(|byte| byte.is_ascii_digit() || b"Tt :.".contains(&byte));
    let time: DateTime = text.parse().ok().filter(|_| is_plain)?;
    time.to_zoned(now.time_zone().clone()).ok()
}

/// A length of time that goes back from now.
fn before_now(text: &str, now: &Zoned) -> Option<Zoned> {
    let length = LENGTHS.parse_span(text).ok().filter(|length| length.is_negative())?;
    now.checked_add(length).ok()
}

/// A day in words, a time of day, or both.
fn day_and_time(text: &str, now: &Zoned) -> Option<Zoned> {
    let text = text.to_ascii_lowercase().replace(" am", "am").replace(" pm", "pm");
    let words: Vec<_> = text.split_whitespace().collect();
    let (day, time) = match words.as_slice() {
        [day @ .., time] if is_time_of_day(time) => (day, Some(*time)),
        [time, day @ ..] if is_time_of_day(time) => (day, Some(*time)),
        day => (day, None),
    };
    let again = comes_again(day, time)?;
    // Far more than these words means something to that crate, but of these it knows what they mean. On a clock
    // that never changes, so that a time of day which today does not have is not missing on the day in question.
    let clock = now.datetime().to_zoned(TimeZone::UTC).ok()?;
    let words = format!("{} {}", day.join(" "), time.unwrap_or("00:00"));
    let found = parse_datetime::parse_datetime_at_date(clock, words).ok()?.into_zoned()?.datetime();
    let zoned = |time: DateTime| time.to_zoned(now.time_zone().clone()).ok();
    zoned(found).filter(|found| found <= now || again.is_zero()).or_else(|| zoned(found.checked_sub(again).ok()?))
}

/// How long it takes until what these words call comes again; no time for what comes but once, and nothing for
/// what they do not call anything.
fn comes_again(day: &[&str], time: Option<&str>) -> Option<Span> {
    match (day, time) {
        ([], Some(_)) => Some(1.day()),
        ([weekday], _) if is_weekday(weekday) => Some(1.week()),
        (["last" | "next", weekday], _) if is_weekday(weekday) => Some(Span::new()),
        (["yesterday" | "today" | "tomorrow"], _) => Some(Span::new()),
        ([count, "day" | "days" | "week" | "weeks", "ago"], Some(_)) if is_number(count) => Some(Span::new()),
        _ => None,
    }
}

fn is_weekday(word: &str) -> bool {
    word.len() >= 3 && WEEKDAYS.iter().any(|weekday| weekday.starts_with(word))
}

/// Whether it is like `15:00`, `15:00:30.5`, `3pm` or `3:30pm`; how far each part goes is not looked at.
fn is_time_of_day(word: &str) -> bool {
    let clock = word.strip_suffix("am").or_else(|| word.strip_suffix("pm"));
    let mut parts = clock.unwrap_or(word).splitn(3, ':');
    let hour = parts.next().is_some_and(|hour| hour.len() <= 2 && is_number(hour));
    let minute = parts.next().map(|minute| minute.len() == 2 && is_number(minute));
    let second = parts.next().is_none_or(|second| {
        let (second, part) = second.split_once('.').unwrap_or((second, "0"));
        second.len() == 2 && is_number(second) && is_number(part)
    });
    hour && second && minute.unwrap_or(clock.is_some())
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
