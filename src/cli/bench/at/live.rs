//! How fast a read model is kept live, with a timeline beside it and without.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use kernel::Domain;
use projector::{
    ReadModel, live,
    timeline::{Retention, Timeline},
};
use runtime::Tail;
use tokio_util::sync::CancellationToken;

use super::{
    super::{super::failure::Failure, fill::Plan, scratch::Scratch},
    Args, open, progress,
};

/// How many events are kept up with at a time: fewer than would be read in bulk.
const EVENTS: u64 = 19_000;

/// How long keeping up with them may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long the live projection took for the same number of events.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    pub(super) events: u64,
    pub(super) alone: Vec<Duration>,
    pub(super) beside: Vec<Duration>,
}

/// By turns, so that whatever else the machine is doing is the same for both.
pub(super) async fn measure(domain: &Arc<Domain>, scratch: &Scratch, args: &Args) -> Result<Live, Failure> {
    let mut live = Live { events: EVENTS, ..Live::default() };
    let engine = open(domain, scratch, args).await?;
    let failure = |error| Failure::failed(format!("can't make a temporary folder: {error}"));
    let folder = tempfile::Builder::new().prefix("retrace-bench-").tempdir().map_err(failure)?;
    let model = ReadModel::sqlite(&folder.path().join("live.model")).await?;
    let timeline = Timeline::open(domain.clone(), engine.clone(), &folder.path().join("live.timeline")).await?;
    for round in 0..2 * args.rounds {
        progress(&format!("live projection, {} of {}", round + 1, 2 * args.rounds));
        let plan = Plan::of(domain, args.topic.as_deref(), EVENTS, Some(EVENTS / 2), args.seed + round)?;
        plan.write(&engine).await?;
        let head = engine.head().await?.position;
        let (tail, following) = Tail::follow(engine.clone()).await?;
        let stop = CancellationToken::new();
        let keeping = (round % 2 == 1).then(|| {
            let (timeline, tail, stop) = (timeline.clone(), tail.clone(), stop.clone());
            tokio::spawn(async move { timeline.keep(&tail, Retention::Everything, &stop).await })
        });
        let began = Instant::now();
        let projecting = tokio::spawn(live::run(domain.clone(), tail.clone(), model.clone(), stop.clone()));
        if !model.reached(head, PATIENCE).await? {
            return Err(Failure::failed(format!("{EVENTS} events were not kept up with in {PATIENCE:?}")));
        }
        let took = began.elapsed();
        if round % 2 == 1 { &mut live.beside } else { &mut live.alone }.push(took);
        if keeping.is_some() {
            // What the timeline missed in the other rounds is read now, and not in the next.
            timeline.tables(&[plan.topic.name], head).await?;
        }
        stop.cancel();
        let _ = projecting.await;
        if let Some(keeping) = keeping {
            let _ = keeping.await;
        }
        following.abort();
        if round % 2 == 0 {
            catch_up(&timeline).await?;
        }
    }
    engine.close().await?;
    Ok(live)
}

/// Brings the timeline to the head, so that the next round finds it where the read model stands.
async fn catch_up(timeline: &Timeline) -> Result<(), Failure> {
    let (progress, stop) = (tokio::sync::watch::Sender::default(), CancellationToken::new());
    let built = timeline.build(projector::timeline::Way::Onward, &progress, &stop).await;
    built.map(drop).map_err(|error| Failure::failed(error.to_string()))
}
