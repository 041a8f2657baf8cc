//! How a subcommand fails: a sentence and an exit code.

use std::{error::Error, fmt};

use runtime::{CommitError, StoreError, host::sagas::SagaError};

use super::exit;

/// A sentence for the terminal and the code to exit with.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: u8,
    message: String,
}

impl Failure {
    pub(super) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The same with another message.
    pub(super) fn with(self, message: impl FnOnce(String) -> String) -> Self {
        Self { message: message(self.message), ..self }
    }

    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::new(exit::FAILED, message)
    }

    /// What there is to say has been said already.
    pub(super) fn told(code: u8) -> Self {
        Self::new(code, "")
    }

    pub(super) fn is_told(&self) -> bool {
        self.message.is_empty()
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(exit::USAGE, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// An error and what caused it, on one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::Unavailable { .. } | StoreError::Full { .. } => exit::UNAVAILABLE,
            StoreError::Diverged { .. } => exit::DIFFERENT,
            StoreError::AfterHead { .. } | StoreError::NumberAfterHead { .. } | StoreError::Unnumbered { .. } => {
                exit::NOT_FOUND
            }
            StoreError::Unusable { .. } | StoreError::ReadOnly(_) | StoreError::Corrupt { .. } => exit::FAILED,
        };
        Self::new(code, chain(&error))
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Refused(refused) => Self::failed(refused.to_string()),
            CommitError::Store(error) => error.into(),
        }
    }
}

impl From<SagaError> for Failure {
    fn from(error: SagaError) -> Self {
        match error {
            SagaError::Store { saga, source } => {
                let Self { code, message } = source.into();
                Self::new(code, format!("saga {saga} can't go on: {message}"))
            }
            other @ (SagaError::Stopped { .. } | SagaError::Died(_)) => Self::failed(chain(&other)),
        }
    }
}
