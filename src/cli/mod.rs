//! The command line: one file a subcommand.

/// Writes a line to standard error, whatever becomes of it: a program must not fail for want of a listener.
macro_rules! talk {
    ($($text:tt)*) => {{
        let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{}\n", format_args!($($text)*)));
    }};
}

mod absence;
mod at;
mod audit;
mod bar;
mod bench;
mod completions;
mod cut;
mod demo;
mod descriptors;
mod desk;
mod diff;
mod driver;
mod export;
mod failure;
mod history;
mod http_client;
mod import;
mod latencies;
mod moment;
mod pace;
mod parked;
mod place;
mod queue;
mod rebuild;
mod record;
mod replay;
mod roles;
mod run;
mod secret;
mod status;
mod store;
mod subject;
mod timeline;
mod trace;
mod up;
mod usage;
mod words;

use std::{ffi::OsString, process::ExitCode, sync::Arc};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, error::ContextValue};
use kernel::Domain;
use runtime::location::masked;

use failure::Failure;

/// Exit codes, the same for every subcommand.
pub mod exit {
    /// Done.
    pub const DONE: u8 = 0;
    /// Failed.
    pub const FAILED: u8 = 1;
    /// A difference was found.
    pub const DIFFERENT: u8 = 2;
    /// Not found.
    pub const NOT_FOUND: u8 = 3;
    /// Wrong usage.
    pub const USAGE: u8 = 64;
    /// The store is unavailable.
    pub const UNAVAILABLE: u8 = 69;
}

/// Event-sourcing replay and projection workbench
#[derive(Debug, Parser)]
#[command(name = "retrace", version, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 a difference was found, 3 not found, 64 wrong usage, \
                          69 store unavailable. RETRACE_LOG sets what is logged (error, warn, info, debug).";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything in one process: gateway, services, sagas, projector
    Up(up::Args),
    /// Run some roles over a store that others share
    Run(run::Args),
    /// Drive simulated clients through a running gateway
    Demo(demo::Args),
    /// Measure the system on this machine
    Bench(bench::Args),
    /// Write a log as a history file, one entry a line
    Export(export::Args),
    /// Bring a history file into an empty namespace, positions kept
    Import(import::Args),
    /// Make a read model anew from the log, beside the one that is served
    ///
    /// A new generation of the read model is built in bulk, catches up with the log, and is swapped in at one stroke:
    /// readers see the old rows until then and the new ones from then on. The old generation is kept for --rollback.
    /// Interrupted, the next run goes on where this one was. With --timeline the timeline is made anew instead.
    Rebuild(rebuild::Args),
    /// Show everything, a topic or one row as it stood at a position or time
    ///
    /// With a moment alone: how many rows each topic had then, and the digest of all. With a topic: its rows, one a
    /// line. With a topic and an id: that row field by field, and what made it so. The timeline of a running gateway
    /// answers at once; without one the log is read. Writes nothing. A row that does not exist then exits with 3 and
    /// says when it was deleted, or when it is created.
    At(at::Args),
    /// Show what changed between two positions or times, row by row and field by field
    ///
    /// Exits with 0 when nothing differs, and with 2 when something does. The first moment may be the later one.
    Diff(diff::Args),
    /// Tell one row's whole life: every version, what changed, and why
    ///
    /// For each version: when it came about, which fields changed from what to what, and what it came of: a client's
    /// command, or a saga that reacted to an event. Where a log does not record that, as those of other programs, it
    /// is inferred from what today's sagas would do.
    History(history::Args),
    /// Show what led to an event and all that came of it, as a tree
    Trace(trace::Args),
    /// Run recorded history through today's sagas, and compare
    Replay(replay::Args),
    /// Capture a fixture from a log: all of it, a range, or what one row needs
    ///
    /// A part is a log of its own: what was there before and was read is in it as given, and every decision about what
    /// happened in it comes out as from the whole log, which is tried before it is written. Replaces names and
    /// addresses, and drops what a divergence does not need, when asked to. Writes nothing but the file.
    Record(record::Args),
    /// Prove read models equal to a fresh fold of the log, and the log and its checkpoints sound
    ///
    /// Folds the whole log anew and holds read models against it, each at the position where it stands: row by row
    /// and by their digests. Also looks whether the log is whole (I3: event numbers have no holes, positions
    /// increase) and no checkpoint is ahead of it or of another epoch (I5). Writes nothing. Exits with 0 when
    /// everything is as it should be, and with 2 when anything is not.
    Audit(audit::Args),
    /// Show how everything stands: log, read model, consumers, queues
    ///
    /// Shows where the log ends, how far the read model and the consumers have come, whether the read model is
    /// stale or being rebuilt, what waits in the queues, and what was set aside. Writes nothing; a store that is in
    /// use is read beside whoever uses it. Exits with 2 when events of the log are gone, or somebody stands where the
    /// log does not go on from.
    Status(status::Args),
    /// Show how full queues are; requeue or drop commands that failed every attempt
    Queue(queue::Args),
    /// Show what consumers could not process and have set aside; try it again or drop it
    Parked(parked::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
}

