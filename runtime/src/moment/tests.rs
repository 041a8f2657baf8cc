//! Texts and the moments they tell, on the clock of central Europe.

use proptest::prelude::{prop_assert_eq, proptest};

use super::*;

/// Central Europe, whatever the machine knows of time zones: an hour ahead, two in summer.
fn at(text: &str) -> Zoned {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    text.parse::<DateTime>().unwrap().to_zoned(zone).unwrap()
}

/// Reads each text on a clock that shows `now`.
fn read_all(now: &str, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let read = read(text, &at(now)).map(|moment| match moment {
            Moment::Position(position) => position.to_string(),
            number @ Moment::Number(_) => number.to_string(),
            Moment::Time(time) => time.to_string(),
        });
        assert_eq!(read.as_deref(), Ok(*expected), "{text} at {now}");
    }
}

#[test]
fn positions_and_times_need_no_clock() {
    read_all(
        "2026-11-22T12:30",
        &[
            ("1795341904815-0", "1795341904815-0"),
            ("1795341904-815177", "1795341904-815177"),
            ("17-3", "17-3"),
            ("#17", "#17"),
            (" #0 ", "#0"),
            // No month: whatever could be a position is one.
            ("2026-11", "2026-11"),
            ("2026-11-22T15:04:05.123456Z", "2026-11-22T15:04:05.123456Z"),
            ("2026-11-22T15:04:05-05:00", "2026-11-22T20:04:05Z"),
            ("2026-11-22 15:04+01:00", "2026-11-22T14:04:00Z"),
        ],
    );
}

#[test]
fn what_has_no_offset_is_by_the_clock() {
    read_all(
        "2026-11-22T12:30",
        &[
            ("now", "2026-11-22T11:30:00Z"),
            (" Now ", "2026-11-22T11:30:00Z"),
            ("2026-11-22", "2026-11-21T23:00:00Z"),
            ("2026-07-01", "2026-06-30T22:00:00Z"),
            ("2026-11-22T15:04", "2026-11-22T14:04:00Z"),
            ("2026-11-22 15:04:05.5", "2026-11-22T14:04:05.5Z"),
            ("2030-01-01", "2029-12-31T23:00:00Z"),
        ],
    );
}

#[test]
fn lengths_of_time_go_back_from_now() {
    read_all(
        "2026-11-22T12:30",
        &[
            ("-10m", "2026-11-22T11:20:00Z"),
            ("-10min", "2026-11-22T11:20:00Z"),
            ("-1h30m", "2026-11-22T10:00:00Z"),
            ("-1h 30m", "2026-11-22T10:00:00Z"),
            ("-1.5h", "2026-11-22T10:00:00Z"),
            ("-90s", "2026-11-22T11:28:30Z"),
            ("-2d", "2026-11-20T11:30:00Z"),
            ("-2w", "2026-11-08T11:30:00Z"),
            ("-1mo", "2026-10-22T10:30:00Z"),
            ("10m ago", "2026-11-22T11:20:00Z"),
            ("2 days ago", "2026-11-20T11:30:00Z"),
            ("2 days, 3 hours ago", "2026-11-20T08:30:00Z"),
        ],
    );
}

/// 22 November 2026 is a Sunday.
#[test]
fn words_tell_the_past() {
    read_all(
        "2026-11-22T12:30",
        &[
            ("yesterday 15:00", "2026-11-21T14:00:00Z"),
            ("15:00 yesterday", "2026-11-21T14:00:00Z"),
            ("Yesterday  3 PM", "2026-11-21T14:00:00Z"),
            ("yesterday", "2026-11-20T23:00:00Z"),
            ("today", "2026-11-21T23:00:00Z"),
            ("today 9:15", "2026-11-22T08:15:00Z"),
            ("today 15:00", "2026-11-22T14:00:00Z"),
            ("tomorrow 15:00", "2026-11-23T14:00:00Z"),
            ("2 days ago 15:00", "2026-11-20T14:00:00Z"),
            ("1 week ago 15:00:30.25", "2026-11-15T14:00:30.25Z"),
            ("tuesday 15:00", "2026-11-17T14:00:00Z"),
            ("tue 3:30pm", "2026-11-17T14:30:00Z"),
            ("thurs", "2026-11-18T23:00:00Z"),
            ("saturday", "2026-11-20T23:00:00Z"),
            ("last tuesday 15:00", "2026-11-17T14:00:00Z"),
            ("next tuesday 15:00", "2026-11-24T14:00:00Z"),
        ],
    );
}

#[test]
fn todays_weekday_is_today_once_its_time_has_come() {
    read_all(
        "2026-11-22T12:30",
        &[
            ("sunday", "2026-11-21T23:00:00Z"),
            ("sunday 12:30", "2026-11-22T11:30:00Z"),
            ("sunday 12:31", "2026-11-15T11:31:00Z"),
            ("last sunday 12:00", "2026-11-15T11:00:00Z"),
            ("next sunday 12:00", "2026-11-29T11:00:00Z"),
            ("12:30", "2026-11-22T11:30:00Z"),
            ("12:31", "2026-11-21T11:31:00Z"),
            ("12am", "2026-11-21T23:00:00Z"),
        ],
    );
}

