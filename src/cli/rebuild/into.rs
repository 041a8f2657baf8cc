//! Where to build a read model, and whether a projector keeps that one up.

use std::{path::PathBuf, str::FromStr};

use kernel::{Domain, Position};
use projector::ReadModel;
use runtime::{Engine, Namespace, StoreUrl};

use crate::cli::{
    failure::Failure,
    store::{REDIS_URL, StoreArgs},
};

/// What `--into` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Into {
    /// This process's memory: for the digest and the figures.
    Memory,
    /// The Redis of the store, or of `REDIS_URL`.
    Redis,
    /// A Redis of its own.
    RedisAt(StoreUrl),
    /// A file.
    Sqlite(PathBuf),
}

impl FromStr for Into {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let file = text.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
        match (text, file) {
            ("memory" | "memory:", _) => Ok(Self::Memory),
            ("redis", _) => Ok(Self::Redis),
            (_, Some(file)) if !file.is_empty() => Ok(Self::Sqlite(file.into())),
            (_, None) if text.contains("://") => match text.parse() {
                Ok(url @ StoreUrl::Redis(_)) => Ok(Self::RedisAt(url)),
                Ok(StoreUrl::Sqlite(_) | StoreUrl::Memory | StoreUrl::History(_)) | Err(_) => Err(unknown()),
            },
            _ => Err(unknown()),
        }
    }
}

fn unknown() -> String {
    "expected redis, sqlite:FILE or memory".to_owned()
}

/// A read model to build in.
pub(in crate::cli) struct Target {
    pub(in crate::cli) model: ReadModel,
    /// Whether it is the log's own, which a projector keeps at its head.
    pub(in crate::cli) is_followed: bool,
}

/// Opens what `--into` says; the store's own read model when it says nothing.
pub(in crate::cli) async fn open(into: Option<&Into>, store: &StoreArgs, domain: &Domain) -> Result<Target, Failure> {
    let (url, namespace) = (store.url(domain)?, store.namespace());
    let own = async || ReadModel::open(&url, &namespace).await;
    match into {
        None => Ok(Target { model: own().await?, is_followed: true }),
        Some(Into::Memory) => {
            Ok(Target { model: ReadModel::open(&StoreUrl::Memory, &namespace).await?, is_followed: false })
        }
        Some(Into::Sqlite(path)) => {
            let model = ReadModel::sqlite(path).await?;
            let is_followed = matches!(url, StoreUrl::Sqlite(_)) && model.place() == own().await?.place();
            Ok(Target { model, is_followed })
        }
        Some(Into::Redis) if matches!(url, StoreUrl::Redis(_)) => Ok(Target { model: own().await?, is_followed: true }),
        Some(Into::Redis) => {
            let redis = std::env::var(REDIS_URL).ok().filter(|url| !url.is_empty());
            let missing = || Failure::usage(format!("which Redis? set {REDIS_URL}, or say --into redis://HOST"));
            let redis = redis.ok_or_else(missing)?;
            let redis = redis.parse().map_err(|error| Failure::usage(format!("{REDIS_URL}: {error}")))?;
            elsewhere(&redis, &namespace).await
        }
        Some(Into::RedisAt(redis)) if *redis == url => Ok(Target { model: own().await?, is_followed: true }),
        Some(Into::RedisAt(redis)) => elsewhere(redis, &namespace).await,
    }
}

/// The read model on a Redis that is not the log's, and so must not be another log's.
async fn elsewhere(redis: &StoreUrl, namespace: &Namespace) -> Result<Target, Failure> {
    let engine = Engine::open(redis, namespace, &[]).await?;
    if engine.head().await?.position > Position::ZERO {
        let message =
            format!("{redis} holds a log of its own, and the read model there belongs to it; name another --namespace");
        return Err(Failure::usage(message));
    }
    Ok(Target { model: ReadModel::redis(redis, namespace).await?, is_followed: false })
}
