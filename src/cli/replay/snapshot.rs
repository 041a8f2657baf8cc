//! `retrace replay snapshot`: what today's sagas decide about a history, as text made to be read in a diff.

use kernel::Domain;
use runtime::StoreUrl;

use crate::cli::{failure::Failure, store::StoreArgs, words::out};

/// Which history.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The history file; without it, the log that the store options name
    #[arg(value_name = "HISTORY", conflicts_with_all = ["store", "namespace", "data"])]
    history: Option<StoreUrl>,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) async fn run(domain: &Domain, args: Args) -> Result<(), Failure> {
    let engine = args.store.or(args.history).open_existing(domain).await?;
    out(&replay::snapshot::of_log(domain, &engine).await?);
    Ok(engine.close().await?)
}
