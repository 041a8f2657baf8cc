//! Looks now and then at what is served and at rebuilds under way, whoever runs them: once for all clients.

use std::{sync::Arc, time::Duration};

use projector::{ReadModel, rebuild::Progress};
use runtime::StoreError;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::Rebuilds;
use crate::served::Served;

/// How often clients are shown how far a rebuild has come.
const SHOW: Duration = Duration::from_millis(500);

/// How often the served version is looked up: so long rows of another version can go unmarked after another
/// program has put them in place.
const LOOK: Duration = Duration::from_secs(1);

/// How long the store may take to answer; it is asked again.
const PATIENCE: Duration = Duration::from_secs(2);

/// How far a rebuild has come, as clients are shown it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// JSON.
    progress: String,
    /// Whether there is nothing more to come.
    is_last: bool,
}

impl Shown {
    /// The message that a client is sent.
    pub(crate) fn message(&self) -> String {
        let Self { progress, is_last } = self;
        if *is_last {
            format!("{{\"rebuild\":{progress},\"ended\":true}}")
        } else {
            format!("{{\"rebuild\":{progress}}}")
        }
    }
}

impl Rebuilds {
    /// What clients are shown from now on, beginning with what is under way.
    pub(crate) fn shown(&self) -> watch::Receiver<Option<Arc<Shown>>> {
        let mut shown = self.0.shown.subscribe();
        if shown.borrow_and_update().as_ref().is_some_and(|shown| !shown.is_last) {
            shown.mark_changed();
        }
        self.0.look.notify_one();
        shown
    }

    /// How far the rebuild under way has come, here or in another process, as JSON.
    pub(crate) async fn told(&self, model: &ReadModel) -> Result<Option<String>, StoreError> {
        match self.current() {
            Some(run) => Ok(Some(json(&run.progress()))),
            None => model.told().await,
        }
    }

    fn show(&self, progress: String) {
        self.replace(Some(Shown { progress, is_last: false }));
    }

    pub(super) fn show_last(&self, progress: &Progress) {
        self.replace(Some(Shown { progress: json(progress), is_last: true }));
    }

    /// Nothing is under way any more: shows the last that was known of it.
    fn show_end(&self) {
        let last = match self.0.shown.borrow().as_deref() {
            Some(Shown { progress, is_last: false }) => progress.clone(),
            Some(_) | None => return,
        };
        self.replace(Some(Shown { progress: last, is_last: true }));
    }

    fn replace(&self, new: Option<Shown>) {
        self.0.shown.send_if_modified(|shown| {
            let differs = shown.as_deref() != new.as_ref();
            if differs {
                *shown = new.map(Arc::new);
            }
            differs
        });
    }

    /// Shows how far the rebuild under way has come, if anybody wants to see it.
    async fn look(&self, model: &ReadModel) -> Result<(), StoreError> {
        if self.0.shown.receiver_count() == 0 {
            // What is shown to the next client must not be of long ago.
            self.replace(None);
            return Ok(());
        }
        if self.show_own() {
            return Ok(());
        }
        let told = model.told().await?;
        if !self.show_own() {
            told.map_or_else(|| self.show_end(), |progress| self.show(progress));
        }
        Ok(())
    }

    /// Shows the one that is under way here, if one is.
    fn show_own(&self) -> bool {
        // It can't end meanwhile and be shown as if it had not.
        let runs = self.runs();
        let Some(run) = &runs.current else { return false };
        self.show(json(&run.progress()));
        true
    }
}

/// What looks.
pub(crate) struct Watcher {
    pub(crate) rebuilds: Rebuilds,
    pub(crate) model: ReadModel,
    pub(crate) served: Arc<Served>,
}

impl Watcher {
    /// Looks until the task is aborted.
    pub(crate) async fn run(self) {
        let mut every = interval(SHOW);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looked: Option<Instant> = None;
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = self.rebuilds.0.look.notified() => every.reset(),
            }
            if looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
                looked = Some(Instant::now());
                if let Ok(Ok(state)) = timeout(PATIENCE, self.model.state()).await {
                    self.served.saw(&state);
                }
            }
            match timeout(PATIENCE, self.rebuilds.look(&self.model)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "progress of a rebuild not known for now"),
                Err(_) => tracing::debug!("progress of a rebuild not known for now: the store is silent"),
            }
        }
    }
}

fn json(progress: &Progress) -> String {
    serde_json::to_string(progress).unwrap_or_else(|_| "null".to_owned())
}
