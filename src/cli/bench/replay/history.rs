//! The log that is decided again: how it comes about, and what is in it.

use std::{collections::BTreeMap, ops::ControlFlow, time::Duration};

use kernel::{Domain, View};
use replay::reactions::{self, Happening, Scope};
use runtime::Engine;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        progress,
        scratch::Scratch,
        settled::{Status, settled},
        system::System,
        unless_interrupted,
    },
    Args,
};
use crate::cli::{
    driver::{Drive, Sample, Verdict},
    failure::Failure,
    http_client::{Client, Target},
    pace::Pace,
    words::thousands,
};

/// Simulated clients that are driven.
const CLIENTS: u64 = 8;

/// How often it is looked how long the log is.
const LOOK: Duration = Duration::from_millis(100);

/// For how long the log may not grow before it is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lets a system run on scratch data until its log is long enough and everything is done; tells how long that took.
/// The system has ended when this is over, however it is over.
pub(super) async fn drive(domain: &Domain, scratch: &Scratch, args: &Args) -> Result<Duration, Failure> {
    progress(&format!("driving {} until it has {} events", domain.name(), thousands(args.events)));
    let system = unless_interrupted(System::start(scratch)).await?;
    let driven = unless_interrupted(fill(domain, system.target(), args)).await;
    system.stop().await;
    driven
}

async fn fill(domain: &Domain, target: &Target, args: &Args) -> Result<Duration, Failure> {
    let (stop, mut client, began) = (CancellationToken::new(), Client::new(target.clone()), Instant::now());
    let mut drive = Drive::start(domain, target, args.seed, CLIENTS, Pace::new(args.rate, u64::MAX), &stop)?;
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut events, mut grew, mut last_failure) = (0, began, None);
    while events < args.events {
        tokio::select! {
            Some(sample) = drive.next() => {
                if let Sample { verdict: Verdict::Failed(message), .. } = sample {
                    last_failure = Some(message);
                }
            }
            _ = look.tick() => {
                let head = Status::of(&mut client).await?.head.number.0;
                if head > events {
                    (events, grew) = (head, Instant::now());
                } else if grew.elapsed() > PATIENCE {
                    let failure = last_failure.map(|last| format!("; the last request that failed: {last}"));
                    let message = format!(
                        "the log has had {} events for {} s, of {} that are to be{}",
                        thousands(events),
                        PATIENCE.as_secs(),
                        thousands(args.events),
                        failure.unwrap_or_default()
                    );
                    return Err(Failure::failed(message));
                }
            }
        }
    }
    stop.cancel();
    while drive.next().await.is_some() {}
    settled(target).await?;
    Ok(began.elapsed())
}

/// What is in the log.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// Entities that there are at the end, by topic.
    pub(super) rows: BTreeMap<String, u64>,
    /// Decisions that were made as of a position behind their event.
    pub(super) late: u64,
}

/// What is counted as the log goes by.
struct Counting {
    view: View,
    late: u64,
}

impl History {
    pub(super) async fn of(domain: &Domain, engine: &Engine) -> Result<Self, Failure> {
        let counting = Counting { view: View::new(domain.topics()), late: 0 };
        let counted = reactions::follow(domain, engine, Scope::default(), counting, |counting, happening| {
            counting.take(&happening)
        })
        .await?;
        let held = domain.topics().filter(|topic| counted.view.holds(topic.name));
        let rows = held.map(|topic| (topic.name.to_owned(), counted.view.rows(topic.name).count() as u64));
        Ok(Self { rows: rows.collect(), late: counted.late })
    }
}

impl Counting {
    fn take(&mut self, happening: &Happening) -> ControlFlow<()> {
        if let Happening::Reacted(reaction) = happening {
            self.late += u64::from(reaction.as_of > reaction.event.position);
        } else if let Happening::Folded { event, .. } = happening {
            // What can't be read changes no row.
            let _ = self.view.apply_event(event);
        }
        ControlFlow::Continue(())
    }
}
