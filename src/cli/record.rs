//! `retrace record`: a fixture from a live log: all of it, a range, or what one row needs.

mod leftovers;
mod output;
mod shrinking;

use std::{ops::ControlFlow, path::PathBuf, sync::Arc};

use kernel::{Checkpoint, Domain, Entry, Moment, Position, Seen};
use replay::{
    reactions::Scope,
    record::{
        self, Part, RecordError, Window,
        pseudonyms::{Gathered, Key, PseudonymError, Pseudonyms, SHORT},
    },
    verify::{Until, verify_entries},
};
use runtime::{Engine, Stretch};

use super::{
    exit,
    failure::{Failure, chain},
    moment,
    store::StoreArgs,
    subject::Subject,
    words::counted,
};
use leftovers::Leftovers;
use output::{Output, Writer};

/// How many entries are read at once.
const PAGE: usize = 4_096;

/// What to record, and where to.
#[derive(Debug, clap::Args)]
#[command(after_help = moment::FORMS)]
pub(super) struct Args {
    /// The file to write; it must not exist yet [default: standard output]
    #[arg(short, long, value_name = "FILE.jsonl")]
    output: Option<PathBuf>,
    /// Only what happened at and after this position or time, and what the decisions about it read
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse, allow_hyphen_values = true)]
    from: Option<Moment>,
    /// Only what happened up to and at this position or time
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse, allow_hyphen_values = true)]
    to: Option<Moment>,
    /// Only events about this row, what led to them, what came of all that, and what the decisions on the way read
    #[arg(long, value_name = "TOPIC/ID")]
    closure: Option<Subject>,
    /// Replace names and addresses: always the same by the same under this key. Better given by the variable, since
    /// others on this machine may see command lines
    #[arg(long, value_name = "KEY", env = "RETRACE_PSEUDONYMS", hide_env_values = true)]
    pseudonyms: Option<String>,
    /// Drop events as long as `replay verify` still reports the same first divergence: the same saga, on an event of
    /// the same topic and action, with the same kinds of differences in the same effects
    #[arg(long)]
    shrink: bool,
    /// With --shrink: drop events as long as this command, run by the shell with the name of a history file appended,
    /// exits with 0
    #[arg(long = "while", value_name = "COMMAND", requires = "shrink")]
    holds: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) async fn run(domain: Arc<Domain>, args: Args) -> Result<(), Failure> {
    let row = match &args.closure {
        Some(subject) => Some(subject.row(&domain, "--closure")?),
        None => None,
    };
    let key = args.pseudonyms.as_deref().map(Key::new).transpose()?;
    let output = Output::new(args.output)?;
    let leftovers = Leftovers::watched()?;
    let engine = args.store.open_existing(&domain).await?;
    let is_range = args.from.is_some() || args.to.is_some();
    let window = window(&domain, &engine, args.from, args.to).await?;
    // Only what was there by now: what comes while it is read may carry names that were not gathered.
    let head = engine.head().await?.position;
    let window = Window { to: window.to.min(head), ..window };
    let pseudonyms = match key {
        Some(key) => Some(gathered(&domain, &engine, key).await?),
        None => None,
    };
    let part = match row {
        Some(row) => Some(closure(&domain, &engine, row, (window, is_range)).await?),
        None if is_range => Some(range(&domain, &engine, window).await?),
        None => None,
    };
    let replaces = pseudonyms.as_ref();
    let writer = match part {
        None if !args.shrink => {
            let mut writer = output.begin(&leftovers)?;
            all(&engine, head, replaces, &mut writer).await?;
            writer
        }
        part => {
            let entries = match part {
                Some(part) => part.entries,
                None => everything(&engine, head).await?,
            };
            let entries = match replaces {
                Some(pseudonyms) => replaced(&domain, entries, pseudonyms),
                None => entries,
            };
            let entries = match args.shrink {
                true => shrinking::run(domain, entries, args.holds, &leftovers).await?,
                false => entries,
            };
            let mut writer = output.begin(&leftovers)?;
            entries.into_iter().try_for_each(|entry| writer.write(entry))?;
            writer
        }
    };
    engine.close().await?;
    if let (Some(pseudonyms), Some(key)) = (&pseudonyms, &args.pseudonyms) {
        let names = counted(pseudonyms.len() as u64, "name or address is", "names and addresses are");
        talk!("{names} replaced; one that is in no such field of the log, but in a text, can't be known");
        if key.len() < SHORT {
            talk!("warning: a key of less than {SHORT} characters is soon guessed, and names with it");
        }
    }
    writer.finish()
}

/// The same as positions of the log.
async fn window(domain: &Domain, engine: &Engine, from: Option<Moment>, to: Option<Moment>) -> Result<Window, Failure> {
    let mut window = Window::default();
    if let Some(moment) = from {
        window.from = engine.position_from(moment).await?;
    }
    if let Some(moment) = to {
        window.to = engine.position_at(moment).await?;
    }
    if let (Some(from), Some(to)) = (from, to)
        && window.from > window.to
    {
        return Err(Failure::usage(format!("no event lies between --from {from} and --to {to}")));
    }
    if to.is_some() {
        window.to = end(domain, engine, window.to).await?;
    }
    Ok(window)
}

/// Where the last decision ends that has events up to there.
async fn end(domain: &Domain, engine: &Engine, to: Position) -> Result<Position, Failure> {
    let end = record::end_of_decisions(domain, engine, to).await?;
    if end != to {
        talk!("--to moved to {end}, the end of the decision that has events before and behind {to}");
    }
    Ok(end)
}

