//! `retrace replay snapshot`: what today's sagas decide about a history, as text made to be read in a diff.

use kernel::Domain;
use replay::{
    record::{self, Window},
    snapshot,
};

use super::scope::HistoryArgs;
use crate::cli::{exit, failure::Failure, subject::Subject, words::out};

/// Which history.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    history: HistoryArgs,
    /// Only events about this row, what led to them and what came of all that: what `record --closure` is about
    #[arg(long, value_name = "TOPIC/ID")]
    of: Option<Subject>,
}

pub(super) async fn run(domain: &Domain, args: Args) -> Result<(), Failure> {
    // What is not of the domain needs no store.
    let row = args.of.as_ref().map(|of| of.row(domain, "--of")).transpose()?;
    let engine = args.history.open(domain).await?;
    let text = match row {
        Some(row) => {
            let own = record::own(domain, &engine, row, Window::default()).await?;
            if own.is_empty() {
                let (topic, key) = row;
                return Err(Failure::new(exit::NOT_FOUND, format!("no event of the log is about {topic} {key}")));
            }
            snapshot::of_log_where(domain, &engine, |event| own.holds(&event.id)).await?
        }
        None => snapshot::of_log(domain, &engine).await?,
    };
    out(&text);
    Ok(engine.close().await?)
}
