//! `retrace bench http`: the whole system through its HTTP interface.
//!
//! The system is this executable's own `up`, in a process of its own, over scratch data that is removed
//! afterwards. Nothing here knows the domain: what is created and read is the first of its topics that
//! refers to no other, and how fast sagas react is told by events' causes while the domain's own simulated
//! clients are at work.

mod peer;
mod reactions;
mod report;

use std::{sync::Arc, time::Duration};

use clap::value_parser;
use kernel::{Domain, Method};
use runtime::StoreUrl;

use self::report::{Figures, Report};
use super::{
    super::{driver, failure::Failure, http_client::Target},
    load::{Measured, Shot, load},
    machine::Machine,
    progress,
    scratch::Scratch,
    settled::settled,
    subject::Subject,
    system::System,
    unless_interrupted,
};

/// How many entities there are when reading is measured for the first time.
const FEW: u64 = 10;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The store: redis://HOST, rediss://HOST, redis+unix:///SOCKET or memory:; a scratch namespace there is used
    /// and removed [default: an embedded store in a temporary folder]
    // Not from REDIS_URL: nobody shall load their store by an oversight.
    #[arg(long, value_name = "URL")]
    store: Option<StoreUrl>,
    /// Connections, each with one request at a time
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = value_parser!(u64).range(1..=10_000))]
    connections: u64,
    /// How long each figure is measured
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Entities that there are when reading is measured for the second time
    #[arg(long, visible_alias = "customers", value_name = "N", default_value_t = 100_000, value_parser = value_parser!(u64).range(10..=10_000_000))]
    entities: u64,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    const fn lasting(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

pub(super) async fn run(domain: &Domain, args: Args) -> Result<(), Failure> {
    let subject = Subject::of(domain)?;
    let scratch = Scratch::at(args.store.as_ref())?;
    let measured = measure(domain, &subject, &scratch, &args).await;
    let removed = scratch.remove().await;
    let report = measured?;
    if args.json {
        println!("{:#}", report.json());
    } else {
        print!("{}", report.text());
    }
    removed?;
    report.failure().map_or(Ok(()), |message| Err(Failure::failed(message)))
}

/// Measures; the system has ended when this is over, however it is over.
async fn measure(domain: &Domain, subject: &Subject<'_>, scratch: &Scratch, args: &Args) -> Result<Report, Failure> {
    let machine = Machine::look(scratch).await?;
    let system = unless_interrupted(System::start(scratch)).await?;
    let figures = unless_interrupted(figures(domain, subject, system.target(), args)).await;
    system.stop().await;
    let figures = figures?;
    progress("the bare store, for comparison");
    let peers = unless_interrupted(peer::measure(scratch, args.connections, args.lasting())).await?;
    let (topic, connections, seconds, entities) = (subject.name(), args.connections, args.seconds, args.entities);
    Ok(Report { machine, topic, connections, seconds, entities, figures, peers })
}

async fn figures(domain: &Domain, subject: &Subject<'_>, target: &Target, args: &Args) -> Result<Figures, Failure> {
    driver::recognise(domain, target).await?;
    let mut ids = subject.create(target, FEW).await?;
    settled(target).await?;
    let get_few = read(subject, target, &ids, args, "few").await?;
    progress(&format!("POST /{}", subject.name()));
    let post = post(subject, target, args).await?;
    let caught_up = settled(target).await?;
    progress(&format!("creating {} {}", args.entities, subject.plural()));
    ids.extend(subject.create(target, args.entities - FEW).await?);
    settled(target).await?;
    let get_many = read(subject, target, &ids, args, "many").await?;
    progress("how soon sagas react");
    let reactions = reactions::measure(domain, target, args.lasting()).await?;
    Ok(Figures { post, caught_up, get_few, get_many, reactions })
}

async fn post(subject: &Subject<'_>, target: &Target, args: &Args) -> Result<Measured, Failure> {
    let (path, body) = (format!("/{}", subject.name()), subject.body());
    load(target, args.connections, args.lasting(), move |chance| {
        let body = Some(body(chance.below(u64::MAX)).to_string().into());
        Shot { method: Method::Post, path: path.clone(), body }
    })
    .await
}

/// Reads entities by id, any of these, again and again.
async fn read(
    subject: &Subject<'_>,
    target: &Target,
    ids: &[String],
    args: &Args,
    which: &str,
) -> Result<Measured, Failure> {
    progress(&format!("GET /{}/<id>, {which}", subject.name()));
    let paths: Arc<[String]> = ids.iter().map(|id| format!("/{}/{id}", subject.name())).collect();
    load(target, args.connections, args.lasting(), move |chance| {
        let path = chance.pick(&paths).cloned().unwrap_or_default();
        Shot { method: Method::Get, path, body: None }
    })
    .await
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn parsed(line: &str) -> Result<Args, String> {
        let words = std::iter::once("http").chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.args).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_what_is_published() {
        let args = parsed("").unwrap();
        assert_eq!((args.connections, args.seconds, args.entities, args.store), (64, 10, 100_000, None));
    }

    #[test]
    fn everything_can_be_said() {
        let args = parsed("--store redis://h --connections 8 --seconds 3 --customers 500 --json").unwrap();
        assert_eq!((args.connections, args.seconds, args.entities, args.json), (8, 3, 500, true));
        assert_eq!(args.store, Some(StoreUrl::Redis("redis://h".into())));
        for line in ["--connections 0", "--seconds 0", "--customers 9", "--store shop"] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
