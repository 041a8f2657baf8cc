//! How far a rebuild has come, in words.

use projector::rebuild::{Phase, Progress};

use crate::cli::words::thousands;

/// How far a rebuild has come, on one line.
pub(in crate::cli) fn line(progress: &Progress) -> String {
    let Progress { generation, phase, events, fraction, events_per_second, seconds_left, .. } = progress;
    if *phase == Phase::Begin {
        return "rebuild: beginning".to_owned();
    }
    let left = match seconds_left {
        Some(seconds) if *phase == Phase::Read => format!(", {} left", duration(*seconds)),
        Some(_) | None => String::new(),
    };
    format!(
        "rebuild of generation {generation}: {phase} {:3.0} %, {} events, {}/s{left}",
        fraction * 100.0,
        thousands(*events),
        thousands(*events_per_second as u64),
    )
}

/// How far making the timeline anew has come, on one line.
pub(in crate::cli) fn of_timeline(progress: &Progress) -> String {
    let Progress { events, fraction, events_per_second, seconds_left, .. } = progress;
    if *events == 0 {
        return "timeline: beginning".to_owned();
    }
    let left = seconds_left.map(|seconds| format!(", {} left", duration(seconds))).unwrap_or_default();
    let rate = thousands(*events_per_second as u64);
    format!("timeline: {:3.0} %, {} events, {rate}/s{left}", fraction * 100.0, thousands(*events))
}

/// Seconds, as people say them.
fn duration(seconds: f64) -> String {
    let whole = seconds.ceil() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3_600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3_600, whole % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_phase_percent_rate_and_time_left() {
        let progress = Progress {
            generation: 3,
            phase: Phase::Read,
            events: 1_234_567,
            fraction: 0.456,
            events_per_second: 1_812_345.6,
            seconds_left: Some(83.2),
            ..Progress::default()
        };
        assert_eq!(
            line(&progress),
            "rebuild of generation 3: read  46 %, 1,234,567 events, 1,812,345/s, 1 min 24 s left"
        );
        let progress = Progress { phase: Phase::CatchUp, fraction: 1.0, ..progress };
        assert_eq!(line(&progress), "rebuild of generation 3: catch up 100 %, 1,234,567 events, 1,812,345/s");
        assert_eq!(of_timeline(&progress), "timeline: 100 %, 1,234,567 events, 1,812,345/s, 1 min 24 s left");
        assert_eq!(of_timeline(&Progress::default()), "timeline: beginning");
        assert_eq!(duration(7_261.0), "2 h 1 min");
    }
}
