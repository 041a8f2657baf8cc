//! Long work on a log that this gateway does for clients: one of a kind at a time, told about while it lasts.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use projector::audit::Progress;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    problem::{Kind, Problem},
    reply,
};

/// What came of it, by name; or why nothing did.
pub(crate) type Outcome = Result<Map<String, Value>, String>;

/// Work of one kind. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Work(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// What it is called: a replay.
    name: &'static str,
    /// Where it is told how it goes.
    location: &'static str,
    /// Cancelled when the gateway stops.
    stopping: CancellationToken,
    runs: Mutex<Runs>,
}

#[derive(Debug, Default)]
struct Runs {
    current: Option<Run>,
    last: Option<Value>,
}

/// What is under way.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    asked: Map<String, Value>,
    began: Instant,
    progress: watch::Receiver<Progress>,
    stop: CancellationToken,
    /// Whether it has ended.
    ended: watch::Receiver<bool>,
}

/// What work is given to tell how far it has come, and to be told that it should stop.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) progress: watch::Sender<Progress>,
    pub(crate) stop: CancellationToken,
}

impl Work {
    /// None yet; it is stopped when `stopping` is cancelled.
    pub(crate) fn new(name: &'static str, location: &'static str, stopping: CancellationToken) -> Self {
        Self(Arc::new(Shared { name, location, stopping, runs: Mutex::default() }))
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.0.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts what `work` makes of its task, unless some is under way; `asked` is told beside how it goes.
    pub(crate) fn start<F>(&self, asked: Map<String, Value>, work: impl FnOnce(Task) -> F) -> Result<Run, Problem>
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let Shared { name, location, stopping, .. } = &*self.0;
        let mut runs = self.runs();
        if runs.current.is_some() {
            let detail = format!("another {name} is under way; wait for it, GET {location} tells how far it is");
            return Err(Problem::new(Kind::Conflict, detail));
        }
        let (progress, ended) = (watch::Sender::default(), watch::Sender::default());
        let task = Task { progress, stop: stopping.child_token() };
        let (progress, stop) = (task.progress.subscribe(), task.stop.clone());
        let run = Run { asked, began: Instant::now(), progress, stop, ended: ended.subscribe() };
        runs.current = Some(run.clone());
        let (this, working) = (self.clone(), tokio::spawn(work(task)));
        tokio::spawn(async move {
            // In a task of its own, so that a panic is an end like any other.
            this.end(working.await.unwrap_or_else(|error| Err(format!("it died: {error}"))));
            ended.send_replace(true);
        });
        Ok(run)
    }

    fn end(&self, outcome: Outcome) {
        let name = self.0.name;
        let mut runs = self.runs();
        let Some(Run { mut asked, began, .. }) = runs.current.take() else { return };
        let seconds = began.elapsed().as_secs_f64();
        match outcome {
            Ok(found) => {
                tracing::info!(kind = name, seconds, "work is done");
                asked.insert("seconds".to_owned(), seconds.into());
                asked.extend(found);
            }
            Err(error) => {
                tracing::warn!(kind = name, error, seconds, "work came to nothing");
                asked.insert("error".to_owned(), error.into());
            }
        }
        runs.last = Some(asked.into());
    }

    /// What is under way.
    pub(crate) fn current(&self) -> Option<Run> {
        self.runs().current.clone()
    }

    /// How it goes, and how the last went.
    pub(crate) fn told(&self) -> Value {
        let runs = self.runs();
        json!({"current": runs.current.as_ref().map(Run::told), "last": runs.last})
    }

    /// The answer to who has started it.
    pub(crate) fn accepted(&self, run: &Run) -> Response {
        let mut response = reply::json(StatusCode::ACCEPTED, json!({"result": run.told()}).to_string());
        response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(self.0.location));
        response
    }

    /// Stops what is under way, and answers when it has ended, or that it will after `most`.
    pub(crate) async fn stop(&self, most: Duration) -> Result<Response, Problem> {
        let none = || Problem::new(Kind::NotFound, format!("this gateway runs no {}", self.0.name));
        let mut run = self.current().ok_or_else(none)?;
        run.stop.cancel();
        match tokio::time::timeout(most, run.ended()).await {
            Ok(()) => Ok(reply::result("true")),
            Err(_) => Ok(self.accepted(&run)),
        }
    }

    /// Returns when none is under way.
    pub(crate) async fn over(&self) {
        while let Some(mut run) = self.current() {
            run.ended().await;
        }
    }
}

impl Run {
    fn told(&self) -> Value {
        let Progress { entries, of } = *self.progress.borrow();
        let mut told = self.asked.clone();
        told.insert("entries".to_owned(), entries.into());
        told.insert("of".to_owned(), of.into());
        told.insert("seconds".to_owned(), self.began.elapsed().as_secs_f64().into());
        told.into()
    }

    async fn ended(&mut self) {
        // Whoever sees it through never leaves without telling, unless the whole runtime ends.
        let _ = self.ended.wait_for(|ended| *ended).await;
    }
}
