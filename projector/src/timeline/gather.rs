//! Rows as of a position out of the blocks that may hold them.

use std::collections::{HashMap, HashSet};

use kernel::{Position, Row};
use rayon::prelude::*;

use super::block::{self, Packed};
use crate::rebuild::prefix;

/// Rows of a topic, each with where its version stands, in order of keys.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    texts: Vec<Vec<u8>>,
    /// Block, text and where in the text each row's version is.
    found: Vec<(u32, u32, u32)>,
}

/// The last version of each key up to `at` in blocks of ascending numbers, each with its number; nothing when one is no block.
pub(super) fn gather(blocks: &[(u32, Vec<u8>)], at: Position) -> Option<Gathered> {
    let texts: Option<Vec<_>> = blocks.par_iter().map(|(_, packed)| block::unpack(packed)).collect();
    let texts = texts?;
    let found: Option<Vec<_>> = texts
        .par_iter()
        .zip(blocks)
        .enumerate()
        .map(|(index, (text, (id, _)))| {
            let (mut offset, mut found) = (0, Vec::with_capacity(64));
            for version in block::versions(text) {
                let version = version?;
                if version.position <= at {
                    found.push((prefix(version.key), version, *id, index as u32, offset));
                }
                offset += version.bytes() as u32;
            }
            Some(found)
        })
        .collect();
    let mut found: Vec<_> = found?.into_iter().flatten().collect();
    // Each run is sorted, and later runs come later: of one key the last is the one that holds.
    found.par_sort_by(|(a, version, ..), (b, other, ..)| a.cmp(b).then_with(|| version.key.cmp(other.key)));
    let last = found.chunk_by(|(_, a, ..), (_, b, ..)| a.key == b.key).filter_map(<[_]>::last);
    let found = last.filter(|(_, version, ..)| version.row.is_some());
    let found = found.map(|(_, _, id, index, offset)| (*id, *index, *offset)).collect();
    Some(Gathered { texts, found })
}

impl Gathered {
    /// The rows in order of keys, each with the block that holds it.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u32, Packed<'_>)> {
        self.found.iter().filter_map(|(id, index, offset)| {
            let text = self.texts.get(*index as usize)?.get(*offset as usize..)?;
            Some((*id, block::versions(text).next()??))
        })
    }
}

/// The versions after a position, up to and at another, in blocks of ascending runs: each with its key and the block of
/// the version before it. Nothing when one is no block.
pub(super) fn touched(blocks: &[Vec<u8>], (from, to): (Position, Position)) -> Option<Vec<(String, u32, Option<Row>)>> {
    let found = blocks.par_iter().map(|packed| {
        let text = block::unpack(packed)?;
        let mut found = Vec::new();
        for version in block::versions(&text) {
            let Packed { key, position, before, row } = version?;
            if position > from && position <= to {
                found.push((key.to_owned(), before, row.map(Row::from)));
            }
        }
        Some(found)
    });
    let found: Option<Vec<_>> = found.collect();
    Some(found?.into_iter().flatten().collect())
}

/// The last versions of rows up to `at` in the blocks named beside them; nothing when one is no block.
pub(super) fn pick(
    blocks: &[(u32, Vec<u8>)],
    wanted: &HashSet<(u32, String)>,
    at: Position,
) -> Option<HashMap<(u32, String), Option<Row>>> {
    let mut keys: HashMap<u32, Vec<&str>> = HashMap::new();
    wanted.iter().for_each(|(block, key)| keys.entry(*block).or_default().push(key));
    let found = blocks.par_iter().map(|(id, packed)| {
        let (text, keys) = (block::unpack(packed)?, keys.get(id)?);
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            for version in block::versions(&text) {
                let Packed { key: of, position, row, .. } = version?;
                if of == *key && position <= at {
                    found.push(((*id, of.to_owned()), row.map(Row::from)));
                }
            }
        }
        Some(found)
    });
    let found: Option<Vec<_>> = found.collect();
    // Of one key the last comes last.
    Some(found?.into_iter().flatten().collect())
}
