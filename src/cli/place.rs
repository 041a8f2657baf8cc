//! Where a read model is kept, as a command line names it.

use std::{path::PathBuf, str::FromStr};

use kernel::Domain;
use projector::ReadModel;
use runtime::{StoreUrl, UnknownStore};

use super::{
    failure::Failure,
    store::{REDIS_URL, StoreArgs},
};

/// Where a read model is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// This process's memory: for the digest and the figures.
    Memory,
    /// The Redis of the store, or of `REDIS_URL`.
    Redis,
    /// A Redis of its own.
    RedisAt(StoreUrl),
    /// A file.
    Sqlite(PathBuf),
}

/// What names a place.
const PLACES: &str = "expected redis, redis://HOST, sqlite:FILE or memory";

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || Err(PLACES.to_owned());
        let file = text.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
        match (text, file) {
            ("memory" | "memory:", _) => Ok(Self::Memory),
            ("redis", _) => Ok(Self::Redis),
            (_, Some(file)) if !file.is_empty() => Ok(Self::Sqlite(file.into())),
            (_, None) if text.contains("://") => match text.parse() {
                Ok(url @ StoreUrl::Redis(_)) => Ok(Self::RedisAt(url)),
                Err(wrong @ UnknownStore::Server { .. }) => Err(wrong.to_string()),
                Ok(StoreUrl::Sqlite(_) | StoreUrl::Memory | StoreUrl::History(_)) | Err(UnknownStore::Kind(_)) => {
                    unknown()
                }
            },
            _ => unknown(),
        }
    }
}

impl Place {
    /// What `text` names, where something can be that was there before this process.
    pub(super) fn lasting(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(Self::Memory) => Err("a read model in memory ends with the process that made it; name redis, \
                                     redis://HOST or sqlite:FILE"
                .to_owned()),
            Ok(place) => Ok(place),
            Err(unknown) if unknown == PLACES => Err("expected redis, redis://HOST or sqlite:FILE".to_owned()),
            Err(wrong) => Err(wrong),
        }
    }

    /// Opens the read model to read it, whoever keeps it up; a file that is not there is not made.
    ///
    /// `option` is what named it.
    pub(super) async fn open_reading(
        &self,
        store: &StoreArgs,
        domain: &Domain,
        option: &str,
    ) -> Result<ReadModel, Failure> {
        let (url, namespace) = (store.url(domain)?, store.namespace());
        let model = match self {
            Self::Memory => ReadModel::Memory(projector::model::MemoryModel::new()),
            Self::Sqlite(path) => ReadModel::sqlite_reading(path).await?,
            Self::Redis if matches!(url, StoreUrl::Redis(_)) => ReadModel::redis(&url, &namespace).await?,
            Self::Redis => ReadModel::redis(&redis_of_environment(option)?, &namespace).await?,
            Self::RedisAt(redis) => ReadModel::redis(redis, &namespace).await?,
        };
        Ok(model)
    }
}

/// The Redis that the environment names, where `option` names none.
pub(super) fn redis_of_environment(option: &str) -> Result<StoreUrl, Failure> {
    let redis = std::env::var(REDIS_URL).ok().filter(|url| !url.is_empty());
    let missing = || Failure::usage(format!("which Redis? set {REDIS_URL}, or say {option} redis://HOST"));
    redis.ok_or_else(missing)?.parse().map_err(|error| Failure::usage(format!("{REDIS_URL}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_server_a_file_or_memory() {
        let redis = "redis://h:1".parse().unwrap();
        for (text, place) in [
            ("redis", Place::Redis),
            ("redis://h:1", Place::RedisAt(redis)),
            ("sqlite:a.model", Place::Sqlite("a.model".into())),
            ("sqlite:///a.model", Place::Sqlite("/a.model".into())),
            ("memory", Place::Memory),
        ] {
            assert_eq!(text.parse(), Ok(place.clone()));
            assert_eq!(Place::lasting(text).is_ok(), place != Place::Memory, "{text}");
        }
        for text in ["", "sqlite:", "http://h", "memory://", "a.jsonl"] {
            assert!(text.parse::<Place>().is_err() && Place::lasting(text).is_err(), "{text}");
        }
        let wrong = "\"redis://\" is no URL of a server: it names no host".to_owned();
        assert_eq!(["redis://".parse(), Place::lasting("redis://")], [Err(wrong.clone()), Err(wrong)]);
    }
}
