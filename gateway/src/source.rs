//! The log that a question about the past is answered from, and its timeline.

use axum::http::Uri;
use projector::timeline::{self, Timeline};
use runtime::{Engine, StoreError};

use crate::{gateway::Shared, problem::Problem, request};

/// A log and its timeline, and how long they may take to answer. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Source<'g> {
    gateway: &'g Shared,
    pub(crate) engine: Engine,
    pub(crate) timeline: Timeline,
}

impl Shared {
    /// What a request is to be answered from.
    pub(crate) fn source(&self, uri: &Uri) -> Result<Source<'_>, Problem> {
        self.source_of(request::parameter(uri, "log").as_deref())
    }

    /// The log of this name, or the gateway's own.
    pub(crate) fn source_of(&self, log: Option<&str>) -> Result<Source<'_>, Problem> {
        match log {
            None => Ok(self.own_log()),
            Some(log) => {
                let opened = self.histories.find(log).map_err(|problem| problem.field("log"))?;
                Ok(Source { gateway: self, engine: opened.engine, timeline: opened.timeline })
            }
        }
    }

    /// The log that the gateway is of.
    pub(crate) fn own_log(&self) -> Source<'_> {
        Source { gateway: self, engine: self.engine.clone(), timeline: self.timeline.clone() }
    }
}

impl Source<'_> {
    /// What the log answers, unless it takes too long.
    pub(crate) async fn asked<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, Problem> {
        self.gateway.asked_of(&self.engine, call).await
    }

    /// What the timeline answers, unless it takes too long.
    pub(crate) async fn remembered<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, Problem> {
        match self.asked(async { Ok(call.await) }).await? {
            Err(error @ StoreError::Diverged { .. }) => {
                let detail = format!("{error}; {}", timeline::REMEDY);
                Err(Problem::unavailable(detail, 60))
            }
            answer => Ok(answer?),
        }
    }
}
