//! Rebuilds of the served read model that this gateway runs: one at a time, told about while they last.

mod watcher;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use projector::rebuild::{Phase, Progress, Rebuild, RebuildError, Report};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

pub(crate) use watcher::{Shown, Watcher};

/// Which generation comes to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A new one, or one that is held back.
    Rebuild,
    /// The one that was served before.
    Rollback,
}

/// The rebuilds of one gateway. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Rebuilds(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    runs: Mutex<Runs>,
    /// Cancelled when the gateway stops.
    stopping: CancellationToken,
    /// What clients are shown who have asked for it.
    shown: watch::Sender<Option<Arc<Shown>>>,
    /// The watcher has something to look at before its time.
    look: Notify,
}

#[derive(Debug, Default)]
struct Runs {
    current: Option<Run>,
    last: Option<Arc<Ended>>,
}

/// A rebuild under way in this gateway.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    progress: watch::Receiver<Progress>,
    stop: CancellationToken,
    ended: watch::Receiver<Option<Arc<Ended>>>,
}

/// How a rebuild went.
#[derive(Debug)]
pub(crate) struct Ended {
    kind: Kind,
    pub(crate) result: Result<Report, RebuildError>,
}

impl Serialize for Ended {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("kind", &self.kind)?;
        match &self.result {
            Ok(report) => map.serialize_entry("report", report)?,
            Err(error) => map.serialize_entry("error", &error.to_string())?,
        }
        map.end()
    }
}

impl Rebuilds {
    /// None yet; they are stopped when `stopping` is cancelled.
    pub(crate) fn new(stopping: CancellationToken) -> Self {
        let (runs, shown, look) = (Mutex::default(), watch::Sender::default(), Notify::new());
        Self(Arc::new(Shared { runs, stopping, shown, look }))
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.0.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts one, unless one is under way here; another process's is found out by the run itself.
    pub(crate) fn start(&self, kind: Kind, rebuild: Rebuild) -> Result<Run, RebuildError> {
        let mut runs = self.runs();
        if runs.current.is_some() {
            return Err(RebuildError::Held { place: rebuild.model.place(), holder: rebuild.holder });
        }
        let (progress, ended) = (watch::Sender::new(Progress::default()), watch::Sender::new(None));
        let stop = self.0.stopping.child_token();
        let run = Run { progress: progress.subscribe(), stop: stop.clone(), ended: ended.subscribe() };
        runs.current = Some(run.clone());
        let this = self.clone();
        tokio::spawn(async move {
            // In a task of its own, so that a panic is an end like any other.
            let working = tokio::spawn(async move {
                match kind {
                    Kind::Rebuild => rebuild.run(&progress, &stop).await,
                    Kind::Rollback => rebuild.roll_back(&progress, &stop).await,
                }
            });
            let result = working.await.unwrap_or_else(|error| Err(RebuildError::Died(error.to_string())));
            ended.send_replace(Some(this.end(Ended { kind, result })));
        });
        drop(runs);
        self.0.look.notify_one();
        Ok(run)
    }

    fn end(&self, ended: Ended) -> Arc<Ended> {
        let ended = Arc::new(ended);
        match &ended.result {
            Ok(report) => {
                let (position, seconds) = (report.checkpoint.position, report.seconds);
                tracing::info!(kind = ?ended.kind, report.generation, report.served, %position, seconds, "rebuilt");
            }
            Err(error) => tracing::warn!(kind = ?ended.kind, %error, "not rebuilt"),
        }
        let mut runs = self.runs();
        if let Some(run) = runs.current.take() {
            self.show_last(&run.progress.borrow());
        }
        // Where another has the right to rebuild, nothing was done that could be the last.
        if !matches!(ended.result, Err(RebuildError::Held { .. })) {
            runs.last = Some(ended.clone());
        }
        ended
    }

    /// The one that is under way here.
    pub(crate) fn current(&self) -> Option<Run> {
        self.runs().current.clone()
    }

    /// How the last one here went.
    pub(crate) fn last(&self) -> Option<Arc<Ended>> {
        self.runs().last.clone()
    }

    /// Returns when none is under way here.
    pub(crate) async fn over(&self) {
        while let Some(mut run) = self.current() {
            run.ended().await;
        }
    }
}

impl Run {
    /// How far it has come.
    pub(crate) fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Waits until it is at work or has ended, up to `most`; tells how, if it has.
    pub(crate) async fn begun(&mut self, most: Duration) -> Option<Arc<Ended>> {
        let working = async |progress: &mut watch::Receiver<Progress>| {
            if progress.wait_for(|progress| progress.phase != Phase::Begin).await.is_err() {
                // It has ended without, which is told in a moment.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            ended = ended(&mut self.ended) => Some(ended),
            () = working(&mut self.progress) => None,
            () = tokio::time::sleep(most) => None,
        }
    }

    /// Tells it to stop, in order.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until it has ended; tells how.
    pub(crate) async fn ended(&mut self) -> Arc<Ended> {
        ended(&mut self.ended).await
    }
}

async fn ended(ended: &mut watch::Receiver<Option<Arc<Ended>>>) -> Arc<Ended> {
    if let Ok(ended) = ended.wait_for(Option::is_some).await
        && let Some(ended) = &*ended
    {
        return ended.clone();
    }
    // Whoever sees it through never leaves without telling, unless the whole runtime ends.
    std::future::pending().await
}
