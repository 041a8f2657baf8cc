//! Moments on a command line, where the clock is read that they are told by.

use jiff::Zoned;
use kernel::Moment;
use runtime::moment::{UnreadableMoment, read};

/// What an option says that takes a moment, behind what the moment is for.
pub(super) const FORMS: &str = "A MOMENT is a position like 1795341904815-0, an event's number like \"#17\", or a time: \
                                2026-11-22T15:04:05Z, or by this machine's clock \"2026-11-22 15:04\", 2026-11-22, -10m, -1h30m, \"2 days ago\", \
                                \"yesterday 15:00\", tuesday (the last one), 15:00 or now";

/// Reads a moment, for clap.
pub(super) fn parse(text: &str) -> Result<Moment, UnreadableMoment> {
    read(text, &Zoned::now())
}
