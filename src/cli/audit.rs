//! `retrace audit`: proof that read models are what the log says, and that the log is whole.

mod report;

use std::sync::Arc;

use kernel::Domain;
use projector::{
    ReadModel,
    audit::{Audit, Progress, audit},
};
use tokio::sync::watch;

use super::{
    bar::Bar,
    exit,
    failure::Failure,
    place::Place,
    store::StoreArgs,
    words::{counted, thousands},
};

/// What to audit.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Audit this read model too, besides the store's own: redis, redis://HOST or sqlite:FILE; may be repeated
    #[arg(long = "model", value_name = "PLACE", value_parser = Place::lasting)]
    models: Vec<Place>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) async fn run(domain: Arc<Domain>, args: Args) -> Result<(), Failure> {
    let engine = args.store.open_existing(&domain).await?;
    let models = models(&domain, &args).await?;
    let progress = watch::Sender::new(Progress::default());
    let bar = Bar::show(progress.subscribe(), line);
    let audit = audit(domain, &engine, &models, Some(&progress)).await;
    bar.clear().await;
    let audit = audit?;
    report::print(&audit, args.json, &engine);
    engine.close().await?;
    if audit.is_clean() { Ok(()) } else { Err(Failure::new(exit::DIFFERENT, sentence(&audit))) }
}

/// The store's own read model, where it has one, and those that were named.
async fn models(domain: &Domain, args: &Args) -> Result<Vec<ReadModel>, Failure> {
    let own = ReadModel::open_reading(&args.store.url(domain)?, &args.store.namespace()).await?;
    let mut models: Vec<_> = own.into_iter().collect();
    for place in &args.models {
        let model = place.open_reading(&args.store, domain, "--model").await?;
        if models.iter().all(|known| known.place() != model.place()) {
            models.push(model);
        }
    }
    Ok(models)
}

fn line(Progress { entries, of }: &Progress) -> String {
    format!("audit: {} of {} read", thousands(*entries), counted(*of, "event", "events"))
}

/// What is not as it should be, and the way out.
fn sentence(audit: &Audit) -> String {
    let different = audit.models.iter().filter(|model| !model.is_equal).count() as u64;
    let mut found = Vec::new();
    if different > 0 {
        let models = counted(different, "read model differs", "read models differ");
        found.push(format!("{models} from the log; `retrace rebuild` makes one anew"));
    }
    if audit.repeats.count > 0 || !audit.unsettled.is_empty() {
        found.push("something is in the log twice, or would be soon, which no program of ours does".to_owned());
    }
    if audit.disorders.count > 0 {
        found.push("the log is not in order; restore it from a backup, or go on knowing what is missing".to_owned());
    }
    if !audit.astray.is_empty() {
        let checkpoints = counted(audit.astray.len() as u64, "checkpoint is", "checkpoints are");
        found.push(format!("{checkpoints} not of this log, or ahead of it; the log may have lost its end"));
    }
    found.join("; ")
}
