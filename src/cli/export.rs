//! `retrace export`: a log as a history file.

use std::{
    fs::File,
    io::{BufWriter, ErrorKind, Write},
    path::PathBuf,
};

use kernel::{Checkpoint, Domain, Entry, Position};
use runtime::{Engine, history};

use super::{failure::Failure, store::StoreArgs};

/// How many entries are read at once.
const PAGE: usize = 4_096;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file to write; it must not exist yet [default: standard output]
    #[arg(short, long, value_name = "FILE.jsonl")]
    output: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) async fn run(domain: &Domain, args: Args) -> Result<(), Failure> {
    let engine = args.store.open_existing(domain).await?;
    let written = match &args.output {
        None => write(&engine, &mut BufWriter::new(std::io::stdout().lock())).await?,
        Some(path) => {
            let named = |error: std::io::Error| Failure::failed(format!("can't write {}: {error}", path.display()));
            let mut file = BufWriter::new(File::create_new(path).map_err(named)?);
            let written = write(&engine, &mut file).await;
            if written.is_err() {
                // Half an export is worse than none: it would pass for the whole.
                let _ = std::fs::remove_file(path);
            }
            written?
        }
    };
    engine.close().await?;
    match written.events {
        0 => talk!("the log is empty"),
        events => talk!("{events} events written, up to {}", written.last),
    }
    match written.junk {
        0 => Ok(()),
        junk => Err(Failure::failed(format!("{junk} entries of the log are no events and were left out"))),
    }
}

/// What an export holds.
struct Written {
    events: u64,
    junk: u64,
    last: Position,
}

async fn write(engine: &Engine, out: &mut impl Write) -> Result<Written, Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("can't write: {error}"));
    let mut written = Written { events: 0, junk: 0, last: Position::ZERO };
    let mut after = Checkpoint::default();
    loop {
        let page = engine.read(&after, PAGE).await?;
        let Some(last) = page.entries.last() else { break };
        after.position = last.position();
        for entry in &page.entries {
            match entry {
                Entry::Event(event) => {
                    match writeln!(out, "{}", history::write_line(event)) {
                        Ok(()) => {}
                        // Whoever reads has had enough, as `head` has.
                        Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(written),
                        Err(error) => return Err(failed(error)),
                    }
                    written.events += 1;
                    written.last = event.position;
                }
                Entry::Junk(junk) => {
                    talk!("left out {} of {}: {}", junk.position, junk.topic, junk.reason);
                    written.junk += 1;
                }
            }
        }
    }
    match out.flush() {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(failed(error)),
        Ok(()) | Err(_) => Ok(written),
    }
}
