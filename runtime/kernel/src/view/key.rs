//! Ids as a map's keys.

use std::{borrow::Borrow, cmp::Ordering, sync::Arc};

/// An id, ordered as its text is.
///
/// The first bytes stand beside the pointer: most ids differ there, and the search through a map then stays in the
/// map's own memory.
#[derive(Clone, Debug)]
pub(super) struct Key {
    first: u64,
    id: Arc<str>,
}

impl Key {
    pub(super) fn new(id: &Arc<str>) -> Self {
        Self { first: first(id), id: Arc::clone(id) }
    }

    pub(super) const fn id(&self) -> &Arc<str> {
        &self.id
    }
}

/// What a key is compared by: the key itself, or a text that is looked for.
pub(super) trait Sought {
    fn parts(&self) -> (u64, &str);
}

impl Sought for Key {
    fn parts(&self) -> (u64, &str) {
        (self.first, &self.id)
    }
}

/// A text that is looked for.
pub(super) struct Text<'t>(u64, &'t str);

impl<'t> Text<'t> {
    pub(super) fn of(id: &'t str) -> Self {
        Text(first(id), id)
    }
}

impl Sought for Text<'_> {
    fn parts(&self) -> (u64, &str) {
        (self.0, self.1)
    }
}

/// The first eight bytes, zeros where there are fewer, as a number of the same order.
fn first(id: &str) -> u64 {
    let mut bytes = [0; 8];
    let length = id.len().min(8);
    bytes[..length].copy_from_slice(&id.as_bytes()[..length]);
    u64::from_be_bytes(bytes)
}

impl<'k> Borrow<dyn Sought + 'k> for Key {
    fn borrow(&self) -> &(dyn Sought + 'k) {
        self
    }
}

impl Ord for dyn Sought + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl PartialOrd for dyn Sought + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for dyn Sought + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for dyn Sought + '_ {}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Key {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn keys_are_ordered_as_their_texts_are() {
        let ids = ["", "\0", "a", "a\0", "ab", "abcdefg", "abcdefgh", "abcdefgh\0", "abcdefghi", "abcdefgi", "ä", "𝄞"];
        let keys: Vec<_> = ids.map(|id| Key::new(&Arc::from(id))).into();
        assert!(keys.is_sorted() && ids.is_sorted());
        let map: BTreeMap<_, _> = keys.into_iter().zip(ids).collect();
        for id in ids {
            assert_eq!(map.get(&Text::of(id) as &dyn Sought), Some(&id));
        }
        assert_eq!(map.get(&Text::of("abcdefghj") as &dyn Sought), None);
    }
}
