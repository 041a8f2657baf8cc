//! `retrace bench`: figures of this system on this machine, beside what the machine can do at all.

mod http;

use kernel::Domain;

use super::failure::Failure;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The whole system through its HTTP interface, started for the purpose on scratch data
    Http(http::Args),
}

pub(super) async fn run(domain: &Domain, args: Args) -> Result<(), Failure> {
    match args.what {
        What::Http(args) => http::run(domain, args).await,
    }
}