/// Runs the command line of this process for `domain`.
#[must_use]
pub fn main(domain: Domain) -> ExitCode {
    main_from(domain, std::env::args_os())
}

/// Runs a command line for `domain`.
fn main_from(domain: Domain, args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command =
        Cli::command().about(format!("Event-sourcing replay and projection workbench, with {}", domain.name()));
    let parsed = command.try_get_matches_from(args).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            tell(&error);
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::DONE });
        }
    };
    let ended = start_logging().and_then(|()| arm_faults()).and_then(|()| run(Arc::new(domain), cli.command));
    // What nobody could read was not done.
    match words::unwritten().map_or(ended, |reason| Err(Failure::failed(reason))) {
        Ok(()) => ExitCode::from(exit::DONE),
        Err(failure) => {
            if !failure.is_told() {
                talk!("retrace: {failure}");
            }
            ExitCode::from(failure.code)
        }
    }
}

/// Tells what is wrong with a command line, with what may be a password in it masked.
fn tell(error: &clap::Error) {
    let texts =
        error.context().filter_map(|(_, told)| if let ContextValue::String(text) = told { Some(text) } else { None });
    let secrets = texts.map(|text| (text, masked(text))).filter(|(text, masked)| *text != masked);
    let secrets: Vec<_> = secrets.collect();
    if secrets.is_empty() {
        // Nothing sensible is left to do when even the message can't be printed.
        let _ = error.print();
        return;
    }
    let told = secrets.iter().fold(error.to_string(), |told, (text, masked)| told.replace(*text, masked));
    talk!("{}", told.trim_end());
}

fn run(domain: Arc<Domain>, command: Command) -> Result<(), Failure> {
    if let Command::Completions(args) = command {
        completions::run(&args, &mut Cli::command());
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("can't start threads: {error}")))?;
    let ended = runtime.block_on(async {
        match command {
            Command::Up(args) => up::run(domain, args).await,
            Command::Run(args) => run::run(domain, args).await,
            Command::Demo(args) => demo::run(&domain, args).await,
            Command::Bench(args) => bench::run(&domain, args).await,
            Command::Rebuild(args) => rebuild::run(domain, args).await,
            Command::At(args) => at::run(domain, args).await,
            Command::Diff(args) => diff::run(domain, args).await,
            Command::History(args) => history::run(domain, args).await,
            Command::Trace(args) => trace::run(domain, args).await,
            Command::Replay(args) => replay::run(domain, args).await,
            Command::Record(args) => record::run(domain, args).await,
            Command::Audit(args) => audit::run(domain, args).await,
            Command::Status(args) => status::run(domain, args).await,
            Command::Queue(args) => queue::run(domain, args).await,
            Command::Parked(args) => parked::run(domain, args).await,
            Command::Export(args) => export::run(&domain, args).await,
            Command::Import(args) => import::run(&domain, args).await,
            Command::Completions(_) => Ok(()),
        }
    });
    // A blocking call that hangs must not keep the process from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    ended
}

/// Arms the fault point that the environment names: tests only do that.
fn arm_faults() -> Result<(), Failure> {
    runtime::fault::arm().map_err(|error| Failure::usage(error.to_string()))
}

/// Logs to stderr what `RETRACE_LOG` asks for: a level, or directives like `runtime=debug`.
fn start_logging() -> Result<(), Failure> {
    let asked = std::env::var("RETRACE_LOG").ok().filter(|asked| !asked.is_empty());
    let asked = asked.unwrap_or_else(|| "warn".to_owned());
    let known = asked.contains('=') || asked.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
    let filter = tracing_subscriber::EnvFilter::try_new(&asked).ok().filter(|_| known);
    let unknown =
        || Failure::usage(format!("RETRACE_LOG is \"{asked}\"; expected off, error, warn, info, debug or trace"));
    let filter = filter.ok_or_else(unknown)?;
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let format = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).with_ansi(colours);
    format.with_writer(std::io::stderr).init();
    Ok(())
}
