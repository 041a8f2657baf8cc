//! `retrace trace`: what led to an event and what came of it, as a tree.

use std::sync::Arc;

use kernel::{Domain, Entry, Position};
use replay::trace::{Node, Trace, What, trace};
use runtime::Engine;

use super::{
    exit,
    failure::Failure,
    store::StoreArgs,
    timeline::{self, TimelineArgs},
    words::{counted, done, out, when},
};

/// Of what.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The event's or command's identifier, or the event's position
    id: String,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    timeline: TimelineArgs,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) async fn run(domain: Arc<Domain>, args: Args) -> Result<(), Failure> {
    let engine = args.store.open_existing(&domain).await?;
    let timeline = args.timeline.open_reading(&args.store, &domain, &engine).await?;
    let head = engine.head().await?.position;
    let id = match args.id.parse() {
        Ok(position) => event_at(&engine, position).await?,
        Err(_) => args.id,
    };
    let found = trace(&timeline, &domain, &id, head).await.map_err(timeline::failed)?;
    let unknown = || {
        let message =
            format!("no event of the log has, or names, the id {id}; for an entity, `retrace history TOPIC/ID`");
        Failure::new(exit::NOT_FOUND, message)
    };
    let found = found.ok_or_else(unknown)?;
    if args.json {
        out(&format!("{}\n", serde_json::to_string(&found).unwrap_or_default()));
    } else {
        out(&drawn(&found));
    }
    Ok(engine.close().await?)
}

/// The identifier of the first event at a position.
async fn event_at(engine: &Engine, position: Position) -> Result<String, Failure> {
    let entries = engine.entries_at(&[position]).await?;
    let id = entries.into_iter().find_map(|entry| match entry {
        Entry::Event(event) => Some(event.id),
        Entry::Junk(_) => None,
    });
    id.ok_or_else(|| Failure::new(exit::NOT_FOUND, format!("the log has no event at {position}")))
}

/// The tree as text.
fn drawn(trace: &Trace) -> String {
    let mut text = format!("{}\n", line(&trace.root));
    branches(&trace.root.effects, "", &mut text);
    text.push_str(&counted(trace.events as u64, "event", "events"));
    text.push_str(if trace.truncated { ", and more that are not shown\n" } else { "\n" });
    if !trace.searched {
        text.push_str("some causes were not looked for: too much happened at that time\n");
    }
    text
}

fn branches(nodes: &[Node], indent: &str, text: &mut String) {
    for (index, node) in nodes.iter().enumerate() {
        let is_last = index + 1 == nodes.len();
        text.push_str(&format!("{indent}{} {}\n", if is_last { "└─" } else { "├─" }, line(node)));
        branches(&node.effects, &format!("{indent}{}  ", if is_last { " " } else { "│" }), text);
    }
}

/// One command or event.
fn line(node: &Node) -> String {
    let asked = if node.asked { "  ◄" } else { "" };
    match &node.what {
        What::Command { id, handler } => {
            let by = handler.as_deref().unwrap_or("a client");
            format!("command {id} of {by}{asked}")
        }
        What::Missing { id } => format!("event {id}, which is not in the log{asked}"),
        What::Event { event, handler, inferred } => {
            // A fact of a journal has no name but its position.
            let key = event.key.as_deref().filter(|key| **key != event.position.to_string());
            let key = key.map(|key| format!(" {key}")).unwrap_or_default();
            let by = handler.as_ref().map(|handler| format!(", by {handler}")).unwrap_or_default();
            let guess = if inferred.is_some() { " (inferred)" } else { "" };
            format!(
                "{}{key} {}{by}{guess}  {}  {}{asked}",
                event.topic,
                done(&event.topic, &event.action),
                event.position,
                when(event.position)
            )
        }
    }
}
