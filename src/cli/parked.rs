//! `retrace parked`: entries that consumers could not process, and what becomes of them.

use std::sync::Arc;

use kernel::{Domain, Position};
use projector::live::CONSUMER;
use runtime::ParkedId;
use serde_json::json;

use super::{
    desk::{Aside, Desk, DeskArgs, PAGE},
    exit,
    failure::Failure,
    words::{counted, out, plain, thousands},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Show what consumers have set aside, and why
    List {
        /// How many entries to show
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        limit: u64,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        desk: DeskArgs,
    },
    /// Have sagas decide about entries again, on the state as it is now
    ///
    /// A running saga host does so within about a second; what fails again stays where it is, with the new reason. What
    /// the read model has passed over is not tried again: `retrace rebuild` makes its rows anew.
    Retry(Which),
    /// Set entries aside no more, and do nothing about them; the log keeps them
    Drop(Which),
}

/// Which entries.
#[derive(Debug, clap::Args)]
struct Which {
    /// The consumer, as it is listed: saga/crm, projector
    #[arg(required_unless_present = "all")]
    consumer: Option<String>,
    /// The entry's position
    #[arg(required_unless_present = "all")]
    position: Option<Position>,
    /// The entry's topic, where several have one at this position
    topic: Option<String>,
    /// All, or all of the consumer
    #[arg(long, conflicts_with = "position")]
    all: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    desk: DeskArgs,
}

pub(super) async fn run(domain: Arc<Domain>, args: Args) -> Result<(), Failure> {
    match args.act {
        Act::List { limit, json, desk } => {
            let mut desk = desk.open_to_look(&domain).await?;
            list(&mut desk, limit, json).await?;
            desk.close().await
        }
        Act::Retry(which) => act(&domain, which, Way::Retry).await,
        Act::Drop(which) => act(&domain, which, Way::Drop).await,
    }
}

async fn list(desk: &mut Desk, most: u64, json: bool) -> Result<(), Failure> {
    let mut entries: Vec<Aside> = Vec::new();
    let count = loop {
        let limit = usize::try_from(most).unwrap_or(usize::MAX).saturating_sub(entries.len()).min(PAGE);
        let after = entries.last().map(Aside::id);
        let (page, count) = desk.parked(after.as_ref(), limit).await?;
        let is_last = page.len() < limit;
        entries.extend(page);
        if is_last || entries.len() as u64 >= most {
            break count;
        }
    };
    if json {
        out(&format!("{}\n", json!({"count": count, "entries": entries})));
        return Ok(());
    }
    let mut text = String::new();
    for Aside { consumer, topic, position, reason, attempts, retry, .. } in &entries {
        let attempts = match attempts {
            0 | 1 => String::new(),
            more => format!(" ({more} attempts)"),
        };
        let retry = if *retry { ", to be tried again" } else { "" };
        text.push_str(&format!(
            "{}  {position}  {}{attempts}{retry}: {}\n",
            plain(consumer),
            plain(topic),
            plain(reason)
        ));
    }
    match count.saturating_sub(entries.len() as u64) {
        _ if entries.is_empty() => text.push_str("nothing is set aside\n"),
        0 => {}
        more => text.push_str(&format!("and {} more\n", thousands(more))),
    }
    out(&text);
    Ok(())
}

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Retry,
    Drop,
}

