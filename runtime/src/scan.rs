//! Reads long stretches of a log as fast as the store can hand them over.
//!
//! A scan shows each entry to a function in log order, borrowed from the bytes that the store answered, so
//! that nothing is allocated for what the reader does not keep. It asks for the next page before it shows this
//! one: the store and the reader work at the same time. Whoever follows a log reads with [`crate::Tail`].

use std::ops::ControlFlow;

use jiff::Timestamp;
use kernel::{Checkpoint, Entry, Moment, Number, Position, Seen};
use tokio::runtime::Handle;

use crate::{Engine, StoreError};

/// How many entries are read at once where a store has no faster way.
const PAGE: usize = 4_096;

/// What a scan covers.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// Where it begins; entries after this are shown. With an epoch, the log must continue from there (R3).
    pub after: Checkpoint,
    /// Where it ends; entries up to and at this position are shown. [`Position::MAX`] for all there are.
    pub until: Position,
}

/// What is done with each entry; breaking off ends the scan.
pub type Visit<'v> = &'v mut dyn FnMut(&Seen<'_>) -> ControlFlow<()>;

impl Engine {
    /// Shows `visit` the entries of a stretch of the log in log order, and tells where the last one stands.
    ///
    /// Entries that were appended after the scan began are left out. It blocks the calling thread, which must
    /// belong to a Tokio runtime and not be one of its workers: [`tokio::task::spawn_blocking`]. Meanwhile `visit`
    /// must not ask the engine for anything: a log in memory is locked while it is shown.
    ///
    /// # Errors
    /// When the store failed, or the log does not continue from `stretch.after` or has a gap (R3).
    pub fn scan(&self, stretch: &Stretch, visit: Visit<'_>) -> Result<Checkpoint, StoreError> {
        let head = Handle::current().block_on(self.head())?;
        let mut check = Check::begin(self, stretch, head)?;
        let until = stretch.until.min(check.head.position);
        let mut failed = None;
        let mut checked = |seen: &Seen<'_>| match check.pass(seen) {
            Ok(()) => visit(seen),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        };
        let ended = self.show(stretch.after.position, until, &mut checked)?;
        match failed {
            Some(error) => Err(error),
            None if ended.is_break() => Ok(check.at),
            None => check.end(until),
        }
    }

    /// Shows `visit` every entry up to and at `until` in log order, whatever is missing among them (R3): for
    /// whoever looks for what is wrong with a log. Blocks as [`Engine::scan`] does.
    ///
    /// # Errors
    /// When the store failed.
    pub fn survey(&self, until: Position, visit: Visit<'_>) -> Result<(), StoreError> {
        self.show(Position::ZERO, until, visit).map(drop)
    }

    /// The first position that an event of this moment or a later one can have; it may lie after the log's head.
    ///
    /// # Errors
    /// As [`Engine::position_at`].
    pub async fn position_from(&self, moment: Moment) -> Result<Position, StoreError> {
        let at = self.position_at(moment).await?;
        let (Moment::Time(_), Some(first), Some(foreign)) = (moment, moment.first_native(), moment.foreign()) else {
            return Ok(at);
        };
        // Up to the head it says of which kind the log is there.
        Ok(if at.is_foreign() && at > Position::ZERO { foreign } else { first })
    }

    /// The position that a moment stands for: everything up to it had happened by then.
    ///
    /// # Errors
    /// When the store failed, or the moment lies after the log's head, or in the future; when it is a number and the
    /// log's events have none.
    pub async fn position_at(&self, moment: Moment) -> Result<Position, StoreError> {
        let time = match moment {
            Moment::Position(_) => None,
            Moment::Number(number) => return Ok(self.numbered(number).await?.position),
            Moment::Time(time) => Some(time),
        };
        let (native, foreign) = (moment.native().unwrap_or_default(), moment.foreign().unwrap_or_default());
        let head = self.head().await?.position;
        // A time is another position in a foreign log, and those all come before the native ones.
        let before = Checkpoint { position: Position::FIRST_NATIVE.predecessor(), ..Checkpoint::default() };
        let first = self.read(&before, 1).await?.entries.first().map(Entry::position);
        let position = match first {
            Some(first) if first <= native => native,
            Some(_) | None => foreign,
        };
        // The log may have been quiet since its last event, but nobody knows what the future brings.
        let is_after = time.map_or(native > head, |time| time > Timestamp::now());
        // Of a time it is told as one, whatever its position would be.
        if is_after { Err(StoreError::AfterHead { position: native, head }) } else { Ok(position.min(head)) }
    }

    /// Shows the entries after `after`, up to and at `until`, by the fastest way that the store has.
    fn show(&self, after: Position, until: Position, visit: Visit<'_>) -> Result<ControlFlow<()>, StoreError> {
        match self {
            Self::Memory(engine) | Self::History(engine) => Ok(engine.scan(after, until, visit)),
            Self::Sqlite(engine) => engine.scan(after, until, visit),
            Self::Redis(engine) => match engine.scan(after, until, visit)? {
                Some(ended) => Ok(ended),
                None => self.scan_pages(after, until, visit),
            },
        }
    }

    /// A scan page by page.
    fn scan_pages(
        &self,
        mut after: Position,
        until: Position,
        visit: Visit<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        while after < until {
            let page = Handle::current().block_on(self.page(after, PAGE))?;
            let Some(last) = page.entries.last().map(Entry::position) else { break };
            after = last;
            for entry in page.entries.iter().take_while(|entry| entry.position() <= until) {
                if visit(&entry.as_seen()).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// R3, entry by entry, as [`Engine::read`] checks it page by page.
struct Check {
    after: Checkpoint,
    head: Checkpoint,
    /// Whether numbers may be missing.
    gaps: bool,
    /// The last entry shown.
    at: Checkpoint,
}

impl Check {
    fn begin(engine: &Engine, stretch: &Stretch, head: Checkpoint) -> Result<Self, StoreError> {
        let after = stretch.after.clone();
        crate::engine::check_continues(&after, &head, [])?;
        let at = Checkpoint { epoch: head.epoch.clone(), ..after.clone() };
        Ok(Self { after, head, gaps: engine.may_have_gaps(), at })
    }

    fn pass(&mut self, seen: &Seen<'_>) -> Result<(), StoreError> {
        self.at.position = seen.position();
        let Some(number) = seen.number() else { return Ok(()) };
        if self.knows() && !self.gaps && number != self.at.number.successor() {
            let reason =
                format!("event {} is missing: {} is event {number}", self.at.number.successor(), seen.position());
            return Err(StoreError::Diverged { checkpoint: self.after.clone(), reason });
        }
        self.at.number = number;
        Ok(())
    }

    /// Who comes with a bare position does not know how many came before it.
    fn knows(&self) -> bool {
        self.at.number > Number::ZERO || !self.after.epoch.0.is_empty() || self.after.position == Position::ZERO
    }

    /// Nothing comes after the last entry shown only if the log ends there.
    fn end(self, until: Position) -> Result<Checkpoint, StoreError> {
        if !self.gaps && until >= self.head.position && self.knows() && self.at.number < self.head.number {
            let reason = format!("events {} to {} are missing", self.at.number.successor(), self.head.number);
            return Err(StoreError::Diverged { checkpoint: self.after, reason });
        }
        Ok(self.at)
    }
}
