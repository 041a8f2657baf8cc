//! Row versions packed into blocks: in order of key, each key's in log order.
//!
//! A version is a header of 28 bytes (length of key, length of row, the block of the version before, position; all
//! little-endian) and the two texts. A block is about 8 KiB of them, compressed by LZ4: versions of one row, and
//! rows of one topic, have most of their text in common.

use kernel::Position;
use lz4_flex::block::{compress_prepend_size, decompress_into, uncompressed_size};
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

/// How many bytes of versions are packed into one block, or one version that is larger.
///
/// To look one row up is to unpack a block: small ones are unpacked sooner, large ones are packed closer.
const BLOCK: usize = 8 << 10;

/// No row: it was deleted.
const NONE: u32 = u32::MAX;

/// How many bytes a block may say it has when unpacked; no row is near that long.
const MOST: usize = 1 << 30;

/// The length of a version's header.
const HEADER: usize = 28;

/// One version of a row in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packed<'b> {
    pub(super) key: &'b str,
    pub(super) position: Position,
    /// The block that holds the version before; 0 where there is none.
    pub(super) before: u32,
    /// The row; `None` when it was deleted.
    pub(super) row: Option<&'b str>,
}

impl Packed<'_> {
    /// How many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        HEADER + self.key.len() + self.row.map_or(0, str::len)
    }
}

/// A block and what it begins with.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// Its number in the file.
    pub(super) id: u32,
    pub(super) topic: &'static str,
    pub(super) key: String,
    pub(super) position: Position,
    /// Two bytes of the hash of each key.
    pub(super) keys: Vec<u8>,
    pub(super) packed: Vec<u8>,
}

/// What is kept of a key's hash beside a block, to tell most blocks that don't have it.
pub(super) fn mark(key: &str) -> [u8; 2] {
    (xxh3_64(key.as_bytes()) as u16).to_be_bytes()
}

/// Packs versions that come in order of topic, key and position.
#[derive(Debug)]
pub(super) struct Packer {
    blocks: Vec<Block>,
    /// The number of the next block.
    next: u32,
    /// The last key in the block in the making.
    key: String,
}

impl Packer {
    /// Its blocks have the numbers after `last`.
    pub(super) const fn after(last: u32) -> Self {
        Self { blocks: Vec::new(), next: last + 1, key: String::new() }
    }

    /// Packs the next version; gives the number of its block.
    pub(super) fn push(&mut self, topic: &'static str, version: &Packed<'_>) -> u32 {
        let Packed { key, position, before, row } = *version;
        if self.blocks.last().is_none_or(|block| block.packed.len() >= BLOCK || block.topic != topic) {
            self.begin(topic, key, position);
        }
        let Some(block) = self.blocks.last_mut() else { return 0 };
        if block.keys.is_empty() || self.key != key {
            block.keys.extend(mark(key));
            self.key.clear();
            self.key.push_str(key);
        }
        let text = &mut block.packed;
        let length = |text: &str| u32::try_from(text.len()).unwrap_or(NONE - 1);
        text.extend(length(key).to_le_bytes());
        text.extend(row.map_or(NONE, length).to_le_bytes());
        text.extend(before.to_le_bytes());
        text.extend(position.ms().to_le_bytes());
        text.extend(position.seq().to_le_bytes());
        text.extend(key.as_bytes());
        text.extend(row.unwrap_or_default().as_bytes());
        block.id
    }

    fn begin(&mut self, topic: &'static str, key: &str, position: Position) {
        let (keys, packed) = (Vec::with_capacity(2 * BLOCK / HEADER), Vec::with_capacity(BLOCK + BLOCK / 4));
        self.blocks.push(Block { id: self.next, topic, key: key.to_owned(), position, keys, packed });
        self.next += 1;
    }

    /// The blocks, not compressed yet.
    pub(super) fn finish(self) -> Vec<Block> {
        self.blocks
    }
}

/// Compresses blocks, on all cores.
pub(super) fn compress(blocks: &mut [Block]) {
    blocks.par_iter_mut().for_each(|block| block.packed = compress_prepend_size(&block.packed));
}

/// What a block holds, unpacked, for [`versions`]; nothing when it is no block.
pub(super) fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let (size, rest) = uncompressed_size(packed).ok()?;
    // LZ4 makes nothing smaller than by this.
    if size > MOST || size > rest.len().saturating_mul(256) {
        return None;
    }
    let mut text = vec![0; size];
    (decompress_into(rest, &mut text).ok()? == size).then_some(text)
}

/// The versions in an unpacked block, in order; `None` in their place where there is no sense in the rest.
pub(super) fn versions(text: &[u8]) -> impl Iterator<Item = Option<Packed<'_>>> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take().filter(|text| !text.is_empty())?;
        let read = read(text);
        rest = read.map(|(_, rest)| rest);
        Some(read.map(|(version, _)| version))
    })
}

fn read(text: &[u8]) -> Option<(Packed<'_>, &[u8])> {
    let (header, text) = text.split_at_checked(HEADER)?;
    let four = |at: usize| header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    let eight = |at: usize| header.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    let (key, row) = (four(0)?, four(4)?);
    let (key, text) = text.split_at_checked(key as usize)?;
    let (row, text) = if row == NONE {
        (None, text)
    } else {
        let (row, text) = text.split_at_checked(row as usize)?;
        (Some(std::str::from_utf8(row).ok()?), text)
    };
    let position = Position::new(eight(12)?, eight(20)?);
    Some((Packed { key: std::str::from_utf8(key).ok()?, position, before: four(8)?, row }, text))
}

#[cfg(test)]
mod tests;
