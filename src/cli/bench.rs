//! `retrace bench`: figures of this system on this machine, beside what the machine can do at all.

mod at;
mod fill;
mod http;
mod load;
mod machine;
mod rebuild;
mod replay;
mod scratch;
mod settled;
mod soak;
mod subject;
mod system;

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
    /// Time travel: rows as they stood at any position, and what the timeline costs
    At(at::Args),
    /// Rebuilding read models, beside what Redis can hand over and take at all
    Rebuild(rebuild::Args),
    /// A million commands at full speed and what they cost in memory, then twice as many as can be done
    Soak(soak::Args),
    /// Deciding the log of a demo again, beside the bare scan of it
    Replay(replay::Args),
}

pub(super) async fn run(domain: &std::sync::Arc<Domain>, args: Args) -> Result<(), Failure> {
    match args.what {
        What::Http(args) => http::run(domain, args).await,
        What::At(args) => at::run(domain, args).await,
        What::Rebuild(args) => rebuild::run(domain, args).await,
        What::Soak(args) => soak::run(domain, args).await,
        What::Replay(args) => replay::run(domain, args).await,
    }
}

async fn unless_interrupted<T>(doing: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        done = doing => done,
        _ = tokio::signal::ctrl_c() => Err(Failure::failed("stopped before the end; nothing to report")),
    }
}

fn progress(doing: &str) {
    talk!("measuring: {doing}");
}
