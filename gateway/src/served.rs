//! Whether the served rows are this program's, or were made by another version of the projection.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use projector::ModelState;

/// The version is not known yet; none is as large.
const UNKNOWN: u64 = u64::MAX;

/// Which version of the projection made the served rows, as far as was seen last. Reading it costs nothing.
#[derive(Debug)]
pub(crate) struct Served {
    current: u32,
    seen: AtomicU64,
}

/// Rows that another version of the projection made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stale {
    version: u32,
    current: u32,
}

impl Served {
    /// Nothing was seen yet; `current` is this program's version.
    pub(crate) const fn new(current: u32) -> Self {
        Self { current, seen: AtomicU64::new(UNKNOWN) }
    }

    /// This program's version of the projection.
    pub(crate) const fn current(&self) -> u32 {
        self.current
    }

    /// Notes which version made the rows that are served now, and tells whether they are stale.
    pub(crate) fn saw(&self, state: &ModelState) -> Option<Stale> {
        // A read model that was never written has no rows of any version.
        let version = if state.generation == 0 { self.current } else { state.version };
        self.seen.store(version.into(), Ordering::Relaxed);
        self.stale(version)
    }

    /// What was seen last; nothing before anything was.
    pub(crate) fn last(&self) -> Option<Option<Stale>> {
        let version = u32::try_from(self.seen.load(Ordering::Relaxed)).ok()?;
        Some(self.stale(version))
    }

    fn stale(&self, version: u32) -> Option<Stale> {
        let current = self.current;
        (version != current).then_some(Stale { version, current })
    }
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, current } = self;
        write!(f, "version {version:08x} of the projection made these rows, current is {current:08x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_another_version_are_stale_and_no_rows_are_not() {
        let served = Served::new(0xab);
        assert_eq!(served.last(), None);
        let state = |version, generation| ModelState { version, generation, ..ModelState::default() };
        assert_eq!(served.saw(&state(0, 0)), None);
        assert_eq!(served.last(), Some(None));
        let stale = served.saw(&state(u32::MAX, 1));
        assert_eq!(served.last(), Some(stale));
        assert_eq!(
            stale.unwrap().to_string(),
            "version ffffffff of the projection made these rows, current is 000000ab"
        );
        assert_eq!(served.saw(&state(0xab, 2)), None);
    }
}