/// The clock goes from 02:00 to 03:00 on 29 March 2026, and back from 03:00 to 02:00 on 25 October.
#[test]
fn a_change_of_the_clock_is_lived_through() {
    read_all(
        "2026-03-29T12:00",
        &[
            ("-12h", "2026-03-28T22:00:00Z"),
            ("-1d", "2026-03-28T11:00:00Z"),
            ("-24h", "2026-03-28T10:00:00Z"),
            ("today", "2026-03-28T23:00:00Z"),
            ("02:30", "2026-03-29T01:30:00Z"),
            ("2026-03-29 02:30", "2026-03-29T01:30:00Z"),
            ("yesterday 02:30", "2026-03-28T01:30:00Z"),
            ("saturday 02:30", "2026-03-28T01:30:00Z"),
            ("1 week ago 02:30", "2026-03-22T01:30:00Z"),
        ],
    );
    read_all(
        "2026-10-26T12:00",
        &[
            ("-1d", "2026-10-25T11:00:00Z"),
            ("-2d", "2026-10-24T10:00:00Z"),
            ("yesterday 02:30", "2026-10-25T00:30:00Z"),
            ("sunday 03:00", "2026-10-25T02:00:00Z"),
            ("2026-10-25 02:30", "2026-10-25T00:30:00Z"),
        ],
    );
}

/// Half of it would tell a moment to one parser or the other.
const REFUSED: &str = "\
    17 | # | #-1 | #1-0 | # 1 | 1# | 20261122 | 1795341904815 | 17- | 12- | - | -17 | -17-3 | 17-3-1 | a | m | z | -m | 10m | +10m | \
    2 days | in 2 days | 10 ago | ago | -10m ago | -10x | -1h30 | -10M | P1D | -P1D | soon | last | next | \
    last week | this tuesday | week | day | hour ago | tuesdays | mond | t | tuesday 15 | yesterday 1500 | \
    15:0 | 15:00:5 | 015:00 | 20261122T1504 | 0 days ago | 15 | 25:00 | 15:60 | 24:00 | 13pm | 0am | \
    15:00z | 15:00 utc | 15:00+01:00 | 15:00 -2 | yesterday z | yesterday today | tuesday yesterday | \
    15:00 16:00 | yesterday 15:00 16:00 | 2026-11-22 yesterday | 2026-13-01 | 2026-02-30 | \
    2026-11-22 25:00 | 2026-11-22+01:00 | 2026-11-22T15:04[Europe/Berlin] | 11/22/2026 | 22 nov 2026 | \
    november | @1795341904 | 0 seconds ago | 99999999999 days ago 15:00 | -99999y | \
    4294967296 weeks ago 15:00 | ÿesterday | -10µ";

#[test]
fn what_says_nothing_definite_is_refused() {
    let texts = REFUSED.split(" | ").chain(["", " ", "TZ=\"UTC\" 15:00", "yesterday 15:00\0"]);
    for text in texts {
        assert_eq!(read(text, &at("2026-11-22T12:30")), Err(UnreadableMoment(text.to_owned())), "{text}");
    }
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_or_refused(
        words in "((-|next |last )?([0-9]{1,20}|[a-z]{1,3}|day|weeks|ago|tuesday|yesterday|pm|-|:|[.]|\\PC) ?){0,5}",
        second in -62_000_000_000_i64..253_000_000_000,
    ) {
        let now = jiff::Timestamp::from_second(second).unwrap().to_zoned(at("2026-11-22").time_zone().clone());
        if let Err(refused) = read(&words, &now) {
            prop_assert_eq!(refused, UnreadableMoment(words));
        }
    }
}

#[test]
fn a_refusal_says_what_can_be_read() {
    let refused = read("soon", &at("2026-11-22T12:30")).unwrap_err().to_string();
    assert_eq!(
        refused,
        "\"soon\" is no moment; expected a position like 1795341904815-0, an event's number like #17, a time like 2026-11-22T15:04:05Z, \
         \"2026-11-22 15:04\" or 2026-11-22, a length of time before now like -10m, -1h30m or \"2 days ago\", a day \
         or a time of day like \"yesterday 15:00\", tuesday or 15:00, or now"
    );
    // Every example is one.
    let examples = "1795341904815-0|#17|2026-11-22T15:04:05Z|2026-11-22 15:04|2026-11-22|-10m|-1h30m|2 days ago|\
                    yesterday 15:00|tuesday|15:00|now";
    for example in examples.split('|') {
        assert!(refused.contains(example) && read(example, &at("2026-11-22T12:30")).is_ok(), "{example}");
    }
}
