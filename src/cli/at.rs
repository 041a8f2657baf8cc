//! `retrace at`: everything, a topic or one row as it stood at a moment.

mod report;

use std::sync::Arc;

use kernel::{Domain, Moment, Topic};
use projector::timeline::{Timeline, Version};

use super::{
    absence::Absence,
    cut::{Cut, Origin},
    failure::Failure,
    moment,
    store::StoreArgs,
    subject::Subject,
    timeline::{self, TimelineArgs},
};

/// When, and of what.
#[derive(Debug, clap::Args)]
#[command(after_help = moment::FORMS)]
pub(super) struct Args {
    /// The position or time
    #[arg(value_name = "MOMENT", value_parser = moment::parse, allow_hyphen_values = true)]
    moment: Moment,
    /// A topic for its rows, topic/id for one row [default: how many rows each topic has, and the digest of all]
    #[arg(value_name = "TOPIC[/ID]")]
    subject: Option<Subject>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    timeline: TimelineArgs,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) async fn run(domain: Arc<Domain>, args: Args) -> Result<(), Failure> {
    // What is not of the domain needs no store.
    let topic = args.subject.as_ref().map(|subject| subject.topic(&domain)).transpose()?;
    let key = args.subject.as_ref().and_then(|subject| subject.key.as_deref());
    let engine = args.store.open_existing(&domain).await?;
    let timeline = args.timeline.open_reading(&args.store, &domain, &engine).await?;
    let cut = Cut::of(&engine, args.moment).await?;
    match (topic, key) {
        (None, _) => {
            let topics: Vec<_> = domain.topics().map(|topic| topic.name).collect();
            report::whole(&cut, &timeline.tables(&topics, cut.position()).await.map_err(timeline::failed)?, args.json);
        }
        (Some(topic), None) => {
            report::topic(
                &cut,
                topic,
                &timeline.tables(&[topic.name], cut.position()).await.map_err(timeline::failed)?,
                args.json,
            );
        }
        (Some(topic), Some(key)) => row(&timeline, &cut, (topic, key), args.json).await?,
    }
    Ok(engine.close().await?)
}

/// One row, field by field.
async fn row(timeline: &Timeline, cut: &Cut, (topic, key): (&Topic, &str), json: bool) -> Result<(), Failure> {
    let version = timeline.row(topic.name, key, cut.position()).await.map_err(timeline::failed)?;
    if let Some(Version { position, row: Some(row) }) = &version {
        let since = Origin::of(timeline.engine(), topic.name, *position).await?;
        report::row(cut, (topic.name, key), row, &since, json);
        return Ok(());
    }
    let absence = Absence::of(timeline, (topic.name, key), version.as_ref(), cut.position()).await?;
    if json {
        report::absence(cut, (topic.name, key), &absence);
    }
    Err(absence.failure(topic.name, key, cut))
}
