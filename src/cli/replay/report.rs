//! What deciding a log again has found, for people and for programs.

use std::time::Duration;

use replay::causes::Match;
use replay::verify::{
    Difference, Divergence, Report, Told,
    report::{Cause, Group, Inferred},
};
use runtime::Engine;

use crate::cli::words::{became, counted, out, plain, thousands, when};

/// Prints the report to standard output.
pub(super) fn print(report: &Report, json: bool, log: &Engine) {
    if json {
        out(&format!("{}\n", report.document(&log.url())));
    } else {
        let text: String = text(report, &log.url()).lines().map(|line| format!("{}\n", plain(line))).collect();
        out(&text);
    }
}

fn text(report: &Report, log: &str) -> String {
    let mut text = String::new();
    for root in &report.divergences {
        text.push_str(&divergence(root));
        let at = match &root.event {
            Cause::Known(event) => Some(event.position),
            Cause::Unknown { .. } => None,
        };
        let following = report.following.iter().filter(|other| other.follows.is_some() && other.follows == at);
        for other in following {
            text.push_str(&indented(&format!("hence {}", divergence(other))));
        }
        text.push('\n');
    }
    let untold = report.divergent.saturating_sub(report.divergences.len() as u64);
    if untold > 0 {
        text.push_str(&format!("and {}\n\n", counted(untold, "more decision", "more decisions")));
    }
    if report.divergent + report.consequences > 1 {
        text.push_str(&groups(report));
    }
    text.push_str(&format!("log {log}\n"));
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<13}{value}\n"));
    let decisions = counted(report.decisions, "decision", "decisions");
    line("decided", format!("{decisions} again, of {}", counted(report.entries, "entry", "entries")));
    if let Some(found) = &report.inferred {
        inferred(found).into_iter().for_each(|(name, value)| line(name, value));
    }
    let mut count = |number: u64, name: &str, one: &str, more: &str| {
        if number > 0 {
            line(name, counted(number, one, more));
        }
    };
    count(report.waiting, "waiting", "event not reacted to yet", "events not reacted to yet");
    count(report.on_their_way, "", "command of a saga not served yet", "commands of sagas not served yet");
    let late = "made too long before they were committed to be made again";
    count(report.unchecked, "unchecked", &format!("decision {late}"), &format!("decisions {late}"));
    let failing = "that a saga fails on, without a reaction in the log";
    count(report.failing, "failing", &format!("event {failing}"), &format!("events {failing}"));
    count(report.unreadable, "unreadable", "entry, which nobody reacts to", "entries, which nobody reacts to");
    if let Some(hole) = report.hole {
        line("HOLE", format!("event {hole} is missing; what rests on it may differ for that"));
    }
    for saga in &report.never_ran {
        let events = counted(saga.events, "event", "events");
        line("never ran", format!("{}, which would react to {events}", saga.handler));
    }
    for saga in &report.gone {
        let events = counted(saga.events, "event", "events");
        line("gone", format!("{}, of which the log has {events}; the domain has no such saga", saga.handler));
    }
    line("verdict", verdict(report));
    text
}

/// What was found out about a log that does not say where its events came from.
fn inferred(found: &Inferred) -> Vec<(&'static str, String)> {
    let Inferred { window_ms, exact, alike, beside, asked_for } = found;
    let effects = counted(exact + alike + beside, "effect", "effects");
    let window = Duration::from_millis(*window_ms).as_secs_f64();
    let beside = match beside {
        0 => String::new(),
        count => format!(", {} beside what is decided", thousands(*count)),
    };
    let fit = format!("{} exact, {} alike{beside}", thousands(*exact), thousands(*alike));
    let clients = counted(asked_for.values().sum(), "event", "events");
    vec![
        ("inferred", format!("{effects}, by content within {window} s of their causes: {fit}")),
        ("", "ids, the order of different rows and the wording of facts are not compared".to_owned()),
        ("asked for", format!("{clients} that no saga would have appended, taken to be what clients asked for")),
    ]
}

