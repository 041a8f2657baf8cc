//! A row that does not exist at a moment: whether it was deleted before, comes later, or never does.

use kernel::Position;
use projector::timeline::{Timeline, Version};
use serde::Serialize;

use super::{
    cut::{Cut, Origin},
    exit,
    failure::Failure,
};

/// Why there is no row.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Absence {
    /// It was deleted before.
    Deleted(Origin),
    /// It is created later.
    Created(Origin),
    /// The log has never had it.
    Never,
}

impl Absence {
    /// Why there is no row of `topic` with this key as of `at`, whose last version up to then is `last` as far as the
    /// timeline remembers.
    pub(super) async fn of(
        timeline: &Timeline,
        (topic, key): (&str, &str),
        last: Option<&Version>,
        at: Position,
    ) -> Result<Self, Failure> {
        let engine = timeline.engine();
        if let Some(Version { position, .. }) = last {
            return Ok(Self::Deleted(Origin::of(engine, topic, *position).await?));
        }
        let head = engine.head().await?.position;
        let versions = timeline.versions(topic, key, head).await?;
        // Where old versions were dropped, only all of them tell that there was one.
        if let Some(Version { position, row: None }) = versions.iter().rfind(|version| version.position <= at) {
            return Ok(Self::Deleted(Origin::of(engine, topic, *position).await?));
        }
        let first = versions.iter().find(|version| version.row.is_some()).map(|version| version.position);
        match first {
            Some(first) => Ok(Self::Created(Origin::of(engine, topic, first).await?)),
            None => Ok(Self::Never),
        }
    }

    /// The sentence for people, and the exit code.
    pub(super) fn failure(&self, topic: &str, key: &str, cut: &Cut) -> Failure {
        let mut sentence = match self {
            Self::Never => format!("no {topic} {key} has ever existed"),
            Self::Deleted(_) | Self::Created(_) => format!("{topic} {key} does not exist {}", cut.words()),
        };
        match self {
            Self::Deleted(origin) => sentence.push_str(&format!("; it was deleted at {}", origin.words())),
            Self::Created(origin) => sentence.push_str(&format!("; it is created later, at {}", origin.words())),
            Self::Never if cut.position() == Position::ZERO => {
                sentence.push_str(&format!(", and none {}", cut.words()));
            }
            Self::Never => {}
        }
        Failure::new(exit::NOT_FOUND, sentence)
    }
}
