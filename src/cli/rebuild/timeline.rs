//! `retrace rebuild --timeline`: the timeline made anew from the log.

use std::{path::PathBuf, sync::Arc};

use kernel::Domain;
use projector::{
    rebuild::Progress,
    timeline::{BuildError, Built, Way},
};
use runtime::Engine;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cli::{
    bar::Bar,
    failure::Failure,
    roles::Signals,
    store::StoreArgs,
    timeline::TimelineArgs,
    words::{at, counted, out, thousands},
};

use super::{progress, see_through};

/// Makes the timeline in `file` anew; the one that goes with the log, where none is named.
pub(super) async fn run(
    domain: &Arc<Domain>,
    engine: &Engine,
    (file, store): (Option<PathBuf>, &StoreArgs),
    json: bool,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let timeline = TimelineArgs { file }.open(store, domain, engine).await?;
    let (progress, stop) = (watch::Sender::new(Progress::default()), CancellationToken::new());
    let bar = Bar::show(progress.subscribe(), progress::of_timeline);
    let built = see_through(timeline.build(Way::Anew, &progress, &stop), &stop, signals).await;
    bar.clear().await;
    let built = built??;
    out(&if json {
        format!("{}\n", serde_json::to_string(&built).unwrap_or_default())
    } else {
        text(&built, &engine.url())
    });
    Ok(())
}

fn text(built: &Built, log: &str) -> String {
    let Built { into, checkpoint, events, runs, entities, bytes, seconds, events_per_second } = built;
    let mut text = format!("timeline {into} is built\n");
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<12}{value}\n"));
    line("log", log.to_owned());
    line("position", at(checkpoint));
    line("entities", thousands(*entities));
    line("size", format!("{} bytes in {}", thousands(*bytes), counted(u64::from(*runs), "run", "runs")));
    let rate = thousands(*events_per_second as u64);
    line("read", format!("{} events in {seconds:.2} s, {rate}/s", thousands(*events)));
    text
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Store(error) => error.into(),
            BuildError::NoFile(_) => Self::usage(format!("{error}; name a file, --timeline FILE")),
            BuildError::Interrupted(position) => Self::failed(format!(
                "interrupted; everything up to {position} is kept, a running gateway goes on from there, and the same \
                 command begins anew"
            )),
            BuildError::Moved(_) | BuildError::Died(_) => Self::failed(error.to_string()),
        }
    }
}
