//! The figures, for people and for programs.

use std::{
    fmt::{self, Write as _},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};

use super::{super::machine::Machine, Run, drain::Drain};
use crate::cli::words::thousands;

/// Where a rebuild reads from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Redis,
    Sqlite(PathBuf),
    History(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redis => "redis",
            Self::Sqlite(_) => "sqlite",
            Self::History(_) => "history",
        })
    }
}

/// Everything that was measured.
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) figures: Figures,
}

/// What was measured.
pub(super) struct Figures {
    pub(super) foreign: bool,
    pub(super) drain: Arc<Drain>,
    pub(super) runs: Runs,
    pub(super) others: Vec<(Source, Vec<Run>)>,
}

/// What was measured in turns, each as often as was asked for.
#[derive(Default)]
pub(super) struct Runs {
    /// Rows that a rebuild ends with.
    pub(super) rows: u64,
    pub(super) drain: Vec<Duration>,
    pub(super) memory: Vec<Run>,
    pub(super) redis: Vec<Run>,
    pub(super) sqlite: Vec<Run>,
    pub(super) bare_redis: Vec<Duration>,
    pub(super) bare_sqlite: Vec<Duration>,
}

/// A rebuild beside its ceiling.
struct Line {
    into: &'static str,
    took: Duration,
    rate: f64,
    /// Its rate as a share of the bare drain's.
    of_drain: f64,
    /// What the bare drain and the bare write together take, as a share of what it takes.
    of_bare: f64,
    bare_write: Duration,
    memory: u64,
}

impl Figures {
    fn lines(&self) -> [Line; 3] {
        let line = |into, runs: &[Run], bare: &[Duration]| {
            let took = median(runs.iter().map(|run| run.took));
            let bare_write = median(bare.iter().copied());
            let drain = median(self.runs.drain.iter().copied());
            Line {
                into,
                took,
                rate: rate(self.drain.events, took),
                of_drain: share(drain, took),
                of_bare: share(drain + bare_write, took),
                bare_write,
                memory: runs.iter().map(|run| run.memory).max().unwrap_or_default(),
            }
        };
        [
            line("memory", &self.runs.memory, &[]),
            line("redis", &self.runs.redis, &self.runs.bare_redis),
            line("sqlite", &self.runs.sqlite, &self.runs.bare_sqlite),
        ]
    }
}

impl Report {
    pub(super) fn text(&self) -> String {
        let Self { machine, figures } = self;
        let drain = &figures.drain;
        let drained = median(figures.runs.drain.iter().copied());
        let mut text = String::new();
        let by = if figures.foreign { "another program" } else { "this program" };
        let _ =
            writeln!(text, "rebuild, median of {}, whole processes, on {}", figures.runs.memory.len(), machine.text());
        let _ = writeln!(
            text,
            "{} events written by {by}, {} bytes each on the wire; {} rows",
            thousands(drain.events),
            drain.bytes / drain.events.max(1),
            thousands(figures.runs.rows)
        );
        let _ = writeln!(
            text,
            "\n  bare drain, pages of {:<6} {:>7} ms {:>12}/s",
            thousands(drain.page as u64),
            drained.as_millis(),
            thousands(rate(drain.events, drained) as u64)
        );
        for line in figures.lines() {
            let _ = writeln!(
                text,
                "  rebuild into {:<13} {:>7} ms {:>12}/s   {:.2} of the drain{}, {} MB",
                line.into,
                line.took.as_millis(),
                thousands(line.rate as u64),
                line.of_drain,
                if line.bare_write.is_zero() {
                    String::new()
                } else {
                    format!(", {:.2} of drain and bare write ({} ms)", line.of_bare, line.bare_write.as_millis())
                },
                line.memory >> 20
            );
        }
        for (source, runs) in &figures.others {
            let took = median(runs.iter().map(|run| run.took));
            let events = runs.first().map_or(0, |run| run.events);
            let rate = thousands(rate(events, took) as u64);
            let memory = runs.iter().map(|run| run.memory).max().unwrap_or_default() >> 20;
            let _ = writeln!(
                text,
                "  from {:<8} into memory {:>7} ms {rate:>12}/s   {memory} MB",
                source.to_string(),
                took.as_millis()
            );
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        let Self { machine, figures } = self;
        let drain = &figures.drain;
        let drained = median(figures.runs.drain.iter().copied());
        let milliseconds = |took: Vec<Duration>| took.iter().map(|took| took.as_secs_f64() * 1e3).collect::<Vec<_>>();
        let runs = |runs: &[Run]| milliseconds(runs.iter().map(|run| run.took).collect());
        let lines = figures.lines().map(|line| {
            let all = match line.into {
                "memory" => &figures.runs.memory,
                "redis" => &figures.runs.redis,
                _ => &figures.runs.sqlite,
            };
            json!({
                "into": line.into, "ms": line.took.as_secs_f64() * 1e3, "events_per_second": line.rate,
                "of_drain": line.of_drain, "of_drain_and_bare_write": line.of_bare,
                "bare_write_ms": line.bare_write.as_secs_f64() * 1e3, "peak_memory_bytes": line.memory, "runs_ms": runs(all),
            })
        });
        let others: Vec<_> = figures
            .others
            .iter()
            .map(|(source, all)| {
                let took = median(all.iter().map(|run| run.took));
                let events = all.first().map_or(0, |run| run.events);
                json!({
                    "from": source.to_string(), "ms": took.as_secs_f64() * 1e3, "events_per_second": rate(events, took),
                    "runs_ms": runs(all),
                })
            })
            .collect();
        json!({
            "machine": machine.json(),
            "events": drain.events,
            "rows": figures.runs.rows,
            "foreign": figures.foreign,
            "drain": {
                "page": drain.page, "bytes": drain.bytes, "ms": drained.as_secs_f64() * 1e3,
                "events_per_second": rate(drain.events, drained), "runs_ms": milliseconds(figures.runs.drain.clone()),
            },
            "rebuilds": lines,
            "sources": others,
        })
    }
}

/// The middle one; of an even number the lower of the two in the middle.
pub(in crate::cli::bench) fn median(took: impl Iterator<Item = Duration>) -> Duration {
    let mut took: Vec<_> = took.collect();
    took.sort_unstable();
    took.get(took.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

/// So many a second.
pub(in crate::cli::bench) fn rate(events: u64, took: Duration) -> f64 {
    if took.is_zero() { 0.0 } else { events as f64 / took.as_secs_f64() }
}

/// A time as a share of another.
pub(in crate::cli::bench) fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { part.as_secs_f64() / whole.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let of = |ms: &[u64]| median(ms.iter().map(|ms| Duration::from_millis(*ms))).as_millis();
        assert_eq!((of(&[5, 1, 3]), of(&[4, 1, 3, 2]), of(&[7]), of(&[])), (3, 2, 7, 0));
    }
}
