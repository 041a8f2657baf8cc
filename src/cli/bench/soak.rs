//! `retrace bench soak`: commands at full speed for as long as it takes, then more than can be done.
//!
//! The system is this executable's own, over scratch data that is removed afterwards: one process over an embedded
//! store, a process for each role over Redis. Nothing here knows the domain.

mod commands;
mod memory;
mod report;

use std::time::Duration;

use clap::value_parser;
use kernel::Domain;
use runtime::StoreUrl;
use tokio::process::Command;

use self::{
    commands::{Budget, at_a_pace, full_speed, missing},
    memory::{Course, watch},
    report::{Overload, Report},
};
use super::{
    super::{driver, failure::Failure},
    machine::Machine,
    progress,
    scratch::Scratch,
    settled::settled,
    subject::Subject,
    system::System,
    unless_interrupted,
};

/// How many commands are sent after the overload.
const AFTER: u64 = 10_000;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The store: redis://HOST, rediss://HOST or redis+unix:///SOCKET; a scratch namespace there is used and removed
    /// [default: an embedded store in a temporary folder]
    // Not from REDIS_URL: nobody shall load their store by an oversight.
    #[arg(long, value_name = "URL")]
    store: Option<StoreUrl>,
    /// Commands
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = value_parser!(u64).range(1_000..=1_000_000_000))]
    commands: u64,
    /// Connections, each with one command at a time
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = value_parser!(u64).range(1..=10_000))]
    connections: u64,
    /// How long twice as many commands are sent as were done before
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = value_parser!(u64).range(1..=3_600))]
    overload: u64,
    /// Connections meanwhile
    #[arg(long, value_name = "N", default_value_t = 4_096, value_parser = value_parser!(u64).range(1..=10_000))]
    overload_connections: u64,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(domain: &Domain, args: Args) -> Result<(), Failure> {
    let subject = Subject::of(domain)?;
    let scratch = Scratch::at(args.store.as_ref())?;
    if matches!(scratch, Scratch::Memory) {
        return Err(Failure::usage("a log in memory grows with each command; give redis:// or nothing"));
    }
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
    let is_apart = matches!(scratch, Scratch::Redis(_));
    let starting = async { if is_apart { System::start_apart(scratch).await } else { System::start(scratch).await } };
    let system = unless_interrupted(starting).await?;
    let report = unless_interrupted(soak(domain, subject, &system, args, machine)).await;
    system.stop().await;
    let report = report?;
    progress("an audit of what is left");
    Ok(Report { audit: unless_interrupted(audit(scratch)).await?, ..report })
}

async fn soak(
    domain: &Domain,
    subject: &Subject<'_>,
    system: &System,
    args: &Args,
    machine: Machine,
) -> Result<Report, Failure> {
    let (target, connections) = (system.target(), args.connections);
    driver::recognise(domain, target).await?;
    progress(&format!("{} commands at full speed", args.commands));
    let budget = Budget::of(args.commands);
    let mut memory: Vec<_> = system.processes().map(|(name, process)| Course::of(name, process)).collect();
    let soak = tokio::select! {
        soak = full_speed(subject, target, connections, &budget) => soak?,
        () = watch(&mut memory, &budget, args.commands) => return Err(Failure::failed("nobody looks any more")),
    };
    let caught_up = settled(target).await?;
    let (rate, connections) = ((soak.rate() * 2.0).ceil().max(1.0) as u32, args.overload_connections);
    progress(&format!("{rate} commands a second for {} s", args.overload));
    let lasting = Duration::from_secs(args.overload);
    let during = at_a_pace(subject, target, connections, rate, lasting).await?;
    let later = settled(target).await?;
    progress("what is left of it");
    let lost = missing(subject, target, &during.left).await?;
    let after = full_speed(subject, target, args.connections, &Budget::of(AFTER)).await?;
    let overload = Overload { rate, connections, during, caught_up: later, lost, after };
    let topic = subject.name();
    Ok(Report { machine, topic, connections: args.connections, soak, caught_up, memory, overload, audit: None })
}

/// Has this executable audit what is left; gives what it says unless all is well.
async fn audit(scratch: &Scratch) -> Result<Option<String>, Failure> {
    let failure = |error: std::io::Error| Failure::failed(format!("can't start an audit: {error}"));
    let mut command = Command::new(std::env::current_exe().map_err(failure)?);
    command.arg("audit").env_remove("REDIS_URL");
    scratch.give_to(&mut command);
    let output = command.output().await.map_err(failure)?;
    let said = || format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok((!output.status.success()).then(said))
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

    #[test]
    fn the_defaults_are_what_is_published() {
        let Line { args } = Line::parse_from(["soak"]);
        assert_eq!((args.commands, args.connections, args.overload), (1_000_000, 64, 30));
        assert_eq!((args.overload_connections, args.store), (4_096, None));
    }
}
