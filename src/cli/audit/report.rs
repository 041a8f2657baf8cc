//! What an audit has found, for people and for programs.

use projector::audit::{Audit, Audited};
use runtime::Engine;

use crate::cli::{
    rebuild::report::differing,
    words::{at, counted, out, rows, thousands},
};

/// Prints the audit to standard output.
pub(super) fn print(audit: &Audit, json: bool, log: &Engine) {
    if json {
        out(&format!("{}\n", audit.document(&log.url())));
    } else {
        out(&text(audit, &log.url(), log.may_have_gaps()));
    }
}

fn text(audit: &Audit, log: &str, may_have_gaps: bool) -> String {
    let models: Vec<_> = audit.models.iter().map(|model| model_text(model, audit.version)).collect();
    let none = if models.is_empty() { "no read model\n  none has been made of this log\n" } else { "" };
    format!("{none}{}{}", models.concat(), log_text(audit, log, may_have_gaps))
}

fn model_text(model: &Audited, current: u32) -> String {
    let Audited { place, digest, recorded, expected, .. } = model;
    let mut text = format!("read model {place}\n");
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<13}{value}\n"));
    if model.generation == 0 && model.is_equal {
        line("verdict", "empty, nobody has written to it yet".to_owned());
        return text;
    }
    line("generation", model.generation.to_string());
    line("position", at(&model.checkpoint));
    line("rows", rows(&model.rows));
    let stale = if model.is_stale { format!(", STALE: this program has {current:08x}") } else { String::new() };
    line("version", format!("{:08x}{stale}", model.version));
    line("digest", digest.to_string());
    if digest != expected {
        line("expected", expected.to_string());
    }
    if recorded != digest {
        line("recorded", format!("{recorded}, which is not that of its rows"));
    }
    let verdict = if model.is_equal { "equal to" } else { "DIFFERS from" };
    line("verdict", format!("{verdict} a fresh fold of the log up to there"));
    if !model.is_equal {
        text.push_str(&differing(&model.differences, "found", "expected"));
    }
    text
}

fn log_text(audit: &Audit, log: &str, may_have_gaps: bool) -> String {
    let mut text = format!("log {log}\n");
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<13}{value}\n"));
    line("head", at(&audit.head));
    let unreadable = match audit.unreadable {
        0 => String::new(),
        count => format!(", {} of them unreadable and in no read model", thousands(count)),
    };
    line("read", format!("{}{unreadable}", counted(audit.entries, "entry", "entries")));
    let repeats = &audit.repeats;
    match repeats.count + audit.unsettled.len() as u64 {
        0 => line("I2 once", "no event, command or reaction is in the log twice".to_owned()),
        count => line("I2 once", format!("VIOLATED {}:", counted(count, "time", "times"))),
    }
    repeats.first.iter().for_each(|repeat| line("", repeat.to_string()));
    if repeats.count > repeats.first.len() as u64 {
        line("", format!("and {} more", thousands(repeats.count - repeats.first.len() as u64)));
    }
    audit.unsettled.iter().for_each(|unsettled| line("", unsettled.to_string()));
    let disorders = &audit.disorders;
    match disorders.count {
        0 if may_have_gaps => line("I3 order", "positions increase; a history may hold a part of a log".to_owned()),
        0 => line("I3 order", "no event is missing and positions increase".to_owned()),
        count => line("I3 order", format!("VIOLATED {}:", counted(count, "time", "times"))),
    }
    for disorder in &disorders.first {
        line("", disorder.to_string());
    }
    if disorders.count > disorders.first.len() as u64 {
        line("", format!("and {} more", thousands(disorders.count - disorders.first.len() as u64)));
    }
    let checkpoints = counted(audit.consumers + audit.models.len() as u64, "checkpoint", "checkpoints");
    match audit.astray.len() as u64 {
        0 => line("I5 progress", format!("{checkpoints}, none ahead of the log or of another epoch")),
        count => line("I5 progress", format!("VIOLATED by {} of {checkpoints}:", thousands(count))),
    }
    for astray in &audit.astray {
        line("", astray.to_string());
    }
    text
}
