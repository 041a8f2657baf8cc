//! R9: one number for all rows of a read model, whatever order they were written in.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::Xxh3;

/// Order-independent hash of rows: the wrapping sum of each row's 128-bit XXH3.
///
/// A sum rather than an exclusive or, so that a row counted twice does not cancel itself out. It finds
/// accidents, not adversaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(u128);

impl Digest {
    /// The digest of one row.
    #[must_use]
    pub fn of(topic: &str, key: &str, row: &str) -> Self {
        Self(hash(topic, key, row))
    }

    /// Counts in rows whose digest is this one.
    pub const fn count(&mut self, rows: Self) {
        self.0 = self.0.wrapping_add(rows.0);
    }

    /// Takes rows out that were counted in before.
    pub const fn uncount(&mut self, rows: Self) {
        self.0 = self.0.wrapping_sub(rows.0);
    }

    /// Counts a row in.
    pub fn add(&mut self, topic: &str, key: &str, row: &str) {
        self.count(Self::of(topic, key, row));
    }

    /// Takes a row out that was counted in before.
    pub fn remove(&mut self, topic: &str, key: &str, row: &str) {
        self.uncount(Self::of(topic, key, row));
    }
}

/// Lengths go in ahead of the parts, so that no two different rows share their bytes.
fn hash(topic: &str, key: &str, row: &str) -> u128 {
    let mut hasher = Xxh3::new();
    for part in [topic, key, row] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.digest128()
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A text that is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a digest; expected 32 hexadecimal digits")]
pub struct MalformedDigest(String);

impl FromStr for Digest {
    type Err = MalformedDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        fits.then(|| u128::from_str_radix(text, 16).ok())
            .flatten()
            .map(Self)
            .ok_or_else(|| MalformedDigest(text.to_owned()))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[(&str, &str, &str)]) -> Digest {
        let mut digest = Digest::default();
        rows.iter().for_each(|(topic, key, row)| digest.add(topic, key, row));
        digest
    }

    #[test]
    fn order_does_not_count_but_every_byte_does() {
        assert_eq!(of(&[("a", "1", "x"), ("b", "2", "y")]), of(&[("b", "2", "y"), ("a", "1", "x")]));
        assert_ne!(of(&[("a", "1", "x")]), of(&[("a", "1", "y")]));
        assert_ne!(of(&[("a", "1", "x")]), of(&[("a1", "", "x")]));
        assert_ne!(of(&[("a", "1", "x")]), of(&[("a", "1", "x"), ("a", "1", "x"), ("a", "1", "x")]));
    }

    #[test]
    fn removing_a_row_undoes_adding_it() {
        let mut digest = of(&[("a", "1", "x"), ("a", "2", "y")]);
        digest.remove("a", "2", "y");
        assert_eq!(digest, of(&[("a", "1", "x")]));
    }

    #[test]
    fn a_digest_reads_back() {
        let digest = of(&[("a", "1", "x")]);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!("12".parse::<Digest>(), Err(MalformedDigest("12".into())));
    }
}
