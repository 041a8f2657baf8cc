//! `retrace replay run`: a history step by step.

use std::{
    io::{BufWriter, ErrorKind, Stdout, Write as _, stdout},
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError},
};

use kernel::Domain;
use replay::steps::{Step, Verdict, steps};

use super::{
    interactive,
    scope::{HistoryArgs, ScopeArgs},
    telling,
};
use crate::cli::{
    failure::Failure,
    moment,
    words::{counted, is_unprintable, thousands},
};

/// Which steps.
#[derive(Debug, clap::Args)]
#[command(after_help = moment::FORMS)]
pub(super) struct Args {
    #[command(flatten)]
    history: HistoryArgs,
    #[command(flatten)]
    scope: ScopeArgs,
    /// Print each step as JSON, one a line
    #[arg(long)]
    json: bool,
    /// Step forward and back in the terminal
    #[arg(long, conflicts_with = "json")]
    interactive: bool,
}

pub(super) async fn run(domain: &Domain, args: Args) -> Result<(), Failure> {
    args.scope.check(domain)?;
    if args.interactive {
        interactive::check()?;
    }
    let engine = args.history.open(domain).await?;
    let scope = args.scope.of(&engine).await?;
    if args.interactive {
        interactive::run(domain, &engine, scope).await?;
        return Ok(engine.close().await?);
    }
    let printer = Arc::new(Mutex::new(Printer::new(args.json)));
    let of_the_scan = printer.clone();
    let visit = move |step: Step| of_the_scan.lock().unwrap_or_else(PoisonError::into_inner).print(&step);
    let recorded = steps(domain, &engine, scope, visit).await?;
    engine.close().await?;
    let mut printer = printer.lock().unwrap_or_else(PoisonError::into_inner);
    printer.counts.recorded = recorded;
    printer.end()
}

/// Writes steps to standard output.
#[derive(Debug)]
struct Printer {
    out: BufWriter<Stdout>,
    json: bool,
    failed: Option<std::io::Error>,
    counts: Counts,
}

/// What has been told.
#[derive(Debug, Default)]
struct Counts {
    steps: u64,
    /// Entries that are no steps, since they say what was decided.
    recorded: u64,
    same: u64,
    different: u64,
    unrecorded: u64,
    unchecked: u64,
}

impl Printer {
    fn new(json: bool) -> Self {
        Self { out: BufWriter::new(stdout()), json, failed: None, counts: Counts::default() }
    }

    fn print(&mut self, step: &Step) -> ControlFlow<()> {
        self.counts.add(step);
        let text = if self.json { json(step) } else { text(step) };
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> ControlFlow<()> {
        match self.out.write_all(text.as_bytes()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    /// Writes what all of it comes to.
    fn end(&mut self) -> Result<(), Failure> {
        if self.failed.is_none() && !self.json {
            let _ = self.write(&format!("{}\n", self.counts.words()));
        }
        let failed = self.failed.take().or_else(|| self.out.flush().err());
        match failed {
            // Whoever reads has had enough, as `head` has.
            Some(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Failure::failed(format!("can't write: {error}")))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// A step for programs, in which nothing steers a terminal either.
fn json(step: &Step) -> String {
    let mut line = String::new();
    for c in serde_json::to_string(step).unwrap_or_default().chars() {
        if is_unprintable(c) {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| line.push_str(&format!("\\u{unit:04x}")));
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    line
}

fn text(step: &Step) -> String {
    let lines = telling::told(step);
    let mut text = format!("{}\n", telling::place(step).row());
    lines.iter().for_each(|line| text.push_str(&format!("{}\n", line.row())));
    text.push('\n');
    text
}

impl Counts {
    fn add(&mut self, step: &Step) {
        self.steps += 1;
        for decision in &step.decisions {
            match decision.verdict {
                Verdict::Same => self.same += 1,
                Verdict::Different | Verdict::Reordered => self.different += 1,
                Verdict::Unrecorded => self.unrecorded += 1,
                Verdict::Unchecked => self.unchecked += 1,
            }
        }
    }

    fn words(&self) -> String {
        let Self { steps, recorded, same, different, unrecorded, unchecked } = self;
        let decisions = same + different + unrecorded + unchecked;
        let parts = [
            (same, "the same as the log has"),
            (different, if *different == 1 { "that DIFFERS" } else { "that DIFFER" }),
            (unrecorded, "that the log says nothing of"),
            (unchecked, "that can't be made again"),
        ];
        let parts = parts.iter().filter(|(count, _)| **count > 0);
        let parts: Vec<_> = parts.map(|(count, what)| format!("{} {what}", thousands(**count))).collect();
        let (events, decisions) = (counted(*steps, "event", "events"), counted(decisions, "decision", "decisions"));
        let told = match recorded {
            0 => format!("{events}, {decisions}"),
            _ => format!("{events} and {}; {decisions}", counted(*recorded, "recorded decision", "recorded decisions")),
        };
        if parts.is_empty() { told } else { format!("{told}: {}", parts.join(", ")) }
    }
}
