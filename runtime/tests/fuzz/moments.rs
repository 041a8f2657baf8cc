//! The readers of positions and times.

use jiff::{Timestamp, Zoned, tz::TimeZone};
use kernel::{Moment, Position};
use runtime::moment;

use crate::{bounded, fuzz};

/// Clocks by which people ask: an ordinary one, the hour that comes twice, and the ends of time.
fn clocks() -> Vec<Zoned> {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    let at = |time: &str| time.parse::<Timestamp>().unwrap();
    vec![
        at("2026-11-22T15:04:05Z").to_zoned(TimeZone::UTC),
        at("2026-10-25T01:30:00Z").to_zoned(zone.clone()),
        at("2026-03-29T00:59:59Z").to_zoned(zone),
        Timestamp::MAX.to_zoned(TimeZone::UTC),
        Timestamp::MIN.to_zoned(TimeZone::UTC),
    ]
}

fn check(clocks: &[Zoned], input: &[u8]) -> String {
    let text = &*String::from_utf8_lossy(input);
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string().parse(), Ok(position));
        assert_eq!(serde_json::from_str::<Position>(&serde_json::to_string(&position).unwrap()).unwrap(), position);
        assert_eq!(
            position.successor().predecessor(),
            if position == Position::MAX { position.predecessor() } else { position }
        );
        let _ = (position.time(), position.next(0), position.next(u64::MAX));
    }
    let plain = text.parse::<Moment>();
    if let Ok(moment) = plain {
        assert_eq!(moment.to_string().parse(), Ok(moment), "what is shown is read the same");
        assert!(moment.first_native() <= moment.native());
        let _ = moment.foreign();
    }
    let mut ways = Vec::new();
    for now in clocks {
        let read = bounded(input, 4_096, || moment::read(text, now));
        if let Ok(moment) = plain {
            assert_eq!(read, Ok(moment), "what means the same at any time does here");
        }
        match read {
            Ok(moment) => {
                assert_eq!(moment::read(&moment.to_string(), now), Ok(moment));
                ways.push(matches!(moment, Moment::Time(_)));
            }
            Err(error) => assert!(error.to_string().starts_with(&format!("\"{text}\" is no moment; "))),
        }
    }
    // Each form that is taken is gone on from.
    if ways.is_empty() { "none".to_owned() } else { format!("{ways:?} {text}") }
}

#[test]
fn a_moment_is_read_as_it_is_shown() {
    let words = ["yesterday", "today", "monday", "last ", "next ", " ago", "2 days", "-1h30m", "now", "#17", "17-3"];
    let more =
        ["T", "Z", "+01:00", "15:00", "3pm", " am", "2026-11-22", "[Europe/Berlin]", "P1Y", "e", "\u{a0}", "\u{130}"];
    let clocks = clocks();
    fuzz("moments").words(&words).words(&more).run(|input| check(&clocks, input));
}