async fn closure(
    domain: &Domain,
    engine: &Engine,
    row: (&str, &str),
    (window, is_range): (Window, bool),
) -> Result<Part, Failure> {
    let (topic, key) = row;
    let missing = || {
        let within = if is_range { " between --from and --to" } else { "" };
        Failure::new(exit::NOT_FOUND, format!("no event{within} is about {topic} {key} in {}", engine.url()))
    };
    let part = record::closure(domain, engine, row, window).await?.ok_or_else(missing)?;
    tell(&part, &format!("{topic} {key}"), window);
    Ok(part)
}

async fn range(domain: &Domain, engine: &Engine, window: Window) -> Result<Part, Failure> {
    let part = record::range(domain, engine, window).await?;
    if part.own.is_empty() {
        let message = format!("nothing happened between --from and --to in {}", engine.url());
        return Err(Failure::new(exit::NOT_FOUND, message));
    }
    tell(&part, "the range", window);
    Ok(part)
}

fn tell(part: &Part, what: &str, window: Window) {
    let given = part.entries.len() - part.own.len();
    let own = counted(part.own.len() as u64, "event", "events");
    talk!("{own} of {what}, and {given} given besides, for what was there before and was read");
    let cut = counted(
        part.own.given() as u64,
        "of them is given too, since its cause",
        "of them are given too, since their causes",
    );
    match (part.own.given(), window.from) {
        (0, _) => {}
        (_, Position::ZERO) => talk!("{cut} can't be found in the log"),
        (1, _) => talk!("{cut} lies before --from"),
        (_, _) => talk!("{cut} lie before --from"),
    }
    let decisions = counted(part.report.decisions, "decision comes", "decisions come");
    match part.report.decisions {
        0 => talk!("warning: this part decides nothing and guards nothing"),
        _ => talk!("{decisions} out of this part as of the whole log"),
    }
    if part.moved > 0 {
        let moved = counted(part.moved as u64, "given event stands", "given events stand");
        talk!("{moved} earlier than in the log: where it was decided, a saga had it in front already");
    }
    if part.own.inferred > 0 {
        let inferred = counted(part.own.inferred, "event does", "events do");
        talk!("{inferred} not say what caused it, which was inferred");
    }
}

/// The names and addresses of the whole log, with what stands for them.
async fn gathered(domain: &Domain, engine: &Engine, key: Key) -> Result<Pseudonyms, Failure> {
    let mut gathered = Gathered::new(domain, key);
    let reader = engine.clone();
    let scanning = tokio::task::spawn_blocking(move || {
        let stretch = Stretch { after: Checkpoint::default(), until: Position::MAX };
        reader.scan(&stretch, &mut |seen| {
            if let Seen::Event(event) = seen {
                gathered.note(event);
            }
            ControlFlow::Continue(())
        })?;
        Ok::<_, Failure>(gathered)
    });
    let died = |error: tokio::task::JoinError| Failure::failed(format!("looking for names died: {error}"));
    Ok(scanning.await.map_err(died)??.finish()?)
}

/// The same entries without names and addresses; tells when decisions come out otherwise for it.
fn replaced(domain: &Domain, entries: Vec<Entry>, pseudonyms: &Pseudonyms) -> Vec<Entry> {
    let differ = |entries: &[Entry]| {
        let report = verify_entries(domain, entries.iter().cloned(), Scope::default(), Until::End);
        report.divergent + report.consequences
    };
    let before = differ(&entries);
    let entries: Vec<_> = entries.into_iter().map(|entry| without(pseudonyms, entry)).collect();
    let after = differ(&entries);
    if after != before {
        talk!(
            "warning: {after} decisions differ from what the log holds, and {before} with names and addresses: some are \
             words of what sagas write"
        );
    }
    entries
}

fn without(pseudonyms: &Pseudonyms, entry: Entry) -> Entry {
    match entry {
        Entry::Event(event) => Entry::Event(pseudonyms.event(event)),
        junk @ Entry::Junk(_) => junk,
    }
}

/// Writes the whole log up to `head` as it is read.
async fn all(
    engine: &Engine,
    head: Position,
    pseudonyms: Option<&Pseudonyms>,
    writer: &mut Writer,
) -> Result<(), Failure> {
    let mut after = Checkpoint::default();
    loop {
        let page = engine.read(&after, PAGE).await?;
        let Some(last) = page.entries.last() else { return Ok(()) };
        after.position = last.position();
        for entry in page.entries.into_iter().filter(|entry| entry.position() <= head) {
            writer.write(match pseudonyms {
                Some(pseudonyms) => without(pseudonyms, entry),
                None => entry,
            })?;
        }
    }
}

/// The whole log up to `head`, for what has to look at it again and again.
async fn everything(engine: &Engine, head: Position) -> Result<Vec<Entry>, Failure> {
    let (mut entries, mut after) = (Vec::new(), Checkpoint::default());
    loop {
        let page = engine.read(&after, PAGE).await?;
        let Some(last) = page.entries.last() else { return Ok(entries) };
        after.position = last.position();
        entries.extend(page.entries.into_iter().filter(|entry| entry.position() <= head));
    }
}

impl From<PseudonymError> for Failure {
    fn from(error: PseudonymError) -> Self {
        match error {
            PseudonymError::NoKey => Self::usage(error.to_string()),
            PseudonymError::Clash(_) | PseudonymError::TooMany { .. } => Self::failed(error.to_string()),
        }
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Store(error) => error.into(),
            RecordError::Otherwise { .. } | RecordError::Differs { .. } => Self::failed(chain(&error)),
        }
    }
}
