//! `retrace demo`: simulated clients at work on a running gateway.

mod figures;

use std::{future::pending, io::IsTerminal as _, num::NonZeroU64, time::Duration};

use clap::value_parser;
use jiff::SignedDuration;
use kernel::Domain;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use self::figures::Figures;
use super::{
    driver::{self, Drive},
    failure::Failure,
    http_client::Target,
    pace::Pace,
    secret::Secret,
};

/// How often the live line is drawn.
const TICK: Duration = Duration::from_millis(250);

/// How long requests under way may take once the demo is told to end.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The gateway
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:5000")]
    url: Target,
    /// Token to show it
    #[arg(long, env = "RETRACE_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<Secret>,
    /// Requests a second, all clients together
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Simulated clients, each with a connection of its own
    #[arg(long, visible_alias = "clients", value_name = "N", default_value_t = 8, value_parser = value_parser!(u64).range(1..=10_000))]
    shoppers: u64,
    /// What chance starts from: with the same seed a client does the same again while it gets the same answers
    /// [default: another each time]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// How long: 60s, 5m [default: until Ctrl-C]
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, conflicts_with = "requests")]
    lasting: Option<Duration>,
    /// How many requests
    #[arg(long, value_name = "N")]
    requests: Option<NonZeroU64>,
    /// Print the final figures as JSON
    #[arg(long)]
    json: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let span: SignedDuration = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    Duration::try_from(span).map_err(|_| "it must not be negative".to_owned())
}

pub(super) async fn run(domain: &Domain, args: Args) -> Result<(), Failure> {
    if domain.scenario(0, 0).is_none() {
        return Err(driver::no_demo(domain));
    }
    let target = args.url.with_token(args.token.map(|Secret(token)| token));
    driver::recognise(domain, &target).await?;
    // Any number will do; a new one each time shows something new each time.
    let seed = args.seed.unwrap_or_else(|| u64::from(uuid::Uuid::new_v4().as_fields().0));
    let Args { rate, shoppers, .. } = args;
    talk!("driving {} at {target}: {shoppers} clients, {rate} requests/s, seed {seed}; Ctrl-C ends it", domain.name());
    let stop = CancellationToken::new();
    let pace = Pace::new(rate, args.requests.map_or(u64::MAX, NonZeroU64::get));
    let drive = Drive::start(domain, &target, seed, shoppers, pace, &stop)?;
    let figures = watch(drive, args.lasting, &stop).await?;
    if args.json {
        println!("{:#}", figures.json(seed));
    } else {
        print!("{}", figures.table());
    }
    figures.failure().map_or(Ok(()), |message| Err(Failure::failed(message)))
}

/// Counts what the clients do until they are through, time is up or somebody presses Ctrl-C.
async fn watch(mut drive: Drive, lasting: Option<Duration>, stop: &CancellationToken) -> Result<Figures, Failure> {
    let mut figures = Figures::begin();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let live = std::io::stderr().is_terminal();
    let over = async {
        match lasting {
            Some(lasting) => tokio::time::sleep(lasting).await,
            None => pending().await,
        }
    };
    let mut over = std::pin::pin!(over);
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    let ended = loop {
        tokio::select! {
            sample = drive.next() => match sample {
                Some(sample) => figures.add(&sample),
                None => break Ok(()),
            },
            _ = tick.tick(), if live => eprint!("\r\x1b[2K{}", figures.line(super::bar::width())),
            () = &mut over => break Ok(()),
            pressed = &mut interrupted => break pressed,
        }
    };
    figures.end();
    stop.cancel();
    let rest = async {
        while let Some(sample) = drive.next().await {
            figures.add(&sample);
        }
    };
    // Who has no answer by now is cut off and not counted.
    let _ = tokio::time::timeout(GRACE, rest).await;
    if live {
        eprint!("\r\x1b[2K");
    }
    ended.map_err(|error| Failure::failed(format!("can't watch for Ctrl-C: {error}")))?;
    Ok(figures)
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
        let words = std::iter::once("demo").chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.args).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_a_calm_shop_on_this_machine() {
        let args = parsed("").unwrap();
        assert_eq!((args.rate, args.shoppers, args.lasting, args.requests), (20, 8, None, None));
        assert_eq!(args.url.to_string(), "http://127.0.0.1:5000");
    }

    #[test]
    fn everything_can_be_said() {
        let line = "--url http://h:1 --rate 500 --shoppers 64 --seed 7 --for 1m30s --json";
        let args = parsed(line).unwrap();
        assert_eq!((args.rate, args.shoppers, args.seed, args.json), (500, 64, Some(7), true));
        assert_eq!(args.lasting, Some(Duration::from_secs(90)));
        assert_eq!(parsed("--clients 3 --requests 1000").unwrap().requests, NonZeroU64::new(1_000));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "--rate 0",
            "--shoppers 0",
            "--requests 0",
            "--for soon",
            "--for -5s",
            "--for 5s --requests 5",
            "--url shop",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
