//! `retrace replay verify`: whether today's sagas would decide the same again.

use kernel::Domain;
use replay::verify::{Until, verify};

use super::{
    report,
    scope::{HistoryArgs, ScopeArgs},
};
use crate::cli::{exit, failure::Failure, moment};

/// Which decisions are made again.
#[derive(Debug, clap::Args)]
#[command(after_help = moment::FORMS)]
pub(super) struct Args {
    #[command(flatten)]
    history: HistoryArgs,
    #[command(flatten)]
    scope: ScopeArgs,
    /// Stop at the first difference
    #[arg(long)]
    stop_at_first: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(domain: &Domain, args: Args) -> Result<(), Failure> {
    args.scope.check(domain)?;
    let engine = args.history.open(domain).await?;
    let scope = args.scope.of(&engine).await?;
    let until = if args.stop_at_first { Until::FirstDifference } else { Until::End };
    let found = verify(domain, &engine, scope, until).await?;
    report::print(&found, args.json, &engine);
    engine.close().await?;
    match found.is_same() {
        false => Err(Failure::told(exit::DIFFERENT)),
        true if found.is_nothing() => Err(Failure::told(exit::NOT_FOUND)),
        true => Ok(()),
    }
}
