//! `retrace replay`: recorded history through today's handlers; nothing is appended, nothing is sent.

mod interactive;
mod report;
mod run;
mod snapshot;
mod telling;

use std::{sync::Arc, time::Duration};

use clap::Subcommand;
use kernel::{Domain, Moment, Position};
use replay::{
    causes::Window,
    reactions::Scope,
    verify::{Until, verify},
};
use runtime::Engine;

pub(super) use self::report::verdict;
use super::{exit, failure::Failure, moment, store::StoreArgs, words::counted};

/// What to do with a history.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prove that today's sagas would decide the same again
    ///
    /// Makes every decision of the log again, as of the position at which it was made, and holds what comes out
    /// against what the log has as the reaction, events of commands that sagas sent included. Tells what is missing,
    /// extra, changed or in another order, and counts what only follows from that. Writes nothing. Exits with 0 when
    /// everything is the same, and with 2 when anything is not.
    Verify(VerifyArgs),
    /// Print what today's sagas decide about a history, as text made to be read in a diff
    ///
    /// A line for each event, below it what each saga decides about it. Identifiers are replaced by aliases in order
    /// of appearance, times count from the first event, positions are left out: the same history gives the same text,
    /// wherever it is kept. Writes nothing. A test of your own calls replay::snapshot, which gives the same.
    Snapshot(snapshot::Args),
    /// Step through a history: each event, what it changed, and what today's sagas decide about it
    ///
    /// For each event: when it happened, what became of the row that it is about, and what every saga that reacts to
    /// it would ask for today, each effect marked with whether the log holds the same. Writes nothing. With
    /// --interactive, forward and back in the terminal. What today's sagas decide otherwise is no failure here;
    /// `replay verify` tells causes from consequences and exits with 2.
    Run(run::Args),
}

/// Which decisions are made again.
#[derive(Debug, clap::Args)]
#[command(after_help = moment::FORMS)]
struct VerifyArgs {
    /// Only decisions about events at and after this position or time
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse, allow_hyphen_values = true)]
    from: Option<Moment>,
    /// Only decisions about events up to and at this position or time
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse, allow_hyphen_values = true)]
    to: Option<Moment>,
    /// Only decisions about events of this topic
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Only decisions of this saga
    #[arg(long, value_name = "SAGA")]
    handler: Option<String>,
    /// How long after its cause an effect is looked for, in a log that does not say where its events came from
    #[arg(long, value_name = "SECONDS", default_value_t = Window::TIME.as_secs())]
    window: u64,
    /// Stop at the first difference
    #[arg(long)]
    stop_at_first: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) async fn run(domain: Arc<Domain>, args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Verify(args) => run_verify(&domain, args).await,
        Command::Snapshot(args) => snapshot::run(&domain, args).await,
        Command::Run(args) => run::run(&domain, args).await,
    }
}

async fn run_verify(domain: &Domain, args: VerifyArgs) -> Result<(), Failure> {
    // What is not of the domain needs no store.
    check_names(domain, args.topic.as_deref(), args.handler.as_deref())?;
    let engine = args.store.open_existing(domain).await?;
    let scope = Scope {
        from: position(&engine, args.from).await?.unwrap_or(Position::ZERO),
        to: position(&engine, args.to).await?.unwrap_or(Position::MAX),
        topic: args.topic,
        handler: args.handler,
        window: Duration::from_secs(args.window),
    };
    let until = if args.stop_at_first { Until::FirstDifference } else { Until::End };
    let found = verify(domain, &engine, scope, until).await?;
    report::print(&found, args.json, &engine);
    engine.close().await?;
    if found.is_same() { Ok(()) } else { Err(Failure::told(exit::DIFFERENT)) }
}

async fn position(engine: &Engine, moment: Option<Moment>) -> Result<Option<Position>, Failure> {
    match moment {
        Some(moment) => Ok(Some(engine.position_at(moment).await?)),
        None => Ok(None),
    }
}

/// Whether the domain has what was named.
fn check_names(domain: &Domain, topic: Option<&str>, handler: Option<&str>) -> Result<(), Failure> {
    if let Some(topic) = topic.filter(|topic| domain.topic(topic).is_none()) {
        let topics: Vec<_> = domain.topics().map(|topic| topic.name).collect();
        return Err(unknown("topic", topic, &topics));
    }
    if let Some(handler) = handler.filter(|handler| domain.sagas().iter().all(|saga| saga.name != *handler)) {
        let sagas: Vec<_> = domain.sagas().iter().map(|saga| saga.name).collect();
        return Err(unknown("saga", handler, &sagas));
    }
    Ok(())
}

fn unknown(kind: &str, name: &str, known: &[&str]) -> Failure {
    let count = counted(known.len() as u64, kind, &format!("{kind}s"));
    Failure::usage(format!("there is no {kind} {name}; the domain has {count}: {}", known.join(", ")))
}
