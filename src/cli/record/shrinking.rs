//! Drops what a predicate does not need.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use kernel::{Domain, Entry};
use replay::record::{
    self, RecordError,
    shrink::{End, MOST_TRIES, Progress, Shrunk, Symptom, shrink},
};
use runtime::{Engine, Namespace, StoreUrl, history};

use tokio::sync::watch;

use super::leftovers::Leftovers;
use crate::cli::{bar::Bar, failure::Failure, words::counted};

/// What the shell exits with when it can't run a command, or does not find it.
const NOT_RUN: [i32; 2] = [126, 127];

/// Drops events as long as `command` says so, or as long as the first divergence stays the same.
pub(super) async fn run(
    domain: Arc<Domain>,
    entries: Vec<Entry>,
    command: Option<String>,
    leftovers: &Leftovers,
) -> Result<Vec<Entry>, Failure> {
    leftovers.shrinking();
    let (symptom, entries) = match command {
        Some(_) => (None, entries),
        None => {
            let (symptom, entries) = narrowed(&domain, entries, leftovers).await?;
            (Some(symptom), entries)
        }
    };
    let progress = watch::Sender::new(Progress::default());
    let bar = Bar::show(progress.subscribe(), |Progress { tries, entries }| {
        let left = counted(*entries as u64, "event", "events");
        format!("{left} left after {}; Ctrl-C stops with what is left", counted(*tries as u64, "try", "tries"))
    });
    let watched = leftovers.clone();
    let shrinking = tokio::task::spawn_blocking(move || {
        let goes_on = |now| {
            progress.send_replace(now);
            if watched.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        match (command, symptom) {
            (Some(command), _) => by_command(&entries, &command, &watched, goes_on),
            (None, Some(symptom)) => {
                let holds =
                    |entries: &[Entry]| Ok::<_, Failure>(Symptom::of(&domain, entries).as_ref() == Some(&symptom));
                Ok((entries.len(), shrink(&entries, goes_on, holds)?))
            }
            (None, None) => Err(Failure::failed("there is nothing to shrink by")),
        }
    });
    let shrunk = shrinking.await;
    bar.clear().await;
    leftovers.shrunk();
    let (whole, shrunk) = shrunk.map_err(|error| Failure::failed(format!("shrinking died: {error}")))??;
    tell(whole, &shrunk);
    Ok(shrunk.entries)
}

/// The first divergence, and what it needs, if that is enough to show it: dropping events one by one, each of which
/// some decision read, would take much longer.
async fn narrowed(
    domain: &Domain,
    entries: Vec<Entry>,
    leftovers: &Leftovers,
) -> Result<(Symptom, Vec<Entry>), Failure> {
    let nothing = "verify finds nothing that differs, so nothing has to stay; say by --while what has to hold";
    let symptom = Symptom::of(domain, &entries).ok_or_else(|| Failure::failed(nothing))?;
    talk!("kept: {symptom}");
    let failed = |error: std::io::Error| Failure::failed(format!("can't look for what it needs: {error}"));
    let folder = tempfile::tempdir().map_err(failed)?;
    leftovers.add(folder.path());
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
    talk!("{needed} of {all} are about it, or were read");
    Ok((symptom, part))
}

fn by_command(
    entries: &[Entry],
    command: &str,
    leftovers: &Leftovers,
    goes_on: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<(usize, Shrunk), Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("can't try a candidate: {error}"));
    let folder = tempfile::tempdir().map_err(failed)?;
    leftovers.add(folder.path());
    let file = folder.path().join("candidate.jsonl");
    let holds = |entries: &[Entry]| holds(command, &file, entries);
    if !holds(entries)? {
        return Err(Failure::failed(format!("`{command}` does not exit with 0 for the whole, so it can't shrink")));
    }
    Ok((entries.len(), shrink(entries, goes_on, holds)?))
}

fn tell(whole: usize, shrunk: &Shrunk) {
    let events = |count: usize| counted(count as u64, "event", "events");
    let tries = counted(shrunk.tries as u64, "try", "tries");
    talk!("{} shrunk to {} in {tries}", events(whole), events(shrunk.entries.len()));
    let on = "fewer may do: `retrace record --shrink --store` with the file goes on";
    match shrunk.end {
        End::Least => {}
        End::Tries => talk!("stopped after {}, so {on}", counted(MOST_TRIES as u64, "try", "tries")),
        End::Stopped => talk!("stopped by a signal, so {on}"),
    }
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
