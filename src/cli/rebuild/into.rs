//! Where to build a read model, and whether a projector keeps that one up.

use std::path::{Path, PathBuf};

use kernel::{Domain, Position};
use projector::ReadModel;
use runtime::{Engine, Namespace, StoreUrl};

use crate::cli::{
    failure::Failure,
    place::{self, Place},
    store::StoreArgs,
};

/// A read model to build in.
pub(in crate::cli) struct Target {
    pub(in crate::cli) model: ReadModel,
    /// Whether it is the log's own, which a projector keeps at its head.
    pub(in crate::cli) is_followed: bool,
}

/// Opens what `--into` says; the store's own read model when it says nothing.
pub(in crate::cli) async fn open(into: Option<&Place>, store: &StoreArgs, domain: &Domain) -> Result<Target, Failure> {
    let (url, namespace) = (store.url(domain)?, store.namespace());
    let own = async || ReadModel::open(&url, &namespace).await;
    match into {
        None => {
            // One in memory is this process's own, and nobody follows the log into it.
            let is_followed = matches!(url, StoreUrl::Redis(_) | StoreUrl::Sqlite(_));
            Ok(Target { model: own().await?, is_followed })
        }
        Some(Place::Memory) => {
            Ok(Target { model: ReadModel::open(&StoreUrl::Memory, &namespace).await?, is_followed: false })
        }
        Some(Place::Sqlite(path)) => {
            let beside = match &url {
                StoreUrl::Sqlite(log) => Some(projector::model::SqliteModel::beside(log, &namespace)),
                StoreUrl::Redis(_) | StoreUrl::Memory | StoreUrl::History(_) => None,
            };
            let is_followed = beside.is_some_and(|beside| is_same(&beside, path));
            Ok(Target { model: ReadModel::sqlite(path).await?, is_followed })
        }
        Some(Place::Redis) if matches!(url, StoreUrl::Redis(_)) => {
            Ok(Target { model: own().await?, is_followed: true })
        }
        Some(Place::Redis) => {
            let redis = place::redis_of_environment("--into")?;
            elsewhere(&redis, &namespace).await
        }
        Some(Place::RedisAt(redis)) if *redis == url => Ok(Target { model: own().await?, is_followed: true }),
        Some(Place::RedisAt(redis)) => elsewhere(redis, &namespace).await,
    }
}

/// Whether two paths name one file, however they are spelled; either may not be there yet.
fn is_same(one: &Path, other: &Path) -> bool {
    real(one).is_some_and(|one| Some(one) == real(other))
}

fn real(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let in_folder = || Some(std::fs::canonicalize(path.parent()?).ok()?.join(path.file_name()?));
    std::fs::canonicalize(&path).ok().or_else(in_folder)
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
