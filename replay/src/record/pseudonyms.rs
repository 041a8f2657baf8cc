//! Names and addresses, replaced: the same by the same everywhere, under one key.
//!
//! What is replaced are the values of fields that a domain marks as [personal](kernel::Field::personal), and these
//! values wherever else they occur in what an event says, as whole words, the longest first. So a mail keeps to whom
//! it was written, and a saga that writes it again writes the same. Identifiers, references and choices stay.
//!
//! A replacement is made from an HMAC-SHA256 (RFC 2104) of the value: who has not got the key can't tell whether it
//! stands for somebody they know, and who has it can, by trying. It looks like what it replaces, and belongs to nobody:
//! addresses end in `.example` (RFC 2606).
//!
//! What no personal field of the log ever held can't be known: somebody who is only mentioned in a text, or in another
//! spelling than their own.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use hmac::{Hmac, Mac as _};
use kernel::{DECISIONS, Domain, ENTITY_ID, Event, EventRef, Kind, Topic};
use sha2::Sha256;

use finder::Finder;

mod finder;
mod invented;
mod json;
#[cfg(test)]
mod tests;

/// What decides which replacement a value gets; the same key gives the same ones, whatever log it is.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

/// Keys below this length are soon guessed, in bytes.
pub const SHORT: usize = 16;

/// Why there are no pseudonyms.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PseudonymError {
    /// There is no key.
    #[error("a key for pseudonyms must not be empty")]
    NoKey,
    /// Two values would not be told apart any more.
    #[error("two names or addresses would get the same pseudonym, {0}, under this key; take another key")]
    Clash(String),
    /// There are more values than can be looked for.
    #[error("{count} names and addresses can't be looked for at once: {reason}")]
    TooMany {
        /// How many there are.
        count: usize,
        /// What is in the way.
        reason: String,
    },
}

/// The personal values of a log, as they are found.
#[derive(Debug)]
pub struct Gathered {
    domain: Domain,
    key: Key,
    values: HashSet<String>,
}

/// Replacements for the personal values of a log.
#[derive(Debug)]
pub struct Pseudonyms {
    domain: Domain,
    key: Key,
    by_value: HashMap<String, String>,
    finder: Finder,
}

impl Key {
    /// The key that this text is.
    ///
    /// # Errors
    /// When it is empty.
    pub fn new(text: &str) -> Result<Self, PseudonymError> {
        if text.is_empty() {
            return Err(PseudonymError::NoKey);
        }
        Hmac::new_from_slice(text.as_bytes()).map(Self).map_err(|_| PseudonymError::NoKey)
    }

    /// What stands for a value.
    #[must_use]
    pub fn pseudonym(&self, value: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(value.as_bytes());
        invented::like(value, &mac.finalize().into_bytes())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl Gathered {
    /// Nothing found yet.
    #[must_use]
    pub fn new(domain: &Domain, key: Key) -> Self {
        Self { domain: domain.clone(), key, values: HashSet::new() }
    }

    /// Takes note of the personal values of an event.
    pub fn note(&mut self, event: &EventRef<'_>) {
        let topic = self.domain.topic(event.topic);
        if let Some(topic) = topic.filter(|topic| topic.fields.iter().any(|field| field.personal)) {
            let mut found = Vec::new();
            // What is replaced by nothing stays as it is.
            json::replace(event.data, &mut |field, value| {
                if Use::of(Some(topic), field) == Use::Personal && !value.trim().is_empty() {
                    found.push(value.to_owned());
                }
                None
            });
            self.values.extend(found);
        }
    }

    /// The replacements for all that was found.
    ///
    /// # Errors
    /// When two would be the same, or one is what another stands for.
    pub fn finish(self) -> Result<Pseudonyms, PseudonymError> {
        let Self { domain, key, values } = self;
        let by_value: HashMap<_, _> = values.iter().map(|value| (value.clone(), key.pseudonym(value))).collect();
        let mut taken = HashSet::new();
        if let Some(twice) = by_value.values().find(|name| !taken.insert(*name) || values.contains(*name)) {
            return Err(PseudonymError::Clash(twice.clone()));
        }
        let finder = Finder::new(&by_value)?;
        Ok(Pseudonyms { domain, key, by_value, finder })
    }
}

impl Pseudonyms {
    /// How many names and addresses are replaced.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_value.len()
    }

    /// Whether there is nothing to replace.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_value.is_empty()
    }

    /// The same event without names and addresses.
    #[must_use]
    pub fn event(&self, event: Event) -> Event {
        // The log's own records name nobody.
        if &*event.topic == DECISIONS {
            return event;
        }
        let topic = self.domain.topic(&event.topic);
        let data = json::replace(&event.data, &mut |field, value| match Use::of(topic, field) {
            Use::Personal if value.trim().is_empty() => None,
            Use::Personal => Some(self.by_value.get(value).cloned().unwrap_or_else(|| self.key.pseudonym(value))),
            Use::Text => self.text(value),
            Use::Reference => None,
        });
        // What is no JSON is a text like any other.
        let data = match data {
            Some(data) => data,
            None => self.finder.replace(&event.data).unwrap_or(event.data),
        };
        Event { data, ..event }
    }

    /// A text, or JSON within JSON.
    fn text(&self, text: &str) -> Option<String> {
        let is_json = text.trim_start().starts_with(['{', '[']);
        let nested = is_json.then(|| json::replace(text, &mut |_, value| self.text(value))).flatten();
        nested.or_else(|| self.finder.replace(text)).filter(|replaced| replaced != text)
    }
}

/// What a value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// It tells who somebody is.
    Personal,
    /// It may mention somebody.
    Text,
    /// It leads somewhere, or is one of a few.
    Reference,
}

impl Use {
    fn of(topic: Option<&Topic>, field: Option<&str>) -> Self {
        if field == Some(ENTITY_ID) {
            return Self::Reference;
        }
        let field = topic.and_then(|topic| topic.fields.iter().find(|known| Some(known.name) == field));
        match field {
            Some(field) if field.personal => Self::Personal,
            Some(field) => match field.kind {
                Kind::Reference(_) | Kind::References(_) | Kind::Choice(_) => Self::Reference,
                Kind::Text | Kind::Integer { .. } | Kind::Seconds => Self::Text,
            },
            None => Self::Text,
        }
    }
}
