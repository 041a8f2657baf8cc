//! Runs: stretches of the log, packed to be written at the end of the timeline's file.

use kernel::TopicKind;

use super::{
    block::{Block, Packed, Packer},
    disk::State,
    mentions,
    recent::{Living, Recent},
};

/// How many entries make a run, at the least.
///
/// They are in memory until then, and whoever reads the file beside its keeper reads as much of the log; on the
/// other side, one row is looked up in every run since the last keyframe.
pub(super) const RUN: u64 = 8_192;

/// A run is no shorter than this part of what exists, so that there are never many more runs than this between two
/// keyframes.
const PART: u64 = 64;

/// A stretch of the log, packed.
#[derive(Debug)]
pub(super) struct Run {
    /// Where the file stands once it holds this run, which has the number `to.runs`.
    pub(super) to: State,
    pub(super) blocks: Vec<Block>,
    pub(super) mentions: Vec<Vec<u8>>,
    /// Entities that exist now, or do so no more.
    born: Vec<(u128, bool)>,
}

/// Whether it is time to write a run, of so many entries at the least.
pub(super) fn is_due(recent: &Recent, least: u64) -> bool {
    recent.entries >= least.max(recent.living.len() / PART)
}

impl State {
    /// Whether it is time for a keyframe, after so many versions at the least.
    ///
    /// One for as many versions as there are entities keeps both small: a keyframe for each version doubles what is
    /// written at most, and whoever asks for all rows reads at most as many again as there are.
    pub(super) fn is_frame_due(&self, living: &Living, least: u64) -> bool {
        self.since >= least.max(living.len())
    }

    /// The same, with a keyframe.
    pub(super) fn framed(&self) -> Self {
        let frame = self.runs + 1;
        Self { runs: frame, base: frame, since: 0, ..self.clone() }
    }
}

impl Run {
    /// What `recent` holds, as the run after `from`.
    pub(super) fn of(recent: &Recent, from: &State) -> Self {
        let (mut packer, mut born, mut entities) = (Packer::default(), Vec::new(), 0);
        let run = from.runs + 1;
        for (topic, rows) in recent.topics() {
            let is_entity = topic.kind == TopicKind::Entity;
            for (key, versions) in rows {
                let mut before = recent.living.run(topic.name, key).unwrap_or(0);
                for version in versions {
                    let row = version.row.as_deref();
                    packer.push(topic.name, &Packed { key, position: version.position, before, row });
                    before = run;
                }
                if is_entity {
                    entities += versions.len() as u64;
                    let exists = versions.last().is_some_and(|version| version.row.is_some());
                    born.push((Living::name(topic.name, key), exists));
                }
            }
        }
        let (checkpoint, since) = (recent.at.clone(), from.since + entities);
        let to = State { checkpoint, runs: run, since, ..from.clone() };
        Self { to, blocks: packer.finish(), mentions: mentions::pack(recent.mentions()), born }
    }
}

impl Recent {
    /// Forgets what is in `run` now: the stretch begins after it.
    pub(super) fn drop_sealed(&mut self, run: &Run) {
        for (entity, exists) in &run.born {
            self.living.set(*entity, exists.then_some(run.to.runs));
        }
        self.begin_after(run.to.checkpoint.clone());
    }
}
