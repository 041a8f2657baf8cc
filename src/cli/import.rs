//! `retrace import`: a history file into an empty namespace.

use std::path::{Path, PathBuf};

use kernel::{Checkpoint, Domain, Draft, Entry, Position, SagaHandler};
use runtime::{
    Advance, Commit, Engine, Expect, Holder,
    engine::DECISIONS,
    history,
    host::{role::Role, sagas::consumer},
};

use super::{
    failure::Failure,
    roles::Signals,
    store::{DurabilityArgs, StoreArgs},
};

/// How many events go into one commit.
const PAGE: usize = 500;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The history
    #[arg(value_name = "FILE.jsonl")]
    history: PathBuf,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    durability: DurabilityArgs,
}

pub(super) async fn run(domain: &Domain, args: Args) -> Result<(), Failure> {
    let drafts = read(domain, &args.history)?;
    let engine = args.store.open(domain, args.durability).await?;
    let roles: Vec<_> = domain.sagas().iter().map(|saga| Role::new(&engine, &consumer(saga.name))).collect();
    let mut signals = Signals::watched()?;
    let imported = tokio::select! {
        imported = import(domain, &engine, &drafts, &roles) => imported,
        () = signals.next() => Err(Failure::failed("interrupted; the same command takes it up where it stopped")),
    };
    for role in roles {
        role.give_up().await;
    }
    let url = engine.url();
    let closed = engine.close().await;
    let Imported { written, head } = imported?;
    closed?;
    match written {
        0 => talk!("{url} has all {} events of the history already", drafts.len()),
        written => talk!("{written} of {} events imported into {url}, up to {}", drafts.len(), head.position),
    }
    Ok(())
}

/// Reads the whole history before anything is written.
fn read(domain: &Domain, path: &Path) -> Result<Vec<Draft>, Failure> {
    if !path.exists() {
        return Err(Failure::new(super::exit::NOT_FOUND, format!("there is no file {}", path.display())));
    }
    let drafts = history::read_for(domain, path)?.into_iter().map(draft).collect::<Result<Vec<_>, _>>()?;
    let mut unknown: Vec<_> = drafts.iter().map(|draft| draft.topic.as_str()).collect();
    unknown.retain(|topic| domain.topic(topic).is_none() && *topic != DECISIONS);
    unknown.sort_unstable();
    unknown.dedup();
    if !unknown.is_empty() {
        talk!("{} does not know the topics {}; their events are kept and not shown", domain.name(), unknown.join(", "));
    }
    Ok(drafts)
}

/// What an import did.
struct Imported {
    /// How many events it wrote; the others were there already.
    written: usize,
    head: Checkpoint,
}

/// Brings the drafts into the log and takes the sagas past them page by page: what they led to is among them.
///
/// An import that was broken off is taken up where it stopped.
async fn import(domain: &Domain, engine: &Engine, drafts: &[Draft], roles: &[Role]) -> Result<Imported, Failure> {
    take(roles).await?;
    let mut head = engine.head().await?;
    let already = usize::try_from(head.number.0).unwrap_or(usize::MAX);
    let last = already.checked_sub(1).map(|last| drafts.get(last).and_then(|draft| draft.keep));
    if last.is_some_and(|last| last != Some(head.position)) || (last.is_none() && head.position != Position::ZERO) {
        let message =
            format!("{} holds a log up to {head} already; a history goes into an empty --namespace", engine.url());
        return Err(Failure::failed(message));
    }
    pass(domain, engine, &head).await?;
    let mut written = already;
    while written < drafts.len() {
        take(roles).await?;
        let page = &drafts[written..drafts.len().min(written + PAGE)];
        let expect = Expect { head: Some(head.number), ..Expect::default() };
        head = engine.commit_one(Commit { expect, append: page.to_vec(), ..Commit::default() }).await?.head;
        pass(domain, engine, &head).await?;
        written += page.len();
    }
    Ok(Imported { written: written - already, head })
}

/// Takes or renews the sagas' roles, so that none of them reacts to what is brought in.
async fn take(roles: &[Role]) -> Result<(), Failure> {
    for role in roles {
        if role.take().await?.is_some() {
            return Err(Failure::failed(
                "sagas are at work on this log and would react to old events; stop them first",
            ));
        }
    }
    Ok(())
}

/// Takes every saga over, and to the head: what is there has been reacted to. A host that was held up until now makes no
/// step any more that rests on what it knew before.
async fn pass(domain: &Domain, engine: &Engine, head: &Checkpoint) -> Result<(), Failure> {
    let checkpoints = engine.checkpoints().await?;
    let advance = |saga: &SagaHandler| {
        let (consumer, holder) = (consumer(saga.name), Holder::Taking(engine.unique()));
        let from = checkpoints.get(&consumer).cloned().unwrap_or_default();
        Commit { advance: Some(Advance { consumer, holder, from, to: head.clone() }), ..Commit::default() }
    };
    let advances: Vec<_> = domain.sagas().iter().map(advance).collect();
    for answer in engine.commit(&advances).await? {
        answer.map_err(|refused| Failure::failed(refused.to_string()))?;
    }
    Ok(())
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
