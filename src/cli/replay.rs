//! `retrace replay`: recorded history through today's handlers; nothing is appended, nothing is sent.

mod interactive;
mod report;
mod run;
mod scope;
mod snapshot;
mod telling;
mod verify;

use std::sync::Arc;

use clap::Subcommand;
use kernel::Domain;

pub(super) use self::report::verdict;
use super::failure::Failure;

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
    Verify(verify::Args),
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

pub(super) async fn run(domain: Arc<Domain>, args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Verify(args) => verify::run(&domain, args).await,
        Command::Snapshot(args) => snapshot::run(&domain, args).await,
        Command::Run(args) => run::run(&domain, args).await,
    }
}
