//! `retrace run`: some roles, over a store that other processes share.

use std::{collections::BTreeSet, sync::Arc};

use kernel::Domain;

use super::{
    failure::Failure,
    roles::{self, ListenArgs, Role},
    store::{DurabilityArgs, StoreArgs},
    timeline::KeepArgs,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The roles to run
    #[arg(required = true, value_enum)]
    roles: Vec<Role>,
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
    let roles: BTreeSet<Role> = args.roles.into_iter().collect();
    roles::run(domain, &roles, &args.store, args.durability, &args.listen, &args.timeline).await
}
