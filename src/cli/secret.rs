//! What is told nobody.

use std::{convert::Infallible, fmt, str::FromStr};

/// A text of the command line or the environment that is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(pub(super) String);

impl FromStr for Secret {
    /// Whatever is wrong with it is not said where it would be shown.
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