/// What it comes to, in a sentence.
pub(in crate::cli) fn verdict(report: &Report) -> String {
    if report.is_nothing() {
        return "nothing was compared: of what was asked for the log has no decision of a saga".to_owned();
    }
    if report.is_same() && report.unchecked + report.failing == 0 {
        return "the same: today's sagas would do what the log has of them".to_owned();
    }
    if report.is_same() {
        return "the same, as far as decisions can be made again".to_owned();
    }
    let mut told = Vec::new();
    match report.divergent {
        0 => {}
        1 => told.push("1 decision differs".to_owned()),
        count => told.push(format!("{} decisions differ", thousands(count))),
    }
    match report.consequences {
        0 => {}
        1 => told.push("and 1 more that follows from others".to_owned()),
        count => told.push(format!("and {} more that follow from others", thousands(count))),
    }
    match report.gone.len() as u64 {
        0 => {}
        count => told.push(format!("the domain does not have {} of the log", counted(count, "saga", "sagas"))),
    }
    let stopped = if report.stopped { "; stopped at the first" } else { "" };
    format!("DIFFERENT: {}{stopped}", told.join(", "))
}

fn divergence(Divergence { event, handler, as_of, differences, same, .. }: &Divergence) -> String {
    let about = match event {
        Cause::Known(event) => {
            let key = event.key.as_deref().map(|key| format!(" {key}")).unwrap_or_default();
            let number = event.number.map(|number| format!(" (event {number})")).unwrap_or_default();
            let time = event.time.as_deref().unwrap_or("at an unknown time");
            format!("{}{key} {} at {}{number}, {time}", event.topic, event.action, event.position)
        }
        Cause::Unknown { id } => format!("event {id}, which the log does not hold or the saga does not react to"),
    };
    let as_of = as_of.map(|as_of| format!(", decided as of {as_of}")).unwrap_or_default();
    let differences: String = differences.iter().map(difference).collect();
    let same = match same.as_slice() {
        [] => String::new(),
        [effect] => format!("  the same   {}\n             {}\n", told(effect), effect.data),
        effects => format!("  the same   {} other effects\n", effects.len()),
    };
    format!("{handler} on {about}{as_of}\n{differences}{same}")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// What the differences have in common, most of them first.
fn groups(report: &Report) -> String {
    let mut groups: Vec<_> = report.groups.iter().collect();
    groups.sort_by_key(|group| std::cmp::Reverse((group.divergent, group.following)));
    let line = |group: &Group| {
        let Group { handler, on, kind, effect, fields, divergent, following, .. } = group;
        let on = on.as_deref().unwrap_or("an unknown event");
        let effect = effect.as_deref().map(|effect| format!(" {effect}")).unwrap_or_default();
        let fields = if fields.is_empty() { String::new() } else { format!(": {}", fields.join(", ")) };
        let follow = match following {
            0 => String::new(),
            count => format!(", {} more in consequence", thousands(*count)),
        };
        format!("  {:>7}  {handler} on {on}: {kind}{effect}{fields}{follow}\n", thousands(*divergent))
    };
    format!("differences by kind\n{}\n", groups.into_iter().map(line).collect::<String>())
}

fn difference(difference: &Difference) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<11}{value}\n"));
    match difference {
        Difference::Missing(effect) => {
            line("missing", format!("{}; decided now, not in the log", told(effect)));
            line("", effect.data.to_string());
        }
        Difference::Extra(effect) => {
            line("extra", format!("{}; in the log, not decided now", told(effect)));
            line("", effect.data.to_string());
        }
        Difference::Changed { effect, fields } => {
            line("changed", format!("{}, from the log to now:", told(effect)));
            fields.iter().for_each(|field| line("", became(field)));
        }
        Difference::Reordered { log, now } => {
            let list = |effects: &[Told]| effects.iter().map(told).collect::<Vec<_>>().join(", ");
            line("reordered", format!("in the log {}", list(log)));
            line("", format!("now {}", list(now)));
        }
        Difference::Fails { reason } => line("fails", format!("now: {reason}")),
    }
    text
}

fn told(Told { topic, key, action, position, inferred, .. }: &Told) -> String {
    let key = key.as_deref().map(|key| format!(" {key}")).unwrap_or_default();
    let place = position.map(|position| format!(" at {position}, {}", when(position))).unwrap_or_default();
    let inferred = match inferred {
        None => "",
        Some(Match::Exact) => " (inferred, exact)",
        Some(Match::Alike) => " (inferred, alike)",
        Some(Match::Beside) => " (inferred, beside what is decided)",
    };
    format!("{topic}{key} {action}{place}{inferred}")
}
