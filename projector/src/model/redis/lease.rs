//! The right to rebuild, as a lease: it outlives a killed process by 3 s, and is renewed while it is needed.

use std::{sync::LazyLock, time::Duration};

use redis::{Script, pipe};
use runtime::StoreError;
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use uuid::Uuid;

use super::{
    RedisModel,
    connect::{Lane, Server},
};
use crate::model::hold::FRESH;

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lease_take.lua")));
static RENEW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lease_renew.lua")));
static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lease_release.lua")));

/// How long the right outlives its holder.
const LEASE: Duration = Duration::from_secs(3);

/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_millis(750);

/// How long to wait for the lease of a holder that may be dead.
const WAIT: Duration = Duration::from_millis(3_500);

/// How often to look meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// The right to rebuild, renewed until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    claim: Claim,
    lost: CancellationToken,
    /// Nothing once given up.
    renewal: Option<AbortOnDropHandle<()>>,
}

/// What the key says while this holder has the lease.
#[derive(Clone, Debug)]
struct Claim {
    server: Server,
    key: String,
    /// The holder's text and a unique part, a space between.
    holder: String,
}

impl RedisModel {
    /// The right to rebuild, or who has it: a holder that renews its lease, or outlives it.
    pub(in crate::model) async fn hold(&self, holder: &str) -> Result<Result<Lease, String>, StoreError> {
        let holder = format!("{holder} {}", Uuid::new_v4());
        let claim = Claim { server: self.server().clone(), key: format!("{}:rebuild", self.0.base), holder };
        let until = Instant::now() + WAIT;
        let mut before: Option<(String, i64)> = None;
        loop {
            let asked = Instant::now();
            let Some((other, left)) = claim.take().await? else { return Ok(Ok(Lease::new(claim, asked))) };
            let alive = before.is_some_and(|(before, was_left)| before != other || left > was_left);
            if alive || Instant::now() >= until {
                let name = other.rsplit_once(' ').map_or(&*other, |(name, _)| name);
                return Ok(Err(name.to_owned()));
            }
            before = Some((other, left));
            tokio::time::sleep(LOOK).await;
        }
    }

    fn progress(&self) -> String {
        format!("{}:progress", self.0.base)
    }

    pub(in crate::model) async fn tell(&self, progress: Option<&str>) -> Result<(), StoreError> {
        let (mut request, key) = (pipe(), self.progress());
        match progress {
            Some(progress) => request.cmd("SET").arg(&key).arg(progress).arg("PX").arg(FRESH.as_millis()),
            None => request.del(&key),
        };
        self.server().send(Lane::Quick, request.ignore(), &key).await
    }

    pub(in crate::model) async fn told(&self) -> Result<Option<String>, StoreError> {
        let key = self.progress();
        let (told,) = self.server().send(Lane::Quick, pipe().get(&key), &key).await?;
        Ok(told)
    }
}

impl Lease {
    fn new(claim: Claim, taken: Instant) -> Self {
        let lost = CancellationToken::new();
        let renewal = tokio::spawn(claim.clone().keep(taken, lost.clone()));
        Self { claim, lost, renewal: Some(AbortOnDropHandle::new(renewal)) }
    }

    /// Returns when the lease could not be kept.
    pub(in crate::model) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    pub(in crate::model) async fn give_up(mut self) {
        self.renewal = None;
        self.claim.release().await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.renewal.take().is_some()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let claim = self.claim.clone();
            runtime.spawn(async move { claim.release().await });
        }
    }
}

impl Claim {
    /// Takes the lease, or tells what the key says and for how many milliseconds more.
    async fn take(&self) -> Result<Option<(String, i64)>, StoreError> {
        self.server
            .run(&TAKE, std::slice::from_ref(&self.key), |command| {
                command.arg(&self.holder).arg(LEASE.as_millis());
            })
            .await
    }

    /// Renews the lease until it is lost: to another holder, or because the server could not be asked in time.
    async fn keep(self, taken: Instant, lost: CancellationToken) {
        let mut renewed = taken;
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            let asked = Instant::now();
            match tokio::time::timeout_at(renewed + LEASE, self.renew()).await {
                Ok(Ok(true)) => renewed = asked,
                Ok(Err(error)) if asked < renewed + LEASE => tracing::warn!(%error, "the right to rebuild waits"),
                Ok(Ok(false) | Err(_)) | Err(_) => break,
            }
        }
        lost.cancel();
    }

    async fn renew(&self) -> Result<bool, StoreError> {
        self.server
            .run(&RENEW, std::slice::from_ref(&self.key), |command| {
                command.arg(&self.holder).arg(LEASE.as_millis());
            })
            .await
    }

    async fn release(&self) {
        let released: Result<(), _> = self
            .server
            .run(&RELEASE, std::slice::from_ref(&self.key), |command| {
                command.arg(&self.holder);
            })
            .await;
        if let Err(error) = released {
            tracing::debug!(%error, "the right to rebuild not given up; its lease will run out");
        }
    }
}
