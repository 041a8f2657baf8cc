//! The figures, for people and for programs.

use std::{fmt::Write as _, time::Duration};

use projector::timeline::Built;
use serde_json::{Value, json};

use super::{
    super::{load::Measured, machine::Machine, rebuild::median},
    Asked, Live, Yardstick,
};
use crate::cli::{latencies::Latencies, words::thousands};

/// Everything that was measured.
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) entities: u64,
    pub(super) sizes: Vec<Size>,
    pub(super) live: Live,
}

/// What was measured on one log.
pub(super) struct Size {
    pub(super) events: u64,
    pub(super) topic: &'static str,
    pub(super) built: Built,
    pub(super) asked: Asked,
    pub(super) yardstick: Yardstick,
    pub(super) http: Measured,
}

impl Report {
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "time travel over {} entities, on {}", thousands(self.entities), self.machine.text());
        for size in &self.sizes {
            size.write(&mut text);
        }
        let (alone, beside) = self.live.rates();
        let _ = writeln!(
            text,
            "\nlive projection of {} events, median of {}\n  alone {:>37}/s\n  with a timeline kept beside it {:>12}/s   {:.2} of it alone",
            thousands(self.live.events),
            self.live.alone.len(),
            thousands(alone as u64),
            thousands(beside as u64),
            beside / alone.max(1.0),
        );
        text
    }

    pub(super) fn json(&self) -> Value {
        let (alone, beside) = self.live.rates();
        json!({
            "machine": self.machine.json(),
            "entities": self.entities,
            "sizes": self.sizes.iter().map(Size::json).collect::<Vec<_>>(),
            "live": {"events": self.live.events, "alone_per_second": alone, "beside_per_second": beside, "share": beside / alone.max(1.0)},
        })
    }
}

impl Live {
    /// Events a second, alone and beside a timeline.
    fn rates(&self) -> (f64, f64) {
        let rate = |took: &[Duration]| self.events as f64 / median(took.iter().copied()).as_secs_f64().max(1e-9);
        (rate(&self.alone), rate(&self.beside))
    }
}

impl Size {
    fn write(&self, text: &mut String) {
        let Self { events, topic, built, asked, yardstick, http } = self;
        let _ = writeln!(
            text,
            "\n{} events\n  timeline built in bulk {:>20}/s   {:.1} s, {} MB, {} runs",
            thousands(*events),
            thousands(built.events_per_second as u64),
            built.seconds,
            built.bytes >> 20,
            thousands(built.runs.into()),
        );
        let mut line = |what: &str, latencies: &Latencies, beside: &str| {
            let _ = writeln!(text, "  {what:<44}{}{beside}", percentiles(latencies));
        };
        let times = |ours: &Latencies, theirs: &Latencies| match (ours.percentile_ms(50), theirs.percentile_ms(50)) {
            (Some(ours), Some(theirs)) if theirs > 0.0 => {
                format!("   {:.1} times a row of now in SQLite", ours / theirs)
            }
            _ => String::new(),
        };
        line(&format!("one {topic} at a random position"), &asked.row, &times(&asked.row, &yardstick.row));
        line("the same over HTTP, 4 connections", &http.latencies, "");
        let share = times(&asked.topic, &yardstick.all).replace("a row of now", "all rows of now");
        line(&format!("{} rows of {topic}", thousands(asked.rows)), &asked.topic, &share);
        line("difference of positions 1,000 events apart", &asked.changes, "");
        if let Some(failure) = &http.last_failure {
            let _ = writeln!(text, "  {} requests failed, the last because {failure}", http.failed);
        }
    }

    fn json(&self) -> Value {
        let Self { events, topic, built, asked, yardstick, http } = self;
        json!({
            "events": events, "topic": topic, "built": built, "rows": asked.rows,
            "row": figures(&asked.row), "row_over_http": figures(&http.latencies), "failed": http.failed,
            "all_rows": figures(&asked.topic), "changes": figures(&asked.changes),
            "sqlite_row": figures(&yardstick.row), "sqlite_all_rows": figures(&yardstick.all),
        })
    }
}

fn percentiles(latencies: &Latencies) -> String {
    let ms = |percent| latencies.percentile_ms(percent).map_or_else(|| "-".to_owned(), |ms| format!("{ms:.2}"));
    format!("p50 {:>8} ms   p95 {:>8} ms", ms(50), ms(95))
}

fn figures(latencies: &Latencies) -> Value {
    json!({"p50_ms": latencies.percentile_ms(50), "p95_ms": latencies.percentile_ms(95), "count": latencies.count()})
}
