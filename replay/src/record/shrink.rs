//! A history with all taken away that something does not need.
//!
//! Delta debugging: [`ddmin`](https://doi.org/10.1109/32.988498) (Zeller and Hildebrandt, Simplifying and Isolating
//! Failure-Inducing Input), first over what belongs together, as
//! [its hierarchical form](https://doi.org/10.1145/1134285.1134307) does (Misherghi and Su), then over single events.

use std::{collections::HashMap, fmt, ops::ControlFlow};

use kernel::{Domain, Entry, Number};
use serde::Serialize;

use crate::{
    reactions::Scope,
    verify::{Difference, Report, Told, Until, report::Cause, verify_entries},
};

#[cfg(test)]
mod tests;

/// How often it is asked at most whether it still holds.
pub const MOST_TRIES: usize = 1_000;

/// What is left.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The entries, events numbered from 1.
    pub entries: Vec<Entry>,
    /// How often it was asked whether it still holds.
    pub tries: usize,
    /// Why it is what it is.
    pub end: End,
}

/// Why nothing more was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// No single event can be dropped any more.
    Least,
    /// It was asked [`MOST_TRIES`] times.
    Tries,
    /// Somebody had enough.
    Stopped,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How often it was asked whether it still holds.
    pub tries: usize,
    /// How many entries are left.
    pub entries: usize,
}

/// Drops entries of a history, in log order, as long as `holds` says that what is left still does what it should.
///
/// It is asked [`MOST_TRIES`] times at most, and never about the whole, which must hold. Before it is asked, `goes_on`
/// hears how far it is; where that breaks off, what was found so far is what is left.
///
/// # Errors
/// What `holds` fails with.
pub fn shrink<E>(
    entries: &[Entry],
    mut goes_on: impl FnMut(Progress) -> ControlFlow<()>,
    mut holds: impl FnMut(&[Entry]) -> Result<bool, E>,
) -> Result<Shrunk, E> {
    let mut search =
        Search { entries, tries: 0, left: entries.len(), end: End::Least, goes_on: &mut goes_on, holds: &mut holds };
    let families = search.least(families(entries))?;
    let mut single: Vec<usize> = families.concat();
    single.sort_unstable();
    let single = search.least(single.into_iter().map(|index| vec![index]).collect())?;
    let Search { tries, end, .. } = search;
    Ok(Shrunk { entries: search.pick(&single), tries, end })
}

/// What has to be seen again: a saga that, about such an event, decides in such a way otherwise than the log has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Symptom {
    /// The saga.
    pub handler: String,
    /// Topic and action of the event that it reacts to; nothing where the log does not hold it.
    pub on: Option<String>,
    /// What kinds of differences there are, in what effects, and in which of their fields.
    pub differences: Vec<String>,
}

impl Symptom {
    /// The first difference that verifying a history tells; nothing where all is the same.
    #[must_use]
    pub fn of(domain: &Domain, entries: &[Entry]) -> Option<Self> {
        let report = verify_entries(domain, entries.iter().cloned(), Scope::default(), Until::FirstDifference);
        Self::first(&report)
    }

    /// The events that a part has to be around to show it, if it is to be seen at all: the one that is decided about
    /// otherwise, and the next that its saga reacted to, which says that it had come so far.
    #[must_use]
    pub fn around(&self, domain: &Domain, entries: &[Entry]) -> Vec<String> {
        let report = verify_entries(domain, entries.iter().cloned(), Scope::default(), Until::FirstDifference);
        let event = match report.divergences.first().map(|first| &first.event) {
            Some(Cause::Known(event)) => &event.id,
            Some(Cause::Unknown { .. }) | None => return Vec::new(),
        };
        let events = entries.iter().filter_map(|entry| match entry {
            Entry::Event(event) => Some(event),
            Entry::Junk(_) => None,
        });
        let later = events.skip_while(|other| other.id != *event).filter_map(|other| {
            let is_by_it = other.meta.handler.as_ref() == Some(&self.handler) && other.meta.command.is_none();
            other.meta.cause.clone().filter(|cause| is_by_it && cause != event)
        });
        [event.clone()].into_iter().chain(later.take(1)).collect()
    }

