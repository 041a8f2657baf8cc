//! What today's sagas decide about a history, as stable text made to be read in a diff.
//!
//! Every event is a line, in log order, with the fields it carries or changes; below it stands what each saga that
//! reacts to it decides, one effect a line. Nothing in it depends on when or where the history was recorded:
//! identifiers are replaced by aliases in the order in which they are shown (`customer#1`, `order#3`), in texts too;
//! times count from the first event that is shown; positions and numbers are left out. Nothing is counted and nothing
//! is aligned, so a change is seen where it is and nowhere else. The same history gives the same bytes wherever it
//! is kept (I7).
//!
//! ```text
//! +0.031s order#1 entity_created cart_id: cart#1, status: "CREATED"
//!   inventory
//!     inventory#1 entity_updated amount: 10 → 9
//!     order#1 entity_updated status: "CREATED" → "IN_STOCK"
//! ```
//!
//! Decisions are made as of when they were made (R7); one that was made later than its event says as of when.
//!
//! | part | what it does |
//! |---|---|
//! | [`snapshot()`], [`of_log`] | the text of a history file, of a log |
//! | [`of_log_where`], [`of_part`] | the text of some events of a log |
//! | `aliases` | what stands for identifiers |
//! | `rows` | what rows were like, for what changes |
//! | `stanza` | an event and what is decided about it |

use std::{ops::ControlFlow, path::Path};

use kernel::{Checkpoint, Domain, Entry, Event, Position};
use runtime::{Engine, StoreError, Stretch};

use crate::apart::apart;
use crate::reactions::{Reaction, reactions};
use stanza::Writer;

mod aliases;
mod fields;
mod rows;
mod stanza;

/// What today's sagas decide about a history file.
///
/// # Errors
/// When the file can't be read, or a line is no event that `domain` can read; the error names the line.
pub fn snapshot(domain: &Domain, history: impl AsRef<Path>) -> Result<String, StoreError> {
    Ok(of_entries(domain, &runtime::history::read_for(domain, history.as_ref())?))
}

/// What today's sagas decide about a log, wherever it is kept.
///
/// The log is held in memory, and so is its text.
///
/// # Errors
/// When the store failed, or the log has lost events (R3).
pub async fn of_log(domain: &Domain, log: &Engine) -> Result<String, StoreError> {
    of_log_where(domain, log, |_| true).await
}

/// As [`of_log`], of the events for which `shows` is true, as [`of_part`] tells them.
///
/// # Errors
/// As [`of_log`].
pub async fn of_log_where(domain: &Domain, log: &Engine, shows: impl Fn(&Event) -> bool) -> Result<String, StoreError> {
    let entries = entries(log).await?;
    Ok(of_part(domain, &entries, &reactions(domain, entries.iter().cloned()), shows))
}

fn of_entries(domain: &Domain, entries: &[Entry]) -> String {
    of_part(domain, entries, &reactions(domain, entries.iter().cloned()), |_| true)
}

/// The events for which `shows` is true and the decisions about them, as if there were no others: aliases and times
/// are those of what is shown. Events that are only given, in a part of a log, are not.
///
/// `reactions` are those of the whole log, in log order.
#[must_use]
pub fn of_part(domain: &Domain, entries: &[Entry], reactions: &[Reaction], shows: impl Fn(&Event) -> bool) -> String {
    let mut writer = Writer::new(domain);
    let mut left = reactions;
    let mut stanzas = Vec::new();
    for (place, entry) in (0..).zip(entries) {
        let own = left.iter().take_while(|reaction| reaction.place <= place).count();
        let (about, rest) = left.split_at(own);
        left = rest;
        let is_shown = match entry {
            Entry::Event(event) => &*event.topic != kernel::DECISIONS && !event.meta.given && shows(event),
            Entry::Junk(_) => true,
        };
        if is_shown {
            writer.learn(entry, about);
            stanzas.push((entry, about));
        }
        writer.rows.fold(domain, entry);
        about.iter().for_each(|reaction| writer.rows.reacted(domain, reaction));
    }
    for (entry, about) in stanzas {
        writer.write(entry, about);
    }
    writer.text
}

/// All entries of a log.
async fn entries(log: &Engine) -> Result<Vec<Entry>, StoreError> {
    apart(log, "reading the log", move |reader| {
        let mut entries = Vec::new();
        let stretch = Stretch { after: Checkpoint::default(), until: Position::MAX };
        reader.scan(&stretch, &mut |seen| {
            entries.push(seen.to_entry());
            ControlFlow::Continue(())
        })?;
        Ok(entries)
    })
    .await
}

#[cfg(test)]
mod tests;
