//! `retrace rebuild`: a read model, or the timeline, made anew from the log.

mod into;
pub(super) mod progress;
pub(super) mod report;
mod timeline;

use std::{path::PathBuf, sync::Arc};

use kernel::{Domain, Moment};
use projector::rebuild::{Approval, Limits, Plan, Progress, Rebuild, RebuildError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{bar::Bar, exit, failure::Failure, moment, place::Place, roles::Signals, store::StoreArgs, words::out};

#[derive(Debug, clap::Args)]
#[command(after_help = moment::FORMS)]
pub(super) struct Args {
    /// Where to build: redis, redis://HOST, sqlite:FILE or memory [default: the read model of the store]
    #[arg(long, value_name = "PLACE")]
    into: Option<Place>,
    /// Start from the state as of this position or time, and apply everything after it again
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse, allow_hyphen_values = true)]
    from: Option<Moment>,
    /// Stop at this position or time [default: the log's head]
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse, allow_hyphen_values = true)]
    to: Option<Moment>,
    /// Start from nothing at --from
    #[arg(long, requires = "from")]
    empty: bool,
    /// Build only this topic anew, and take the rows of the others over as they are served; may be repeated
    #[arg(long = "topic", value_name = "TOPIC")]
    topics: Vec<String>,
    /// Compare with the served rows first; where some differ, print them, keep the new generation back and exit 2
    #[arg(long, conflicts_with_all = ["to", "empty"])]
    approve: bool,
    /// With --approve: serve the new rows all the same
    #[arg(long, requires = "approve")]
    allow_differences: bool,
    /// Serve the previous generation again, once it has caught up; a second time goes forward again
    #[arg(long, conflicts_with_all = ["from", "to", "empty", "topics", "approve"])]
    rollback: bool,
    /// Drop what an interrupted run has left, or a generation that is held back
    #[arg(long, conflicts_with_all = ["from", "to", "empty", "topics", "approve", "rollback"])]
    discard: bool,
    /// Make the timeline anew instead of a read model, in FILE or where the log's own is
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["into", "from", "to", "empty", "topics", "approve", "rollback", "discard", "memory", "commit_every"],
    )]
    timeline: Option<Option<PathBuf>>,
    /// MiB of rows to hold in memory before they are written out; --approve and --topic hold all rows besides
    #[arg(long, value_name = "MIB", default_value_t = 2_048, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    memory: u64,
    /// Commit after so many events, and every ten seconds in any case: what a killed run has to read again at most
    #[arg(long, value_name = "EVENTS", default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    commit_every: u64,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) async fn run(domain: Arc<Domain>, args: Args) -> Result<(), Failure> {
    let mut signals = Signals::watched()?;
    let engine = args.store.open_existing(&domain).await?;
    if let Some(file) = args.timeline {
        timeline::run(&domain, &engine, (file, &args.store), args.json, &mut signals).await?;
        return Ok(engine.close().await?);
    }
    let target = into::open(args.into.as_ref(), &args.store, &domain).await?;
    let at = async |moment: Option<Moment>| match moment {
        Some(moment) => engine.position_at(moment).await.map(Some),
        None => Ok(None),
    };
    let plan =
        Plan { from: at(args.from).await?, to: at(args.to).await?, empty: args.empty, topics: args.topics.clone() };
    let approval = match (args.approve, args.allow_differences) {
        (false, _) => Approval::NotNeeded,
        (true, false) => Approval::Needed,
        (true, true) => Approval::Given,
    };
    let rebuild = Rebuild {
        domain,
        engine: engine.clone(),
        model: target.model,
        is_followed: target.is_followed,
        plan,
        approval,
        limits: Limits { memory: (args.memory as usize) << 20, commit_every: args.commit_every },
        holder: projector::holder("retrace rebuild"),
    };
    if args.discard {
        return discard(&rebuild).await;
    }
    let (progress, stop) = (watch::Sender::new(Progress::default()), CancellationToken::new());
    let bar = Bar::show(progress.subscribe(), progress::line);
    let work = async {
        if args.rollback { rebuild.roll_back(&progress, &stop).await } else { rebuild.run(&progress, &stop).await }
    };
    let result = see_through(work, &stop, &mut signals).await;
    bar.clear().await;
    let report = result??;
    report::print(&report, args.json, &engine.url());
    engine.close().await?;
    let held = !report.served && report.differences.as_ref().is_some_and(|differences| differences.count > 0);
    if !held {
        return Ok(());
    }
    Err(Failure::new(
        exit::DIFFERENT,
        format!(
            "generation {} is held back, because its rows differ from the served ones; serve it by the same command \
             with --allow-differences, or drop it with --discard; `retrace audit` tells which of the two is right",
            report.generation
        ),
    ))
}

/// Waits until the work is done; a signal tells it to stop in order, a second one leaves it where it is.
async fn see_through<T>(
    work: impl Future<Output = T>,
    stop: &CancellationToken,
    signals: &mut Signals,
) -> Result<T, Failure> {
    tokio::pin!(work);
    tokio::select! {
        result = &mut work => return Ok(result),
        () = signals.next() => {}
    }
    talk!("stopping after what has been read is kept; Ctrl-C again stops at once");
    stop.cancel();
    tokio::select! {
        result = work => Ok(result),
        () = signals.next() => {
            let message = "stopped at once, by a second signal; the same command goes on from the last commit";
            Err(Failure::failed(message))
        }
    }
}

async fn discard(rebuild: &Rebuild) -> Result<(), Failure> {
    let discarded: Vec<_> = rebuild.discard(None).await?.iter().map(u64::to_string).collect();
    let place = rebuild.model.place();
    match discarded.as_slice() {
        [] => Err(Failure::new(
            exit::NOT_FOUND,
            format!("read model {place} has no generation that is not served or kept"),
        )),
        dropped => {
            out(&format!("dropped generation {} of read model {place}\n", dropped.join(", ")));
            Ok(())
        }
    }
}

impl From<RebuildError> for Failure {
    fn from(error: RebuildError) -> Self {
        match error {
            RebuildError::Store(error) => error.into(),
            RebuildError::Partial { .. }
            | RebuildError::Backwards { .. }
            | RebuildError::UnknownTopic { .. }
            | RebuildError::Reversed { .. } => Self::usage(error.to_string()),
            RebuildError::NothingKept(_) => Self::new(exit::NOT_FOUND, error.to_string()),
            RebuildError::Held { .. }
            | RebuildError::OtherVersion { .. }
            | RebuildError::Stale(_)
            | RebuildError::Fenced(_)
            | RebuildError::Outrun(_)
            | RebuildError::Interrupted(_)
            | RebuildError::Died(_) => Self::failed(error.to_string()),
        }
    }
}
