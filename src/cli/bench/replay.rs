//! `retrace bench replay`: how fast a log is decided again, as a share of what the store can show of it at all.
//!
//! The domain's simulated clients are driven through the system until its log is as long as asked for and all is
//! done. Then the system ends, and in this process, by turns, the log is scanned and nothing else, and decided again.
//! A log that this program has just written must come out the same; one that does not is kept, to be looked at.

mod history;
mod report;

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use clap::value_parser;
use kernel::{Checkpoint, Domain, Position};
use replay::{
    reactions::Scope,
    verify::{self, Until},
};
use runtime::{Engine, StoreUrl, Stretch};

use self::{history::History, report::Report};
use super::{
    super::{driver, exit, failure::Failure, replay::verdict, usage, words::out},
    machine::Machine,
    progress,
    scratch::Scratch,
    unless_interrupted,
};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Events that the log has, at least
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100_000, value_parser = value_parser!(u64).range(1..))]
    events: u64,
    /// Requests a second by which they come about; sagas should keep up
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// The store: redis://HOST or redis+unix:///SOCKET, a scratch namespace there is used and removed [default: an
    /// embedded store in a temporary folder]
    // Not from REDIS_URL: nobody shall load their store by an oversight.
    #[arg(long, value_name = "URL")]
    store: Option<StoreUrl>,
    /// How often each figure is measured; the median counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u64).range(1..=100))]
    rounds: u64,
    /// What the simulated clients' chance starts from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(domain: &Domain, args: Args) -> Result<(), Failure> {
    if domain.scenario(args.seed, 0).is_none() {
        return Err(driver::no_demo(domain));
    }
    let scratch = Scratch::at(args.store.as_ref())?;
    // Not only once the log is there.
    scratch.place(domain)?;
    let measured = measure(domain, &scratch, &args).await;
    if let Err(failure) = &measured
        && failure.code == exit::DIFFERENT
    {
        let kept = scratch.keep();
        return Err(Failure::new(
            failure.code,
            format!("{failure}; the log is kept: `retrace replay verify {kept}` tells more"),
        ));
    }
    let removed = scratch.remove().await;
    let report = measured?;
    out(&if args.json { format!("{:#}\n", report.json()) } else { report.text() });
    removed
}

async fn measure(domain: &Domain, scratch: &Scratch, args: &Args) -> Result<Report, Failure> {
    let machine = Machine::look(scratch).await?;
    let driven = history::drive(domain, scratch, args).await?;
    let engine = scratch.open(domain).await?;
    let measuring = async {
        let mut rounds = Rounds::default();
        for number in 1..=args.rounds {
            progress(&format!("round {number} of {}", args.rounds));
            rounds.turn(domain, &engine).await?;
        }
        progress("looking at what there is");
        // Behind the rounds: what it leaves in memory is none of theirs.
        let history = History::of(domain, &engine).await?;
        Ok(Report { machine, rate: args.rate, seed: args.seed, driven, history, rounds })
    };
    let measured = unless_interrupted(measuring).await;
    engine.close().await?;
    measured
}

/// What was measured by turns, so that whatever else the machine is doing is the same for both.
#[derive(Debug, Default)]
struct Rounds {
    scan: Vec<Duration>,
    verify: Vec<Duration>,
    /// How long the cores worked for all that was decided again, where the system tells.
    worked: Option<Duration>,
    /// What this process had before the first time, and at most while it decided, in bytes.
    memory: Option<Memory>,
    /// What came of deciding it all again; the same each time.
    report: verify::Report,
}

/// Resident memory of this process, in bytes.
#[derive(Clone, Copy, Debug)]
struct Memory {
    before: u64,
    peak: u64,
}

impl Rounds {
    async fn turn(&mut self, domain: &Domain, engine: &Engine) -> Result<(), Failure> {
        let (entries, took) = scan(engine).await?;
        self.scan.push(took);

        usage::forget_peak_memory();
        let (memory, worked, began) = (usage::peak_memory(), usage::worked(), Instant::now());
        let report = verify::verify(domain, engine, Scope::default(), Until::End).await?;
        self.verify.push(began.elapsed());
        if let Some((before, after)) = worked.zip(usage::worked()) {
            self.worked = Some(self.worked.unwrap_or_default() + after.saturating_sub(before));
        }
        if let Some((before, peak)) = memory.zip(usage::peak_memory()) {
            let all = self.memory.unwrap_or(Memory { before, peak });
            self.memory = Some(Memory { peak: all.peak.max(peak), ..all });
        }
        judge(&report, entries)?;
        self.report = report;
        Ok(())
    }
}

/// The bare scan: every entry shown, and only counted.
async fn scan(engine: &Engine) -> Result<(u64, Duration), Failure> {
    let engine = engine.clone();
    let scanning = tokio::task::spawn_blocking(move || {
        let (began, mut entries) = (Instant::now(), 0);
        let stretch = Stretch { after: Checkpoint::default(), until: Position::MAX };
        engine.scan(&stretch, &mut |_| {
            entries += 1;
            ControlFlow::Continue(())
        })?;
        Ok((entries, began.elapsed()))
    });
    scanning.await.map_err(|error| Failure::failed(format!("the scan died: {error}")))?
}

/// Whether the log, of so many entries, was decided as it has it.
fn judge(report: &verify::Report, entries: u64) -> Result<(), Failure> {
    if !report.is_same() {
        return Err(Failure::new(exit::DIFFERENT, verdict(report)));
    }
    if report.entries != entries {
        let message = format!("the log has {entries} entries, of which {} were folded", report.entries);
        return Err(Failure::failed(message));
    }
    Ok(())
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
        let words = std::iter::once("replay").chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.args).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_what_is_published() {
        let args = parsed("").unwrap();
        assert_eq!((args.events, args.rate, args.rounds, args.seed, args.store), (100_000, 400, 5, 1, None));
    }

    #[tokio::test]
    async fn a_domain_without_simulated_clients_has_no_log_to_decide() {
        let failure = run(&testkit::bank::domain(), parsed("").unwrap()).await.unwrap_err();
        let sentence = "bank brings no simulated clients; a domain gets them with Domain::demo";
        assert_eq!((failure.code, failure.to_string()), (exit::USAGE, sentence.to_owned()));
    }

    #[test]
    fn a_log_that_is_decided_otherwise_gives_no_figures() {
        let of = |divergent, consequences| verify::Report { entries: 7, divergent, consequences, ..Default::default() };
        let judged = |report: verify::Report, entries| {
            judge(&report, entries).map_err(|failure| (failure.code, failure.to_string()))
        };
        assert_eq!(judged(of(0, 0), 7), Ok(()));
        let verdict = "DIFFERENT: 2 decisions differ, and 1 more that follows from others";
        assert_eq!(judged(of(2, 1), 7), Err((exit::DIFFERENT, verdict.to_owned())));
        let message = "the log has 8 entries, of which 7 were folded";
        assert_eq!(judged(of(0, 0), 8), Err((exit::FAILED, message.to_owned())));
    }
}
