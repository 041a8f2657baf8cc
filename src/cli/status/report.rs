//! How everything stands, for people and for programs.

use kernel::Position;
use projector::{Generation, Stage, timeline::Standing};
use runtime::QueueStatus;

use super::{Consumer, Model, Remembered, Status};
use crate::cli::{
    rebuild::progress,
    words::{at, counted, out, thousands, when},
};

/// Prints the status to standard output.
pub(super) fn print(status: &Status, json: bool) {
    if json {
        out(&format!("{}\n", serde_json::to_string(status).unwrap_or_default()));
    } else {
        out(&text(status));
    }
}

/// Lines with a name at their left.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, value: impl AsRef<str>) {
        self.0.push_str(&format!("{name:<14}{}\n", value.as_ref()));
    }
}

fn text(status: &Status) -> String {
    let mut lines = Lines::default();
    lines.add("domain", status.domain);
    lines.add("store", &status.store);
    lines.add("head", at(&status.head));
    if let Some(astray) = &status.astray {
        lines.add("", format!("DIVERGED: {astray}; see `retrace audit`"));
    }
    match &status.read_model {
        None => lines.add("read model", "none has been made yet"),
        Some(model) => model_lines(&mut lines, model, status.projection),
    }
    match &status.timeline {
        None => lines.add("timeline", "none has been made yet; what was is told from the log"),
        Some(timeline) => timeline_lines(&mut lines, timeline),
    }
    for consumer in &status.consumers {
        lines.add("consumer", format!("{:<20} {}", consumer.consumer, standing(consumer)));
    }
    for queue in &status.queues {
        lines.add("queue", format!("{:<20} {}", queue.service, fullness(queue)));
    }
    lines.add("dead letters", thousands(status.queues.iter().map(|queue| queue.dead).sum()));
    lines.add("parked", thousands(status.parked));
    for parked in &status.parked_first {
        let (consumer, topic, position) = (&parked.consumer, &parked.topic, parked.position);
        lines.add("", format!("{consumer}: {topic} {position}: {}", parked.reason));
    }
    if status.parked > status.parked_first.len() as u64 {
        lines.add("", format!("and {} more", thousands(status.parked - status.parked_first.len() as u64)));
    }
    lines.0
}

fn model_lines(lines: &mut Lines, model: &Model, current: u32) {
    let Model { place, state, .. } = model;
    lines.add("read model", place);
    if state.generation == 0 {
        lines.add("  state", "empty, nobody has written to it yet");
    } else {
        lines.add("  generation", state.generation.to_string());
        lines.add("  position", format!("{}, {}", at(&state.checkpoint), lag(model.lag)));
        lines.add("  digest", state.digest.to_string());
        lines.add("  version", format!("{:08x}", state.version));
    }
    if let Some(astray) = &model.astray {
        lines.add("", format!("DIVERGED: {astray}; see `retrace audit`"));
    }
    if model.stale {
        lines.add(
            "",
            format!(
                "STALE: this program's projection is version {current:08x}; the projector makes the read model anew \
                 when it starts, or run `retrace rebuild`"
            ),
        );
    }
    for generation in &model.generations {
        generation_lines(lines, generation);
    }
    if let Some(told) = &model.rebuild {
        lines.add("  under way", progress::line(told));
    }
}

fn timeline_lines(lines: &mut Lines, Remembered { standing, lag: behind, astray }: &Remembered) {
    let Standing { place, checkpoint, since, stale, bytes } = standing;
    lines.add("timeline", place);
    // What is young is never in the file.
    let young = format!("the last {} told from the log", counted(*behind, "event is", "events are"));
    let young = if *behind == 0 { lag(0) } else { young };
    lines.add("  position", format!("{}; {young}", at(checkpoint)));
    if *since > Position::ZERO {
        lines.add("  since", format!("{since}, {}; what was before is told from the log", when(*since)));
    }
    lines.add("  size", format!("{} bytes", thousands(*bytes)));
    if let Some(astray) = astray {
        lines.add("", format!("DIVERGED: {astray}; `retrace rebuild --timeline` makes it anew"));
    }
    if *stale {
        lines.add("", "STALE: another version of the projection made it; a running gateway makes it anew");
    }
}

fn generation_lines(lines: &mut Lines, Generation { state, stage, plan, torn }: &Generation) {
    let is = format!("generation {}, {}", state.generation, at(&state.checkpoint));
    match stage {
        Stage::Kept => lines.add("  kept", format!("{is}; `retrace rebuild --rollback` goes back to it")),
        Stage::Held => lines.add(
            "  held back",
            format!(
                "{is}; its rows differ from the served ones: serve it with `retrace rebuild --approve \
                 --allow-differences`, or drop it with `retrace rebuild --discard`"
            ),
        ),
        Stage::Building => {
            lines.add("  building", format!("{is}; unless it is under way, the same rebuild goes on with it"));
        }
    }
    if *torn {
        lines.add("", "torn: rows of it are being written, or that was broken off");
    }
    if *stage != Stage::Kept && !plan.is_empty() && plan != "{}" {
        lines.add("", format!("plan {plan}"));
    }
}

fn standing(consumer: &Consumer) -> String {
    match &consumer.astray {
        Some(astray) => format!("DIVERGED: {astray}; see `retrace audit`"),
        None => lag(consumer.lag),
    }
}

fn lag(events: u64) -> String {
    match events {
        0 => "at the head".to_owned(),
        events => format!("{} behind", counted(events, "event", "events")),
    }
}

fn fullness(queue: &QueueStatus) -> String {
    let [waiting, claimed, dead] = [queue.waiting, queue.claimed, queue.dead].map(thousands);
    format!("{waiting} waiting, {claimed} claimed, {dead} dead")
}
