//! One process at a time: the lock beside the database file.

use std::{
    fs::{self, File, TryLockError},
    io::{Seek as _, Write as _},
    path::{Path, PathBuf},
};

/// The right to open a database file; ends with this value, or with the process.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of `database`, and writes into it who holds it.
    ///
    /// # Errors
    /// A sentence that tells why not.
    pub(super) fn take(database: &Path) -> Result<Self, String> {
        let path = beside(database);
        let unwritable = |error: std::io::Error| format!("{} can't be written: {error}", path.display());
        let file = File::options().create(true).read(true).write(true).truncate(false).open(&path);
        let mut file = file.map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(&path)),
            Err(TryLockError::Error(error)) => return Err(unwritable(error)),
        }
        let pid = std::process::id().to_string();
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(pid.as_bytes()))
            .map_err(unwritable)?;
        Ok(Self { _file: file })
    }
}

/// Where the lock of a database file is: never removed, for removing it would part those who wait for it.
fn beside(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

fn in_use(path: &Path) -> String {
    let holder = fs::read_to_string(path).unwrap_or_default();
    let who = if holder.is_empty() { "another process".to_owned() } else { format!("process {holder}") };
    format!("it is in use by {who}; one process at a time can write to a SQLite store")
}
