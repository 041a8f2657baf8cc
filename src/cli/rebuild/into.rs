//! Where to build a read model, and whether a projector keeps that one up.

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
        None => Ok(Target { model: own().await?, is_followed: true }),
        Some(Place::Memory) => {
            Ok(Target { model: ReadModel::open(&StoreUrl::Memory, &namespace).await?, is_followed: false })
        }
        Some(Place::Sqlite(path)) => {
            let model = ReadModel::sqlite(path).await?;
            let is_followed = matches!(url, StoreUrl::Sqlite(_)) && model.place() == own().await?.place();
            Ok(Target { model, is_followed })
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
