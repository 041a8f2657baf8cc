//! `retrace up`: everything in one process.

use std::{collections::BTreeSet, sync::Arc};

use kernel::Domain;

use super::{
    failure::Failure,
    roles::{self, ListenArgs},
    store::{DurabilityArgs, StoreArgs},
    timeline::KeepArgs,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    durability: DurabilityArgs,
    #[command(flatten)]
    listen: ListenArgs,
    #[command(flatten)]
    timeline: KeepArgs,
}

pub(super) async fn run(domain: Arc<Domain>, args: Args) -> Result<(), Failure> {
    roles::run(domain, &BTreeSet::from(roles::ALL), &args.store, args.durability, &args.listen, &args.timeline).await
}