async fn act(domain: &Domain, which: Which, way: Way) -> Result<(), Failure> {
    let Which { consumer, position, topic, all, json, desk } = which;
    let mut desk = desk.open_to_act(domain).await?;
    if let Some(consumer) = &consumer {
        known(domain, &mut desk, consumer).await?;
    }
    let mut done = 0;
    let mut passed = 0;
    if let (false, Some(consumer), Some(position)) = (all, &consumer, position) {
        let id = one(&mut desk, (consumer, position), topic).await?;
        perform(domain, &mut desk, &id, way, json).await?;
        done = 1;
    } else {
        let mut after = consumer.as_deref().map(ParkedId::before);
        loop {
            let (page, _) = desk.parked(after.as_ref(), PAGE).await?;
            let own = page.iter().filter(|aside| consumer.as_ref().is_none_or(|consumer| *consumer == aside.consumer));
            for aside in own {
                if way == Way::Retry && aside.consumer == CONSUMER {
                    passed += 1;
                    continue;
                }
                match perform(domain, &mut desk, &aside.id(), way, json).await {
                    // Somebody else was faster.
                    Err(gone) if gone.code == exit::NOT_FOUND => {}
                    other => {
                        other?;
                        done += 1;
                    }
                }
            }
            let Some(last) = page.last().filter(|_| page.len() == PAGE) else { break };
            after = Some(last.id());
        }
    }
    let name = if way == Way::Retry { "retried" } else { "dropped" };
    if json {
        out(&format!("{}\n", json!({name: done, "passed": passed})));
    } else if done + passed == 0 {
        out("nothing is set aside\n");
    }
    if passed > 0 {
        let passed = counted(passed, "entry", "entries");
        talk!(
            "the read model has set aside {passed}: `retrace rebuild` makes the rows anew with what can be read by now"
        );
    }
    desk.close().await
}

/// Refuses a consumer that neither the domain has nor anything was set aside by.
async fn known(domain: &Domain, desk: &mut Desk, consumer: &str) -> Result<(), Failure> {
    let sagas = domain.sagas().iter().map(|saga| runtime::host::sagas::consumer(saga.name));
    let consumers: Vec<_> = std::iter::once(CONSUMER.to_owned()).chain(sagas).collect();
    if consumers.iter().any(|known| known == consumer) {
        return Ok(());
    }
    // One that there was once may have left something.
    let (page, _) = desk.parked(Some(&ParkedId::before(consumer)), 1).await?;
    if page.iter().any(|aside| aside.consumer == consumer) {
        return Ok(());
    }
    let message = format!(
        "there is no consumer {}, and none has set anything aside; there are {}",
        plain(consumer),
        consumers.join(", ")
    );
    Err(Failure::new(exit::NOT_FOUND, message))
}

/// The entry that a consumer has set aside at a position.
async fn one(
    desk: &mut Desk,
    (consumer, position): (&str, Position),
    topic: Option<String>,
) -> Result<ParkedId, Failure> {
    if let Some(topic) = topic {
        return Ok(ParkedId { consumer: consumer.to_owned(), position, topic });
    }
    let before = ParkedId { position, ..ParkedId::before(consumer) };
    let (page, _) = desk.parked(Some(&before), PAGE).await?;
    let mut there = page.iter().filter(|aside| aside.consumer == consumer && aside.position == position);
    match (there.next(), there.next()) {
        (Some(only), None) => Ok(only.id()),
        (None, _) => {
            let message = format!("{} has set nothing aside at {position}", plain(consumer));
            Err(Failure::new(exit::NOT_FOUND, message))
        }
        (Some(first), Some(second)) => {
            let (first, second) = (plain(&first.topic), plain(&second.topic));
            Err(Failure::usage(format!(
                "{consumer} has set aside {position} of {first} and of {second}; name the topic too"
            )))
        }
    }
}

async fn perform(domain: &Domain, desk: &mut Desk, id: &ParkedId, way: Way, json: bool) -> Result<(), Failure> {
    let ParkedId { consumer, position, topic } = id;
    let (consumer, topic) = (plain(consumer), plain(topic));
    let said = match way {
        Way::Retry => {
            desk.retry(domain, id).await?;
            format!("{consumer} will try {topic} {position} again\n")
        }
        Way::Drop => {
            desk.drop_parked(id).await?;
            format!("dropped {topic} {position} of {consumer}\n")
        }
    };
    if !json {
        out(&said);
    }
    Ok(())
}
