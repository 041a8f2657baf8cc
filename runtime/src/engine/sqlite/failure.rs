//! What SQLite's errors mean for a store.

use std::borrow::Cow;

use crate::StoreError;

/// Why the file could not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// SQLite says no.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    /// A row can't be read.
    #[error("{at}: {reason}")]
    Corrupt {
        /// Which one.
        at: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// `SQLITE_FULL`, and what a full disk is to the shared memory beside the file.
const FULL: [&str; 2] = ["13", "4874"];
/// `SQLITE_TOOBIG`.
const TOO_BIG: &str = "18";
/// `SQLITE_NOTADB`.
const NO_DATABASE: &str = "26";
/// `SQLITE_READONLY`, `SQLITE_READONLY_DIRECTORY`.
const READ_ONLY: [&str; 2] = ["8", "1544"];

impl Failure {
    pub(super) fn corrupt(at: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Corrupt { at: at.into(), reason: format!("{reason}") }
    }

    /// Whether a value would be longer than SQLite's values can be.
    pub(super) fn is_too_big(&self) -> bool {
        let Self::Sql(sqlx::Error::Database(error)) = self else { return false };
        error.code().as_deref() == Some(TOO_BIG)
    }

    /// The same as a store's error.
    pub(super) fn of(self, url: &str) -> StoreError {
        let url = url.to_owned();
        match self {
            Self::Corrupt { at, reason } => StoreError::Corrupt { url, at, reason },
            Self::Sql(sqlx::Error::Database(error)) => {
                let code = error.code().unwrap_or(Cow::Borrowed(""));
                let reason = error.message().to_owned();
                match &*code {
                    code if FULL.contains(&code) => StoreError::Full { url, reason },
                    code if READ_ONLY.contains(&code) => {
                        StoreError::Unusable { url, reason: "the file may not be written".to_owned() }
                    }
                    NO_DATABASE => StoreError::Unusable { url, reason: "the file is no SQLite database".to_owned() },
                    _ => StoreError::Unavailable { url, reason },
                }
            }
            Self::Sql(error) => StoreError::Unavailable { url, reason: error.to_string() },
        }
    }
}
