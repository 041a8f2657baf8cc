//! `retrace bench at`: how soon the past is told, and what it costs to be able to.
//!
//! For each size of log: the timeline is built in bulk, then asked in this process, then over HTTP by clients of
//! a gateway. Beside it, in the same run, what SQLite takes for one row by its key and for all of them:
//! the yardstick. At the end, how fast the read model is kept live with a timeline beside it and without.

mod live;
mod report;
mod yardstick;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use clap::value_parser;
use gateway::{Gateway, Settings};
use kernel::{Chance, Domain, Method, Position};
use projector::{
    ReadModel,
    model::MemoryModel,
    timeline::{Retention, Timeline, Way},
};
use runtime::{StoreUrl, Tail};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

use self::{
    live::Live,
    report::{Report, Size},
    yardstick::Yardstick,
};
use super::{
    super::{failure::Failure, http_client::Target, latencies::Latencies, words::out},
    fill::Plan,
    load::{Measured, Shot, load},
    machine::Machine,
    progress,
    scratch::Scratch,
    unless_interrupted,
};

/// How many events lie between the two moments whose difference is taken.
const APART: u64 = 1_000;

/// How many connections ask over HTTP.
const CONNECTIONS: u64 = 4;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Events; several sizes of log can be given
    #[arg(short = 'n', long, value_name = "N", value_delimiter = ',', default_value = "1000000", value_parser = value_parser!(u64).range(2_000..))]
    events: Vec<u64>,
    /// Entities that they are about
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = value_parser!(u64).range(1..))]
    entities: u64,
    /// Topic that they are of [default: the first with a status]
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// How often one row is asked for; the others a twentieth and a fifth as often
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = value_parser!(u64).range(20..))]
    samples: u64,
    /// How long HTTP is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// How often live projection is measured with a timeline and without
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u64).range(1..=100))]
    rounds: u64,
    /// The store: redis://HOST or redis+unix:///SOCKET, a scratch namespace there is used and removed [default: an
    /// embedded store in a temporary folder]
    // Not from REDIS_URL: nobody shall load their store by an oversight.
    #[arg(long, value_name = "URL")]
    store: Option<StoreUrl>,
    /// What the data follows from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(domain: &Arc<Domain>, args: Args) -> Result<(), Failure> {
    let failure = |error| Failure::failed(format!("can't make a temporary folder: {error}"));
    let mut sizes = Vec::new();
    let mut machine = None;
    for events in &args.events {
        let scratch = Scratch::at(args.store.as_ref())?;
        let folder = tempfile::Builder::new().prefix("retrace-bench-").tempdir().map_err(failure)?;
        let measuring = async {
            machine = Some(Machine::look(&scratch).await?);
            size(domain, &scratch, &folder, *events, &args).await
        };
        let measured = unless_interrupted(measuring).await;
        scratch.remove().await?;
        sizes.push(measured?);
    }
    let scratch = Scratch::at(args.store.as_ref())?;
    let live = unless_interrupted(live::measure(domain, &scratch, &args)).await;
    scratch.remove().await?;
    let (live, entities) = (live?, args.entities);
    let Some(machine) = machine else { return Err(Failure::usage("give a number of events")) };
    let report = Report { machine, entities, sizes, live };
    out(&if args.json { format!("{:#}\n", report.json()) } else { report.text() });
    Ok(())
}

async fn size(
    domain: &Arc<Domain>,
    scratch: &Scratch,
    folder: &TempDir,
    events: u64,
    args: &Args,
) -> Result<Size, Failure> {
    let engine = scratch.open(domain).await?;
    let plan = Plan::of(domain, args.topic.as_deref(), events, Some(args.entities), args.seed)?;
    progress(&format!("writing {} events of {} {}", plan.events, plan.entities, plan.topic.plural));
    plan.write(&engine).await?;
    progress("building the timeline in bulk");
    let file = folder.path().join("bench.timeline");
    let timeline = Timeline::open(domain.clone(), engine.clone(), &file).await?;
    let built = timeline.build(Way::Anew, &watch::Sender::default(), &CancellationToken::new()).await;
    let built = built.map_err(|error| Failure::failed(error.to_string()))?;
    progress("asking it");
    let positions = plan.positions(&engine).await?;
    let asked = Asked::of(&timeline, &plan, &positions, args.samples).await?;
    let yardstick = Yardstick::measure(folder.path(), &timeline, plan.topic.name, args.samples).await?;
    progress("asking over HTTP");
    let http = over_http(domain, &timeline, &plan, &positions, args).await?;
    engine.close().await?;
    Ok(Size { events, topic: plan.topic.name, built, asked, yardstick, http })
}

