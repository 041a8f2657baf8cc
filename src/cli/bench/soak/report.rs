//! What a soak came to, for people and for programs.

use std::{fmt::Write as _, time::Duration};

use serde_json::{Value, json};

use super::{super::machine::Machine, commands::Tally, memory::Course};

/// Which parts of the work tell what memory there was once it was warm, and in the end. The caches of the files, 32 MiB
/// for each that is written, are full after some 300,000 commands.
const PARTS: [(f64, f64); 2] = [(0.3, 0.4), (0.9, 1.0)];

/// By what part memory may grow from the one to the other.
const GROWTH: f64 = 0.1;

/// How many commands it takes for memory to have settled after the first parts.
const LONG: u64 = 500_000;

/// How many bytes are no growth.
const NOISE: u64 = 8 << 20;

/// All of it.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) topic: &'static str,
    pub(super) connections: u64,
    pub(super) soak: Tally,
    /// How long the system had still to do after the last answer.
    pub(super) caught_up: Duration,
    pub(super) memory: Vec<Course>,
    pub(super) overload: Overload,
    /// What an audit said once everything had ended, if that was not that all is well.
    pub(super) audit: Option<String>,
}

/// Twice as many commands as can be done.
#[derive(Debug)]
pub(super) struct Overload {
    /// Commands a second.
    pub(super) rate: u32,
    pub(super) connections: u64,
    pub(super) during: Tally,
    pub(super) caught_up: Duration,
    /// Acknowledged commands that have left nothing.
    pub(super) lost: u64,
    /// The first commands after it.
    pub(super) after: Tally,
}

impl Report {
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n", self.machine.text());
        let Self { soak, overload, .. } = self;
        // Writing to a text can't fail.
        let _ = writeln!(
            text,
            "{} commands about {}s, {} connections: {:.0}/s, {}, {} turned away, {} failed",
            soak.done.count(),
            self.topic,
            self.connections,
            soak.rate(),
            latencies(soak),
            soak.turned_away,
            soak.failed
        );
        let _ = writeln!(text, "nothing left to do {:.1} s after the last answer", self.caught_up.as_secs_f64());
        let _ = writeln!(text, "{:<12}{:>16}{:>16}{:>16}", "memory, MB", "after 30 to 40 %", "in the end", "at most");
        for course in &self.memory {
            let [warm, end] = PARTS.map(|(from, to)| megabytes(course.between(from, to)));
            let _ = writeln!(text, "{:<12}{warm:>16}{end:>16}{:>16}", course.name, megabytes(course.most()));
        }
        let (during, after) = (&overload.during, &overload.after);
        let _ = writeln!(
            text,
            "{} commands a second for {:.0} s, {} connections: {:.0}/s done, {}, {} turned away, {} failed",
            overload.rate,
            during.lasted.as_secs_f64(),
            overload.connections,
            during.rate(),
            latencies(during),
            during.turned_away,
            during.failed
        );
        let _ = writeln!(
            text,
            "of {} acknowledged {} are lost; nothing left to do {:.1} s later; then {:.0}/s, {}, {} turned away, {} failed",
            during.done.count(),
            overload.lost,
            overload.caught_up.as_secs_f64(),
            after.rate(),
            latencies(after),
            after.turned_away,
            after.failed
        );
        let _ = writeln!(text, "audit: {}", self.audit.as_deref().unwrap_or("read model and log agree"));
        text
    }

    pub(super) fn json(&self) -> Value {
        let memory = |course: &Course| {
            let [warm, end] = PARTS.map(|(from, to)| course.between(from, to));
            json!({ "process": course.name, "warm_bytes": warm, "end_bytes": end, "most_bytes": course.most() })
        };
        let overload = &self.overload;
        json!({
            "machine": self.machine.json(),
            "topic": self.topic,
            "soak": tally(&self.soak, self.connections),
            "caught_up_seconds": self.caught_up.as_secs_f64(),
            "memory": self.memory.iter().map(memory).collect::<Vec<_>>(),
            "overload": tally(&overload.during, overload.connections),
            "overload_rate": overload.rate,
            "overload_lost": overload.lost,
            "overload_caught_up_seconds": overload.caught_up.as_secs_f64(),
            "after": tally(&overload.after, self.connections),
            "audit": self.audit.is_none(),
        })
    }

    /// What must not have been, if something of it was.
    pub(super) fn failure(&self) -> Option<String> {
        let failed = |tally: &Tally| tally.last_failure.clone().map(|last| format!("a command failed: {last}"));
        let turned_away = (self.soak.turned_away > 0)
            .then(|| format!("{} commands were turned away before there were too many", self.soak.turned_away));
        let lost = (self.overload.lost > 0).then(|| format!("{} acknowledged commands are lost", self.overload.lost));
        let grown = self.memory.iter().find_map(|course| {
            let [warm, end] = PARTS.map(|(from, to)| course.between(from, to));
            let (warm, end) = (warm?, end?);
            let has_grown = end > warm + NOISE && end as f64 > warm as f64 * (1.0 + GROWTH);
            let [from, to] = [warm, end].map(|bytes| megabytes(Some(bytes)));
            let told = || format!("{}'s memory grew from {from} to {to} MB, by more than a tenth", course.name);
            has_grown.then(told)
        });
        // Where little has happened, caches are still filling.
        let grown = grown.filter(|_| self.soak.done.count() >= LONG);
        let failed = [&self.soak, &self.overload.during, &self.overload.after].into_iter().find_map(failed);
        failed.or(turned_away).or(lost).or(grown).or_else(|| self.audit.clone())
    }
}

fn latencies(tally: &Tally) -> String {
    let [p50, p99] = [50, 99].map(|percent| tally.done.percentile_ms(percent).unwrap_or_default());
    format!("p50 {p50:.1} ms, p99 {p99:.1} ms")
}

fn megabytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "?".to_owned(), |bytes| format!("{:.1}", bytes as f64 / 1e6))
}

fn tally(tally: &Tally, connections: u64) -> Value {
    json!({
        "commands": tally.done.count(),
        "connections": connections,
        "seconds": tally.lasted.as_secs_f64(),
        "per_second": tally.rate(),
        "p50_ms": tally.done.percentile_ms(50),
        "p99_ms": tally.done.percentile_ms(99),
        "turned_away": tally.turned_away,
        "failed": tally.failed,
    })
}
