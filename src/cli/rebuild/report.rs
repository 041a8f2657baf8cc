//! What a rebuild has come to, for people and for programs.

use projector::{Differences, rebuild::Report};

use crate::cli::{
    usage::peak_memory,
    words::{at, counted, out, rows, thousands},
};

/// Prints the report to standard output.
pub(super) fn print(report: &Report, json: bool, log: &str) {
    if json {
        let mut document = serde_json::to_value(report).unwrap_or_default();
        if let Some(memory) = peak_memory() {
            document["peak_memory_bytes"] = memory.into();
        }
        out(&format!("{document}\n"));
    } else {
        out(&text(report, log));
    }
}

fn text(report: &Report, log: &str) -> String {
    let Report { into, generation, checkpoint, .. } = report;
    let is = match (report.served, into.as_str()) {
        // Nobody else ever sees it, and it ends with this process.
        (true, "memory:") => "is built",
        (true, _) => "is served",
        (false, _) => "is held back",
    };
    let resumed = if report.resumed { ", going on with what an earlier run had begun" } else { "" };
    let mut text = format!("generation {generation} of read model {into} {is}{resumed}\n");
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<12}{value}\n"));
    line("log", log.to_owned());
    line("position", at(checkpoint));
    line("rows", rows(&report.rows));
    line("digest", report.digest.to_string());
    if let Some(digest) = report.digest_from {
        line("at --from", digest.to_string());
    }
    line("version", format!("{:08x}", report.version));
    line(
        "read",
        format!(
            "{} events in {:.2} s, {}/s",
            thousands(report.events),
            report.seconds,
            thousands(report.events_per_second as u64)
        ),
    );
    let phases = report.phases.iter().filter(|(_, seconds)| **seconds >= 0.01);
    let phases: Vec<_> = phases.map(|(phase, seconds)| format!("{phase} {seconds:.2} s")).collect();
    if !phases.is_empty() {
        line("of that", phases.join(", "));
    }
    if report.unreadable.count > 0 {
        let passed = counted(report.unreadable.count, "entry was passed over", "entries were passed over");
        line("unreadable", format!("{passed}:"));
        for (topic, position, reason) in &report.unreadable.first {
            text.push_str(&format!("    {topic} {position}: {reason}\n"));
        }
    }
    let more = report.unreadable.count - report.unreadable.first.len() as u64;
    if more > 0 {
        text.push_str(&format!("    and {} more\n", thousands(more)));
    }
    if let Some(replaced) = report.replaced {
        text.push_str(&format!(
            "  {:<12}generation {replaced}; `retrace rebuild --rollback` goes back to it\n",
            "kept"
        ));
    }
    if let Some(differences) = &report.differences {
        text.push_str(&differing(differences, "served", "rebuilt"));
    }
    text
}

/// Rows that differ, with the names of either side.
pub(in crate::cli) fn differing(differences: &Differences, found: &str, expected: &str) -> String {
    if differences.count == 0 {
        return "  no row differs\n".to_owned();
    }
    let width = found.len().max(expected.len()) + 2;
    let mut text = format!("  {}:\n", counted(differences.count, "row differs", "rows differ"));
    for row in &differences.first {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "no such row".to_owned());
        text.push_str(&format!("    {} {}\n", row.topic, row.key));
        text.push_str(&format!("      {found:<width$}{}\n", side(&row.found)));
        text.push_str(&format!("      {expected:<width$}{}\n", side(&row.expected)));
    }
    let more = differences.count - differences.first.len() as u64;
    if more > 0 {
        text.push_str(&format!("    and {} more\n", thousands(more)));
    }
    text
}
