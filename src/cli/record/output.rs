//! Where a fixture goes: a file that is there whole or not at all, or standard output.

use std::{
    io::{BufWriter, ErrorKind, Write},
    path::{Path, PathBuf},
};

use kernel::{Entry, Position};
use runtime::history;
use tempfile::NamedTempFile;

use super::leftovers::Leftovers;
use crate::cli::failure::Failure;

/// A place to write to.
#[derive(Debug)]
pub(super) struct Output(Option<PathBuf>);

/// Writes a fixture.
pub(super) struct Writer {
    out: BufWriter<Out>,
    /// The file that it becomes.
    path: Option<PathBuf>,
    events: u64,
    junk: u64,
    last: Position,
}

enum Out {
    File(NamedTempFile),
    Stdout(std::io::Stdout),
}

impl Output {
    /// Here, or to standard output; what is there already stays.
    pub(super) fn new(path: Option<PathBuf>) -> Result<Self, Failure> {
        match path {
            Some(path) if path.exists() => Err(exists(&path)),
            path => Ok(Self(path)),
        }
    }

    /// Opens it: not before there is something to write.
    pub(super) fn begin(self, leftovers: &Leftovers) -> Result<Writer, Failure> {
        let out = match &self.0 {
            Some(path) => {
                let file = beside(path).map_err(|error| named(path, &error))?;
                leftovers.add(file.path());
                Out::File(file)
            }
            None => Out::Stdout(std::io::stdout()),
        };
        let out = BufWriter::new(out);
        Ok(Writer { out, path: self.0, events: 0, junk: 0, last: Position::ZERO })
    }
}

/// A file beside the one that it becomes, which goes when it is dropped.
fn beside(path: &Path) -> std::io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        // As any other file would have them, the umask taken off.
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    builder.prefix(".retrace-").tempfile_in(folder)
}

impl Writer {
    pub(super) fn write(&mut self, entry: Entry) -> Result<(), Failure> {
        match entry {
            Entry::Event(event) => {
                match writeln!(self.out, "{}", history::write_line(&event)) {
                    Ok(()) => {}
                    // Whoever reads has had enough, as `head` has.
                    Err(error) if error.kind() == ErrorKind::BrokenPipe && self.path.is_none() => return Ok(()),
                    Err(error) => return Err(Failure::failed(format!("can't write: {error}"))),
                }
                self.events += 1;
                self.last = event.position;
            }
            Entry::Junk(junk) => {
                talk!("left out {} of {}: {}", junk.position, junk.topic, junk.reason);
                self.junk += 1;
            }
        }
        Ok(())
    }

    /// Puts the file in its place, and tells what it holds.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let Self { out, path, events, junk, last, .. } = self;
        let failed = |error: std::io::Error| Failure::failed(format!("can't write: {error}"));
        let into = match (out.into_inner(), path) {
            (Ok(Out::File(file)), Some(path)) => {
                file.as_file().sync_all().map_err(failed)?;
                file.persist_noclobber(&path).map_err(|error| {
                    let is_there = error.error.kind() == ErrorKind::AlreadyExists;
                    if is_there { exists(&path) } else { named(&path, &error.error) }
                })?;
                format!(" to {}", path.display())
            }
            (Err(error), _) if error.error().kind() != ErrorKind::BrokenPipe => return Err(failed(error.into_error())),
            (Ok(_) | Err(_), _) => String::new(),
        };
        match events {
            0 => talk!("the log is empty"),
            events => talk!("{events} events written{into}, up to {last}"),
        }
        match junk {
            0 => Ok(()),
            junk => Err(Failure::failed(format!("{junk} entries of the log are no events and were left out"))),
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stdout(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stdout(out) => out.flush(),
        }
    }
}

fn exists(path: &Path) -> Failure {
    Failure::failed(format!("{} exists already; it is not overwritten", path.display()))
}

fn named(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("can't write {}: {error}", path.display()))
}