/// How long answers took in this process.
struct Asked {
    /// One row at a random position.
    row: Latencies,
    /// All rows of the topic at a random position.
    topic: Latencies,
    /// How many they were at most.
    rows: u64,
    /// What changed between two positions near each other.
    changes: Latencies,
}

impl Asked {
    async fn of(timeline: &Timeline, plan: &Plan<'_>, positions: &[Position], samples: u64) -> Result<Self, Failure> {
        let mut chance = Chance::new(7, 0);
        let (mut row, mut topic, mut changes) = <(Latencies, Latencies, Latencies)>::default();
        let mut rows = 0;
        let name = plan.topic.name;
        let at = |chance: &mut Chance, from: u64| {
            positions.get((from + chance.below(positions.len() as u64 - from)) as usize).copied().unwrap_or_default()
        };
        // The first answers warm up.
        for sample in 0..samples + samples / 10 {
            let (id, at) = (plan.entity(chance.below(plan.entities)), at(&mut chance, 0));
            let began = Instant::now();
            timeline.row(name, &id, at).await?;
            if sample >= samples / 10 {
                row.add(began.elapsed());
            }
        }
        for sample in 0..samples / 20 + 2 {
            // Where all of them exist.
            let at = at(&mut chance, plan.entities.min(positions.len() as u64 - 1));
            let began = Instant::now();
            let tables = timeline.tables(&[name], at).await?;
            let took = began.elapsed();
            rows = rows.max(tables.rows(name).count() as u64);
            if sample >= 2 {
                topic.add(took);
            }
        }
        for sample in 0..samples / 5 + 5 {
            let from = chance.below(positions.len() as u64 - APART) as usize;
            let (from, to) = (positions[from], positions[from + APART as usize]);
            let began = Instant::now();
            timeline.changes(from, to, &[name]).await?;
            if sample >= 5 {
                changes.add(began.elapsed());
            }
        }
        Ok(Self { row, topic, rows, changes })
    }
}

/// One row at a random position, asked of a gateway that keeps the timeline.
async fn over_http(
    domain: &Arc<Domain>,
    timeline: &Timeline,
    plan: &Plan<'_>,
    positions: &[Position],
    args: &Args,
) -> Result<Measured, Failure> {
    let engine = timeline.engine().clone();
    let (tail, following) = Tail::follow(engine.clone()).await?;
    let stop = CancellationToken::new();
    let keeping = {
        let (timeline, tail, stop) = (timeline.clone(), tail.clone(), stop.clone());
        tokio::spawn(async move { timeline.keep(&tail, Retention::Everything, &stop).await })
    };
    let model = ReadModel::Memory(MemoryModel::new());
    let gateway = Gateway::new(domain.clone(), engine, tail, model, timeline.clone(), Settings::default());
    let gateway = gateway.map_err(|error| Failure::failed(error.to_string()))?;
    let failed = |error: std::io::Error| Failure::failed(format!("can't serve on the loopback: {error}"));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
    let target: Target = format!("http://{}", listener.local_addr().map_err(failed)?)
        .parse()
        .map_err(|error: super::super::http_client::MalformedTarget| Failure::failed(error.to_string()))?;
    let serving = tokio::spawn(gateway::serve(listener, gateway, stop.clone()));
    let entities: Arc<[String]> = (0..plan.entities).map(|entity| plan.entity(entity)).collect();
    let positions: Arc<[Position]> = positions.into();
    // Of those that exist from the beginning on nothing is missing.
    let (name, from) = (plan.topic.name, plan.entities.min(positions.len() as u64 - 1));
    let measured = load(&target, CONNECTIONS, Duration::from_secs(args.seconds), move |chance| {
        let at = positions[(from + chance.below(positions.len() as u64 - from)) as usize];
        let id = chance.pick(&entities).cloned().unwrap_or_default();
        Shot { method: Method::Get, path: format!("/{name}/{id}?at={at}"), body: None }
    })
    .await;
    stop.cancel();
    let _ = tokio::join!(serving, keeping);
    following.abort();
    measured
}
