//! How sure it must be that what is acknowledged stays.

use std::{fmt, num::NonZeroU8, str::FromStr};

/// How sure it must be that what is acknowledged stays: nothing is acknowledged before.
///
/// What an engine can't promise it refuses when it is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// As sure as the store is by itself. SQLite writes to the disk even so; a Redis server does what its
    /// configuration says, and one that would lose everything is warned of.
    #[default]
    Local,
    /// It is on the store's disk.
    Fsync,
    /// So many replicas of the Redis server have it too.
    Replicated(NonZeroU8),
}

/// A text that is no durability.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no durability; expected local, fsync, or replicated:N with 1 to 255 replicas")]
pub struct UnknownDurability(String);

impl FromStr for Durability {
    type Err = UnknownDurability;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("replicated:") {
            // A number has one spelling: no sign, no leading zero.
            Some(count) => match count.parse::<NonZeroU8>() {
                Ok(replicas) if replicas.to_string() == count => Ok(Self::Replicated(replicas)),
                Ok(_) | Err(_) => Err(UnknownDurability(text.to_owned())),
            },
            None if text == "local" => Ok(Self::Local),
            None if text == "fsync" => Ok(Self::Fsync),
            None => Err(UnknownDurability(text.to_owned())),
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Fsync => f.write_str("fsync"),
            Self::Replicated(replicas) => write!(f, "replicated:{replicas}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_durability_has_one_name() {
        for text in ["local", "fsync", "replicated:1", "replicated:255"] {
            assert_eq!(text.parse::<Durability>().unwrap().to_string(), text);
        }
        for text in ["", "Local", "replicated", "replicated:", "replicated:0", "replicated:+1", "replicated:256"] {
            assert_eq!(text.parse::<Durability>(), Err(UnknownDurability(text.into())));
        }
        let error = "replicated:x".parse::<Durability>().unwrap_err().to_string();
        let expected =
            "\"replicated:x\" is no durability; expected local, fsync, or replicated:N with 1 to 255 replicas";
        assert_eq!(error, expected);
    }
}
