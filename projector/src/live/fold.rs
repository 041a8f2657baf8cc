//! Folds a page of entries over the rows that it touches: no I/O, the kernel's one fold (R8).

use std::{collections::BTreeMap, sync::Arc};

use kernel::{Digest, Domain, Entry, Keyed, Row};
use runtime::{Entries, Parked};

use super::CONSUMER;
use crate::{Change, Changes, ModelState};

/// A row's address.
type Key = (&'static str, Arc<str>);

/// What a page's entries do, in log order.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// Events of the domain's topics.
    pub(super) readable: Vec<(&'static str, Keyed)>,
    /// Entries to set aside.
    pub(super) unreadable: Vec<Parked>,
}

/// What the page does to which rows. Topics that are not the domain's are somebody else's.
pub(super) fn steps(domain: &Domain, page: &Entries) -> Steps {
    let mut steps = Steps::default();
    for entry in &page.entries {
        let step = match &**entry {
            Entry::Junk(junk) => Err(junk.reason.clone()),
            Entry::Event(event) => match domain.topic(&event.topic) {
                None => continue,
                Some(topic) => topic.step(event).map(|keyed| (topic.name, keyed)).map_err(|unreadable| unreadable.0),
            },
        };
        match step {
            Ok(step) => steps.readable.push(step),
            Err(reason) => steps.unreadable.push(Parked::now(CONSUMER, entry.topic(), entry.position(), &reason)),
        }
    }
    steps
}

/// The rows that steps touch, each once.
pub(super) fn keys<'s>(steps: &'s [(&'static str, Keyed)]) -> Vec<(&'static str, &'s str)> {
    let mut keys: Vec<_> = steps.iter().map(|(topic, keyed)| (*topic, &*keyed.key)).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The changes that steps make to the rows before them; each surviving row is written once.
pub(super) fn changes(
    (from, version): (ModelState, u32),
    page: &Entries,
    steps: Vec<(&'static str, Keyed)>,
    before: &BTreeMap<(String, String), String>,
) -> Changes {
    let before: BTreeMap<(&str, &str), &str> =
        before.iter().map(|((topic, key), row)| ((&**topic, &**key), &**row)).collect();
    let mut after: BTreeMap<Key, Option<Row>> = BTreeMap::new();
    for (topic, keyed) in steps {
        let row = after
            .entry((topic, keyed.key))
            .or_insert_with_key(|(topic, key)| before.get(&(*topic, &**key)).map(|row| Row::from(*row)));
        *row = keyed.step.fold(row.as_ref());
    }
    let mut digest = from.digest;
    after.retain(|(topic, key), row| {
        let before = before.get(&(*topic, &**key)).copied();
        count(&mut digest, (topic, key), before, row.as_deref());
        before != row.as_deref()
    });
    let to = ModelState { checkpoint: page.end(&from.checkpoint), digest, version, generation: from.generation.max(1) };
    let rows = after.into_iter().map(|((topic, key), row)| Change { topic, key, row }).collect();
    Changes { from, to, rows }
}

fn count(digest: &mut Digest, (topic, key): (&str, &str), before: Option<&str>, after: Option<&str>) {
    if let Some(row) = before {
        digest.remove(topic, key, row);
    }
    if let Some(row) = after {
        digest.add(topic, key, row);
    }
}
