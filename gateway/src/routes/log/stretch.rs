//! A stretch of the log, looked through for events: never more of it than is soon done.

use std::ops::ControlFlow;

use kernel::{Checkpoint, Domain, Entry, Position};

use super::wanted::Wanted;
use crate::{live::visible, pace::Pace, problem::Problem, source::Source};

/// How many entries are read at first.
const FIRST: usize = 32;

/// After how many bytes of events an answer is long enough.
const BYTES: usize = 8 << 20;

/// Where a stretch begins and which way it goes.
pub(super) enum Direction {
    /// What comes after this.
    On(Position),
    /// What comes before this, the last of it first.
    Back(Position),
}

/// What was found in a stretch of the log.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    /// The events as clients see them, in log order.
    pub(super) events: Vec<String>,
    /// The first entry that was looked at.
    pub(super) from: Option<Position>,
    /// The last entry that was looked at.
    pub(super) to: Option<Position>,
    /// Whether the log goes on beyond that.
    pub(super) more: bool,
    pub(super) head: Checkpoint,
}

impl Stretch {
    /// Looks for events until there are `limit`, or it has been looked at enough.
    pub(super) async fn read(
        source: &Source<'_>,
        domain: &Domain,
        wanted: &Wanted,
        direction: Direction,
        limit: usize,
    ) -> Result<Self, Problem> {
        let head = source.asked(source.engine.head()).await?;
        let search = Search { source, domain, wanted, limit, pace: Pace::of(FIRST.min(limit)), bytes: 0 };
        let stretch = Self { head, ..Self::default() };
        match direction {
            Direction::On(after) => search.on(after, stretch).await,
            Direction::Back(before) => search.back(before, stretch).await,
        }
    }
}

struct Search<'s> {
    source: &'s Source<'s>,
    domain: &'s Domain,
    wanted: &'s Wanted,
    limit: usize,
    pace: Pace,
    /// Bytes of the events found.
    bytes: usize,
}

impl Search<'_> {
    async fn on(mut self, after: Position, mut stretch: Stretch) -> Result<Stretch, Problem> {
        // Of a bare position nothing is claimed about numbers, which not all entries have.
        let mut after = Checkpoint { position: after, ..Checkpoint::default() };
        loop {
            let page = self.source.asked(self.source.engine.read(&after, self.pace.next())).await?;
            self.pace.read(&page.entries);
            stretch.head = page.head;
            let looking =
                page.entries.iter().try_for_each(|entry| self.look(entry, &mut stretch.to, &mut stretch.events));
            stretch.from = stretch.from.or_else(|| page.entries.first().map(Entry::position));
            let Some(to) = stretch.to.filter(|_| !page.entries.is_empty() && looking.is_continue()) else { break };
            after.position = to;
        }
        stretch.more = stretch.to.is_some_and(|to| to < stretch.head.position);
        Ok(stretch)
    }

    async fn back(mut self, mut before: Position, mut stretch: Stretch) -> Result<Stretch, Problem> {
        loop {
            let entries = self.source.asked(self.source.engine.entries_before(before, self.pace.next())).await?;
            self.pace.read(&entries);
            let mut backwards = entries.iter().rev();
            let looking = backwards.try_for_each(|entry| self.look(entry, &mut stretch.from, &mut stretch.events));
            stretch.to = stretch.to.or_else(|| entries.last().map(Entry::position));
            let Some(from) = stretch.from.filter(|_| !entries.is_empty() && looking.is_continue()) else { break };
            before = from;
        }
        stretch.events.reverse();
        if let Some(from) = stretch.from {
            let before = self.source.asked(self.source.engine.last_at(from.predecessor())).await?;
            stretch.more = before.position > Position::ZERO;
        }
        Ok(stretch)
    }

    /// Looks at the next entry unless it was enough; whoever goes on where this ends must find the rest, so entries at
    /// one position are looked at together.
    fn look(&mut self, entry: &Entry, last: &mut Option<Position>, events: &mut Vec<String>) -> ControlFlow<()> {
        let enough = self.pace.is_over() || events.len() >= self.limit || self.bytes >= BYTES;
        if enough && *last != Some(entry.position()) {
            return ControlFlow::Break(());
        }
        *last = Some(entry.position());
        self.pace.look(entry);
        if let Some(shown) = visible(entry).and_then(|event| self.wanted.shown(self.domain, event)) {
            self.bytes += shown.json.len();
            events.push(shown.json);
        }
        ControlFlow::Continue(())
    }
}
