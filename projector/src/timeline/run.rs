//! Runs: stretches of the log, packed to be written at the end of the timeline's file.

use std::collections::BTreeMap;

use kernel::TopicKind;

use super::{
    Version,
    block::{self, Block, Packed, Packer},
    disk::State,
    mentions,
    recent::{self, Kept, Living, Recent},
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
    /// By how many the rows of each topic grow.
    pub(super) grown: BTreeMap<&'static str, i64>,
    /// Entities that were touched, and the block that holds the last version of those that exist.
    born: Vec<(u128, Option<u32>)>,
}

/// Whether it is time to write a run, of so many entries at the least.
pub(super) fn is_due(recent: &Recent, least: u64) -> bool {
    recent.entries >= least.max(recent.living.len() / PART)
}

impl State {
    /// Whether it is time for a keyframe, after so many versions at the least.
    ///
    /// One for twice as many versions as there are entities keeps both small: what is written grows by half at most,
    /// and whoever asks for all rows reads at most twice as many besides.
    pub(super) fn is_frame_due(&self, living: &Living, least: u64) -> bool {
        // Where little of the log is about entities, there would be many runs to look into.
        self.since >= least.max(2 * living.len()) || u64::from(self.runs - self.base) >= 2 * PART
    }

    /// The same, with a keyframe.
    pub(super) fn framed(&self, living: &Living) -> Self {
        let frame = self.runs + 1;
        // How many blocks it has is not known yet; no more than entities.
        let blocks = self.blocks.saturating_add(u32::try_from(living.len()).unwrap_or(u32::MAX));
        Self { runs: frame, base: frame, blocks, since: 0, ..self.clone() }
    }
}

impl Run {
    /// What `recent` holds, as the run after `from`.
    pub(super) fn of(recent: &Recent, from: &State) -> Self {
        let (mut packer, mut born, mut entities) = (Packer::after(from.blocks), Vec::new(), 0);
        let mut grown: BTreeMap<_, i64> = recent.topics().iter().map(|topic| (topic.name, 0)).collect();
        for (topic, Kept { key, before, versions, .. }) in recent.sorted() {
            let mut last = *before;
            for Version { position, row } in versions {
                let packed = Packed { key, position: *position, before: last.unwrap_or(0), row: row.as_deref() };
                *grown.entry(topic.name).or_default() += i64::from(packed.growth());
                last = Some(packer.push(topic.name, &packed)).filter(|_| row.is_some());
            }
            if topic.kind == TopicKind::Entity {
                entities += versions.len() as u64;
                born.push((recent::name(topic.name, key), last));
            }
        }
        let blocks = packer.finish();
        let to = State {
            checkpoint: recent.at.clone(),
            runs: from.runs + 1,
            blocks: blocks.last().map_or(from.blocks, |block| block.id),
            since: from.since + entities,
            ..from.clone()
        };
        Self { to, blocks, mentions: mentions::pack(recent.mentions()), grown, born }
    }
}

impl Run {
    /// Compresses what is packed, on all cores; then it can be written.
    pub(super) fn compress(&mut self) {
        block::compress(&mut self.blocks);
    }
}

impl Recent {
    /// Forgets what is in `run` now: the stretch begins after it.
    pub(super) fn drop_sealed(&mut self, run: &Run) {
        for (entity, block) in &run.born {
            self.living.set(*entity, *block);
        }
        self.begin_after(run.to.checkpoint.clone());
    }
}
