//! `retrace import`: a history file into an empty namespace.

use std::{path::PathBuf, time::Duration};

use kernel::{Checkpoint, Domain, Draft, Entry, Position};
use runtime::{Advance, Commit, Engine, Expect, history, host::sagas::consumer};

use super::{failure::Failure, store::StoreArgs};

/// How many events go into one commit.
const PAGE: usize = 500;

/// For how long the sagas are kept from running; an import that takes longer only risks their reacting.
const ROLE: Duration = Duration::from_secs(600);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The history
    #[arg(value_name = "FILE.jsonl")]
    history: PathBuf,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) async fn run(domain: &Domain, args: Args) -> Result<(), Failure> {
    let entries = history::read(&args.history)?;
    let drafts = entries.into_iter().map(draft).collect::<Result<Vec<_>, _>>()?;
    let engine = args.store.open(domain).await?;
    let holder = uuid::Uuid::new_v4().to_string();
    let imported = import(domain, &engine, &drafts, &holder).await;
    for saga in domain.sagas() {
        engine.let_go(&consumer(saga.name), &holder).await?;
    }
    let head = imported?;
    let url = engine.url();
    engine.close().await?;
    eprintln!("{} events imported into {url}, up to {}", drafts.len(), head.position);
    Ok(())
}

/// Brings the drafts into the log and takes the sagas past them: what they led to is among them.
///
/// An import that was broken off is taken up where it stopped.
async fn import(domain: &Domain, engine: &Engine, drafts: &[Draft], holder: &str) -> Result<Checkpoint, Failure> {
    for saga in domain.sagas() {
        if let Some(other) = engine.hold(&consumer(saga.name), holder, ROLE).await? {
            let message = format!("saga {} is run by {other} and would react to old events; stop it first", saga.name);
            return Err(Failure::failed(message));
        }
    }
    let mut head = engine.head().await?;
    let mut written = usize::try_from(head.number.0).unwrap_or(usize::MAX);
    let last = written.checked_sub(1).map(|last| drafts.get(last).and_then(|draft| draft.keep));
    if last.is_some_and(|last| last != Some(head.position)) || (last.is_none() && head.position != Position::ZERO) {
        let message =
            format!("{} holds a log up to {head} already; a history goes into an empty --namespace", engine.url());
        return Err(Failure::failed(message));
    }
    while written < drafts.len() {
        let page = &drafts[written..drafts.len().min(written + PAGE)];
        let expect = Expect { head: Some(head.number), ..Expect::default() };
        head = engine.commit_one(Commit { expect, append: page.to_vec(), ..Commit::default() }).await?.head;
        written += page.len();
    }
    let checkpoints = engine.checkpoints().await?;
    for saga in domain.sagas() {
        let consumer = consumer(saga.name);
        let from = checkpoints.get(&consumer).cloned().unwrap_or_default();
        let advance = Some(Advance { consumer, from, to: head.clone() });
        engine.commit_one(Commit { advance, ..Commit::default() }).await?;
    }
    Ok(head)
}

fn draft(entry: Entry) -> Result<Draft, Failure> {
    match entry {
        Entry::Event(event) => Ok(history::draft(event)),
        Entry::Junk(junk) => Err(Failure::failed(format!(
            "{} of {} is no event: {}; nothing was imported",
            junk.position, junk.topic, junk.reason
        ))),
    }
}
