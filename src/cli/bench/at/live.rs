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
use runtime::{Engine, Tail};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{
    super::{super::failure::Failure, fill::Plan, progress, scratch::Scratch},
    Args,
};

/// How many events are appended at a time, as fast as the store takes them.
const EVENTS: u64 = 40_000;

/// How long keeping up with them may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long it took the live projection to keep up with so many events.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    pub(super) events: u64,
    pub(super) alone: Vec<Duration>,
    pub(super) beside: Vec<Duration>,
}

/// By turns, so that whatever else the machine is doing is the same for both.
pub(super) async fn measure(domain: &Arc<Domain>, scratch: &Scratch, args: &Args) -> Result<Live, Failure> {
    let mut live = Live { events: EVENTS, ..Live::default() };
    let engine = scratch.open(domain).await?;
    let failure = |error| Failure::failed(format!("can't make a temporary folder: {error}"));
    let folder = tempfile::Builder::new().prefix("retrace-bench-").tempdir().map_err(failure)?;
    for round in 0..2 * args.rounds {
        let with_timeline = round % 2 == 1;
        progress(&format!("live projection, {} of {}", round + 1, 2 * args.rounds));
        let plan = Plan::of(domain, args.topic.as_deref(), EVENTS, Some(EVENTS / 10), args.seed + round)?;
        let took = keep_up(domain, &engine, &folder, &plan, with_timeline).await?;
        if with_timeline { &mut live.beside } else { &mut live.alone }.push(took);
    }
    engine.close().await?;
    Ok(live)
}

/// Appends the events while they are followed; tells how long it took until the read model had them.
async fn keep_up(
    domain: &Arc<Domain>,
    engine: &Engine,
    folder: &TempDir,
    plan: &Plan<'_>,
    with_timeline: bool,
) -> Result<Duration, Failure> {
    let model = ReadModel::sqlite(&folder.path().join("live.model")).await?;
    let timeline = Timeline::open(domain.clone(), engine.clone(), &folder.path().join("live.timeline")).await?;
    let (tail, following) = Tail::follow(engine.clone()).await?;
    let stop = CancellationToken::new();
    let projecting = tokio::spawn(live::run(domain.clone(), tail.clone(), model.clone(), stop.clone()));
    let keeping = with_timeline.then(|| {
        let (timeline, tail, stop) = (timeline.clone(), tail.clone(), stop.clone());
        tokio::spawn(async move { timeline.keep(&tail, Retention::Everything, &stop).await })
    });
    // Both stand at the head before it is measured.
    let before = engine.head().await?.position;
    reached(&model, before).await?;
    while with_timeline && timeline.standing().await?.checkpoint.position < before {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let began = Instant::now();
    plan.write(engine).await?;
    reached(&model, engine.head().await?.position).await?;
    let took = began.elapsed();
    stop.cancel();
    let _ = projecting.await;
    if let Some(keeping) = keeping {
        let _ = keeping.await;
    }
    following.abort();
    Ok(took)
}

async fn reached(model: &ReadModel, position: kernel::Position) -> Result<(), Failure> {
    let reached = model.reached(position, PATIENCE).await?;
    if reached { Ok(()) } else { Err(Failure::failed(format!("{position} was not reached in {PATIENCE:?}"))) }
}
