//! The figures, for people and for programs.

use std::{fmt::Write as _, time::Duration};

use serde_json::{Value, json};

use super::{
    super::{
        machine::Machine,
        rebuild::{median, rate, share},
    },
    History, Rounds,
};
use crate::cli::{
    replay::verdict,
    words::{counted, rows, thousands},
};

/// Everything that was measured.
pub(super) struct Report {
    pub(super) machine: Machine,
    /// Requests a second by which the log came about.
    pub(super) rate: u32,
    pub(super) seed: u64,
    /// How long it took to come about.
    pub(super) driven: Duration,
    pub(super) history: History,
    pub(super) rounds: Rounds,
}

/// The median of one figure's rounds.
struct Figure {
    took: Duration,
    rate: f64,
}

impl Figure {
    fn of(events: u64, runs: &[Duration]) -> Self {
        let took = median(runs.iter().copied());
        Self { took, rate: rate(events, took) }
    }

    fn row(&self, name: &str) -> String {
        format!("  {name:<18}{:>7} ms {:>12}/s", self.took.as_millis(), thousands(self.rate as u64))
    }

    fn json(&self, runs: &[Duration]) -> Value {
        let runs: Vec<_> = runs.iter().map(|took| took.as_secs_f64() * 1e3).collect();
        json!({ "ms": self.took.as_secs_f64() * 1e3, "events_per_second": self.rate, "runs_ms": runs })
    }
}

impl Report {
    fn scan(&self) -> Figure {
        Figure::of(self.rounds.report.entries, &self.rounds.scan)
    }

    fn verify(&self) -> Figure {
        Figure::of(self.rounds.report.entries, &self.rounds.verify)
    }

    /// How many cores were at work while the log was decided again.
    fn cores(&self) -> Option<f64> {
        Some(share(self.rounds.worked?, self.rounds.verify.iter().sum()))
    }

    pub(super) fn text(&self) -> String {
        let Self { machine, rate, driven, history, rounds, .. } = self;
        let (report, scan, verify) = (&rounds.report, self.scan(), self.verify());
        let mut text = String::new();
        let _ = writeln!(text, "replay verify, median of {}, on {}", rounds.verify.len(), machine.text());
        let _ = writeln!(
            text,
            "{} of a demo at {rate} requests/s, in {:.0} s; rows {}",
            counted(report.entries, "event", "events"),
            driven.as_secs_f64(),
            rows(&history.rows)
        );
        let cores = self.cores().map(|cores| format!(", {cores:.2} cores at work")).unwrap_or_default();
        let _ = writeln!(text, "\n{}", scan.row("bare scan"));
        let _ =
            writeln!(text, "{}   {:.2} of the scan{cores}", verify.row("decided again"), share(scan.took, verify.took));
        let mut line = |name: &str, value: String| {
            let _ = writeln!(text, "  {name:<18}{value}");
        };
        let late = format!("{} as of later than their events", thousands(history.late));
        line("decisions", format!("{}, {late}", thousands(report.decisions)));
        if report.unchecked > 0 {
            line("unchecked", counted(report.unchecked, "decision", "decisions"));
        }
        if let Some(memory) = rounds.memory {
            line("memory", format!("{} MB before, {} MB at most", memory.before >> 20, memory.peak >> 20));
        }
        line("verdict", verdict(report));
        text
    }

    pub(super) fn json(&self) -> Value {
        let Self { machine, rate, seed, driven, history, rounds } = self;
        let (report, scan, verify) = (&rounds.report, self.scan(), self.verify());
        json!({
            "machine": machine.json(),
            "events": report.entries,
            "rate": rate,
            "seed": seed,
            "driven_s": driven.as_secs_f64(),
            "rows": history.rows,
            "scan": scan.json(&rounds.scan),
            "verify": verify.json(&rounds.verify),
            "verify_to_scan": share(scan.took, verify.took),
            "verify_cores": self.cores(),
            "decisions": report.decisions,
            "late": history.late,
            "unchecked": report.unchecked,
            "memory_before_bytes": rounds.memory.map(|memory| memory.before),
            "memory_peak_bytes": rounds.memory.map(|memory| memory.peak),
            "same": report.is_same(),
        })
    }
}
