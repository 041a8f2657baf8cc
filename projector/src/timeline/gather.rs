//! Rows as of a position out of the blocks that may hold them.

use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
};

use kernel::{Position, Row};
use rayon::prelude::*;

use super::block::{self, Packed};
use crate::rebuild::prefix;

/// Rows of a topic, in order of keys.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    texts: Vec<Vec<u8>>,
    found: Vec<Place>,
}

/// Where a version is. Small, because many are sorted.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The first bytes of the key.
    prefix: u64,
    /// The block's number in the file.
    block: u32,
    /// Which of the texts it is in.
    text: u32,
    /// Where in the text.
    offset: u32,
}

impl Place {
    fn version<'t>(&self, texts: &'t [Vec<u8>]) -> Option<Packed<'t>> {
        let text = texts.get(self.text as usize)?.get(self.offset as usize..)?;
        block::versions(text).next()?
    }

    /// The order of keys; most are told by their first bytes.
    fn cmp(&self, other: &Self, texts: &[Vec<u8>]) -> Ordering {
        let key = |place: &Self| place.version(texts).map(|version| version.key);
        self.prefix.cmp(&other.prefix).then_with(|| key(self).cmp(&key(other)))
    }
}

/// The last version of each key up to `at` in blocks of ascending numbers, each with its number; nothing when one is
/// no block.
pub(super) fn gather(blocks: &[(u32, Vec<u8>)], at: Position) -> Option<Gathered> {
    let texts: Option<Vec<_>> = blocks.par_iter().map(|(_, packed)| block::unpack(packed)).collect();
    let texts = texts?;
    let places = |text: usize, unpacked: &[u8], block: u32| {
        let (mut offset, mut places) = (0, Vec::with_capacity(64));
        for version in block::versions(unpacked) {
            let version = version?;
            if version.position <= at {
                places.push(Place { prefix: prefix(version.key), block, text: text as u32, offset });
            }
            offset += version.bytes() as u32;
        }
        Some(places)
    };
    let found: Option<Vec<Vec<Place>>> = texts
        .par_iter()
        .zip(blocks)
        .enumerate()
        .map(|(text, (unpacked, (block, _)))| places(text, unpacked, *block))
        .collect();
    let mut found = found?.concat();
    // Each run is sorted, and later runs come later: of one key the last is the one that holds.
    found.par_sort_by(|a, b| a.cmp(b, &texts));
    let last = found.chunk_by(|a, b| a.cmp(b, &texts) == Ordering::Equal).filter_map(<[_]>::last);
    let exists = |place: &&Place| place.version(&texts).is_some_and(|version| version.row.is_some());
    let found = last.filter(exists).copied().collect();
    Some(Gathered { texts, found })
}

impl Gathered {
    /// The rows in order of keys, each with the block that holds it.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u32, Packed<'_>)> {
        self.found.iter().filter_map(|place| Some((place.block, place.version(&self.texts)?)))
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
