//! `retrace history`: one row's whole life, every version with what changed and why.

mod report;

use std::sync::Arc;

use kernel::{Domain, Moment, Position};
use replay::life::{Part, life};

use super::{
    absence::Absence,
    cut::Cut,
    failure::Failure,
    moment,
    store::StoreArgs,
    subject::Subject,
    timeline::{self, TimelineArgs},
};

/// Whose life, and which part of it.
#[derive(Debug, clap::Args)]
#[command(after_help = moment::FORMS)]
pub(super) struct Args {
    /// The row: order/12
    #[arg(value_name = "TOPIC/ID")]
    subject: Subject,
    /// Only what came after this position or time
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse, allow_hyphen_values = true)]
    from: Option<Moment>,
    /// Only what had come by this position or time [default: the log's head]
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse, allow_hyphen_values = true)]
    to: Option<Moment>,
    /// No more than so many versions
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    timeline: TimelineArgs,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) async fn run(domain: Arc<Domain>, args: Args) -> Result<(), Failure> {
    let topic = args.subject.topic(&domain)?;
    let Some(key) = args.subject.key.as_deref() else {
        return Err(Failure::usage(format!("whose history? name one {}, like {}/12", topic.name, topic.name)));
    };
    let engine = args.store.open_existing(&domain).await?;
    let timeline = args.timeline.open_reading(&args.store, &domain, &engine).await?;
    let after = match args.from {
        Some(from) => Cut::of(&engine, from).await?.position(),
        None => Position::ZERO,
    };
    let to = match args.to {
        Some(to) => Cut::of(&engine, to).await?,
        None => Cut::of(&engine, Moment::Position(engine.head().await?.position)).await?,
    };
    let part = Part { after, until: to.position(), limit: args.limit as usize };
    let life = life(&timeline, &domain, (topic, key), part).await.map_err(timeline::failed)?;
    if life.chapters.is_empty() && !life.more {
        let last = timeline.row(topic.name, key, to.position()).await.map_err(timeline::failed)?;
        if last.is_none() {
            let absence = Absence::of(&timeline, (topic.name, key), None, to.position()).await?;
            return Err(absence.failure(topic.name, key, &to));
        }
    }
    report::print((topic.name, key), &life, args.json);
    Ok(engine.close().await?)
}
