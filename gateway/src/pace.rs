//! How much of the log is read for one answer, and how much of it at once.

use kernel::Entry;

/// How many entries are looked at for one answer.
const MOST_ENTRIES: usize = 50_000;

/// How many bytes of entries are looked at for one answer, give or take the last ones.
const MOST_BYTES: usize = 64 << 20;

/// How many entries are read at once, however small they are.
const MOST_AT_ONCE: usize = 500;

/// How many bytes are to be read at once.
const BYTES_AT_ONCE: usize = 2 << 20;

/// How fast the log is gone through: nobody knows how large entries are before they are read.
#[derive(Debug)]
pub(crate) struct Pace {
    /// How many entries are read next.
    next: usize,
    /// Entries looked at.
    entries: usize,
    /// Their bytes.
    bytes: usize,
}

impl Pace {
    /// Begins with this many entries.
    pub(crate) fn of(first: usize) -> Self {
        Self { next: first.clamp(1, MOST_AT_ONCE), entries: 0, bytes: 0 }
    }

    /// How many entries to read next.
    pub(crate) fn next(&self) -> usize {
        self.next.min(MOST_ENTRIES.saturating_sub(self.entries)).max(1)
    }

    /// What was read at once tells how much to read next: at most twice as many.
    pub(crate) fn read(&mut self, entries: &[Entry]) {
        if entries.is_empty() {
            return;
        }
        let average = entries.iter().map(bytes).sum::<usize>() / entries.len();
        self.next = (BYTES_AT_ONCE / average.max(1)).clamp(1, MOST_AT_ONCE.min(2 * self.next));
    }

    /// An entry is looked at.
    pub(crate) fn look(&mut self, entry: &Entry) {
        self.entries += 1;
        self.bytes += bytes(entry);
    }

    /// Whether enough was looked at for one answer.
    pub(crate) const fn is_over(&self) -> bool {
        self.entries >= MOST_ENTRIES || self.bytes >= MOST_BYTES
    }
}

/// About how much memory an entry takes; what else there is to one is small.
fn bytes(entry: &Entry) -> usize {
    match entry {
        Entry::Event(event) => event.data.len() + event.id.len() + event.action.len(),
        Entry::Junk(junk) => junk.reason.len(),
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Event, Meta, Position};

    use super::*;

    fn entry(bytes: usize) -> Entry {
        Entry::Event(Event {
            topic: "t".into(),
            position: Position::ZERO,
            number: None,
            id: "id".into(),
            action: "done".into(),
            data: "x".repeat(bytes - 6),
            meta: Meta::default(),
        })
    }

    #[test]
    fn small_entries_are_read_ever_more_at_once_and_large_ones_few() {
        let mut pace = Pace::of(32);
        let next = |pace: &mut Pace, bytes| {
            pace.read(&[entry(bytes), entry(bytes)]);
            pace.next()
        };
        assert_eq!([pace.next(), next(&mut pace, 100), next(&mut pace, 100)], [32, 64, 128]);
        assert_eq!([next(&mut pace, 100), next(&mut pace, 100), next(&mut pace, 100)], [256, 500, 500]);
        assert_eq!([next(&mut pace, 1 << 18), next(&mut pace, 3 << 20), next(&mut pace, 100)], [8, 1, 2]);
        pace.read(&[]);
        assert_eq!((pace.next(), Pace::of(0).next(), Pace::of(1_000).next()), (2, 1, 500));
    }

    #[test]
    fn it_is_over_after_so_many_entries_or_bytes() {
        let looked = |bytes, times| {
            let (mut pace, entry) = (Pace::of(500), entry(bytes));
            (0..times).for_each(|_| pace.look(&entry));
            (pace.is_over(), pace.next())
        };
        assert_eq!([looked(10, 49_600), looked(10, 49_999), looked(10, 50_000)], [(false, 400), (false, 1), (true, 1)]);
        assert_eq!([looked(1 << 20, 63), looked(1 << 20, 64)], [(false, 500), (true, 500)]);
    }
}
