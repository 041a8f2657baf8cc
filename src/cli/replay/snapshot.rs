//! `retrace replay snapshot`: what today's sagas decide about a history, as text made to be read in a diff.

use kernel::Domain;
use replay::{
    record::{Window, own},
    snapshot::{of_log, of_log_where},
};
use runtime::StoreUrl;

use crate::cli::{exit, failure::Failure, store::StoreArgs, subject::Subject, words::out};

/// Which history.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The history file; without it, the log that the store options name
    #[arg(value_name = "HISTORY", conflicts_with_all = ["store", "namespace", "data"])]
    history: Option<StoreUrl>,
    /// Only events about this row, what led to them and what came of all that, as `retrace record --closure` has them
    #[arg(long, value_name = "TOPIC/ID")]
    of: Option<Subject>,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) async fn run(domain: &Domain, args: Args) -> Result<(), Failure> {
    let row = args.of.as_ref().map(|subject| subject.row(domain, "--of")).transpose()?;
    let engine = args.store.or(args.history).open_existing(domain).await?;
    let text = match row {
        Some((topic, key)) => {
            let own = own(domain, &engine, (topic, key), Window::default()).await?;
            if own.is_empty() {
                let message = format!("no event is about {topic} {key} in {}", engine.url());
                return Err(Failure::new(exit::NOT_FOUND, message));
            }
            of_log_where(domain, &engine, |event| own.holds(&event.id)).await?
        }
        None => of_log(domain, &engine).await?,
    };
    out(&text);
    Ok(engine.close().await?)
}
