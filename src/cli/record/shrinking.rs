//! Drops what a predicate does not need.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use kernel::{Domain, Entry};
use replay::record::{
    self, RecordError,
    shrink::{MOST_TRIES, Symptom, shrink},
};
use runtime::{Engine, Namespace, StoreUrl, history};

use crate::cli::{failure::Failure, words::counted};

/// What the shell exits with when it can't run a command, or does not find it.
const NOT_RUN: [i32; 2] = [126, 127];

/// Drops events as long as `command` says so, or as long as the first divergence stays the same.
pub(super) async fn run(
    domain: Arc<Domain>,
    entries: Vec<Entry>,
    command: Option<String>,
) -> Result<Vec<Entry>, Failure> {
    let (symptom, entries) = match command {
        Some(_) => (None, entries),
        None => {
            let (symptom, entries) = narrowed(&domain, entries).await?;
            (Some(symptom), entries)
        }
    };
    let shrinking = tokio::task::spawn_blocking(move || match (command, symptom) {
        (Some(command), _) => by_command(&entries, &command),
        (None, Some(symptom)) => {
            least(&entries, |entries| Ok(Symptom::of(&domain, entries).as_ref() == Some(&symptom)))
        }
        (None, None) => Ok(entries),
    });
    shrinking.await.map_err(|error| Failure::failed(format!("shrinking died: {error}")))?
}

/// The first divergence, and what it needs, if that is enough to show it: dropping events one by one, each of which
/// some decision read, would take much longer.
async fn narrowed(domain: &Domain, entries: Vec<Entry>) -> Result<(Symptom, Vec<Entry>), Failure> {
    let nothing = "verify finds nothing that differs, so nothing has to stay; say by --while what has to hold";
    let symptom = Symptom::of(domain, &entries).ok_or_else(|| Failure::failed(nothing))?;
    eprintln!("kept: {symptom}");
    let failed = |error: std::io::Error| Failure::failed(format!("can't look for what it needs: {error}"));
    let folder = tempfile::tempdir().map_err(failed)?;
    let file = folder.path().join("whole.jsonl");
    write(&file, &entries).map_err(failed)?;
    let whole = Engine::open(&StoreUrl::History(file), &Namespace::default(), &[]).await?;
    let part = match record::around(domain, &whole, symptom.around(domain, &entries)).await {
        Ok(part) => part.entries,
        Err(RecordError::Otherwise { .. } | RecordError::Differs { .. }) => Vec::new(),
        Err(error @ RecordError::Store(_)) => return Err(error.into()),
    };
    let shows_it = Symptom::of(domain, &part).as_ref() == Some(&symptom);
    if !shows_it {
        return Ok((symptom, entries));
    }
    let (needed, all) = (counted(part.len() as u64, "event", "events"), entries.len());
    eprintln!("{needed} of {all} are about it, or were read");
    Ok((symptom, part))
}

fn by_command(entries: &[Entry], command: &str) -> Result<Vec<Entry>, Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("can't try a candidate: {error}"));
    let folder = tempfile::tempdir().map_err(failed)?;
    let file = folder.path().join("candidate.jsonl");
    let holds = |entries: &[Entry]| holds(command, &file, entries);
    if !holds(entries)? {
        return Err(Failure::failed(format!("`{command}` does not exit with 0 for the whole, so it can't shrink")));
    }
    least(entries, holds)
}

fn least(entries: &[Entry], holds: impl FnMut(&[Entry]) -> Result<bool, Failure>) -> Result<Vec<Entry>, Failure> {
    let whole = counted(entries.len() as u64, "event", "events");
    let shrunk = shrink(entries, holds)?;
    let tries = counted(shrunk.tries as u64, "try", "tries");
    eprintln!("{whole} shrunk to {} in {tries}", counted(shrunk.entries.len() as u64, "event", "events"));
    if !shrunk.is_least {
        eprintln!("stopped after {MOST_TRIES} tries, so fewer may do: record from the result to go on");
    }
    Ok(shrunk.entries)
}

/// Whether the command exits with 0 for these entries.
fn holds(command: &str, file: &PathBuf, entries: &[Entry]) -> Result<bool, Failure> {
    write(file, entries).map_err(|error| Failure::failed(format!("can't write {}: {error}", file.display())))?;
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{command} \"$1\"")).arg("sh").arg(file);
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let ended = shell.status().map_err(|error| Failure::failed(format!("can't run `{command}`: {error}")))?;
    match ended.code() {
        Some(code) if NOT_RUN.contains(&code) => {
            Err(Failure::usage(format!("can't run `{command}`: the shell exits with {code}")))
        }
        code => Ok(code == Some(0)),
    }
}

fn write(file: &Path, entries: &[Entry]) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    for entry in entries {
        if let Entry::Event(event) = entry {
            writeln!(out, "{}", history::write_line(event))?;
        }
    }
    out.flush()
}
