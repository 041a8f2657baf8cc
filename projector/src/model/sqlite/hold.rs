//! The right to rebuild, as a lock of the operating system, and how far the rebuild has come.

use std::{
    fs::{self, TryLockError},
    io::{Seek as _, Write as _},
};

use runtime::StoreError;

use super::{SqliteModel, integer};
use crate::model::hold::FRESH;

/// The right to rebuild: ends with this value, or with the process however that ends.
#[derive(Debug)]
pub(crate) struct Lock(fs::File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Whoever comes next must not be taken for this holder. The lock itself ends with the file.
        let _ = self.0.set_len(0);
    }
}

impl SqliteModel {
    /// The right to rebuild, or who has it.
    pub(in crate::model) fn hold(&self, holder: &str) -> Result<Result<Lock, String>, StoreError> {
        // Never removed: that would part those who want the same lock.
        let path = &self.lock;
        let failed = |error: std::io::Error| StoreError::Unusable {
            url: self.place().to_owned(),
            reason: format!("its lock {} can't be written: {error}", path.display()),
        };
        let file = fs::File::options().create(true).read(true).write(true).truncate(false).open(path);
        let mut file = file.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Err(self.holder())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder.as_bytes()));
        written.map_err(failed)?;
        Ok(Ok(Lock(file)))
    }

    /// Who has the lock, as the file says.
    fn holder(&self) -> String {
        let holder = fs::read_to_string(&self.lock).unwrap_or_default();
        // Taken, and its holder not written down yet.
        if holder.is_empty() { "another process".to_owned() } else { holder }
    }

    pub(in crate::model) async fn tell(&self, progress: Option<&str>) -> Result<(), StoreError> {
        let told = match progress {
            Some(progress) => sqlx::query(include_str!("tell.sql")).bind(progress),
            None => sqlx::query("DELETE FROM progress"),
        };
        told.execute(&self.file.writer).await.map_err(self.error()).map(drop)
    }

    pub(in crate::model) async fn told(&self) -> Result<Option<String>, StoreError> {
        // What was told in the future was told before the clock was set back.
        let sql = "SELECT progress FROM progress WHERE abs(unixepoch('subsec') * 1000 - told_ms) < ?";
        let fresh = integer(FRESH.as_millis().try_into().unwrap_or_default());
        sqlx::query_scalar(sql).bind(fresh).fetch_optional(&self.file.readers).await.map_err(self.error())
    }
}
