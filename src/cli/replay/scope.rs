//! Which history, and which part of it.

use std::time::Duration;

use jiff::SignedDuration;
use kernel::{Domain, Moment, Position};
use replay::reactions::Scope;
use runtime::{Engine, StoreUrl};

use crate::cli::{failure::Failure, moment, store::StoreArgs, words::counted};

/// The longest time in which effects are looked for.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Which history.
#[derive(Debug, clap::Args)]
pub(super) struct HistoryArgs {
    /// The history file; without it, the log that the store options name
    #[arg(value_name = "HISTORY", conflicts_with_all = ["store", "namespace", "data"])]
    history: Option<StoreUrl>,
    #[command(flatten)]
    store: StoreArgs,
}

impl HistoryArgs {
    /// Opens the log to read from.
    pub(super) async fn open(self, domain: &Domain) -> Result<Engine, Failure> {
        self.store.or(self.history).open_existing(domain).await
    }
}

/// Which decisions are made again.
#[derive(Debug, clap::Args)]
pub(super) struct ScopeArgs {
    /// Only decisions about events at and after this position or time
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse, allow_hyphen_values = true)]
    from: Option<Moment>,
    /// Only decisions about events up to and at this position or time
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse, allow_hyphen_values = true)]
    to: Option<Moment>,
    /// Only decisions about events of this topic
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Only decisions of this saga
    #[arg(long, value_name = "SAGA")]
    handler: Option<String>,
    /// How long after its cause an effect is looked for, in a log that does not say where its events came from
    #[arg(long, value_name = "DURATION", value_parser = window, default_value = "10s")]
    window: Duration,
}

impl ScopeArgs {
    /// The same as positions of a log.
    pub(super) async fn of(self, engine: &Engine) -> Result<Scope, Failure> {
        let (mut from, mut to) = (Position::ZERO, Position::MAX);
        if let Some(moment) = self.from {
            from = engine.position_from(moment).await?;
        }
        if let Some(moment) = self.to {
            to = engine.position_at(moment).await?;
        }
        if let (Some(first), Some(last)) = (self.from, self.to)
            && from > to
        {
            return Err(Failure::usage(format!("no event lies between --from {first} and --to {last}")));
        }
        Ok(Scope { from, to, topic: self.topic, handler: self.handler, window: self.window, ..Scope::default() })
    }

    /// Whether the domain has what is named, which takes no store to tell.
    pub(super) fn check(&self, domain: &Domain) -> Result<(), Failure> {
        if let Some(topic) = self.topic.as_deref().filter(|topic| domain.topic(topic).is_none()) {
            let topics: Vec<_> = domain.topics().map(|topic| topic.name).collect();
            return Err(unknown("topic", topic, &topics));
        }
        let is_none_of_its = |handler: &&str| domain.sagas().iter().all(|saga| saga.name != *handler);
        if let Some(handler) = self.handler.as_deref().filter(is_none_of_its) {
            let mut sagas: Vec<_> = domain.sagas().iter().map(|saga| saga.name).collect();
            sagas.sort_unstable();
            return Err(unknown("saga", handler, &sagas));
        }
        Ok(())
    }
}

/// A length of time in which effects are looked for.
fn window(text: &str) -> Result<Duration, String> {
    let window = text.parse::<SignedDuration>().ok().and_then(|window| Duration::try_from(window).ok());
    let window = window.filter(|window| !window.is_zero() && *window <= LONGEST);
    window.ok_or_else(|| "expected a length of time like 10s or 2m, up to 1h".to_owned())
}

fn unknown(kind: &str, name: &str, known: &[&str]) -> Failure {
    let count = counted(known.len() as u64, kind, &format!("{kind}s"));
    Failure::usage(format!("there is no {kind} {name}; the domain has {count}: {}", known.join(", ")))
}
