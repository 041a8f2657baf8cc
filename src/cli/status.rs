//! `retrace status`: how everything stands, at a glance.

mod report;

use std::sync::Arc;

use kernel::{Checkpoint, Domain};
use projector::{
    Generation, ModelState, ReadModel,
    audit::Astray,
    rebuild::Progress,
    timeline::{Standing, Timeline},
};
use runtime::{Engine, Parked, QueueStatus, StoreError, host::sagas};
use serde::Serialize;

use super::{exit, failure::Failure, store::StoreArgs, timeline::TimelineArgs};

/// How many parked entries are shown.
const SHOWN: usize = 5;

/// Whose status to show.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    timeline: TimelineArgs,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) async fn run(domain: Arc<Domain>, args: Args) -> Result<(), Failure> {
    let engine = args.store.open_existing(&domain).await?;
    let timeline = args.timeline.path(&args.store, &domain)?.filter(|path| path.try_exists().unwrap_or(true));
    let timeline = match timeline {
        Some(path) => Some(Timeline::open_reading(domain.clone(), engine.clone(), &path).await?),
        None => None,
    };
    let domain = &*domain;
    let model = ReadModel::open_reading(&args.store.url(domain)?, &args.store.namespace()).await?;
    let status = Status::of(domain, &engine, model.as_ref(), timeline.as_ref()).await?;
    report::print(&status, args.json);
    engine.close().await?;
    if status.is_diverged() { Err(Failure::told(exit::DIFFERENT)) } else { Ok(()) }
}

/// How everything stands. The names are those of the gateway's `/api/v1/status`, as far as both tell the same.
#[derive(Debug, Serialize)]
struct Status {
    domain: &'static str,
    /// The log, its password masked.
    store: String,
    head: Checkpoint,
    /// What is wrong with the log, as far as counting tells.
    astray: Option<String>,
    /// Version of this program's projection.
    projection: u32,
    /// Nothing where nobody has made one.
    read_model: Option<Model>,
    /// The timeline on this machine; nothing where nobody has made one. Other processes keep their own.
    timeline: Option<Remembered>,
    consumers: Vec<Consumer>,
    queues: Vec<QueueStatus>,
    /// How many entries consumers have set aside.
    parked: u64,
    parked_first: Vec<Parked>,
}

/// The read model of the log.
#[derive(Debug, Serialize)]
struct Model {
    /// Where it is kept, its password masked.
    place: String,
    state: ModelState,
    /// Events of the log that are not in it yet.
    lag: u64,
    /// Whether another version of the projection made it.
    stale: bool,
    /// What is wrong with where it stands.
    astray: Option<String>,
    /// Generations beside the one that is served.
    generations: Vec<Generation>,
    /// How far a rebuild under way has come.
    rebuild: Option<Progress>,
}

/// The timeline of the log.
#[derive(Debug, Serialize)]
struct Remembered {
    standing: Standing,
    /// Events of the log that it does not hold yet.
    lag: u64,
    /// What is wrong with where it stands.
    astray: Option<String>,
}

/// Somebody who follows the log.
#[derive(Debug, Serialize)]
struct Consumer {
    consumer: String,
    checkpoint: Checkpoint,
    /// Events of the log that it has not come to yet.
    lag: u64,
    /// What is wrong with where it stands.
    astray: Option<String>,
}

impl Status {
    async fn of(
        domain: &Domain,
        engine: &Engine,
        model: Option<&ReadModel>,
        timeline: Option<&Timeline>,
    ) -> Result<Self, Failure> {
        let services = domain.services();
        // The head last: nothing that was read before can be ahead of it.
        let read_model = match model {
            Some(model) => Some((model.state().await?, model.generations().await?, model.told().await?)),
            None => None,
        };
        let standing = match timeline {
            Some(timeline) => Some(timeline.standing().await?),
            None => None,
        };
        let mut consumers = engine.checkpoints().await?;
        for saga in domain.sagas() {
            // One that has never run stands before the first event.
            consumers.entry(sagas::consumer(saga.name)).or_default();
        }
        let queues = engine.queues(&services).await?;
        let (parked, parked_first) = (engine.parked_count().await?, engine.parked(None, SHOWN).await?);
        let head = engine.head().await?;
        let broken = match engine.check_whole().await {
            Ok(()) => None,
            Err(StoreError::Diverged { reason, .. }) => Some(reason),
            Err(error) => return Err(error.into()),
        };

        let projection = domain.projection();
        let lag = |at: &Checkpoint| head.number.0.saturating_sub(at.number.0);
        let astray = |who: &str, at: &Checkpoint| Astray::check(who, at, &head).map(|astray| astray.to_string());
        let read_model = model.zip(read_model).map(|(model, (state, generations, told))| Model {
            place: model.place(),
            lag: lag(&state.checkpoint),
            stale: state.generation > 0 && state.version != projection,
            astray: astray("it", &state.checkpoint),
            state,
            generations,
            rebuild: told.and_then(|told| serde_json::from_str(&told).ok()),
        });
        let timeline = standing.map(|standing| Remembered {
            lag: lag(&standing.checkpoint),
            astray: astray("it", &standing.checkpoint),
            standing,
        });
        let consumer = |(consumer, checkpoint): (String, Checkpoint)| Consumer {
            lag: lag(&checkpoint),
            astray: astray("it", &checkpoint),
            consumer,
            checkpoint,
        };
        let consumers = consumers.into_iter().map(consumer).collect();
        let (domain, store) = (domain.name(), engine.url());
        Ok(Self {
            domain,
            store,
            projection,
            read_model,
            timeline,
            consumers,
            queues,
            parked,
            parked_first,
            head,
            astray: broken,
        })
    }

    /// Whether the log is not whole, or somebody does not stand in it.
    fn is_diverged(&self) -> bool {
        let model = self.read_model.as_ref().and_then(|model| model.astray.as_ref());
        let timeline = self.timeline.as_ref().and_then(|timeline| timeline.astray.as_ref());
        let consumers = self.consumers.iter().find_map(|consumer| consumer.astray.as_ref());
        self.astray.as_ref().or(model).or(timeline).or(consumers).is_some()
    }
}