    fn first(report: &Report) -> Option<Self> {
        let first = report.divergences.first()?;
        let on = match &first.event {
            Cause::Known(event) => Some(format!("{} {}", event.topic, event.action)),
            Cause::Unknown { .. } => None,
        };
        let effect = |told: &Told| format!("{} {}", told.topic, told.action);
        let told = |difference: &Difference| {
            let kind = difference.kind();
            match difference {
                Difference::Missing(told) | Difference::Extra(told) => format!("{kind} {}", effect(told)),
                Difference::Changed { effect: told, fields } => {
                    let fields: Vec<_> = fields.iter().map(|change| change.field.as_str()).collect();
                    format!("{kind} {} {}", effect(told), fields.join(" "))
                }
                Difference::Reordered { .. } | Difference::Fails { .. } => kind.to_owned(),
            }
        };
        Some(Self { handler: first.handler.clone(), on, differences: first.differences.iter().map(told).collect() })
    }
}

impl fmt::Display for Symptom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = self.on.as_deref().unwrap_or("an event that is not there");
        write!(f, "{} on {on}: {}", self.handler, self.differences.join(", "))
    }
}

struct Search<'e, E> {
    entries: &'e [Entry],
    tries: usize,
    /// How many entries are left.
    left: usize,
    end: End,
    goes_on: &'e mut dyn FnMut(Progress) -> ControlFlow<()>,
    holds: &'e mut dyn FnMut(&[Entry]) -> Result<bool, E>,
}

impl<E> Search<'_, E> {
    /// The fewest units that still hold: none of them can be left out.
    fn least(&mut self, mut units: Vec<Vec<usize>>) -> Result<Vec<Vec<usize>>, E> {
        let mut parts = 2;
        while units.len() > 1 && self.end == End::Least {
            let size = units.len().div_ceil(parts);
            let mut smaller = None;
            for (from, to) in (0..units.len()).step_by(size).map(|from| (from, (from + size).min(units.len()))) {
                if self.holds(&units[from..to])? {
                    smaller = Some((units[from..to].to_vec(), 2));
                    break;
                }
            }
            if smaller.is_none() && parts > 2 {
                for (from, to) in (0..units.len()).step_by(size).map(|from| (from, (from + size).min(units.len()))) {
                    let rest = [&units[..from], &units[to..]].concat();
                    if self.holds(&rest)? {
                        smaller = Some((rest, (parts - 1).max(2)));
                        break;
                    }
                }
            }
            match smaller {
                Some((fewer, next)) => (units, parts) = (fewer, next),
                None if parts >= units.len() => break,
                None => parts = (parts * 2).min(units.len()),
            }
        }
        Ok(units)
    }

    fn holds(&mut self, units: &[Vec<usize>]) -> Result<bool, E> {
        if self.end == End::Least && (self.goes_on)(Progress { tries: self.tries, entries: self.left }).is_break() {
            self.end = End::Stopped;
        }
        if self.end != End::Least {
            return Ok(false);
        }
        self.tries += 1;
        let candidate = self.pick(units);
        let holds = (self.holds)(&candidate)?;
        if holds {
            self.left = candidate.len();
        }
        if self.tries == MOST_TRIES {
            self.end = End::Tries;
        }
        Ok(holds)
    }

    /// The entries of these units, in log order.
    fn pick(&self, units: &[Vec<usize>]) -> Vec<Entry> {
        let mut indexes = units.concat();
        indexes.sort_unstable();
        let entries = indexes.into_iter().map(|index| self.entries[index].clone());
        entries.zip(1..).map(|(entry, number)| numbered(entry, Number(number))).collect()
    }
}

fn numbered(entry: Entry, number: Number) -> Entry {
    match entry {
        Entry::Event(event) => Entry::Event(kernel::Event { number: Some(number), ..event }),
        junk @ Entry::Junk(_) => junk,
    }
}

/// Events that came of the same command, or of nothing known; junk by itself.
fn families(entries: &[Entry]) -> Vec<Vec<usize>> {
    let mut families: Vec<Vec<usize>> = Vec::new();
    let mut by_root: HashMap<&str, usize> = HashMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let Entry::Event(event) = entry else {
            families.push(vec![index]);
            continue;
        };
        let root = event.meta.correlation.as_deref().or(event.meta.command.as_deref()).unwrap_or(&event.id);
        let family = *by_root.entry(root).or_insert_with(|| {
            families.push(Vec::new());
            families.len() - 1
        });
        families[family].push(index);
    }
    families
}
