//! `retrace bench rebuild`: how fast read models are rebuilt, as a share of what Redis can hand over and take.
//!
//! What is measured is this executable's own `rebuild`, each time a process from its start to its exit. Beside
//! it, on the same data in the same run: the bare drain of the streams, and the bare writing of the final rows.

mod drain;
mod report;
mod sink;

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use clap::value_parser;
use kernel::Domain;
use runtime::{Engine, Namespace, StoreUrl};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

pub(super) use self::report::{median, rate, share};
use self::{
    drain::Drain,
    report::{Figures, Report, Runs, Source},
};
use super::{
    super::{failure::Failure, words::out},
    fill,
    machine::Machine,
    progress,
    scratch::{Scratch, Server},
    unless_interrupted,
};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The Redis: redis://HOST, or redis+unix:///SOCKET; a scratch namespace there is used and removed
    // Not from REDIS_URL: nobody shall load their store by an oversight.
    #[arg(long, value_name = "URL")]
    store: StoreUrl,
    /// Take what this namespace holds instead. Its read model is rebuilt and swapped in every run, so what --rollback
    /// would go back to is lost
    #[arg(long, value_name = "NAME", conflicts_with_all = ["events", "entities", "topic", "seed", "foreign"])]
    namespace: Option<Namespace>,
    /// Events
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1_000_000, value_parser = value_parser!(u64).range(10..))]
    events: u64,
    /// Entities that they are about [default: a tenth of the events]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    entities: Option<u64>,
    /// Topic that they are of [default: the first with a status]
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Write the log as another program would: without numbers, without origin, in another program's JSON
    #[arg(long, conflicts_with = "namespace")]
    foreign: bool,
    /// Measure rebuilds from an embedded store and from a history file too
    #[arg(long)]
    sources: bool,
    /// What the data follows from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How often each figure is measured; the median counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u64).range(1..=100))]
    runs: u64,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// Where the data is.
struct Place<'s> {
    url: &'s StoreUrl,
    secret: &'s str,
    namespace: Namespace,
    server: &'s Server,
    folder: TempDir,
}

pub(super) async fn run(domain: &Domain, args: Args) -> Result<(), Failure> {
    let StoreUrl::Redis(secret) = &args.store else {
        return Err(Failure::usage(format!("{} is no Redis; this measures how Redis is read from", args.store)));
    };
    let scratch = Scratch::at(Some(&args.store))?;
    let measured = match &scratch {
        Scratch::Redis(server) => {
            let failure = |error| Failure::failed(format!("can't make a temporary folder: {error}"));
            let folder = tempfile::Builder::new().prefix("retrace-bench-").tempdir().map_err(failure)?;
            let namespace = args.namespace.clone().unwrap_or_else(|| server.namespace().clone());
            let place = Place { url: &args.store, secret, namespace, server, folder };
            let measuring = async {
                Ok(Report { machine: Machine::look(&scratch).await?, figures: measure(domain, &place, &args).await? })
            };
            unless_interrupted(measuring).await
        }
        Scratch::Folder(_) | Scratch::Memory => Err(Failure::usage("only a Redis is measured")),
    };
    let removed = scratch.remove().await;
    let report = measured?;
    if args.json {
        out(&format!("{:#}\n", report.json()));
    } else {
        out(&report.text());
    }
    removed
}

async fn measure(domain: &Domain, place: &Place<'_>, args: &Args) -> Result<Figures, Failure> {
    let topics: Vec<_> = domain.topics().map(|topic| topic.name).collect();
    let engine = Engine::open(place.url, &place.namespace, &topics).await?;
    if args.namespace.is_none() {
        let plan = fill::Plan::of(domain, args.topic.as_deref(), args.events, args.entities, args.seed)?;
        progress(&format!("writing {} events of {} {}", plan.events, plan.entities, plan.topic.plural));
        if args.foreign {
            plan.write_foreign(place.server, &place.namespace).await?;
        } else {
            plan.write(&engine).await?;
        }
    }
    progress("looking at what there is");
    let drain = Drain::of(place.server, &place.namespace, &topics).await?;
    let mut runs = Runs::default();
    // In turns, so that whatever else the machine is doing is the same for all.
    for number in 1..=args.runs {
        progress(&format!("run {number} of {}", args.runs));
        runs.drain.push(drain.once().await?);
        runs.memory.push(rebuild(place, "memory", &Source::Redis, number).await?);
        runs.redis.push(rebuild(place, "redis", &Source::Redis, number).await?);
        runs.sqlite.push(rebuild(place, "sqlite", &Source::Redis, number).await?);
        let rows = sink::Rows::read(place, &topics).await?;
        runs.rows = rows.count();
        runs.bare_redis.push(rows.write_to_redis(place.server).await?);
        runs.bare_sqlite.push(rows.write_to_sqlite(place.folder.path(), number).await?);
    }
    let mut others = Vec::new();
    if args.sources {
        let file = place.folder.path().join("log.jsonl");
        progress("writing the log to a history file and an embedded store");
        let store = place.folder.path().join("log.db");
        copy(&engine, &file, &store).await?;
        for source in [Source::Sqlite(store), Source::History(file)] {
            progress(&format!("from {source}"));
            let mut taken = Vec::new();
            for number in 1..=args.runs {
                taken.push(rebuild(place, "memory", &source, number).await?);
            }
            others.push((source, taken));
        }
    }
    Ok(Figures { foreign: args.foreign, drain, runs, others })
}

/// One rebuild, from the start of its process to its exit.
#[derive(Clone, Debug)]
struct Run {
    took: Duration,
    events: u64,
    /// The most memory that it had at a time, in bytes, where the system tells.
    memory: u64,
}

async fn rebuild(place: &Place<'_>, into: &str, source: &Source, number: u64) -> Result<Run, Failure> {
    let executable = std::env::current_exe();
    let executable = executable.map_err(|error| Failure::failed(format!("can't find this executable: {error}")))?;
    let mut command = Command::new(executable);
    command.args(["rebuild", "--json", "--into"]).kill_on_drop(true).stdin(Stdio::null()).env("RETRACE_LOG", "error");
    match into {
        "sqlite" => command.arg(format!("sqlite:{}", place.folder.path().join(format!("{number}.model")).display())),
        other => command.arg(other),
    };
    match source {
        // Not as an argument: it may hold a password, and anybody may see arguments.
        Source::Redis => command.env("REDIS_URL", place.secret),
        Source::Sqlite(path) => command.arg("--store").arg(format!("sqlite://{}", path.display())),
        Source::History(path) => command.arg("--store").arg(path),
    };
    if let (Source::Redis, Some(name)) = (source, place.namespace.name()) {
        command.args(["--namespace", name]);
    }
    let failed = |reason: String| Failure::failed(format!("rebuild into {into}: {reason}"));
    let began = Instant::now();
    let output = command.output().await.map_err(|error| failed(error.to_string()))?;
    let took = began.elapsed();
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let report: Value = serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
    let figure = |name: &str| report[name].as_u64().unwrap_or_default();
    Ok(Run { took, events: figure("events"), memory: figure("peak_memory_bytes") })
}

/// The same log as a history file and in an embedded store.
async fn copy(engine: &Engine, file: &Path, store: &Path) -> Result<(), Failure> {
    let embedded = Engine::open(&StoreUrl::Sqlite(store.to_owned()), &Namespace::default(), &[]).await?;
    fill::copy(engine, &embedded, file).await?;
    embedded.close().await?;
    Ok(())
}
