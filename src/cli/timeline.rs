//! Which timeline a subcommand is about, and how long old versions are kept.

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use clap::Args;
use jiff::{SignedDuration, SpanRelativeTo, fmt::friendly::SpanParser};
use kernel::Domain;
use projector::timeline::{self, Retention, Timeline};
use runtime::{Engine, StoreError};

use super::{exit, failure::Failure, store::StoreArgs};

/// Which timeline a subcommand is about.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Store")]
pub(super) struct TimelineArgs {
    /// The timeline's file [default: beside an embedded store, in retrace-data for one in Redis]
    #[arg(long = "timeline", value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
}

/// The timeline that a process keeps.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Timeline")]
pub(super) struct KeepArgs {
    #[command(flatten)]
    timeline: TimelineArgs,
    /// How long old versions of rows are kept: all, or a length of time like 30d or 12h; what is older is told from
    /// the log, which takes longer
    #[arg(long, value_name = "all|DURATION", default_value = "all", allow_hyphen_values = true)]
    timeline_keep: Keep,
}

/// What becomes of old versions, as a command line says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keep(Retention);

impl TimelineArgs {
    /// The file; nothing for logs that end with their process, and for histories.
    pub(super) fn path(&self, store: &StoreArgs, domain: &Domain) -> Result<Option<PathBuf>, Failure> {
        if let Some(file) = &self.file {
            return Ok(Some(file.clone()));
        }
        Ok(timeline::beside(&store.url(domain)?, &store.namespace(), &store.data(), domain.name()))
    }

    /// Opens the timeline to ask it, beside whoever keeps it; where there is none, answers come from the log.
    pub(super) async fn open_reading(
        &self,
        store: &StoreArgs,
        domain: &Arc<Domain>,
        engine: &Engine,
    ) -> Result<Timeline, Failure> {
        let (domain, engine) = (domain.clone(), engine.clone());
        if let Some(file) = self.file.as_ref().filter(|file| !file.try_exists().unwrap_or(true)) {
            let message = format!("there is no timeline {}; `retrace rebuild --timeline` makes it", file.display());
            return Err(Failure::new(exit::NOT_FOUND, message));
        }
        match self.path(store, &domain)? {
            Some(path) => match Timeline::open_reading(domain.clone(), engine.clone(), &path).await {
                Err(error) if is_unusable(&error) => {
                    talk!("{error}; the answer comes from the log");
                    Ok(Timeline::in_memory(domain, engine))
                }
                opened => Ok(opened?),
            },
            None => Ok(Timeline::in_memory(domain, engine)),
        }
    }

    /// Opens the timeline to keep it or to make it, in memory where it has no file.
    pub(super) async fn open(
        &self,
        store: &StoreArgs,
        domain: &Arc<Domain>,
        engine: &Engine,
    ) -> Result<Timeline, Failure> {
        let (domain, engine) = (domain.clone(), engine.clone());
        let Some(path) = self.path(store, &domain)? else { return Ok(Timeline::in_memory(domain, engine)) };
        make_folder(&path)?;
        Ok(Timeline::open(domain, engine, &path).await?)
    }
}

/// Makes the folder of a timeline's file where it is missing.
fn make_folder(path: &Path) -> Result<(), Failure> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    let failed = |error| {
        let folder = folder.display();
        Failure::failed(format!("can't make the timeline's folder {folder}: {error}; name a file with --timeline"))
    };
    fs::create_dir_all(folder).map_err(failed)
}

/// Whether a timeline can't be used as it is: the log has everything that is in it.
const fn is_unusable(error: &StoreError) -> bool {
    matches!(error, StoreError::Unusable { .. } | StoreError::Corrupt { .. })
}

/// Why the timeline gives no answer. What does not go together is no difference that anybody asked for.
pub(super) fn failed(error: StoreError) -> Failure {
    if matches!(error, StoreError::Diverged { .. }) {
        return Failure::failed(format!("{error}; {}", timeline::REMEDY));
    }
    error.into()
}

impl KeepArgs {
    /// Opens the timeline to keep it; one that can't be used is not kept, and what is asked of the past is told from
    /// the log. Tells which.
    pub(super) async fn open(
        &self,
        store: &StoreArgs,
        domain: &Arc<Domain>,
        engine: &Engine,
    ) -> Result<(Timeline, bool), Failure> {
        let (domain, engine) = (domain.clone(), engine.clone());
        let Some(path) = self.timeline.path(store, &domain)? else {
            return Ok((Timeline::in_memory(domain, engine), true));
        };
        make_folder(&path)?;
        match Timeline::open(domain.clone(), engine.clone(), &path).await {
            Err(error) if is_unusable(&error) => {
                talk!("{error}; until then, what was is told from the log, which takes longer");
                Ok((Timeline::in_memory(domain, engine), false))
            }
            opened => Ok((opened?, true)),
        }
    }

    /// What becomes of old versions.
    pub(super) const fn retention(&self) -> Retention {
        self.timeline_keep.0
    }
}

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" {
            return Ok(Self(Retention::Everything));
        }
        let length = SpanParser::new().parse_span(text).ok();
        // Months and years have no length of their own.
        let length = length.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
        let length = length.filter(|length| *length > SignedDuration::ZERO);
        length.map(|length| Self(Retention::Last(length))).ok_or_else(|| {
            "expected all, or a length of time like 30d, 12h or 90m; a day has 24 hours, months and years have no \
             fixed length"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_are_kept_for_ever_or_for_so_long() {
        let kept = |text: &str| text.parse().map(|Keep(retention)| retention);
        assert_eq!(kept("all"), Ok(Retention::Everything));
        for (text, hours) in [("30d", 720), ("12h", 12), ("1w", 168), ("1d 12h", 36), ("2 days", 48)] {
            assert_eq!(kept(text), Ok(Retention::Last(SignedDuration::from_hours(hours))), "{text}");
        }
        for text in ["", "30", "0s", "-1d", "1mo", "1 year", "everything", "ALL", "99999999999999999999d"] {
            assert!(kept(text).is_err_and(|error| error.starts_with("expected all, or a length")), "{text}");
        }
    }
}
