//! Row versions packed into blocks: in order of key, each key's in log order.
//!
//! A version is a header of 28 bytes (length of key, length of row, the run of the version before, position; all
//! little-endian) and the two texts. A block is about 4 KiB of them, compressed by LZ4: versions of one row, and
//! rows of one topic, have most of their text in common.

use kernel::Position;
use lz4_flex::block::{compress_prepend_size, decompress_into, uncompressed_size};

/// How many bytes of versions are packed into one block, or one version that is larger.
///
/// To look one row up is to unpack a block: small ones are unpacked sooner, large ones are packed closer.
const BLOCK: usize = 4 << 10;

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
    /// The run that holds the version before; 0 where there is none.
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
    pub(super) topic: &'static str,
    pub(super) key: String,
    pub(super) position: Position,
    pub(super) packed: Vec<u8>,
}

/// Packs versions that come in order of topic, key and position.
#[derive(Debug, Default)]
pub(super) struct Packer {
    blocks: Vec<Block>,
    /// What the block in the making begins with.
    first: Option<(&'static str, String, Position)>,
    text: Vec<u8>,
}

impl Packer {
    pub(super) fn push(&mut self, topic: &'static str, version: &Packed<'_>) {
        if self.text.len() >= BLOCK || self.first.as_ref().is_some_and(|(of, ..)| *of != topic) {
            self.seal();
        }
        let Packed { key, position, before, row } = *version;
        if self.first.is_none() {
            self.first = Some((topic, key.to_owned(), position));
        }
        let length = |text: &str| u32::try_from(text.len()).unwrap_or(NONE - 1);
        self.text.extend(length(key).to_le_bytes());
        self.text.extend(row.map_or(NONE, length).to_le_bytes());
        self.text.extend(before.to_le_bytes());
        self.text.extend(position.ms().to_le_bytes());
        self.text.extend(position.seq().to_le_bytes());
        self.text.extend(key.as_bytes());
        self.text.extend(row.unwrap_or_default().as_bytes());
    }

    fn seal(&mut self) {
        if let Some((topic, key, position)) = self.first.take() {
            self.blocks.push(Block { topic, key, position, packed: compress_prepend_size(&self.text) });
            self.text.clear();
        }
    }

    pub(super) fn finish(mut self) -> Vec<Block> {
        self.seal();
        self.blocks
    }
}

/// What a block holds, unpacked, for [`versions`]; nothing when it is no block.
pub(super) fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let (size, rest) = uncompressed_size(packed).ok()?;
    if size > MOST {
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
