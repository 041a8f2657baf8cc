//! Which events mention an identifier: 20 bytes for each, in 64 parts of a run by the identifier's hash.
//!
//! A lookup reads one part of every run, 1.6 % of the whole. Half a hash is kept of each identifier, so what is
//! found has to be looked at: whoever asks reads the event anyway.

use std::collections::HashSet;

use kernel::Position;

use super::disk;

/// How many bytes each takes.
const MENTION: usize = 20;

/// How many parts there are.
pub(super) const PARTS: usize = 64;

/// The part that an identifier is in.
pub(super) const fn part(id: u64) -> u32 {
    (id >> 58) as u32
}

/// A run's mentions, by part.
pub(super) fn pack(mentions: &[(u64, Position)]) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new(); PARTS];
    for (id, position) in mentions {
        let part = &mut parts[part(*id) as usize];
        part.extend((*id as u32).to_be_bytes());
        part.extend(disk::bytes(*position));
    }
    parts
}

/// The positions that mention one of these, which all belong to the part; nothing where `packed` is no mentions.
pub(super) fn find(packed: &[u8], ids: &HashSet<u64>) -> Option<Vec<Position>> {
    let halves: HashSet<_> = ids.iter().map(|id| (*id as u32).to_be_bytes()).collect();
    let (mentions, []) = packed.as_chunks::<MENTION>() else { return None };
    let wanted = mentions.iter().filter(|mention| mention.first_chunk().is_some_and(|half| halves.contains(half)));
    wanted.map(|mention| disk::read_position(&mention[4..])).collect()
}

#[cfg(test)]
mod tests;
