//! `retrace diff`: what changed between two moments, row by row and field by field.

mod report;

use std::sync::Arc;

use kernel::{Domain, Moment, Topic};
use projector::timeline::{RowChange, Timeline};

use super::{
    absence::Absence,
    cut::Cut,
    exit,
    failure::Failure,
    moment,
    store::StoreArgs,
    subject::Subject,
    timeline::{self, TimelineArgs},
};

/// Between which moments, and of what.
#[derive(Debug, clap::Args)]
#[command(after_help = moment::FORMS)]
pub(super) struct Args {
    /// The position or time that the difference begins at
    #[arg(value_name = "MOMENT", value_parser = moment::parse, allow_hyphen_values = true)]
    from: Moment,
    /// The position or time that it ends at; it may lie before the first one
    #[arg(value_name = "MOMENT", value_parser = moment::parse, allow_hyphen_values = true)]
    to: Moment,
    /// Only rows of this topic, or topic/id for one row
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
    let cuts = [Cut::of(&engine, args.from).await?, Cut::of(&engine, args.to).await?];
    let [from, to] = [cuts[0].position(), cuts[1].position()];
    let changes = match (topic, key) {
        (Some(topic), Some(key)) => of_row(&timeline, &cuts, (topic, key)).await?,
        (Some(topic), None) => timeline.changes(from, to, &[topic.name]).await.map_err(timeline::failed)?,
        (None, _) => {
            let topics: Vec<_> = domain.topics().map(|topic| topic.name).collect();
            timeline.changes(from, to, &topics).await.map_err(timeline::failed)?
        }
    };
    report::print(&cuts, &changes, args.json);
    engine.close().await?;
    if changes.is_empty() { Ok(()) } else { Err(Failure::told(exit::DIFFERENT)) }
}

/// What became of one row, which must have existed at either moment.
async fn of_row(
    timeline: &Timeline,
    [from, to]: &[Cut; 2],
    (topic, key): (&Topic, &str),
) -> Result<Vec<RowChange>, Failure> {
    let before = timeline.row(topic.name, key, from.position()).await.map_err(timeline::failed)?;
    let after = timeline.row(topic.name, key, to.position()).await.map_err(timeline::failed)?;
    let [before_row, after_row] = [&before, &after].map(|version| version.as_ref().and_then(|v| v.row.clone()));
    if before_row.is_none() && after_row.is_none() {
        let (last, cut) = if from.position() > to.position() { (before, from) } else { (after, to) };
        let absence = Absence::of(timeline, (topic.name, key), last.as_ref(), cut.position()).await?;
        return Err(absence.failure(topic.name, key, cut));
    }
    let change = RowChange { topic: topic.name, key: key.to_owned(), before: before_row, after: after_row };
    Ok(if change.before == change.after { Vec::new() } else { vec![change] })
}
