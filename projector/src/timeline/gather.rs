//! Rows as of a position out of the blocks that may hold them.

use kernel::Position;
use rayon::prelude::*;

use super::block::{self, Packed};

/// Rows of a topic, each with where its version stands, in order of keys.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    texts: Vec<Vec<u8>>,
    /// Run, text and where in the text each row's version is.
    found: Vec<(u32, u32, u32)>,
}

/// The last version of each key up to `at` in blocks of ascending runs; nothing when one is no block.
pub(super) fn gather(blocks: &[(u32, Vec<u8>)], at: Position) -> Option<Gathered> {
    let texts: Option<Vec<_>> = blocks.par_iter().map(|(_, packed)| block::unpack(packed)).collect();
    let texts = texts?;
    let mut found = Vec::new();
    for (index, (text, (run, _))) in texts.iter().zip(blocks).enumerate() {
        let mut offset = 0;
        for version in block::versions(text) {
            let version = version?;
            if version.position <= at {
                found.push((version, *run, index as u32, offset));
            }
            offset += version.bytes() as u32;
        }
    }
    // Each run is sorted, and later runs come later: of one key the last is the one that holds.
    found.sort_by(|(a, ..), (b, ..)| a.key.cmp(b.key));
    let last = found.chunk_by(|(a, ..), (b, ..)| a.key == b.key).filter_map(<[_]>::last);
    let found = last.filter(|(version, ..)| version.row.is_some());
    let found = found.map(|(_, run, index, offset)| (*run, *index, *offset)).collect();
    Some(Gathered { texts, found })
}

impl Gathered {
    /// The rows in order of keys, each with the run that holds it.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u32, Packed<'_>)> {
        self.found.iter().filter_map(|(run, index, offset)| {
            let text = self.texts.get(*index as usize)?.get(*offset as usize..)?;
            Some((*run, block::versions(text).next()??))
        })
    }
}
