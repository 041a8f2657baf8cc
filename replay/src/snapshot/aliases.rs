//! What stands for identifiers: a topic and how many of it came before.

use std::collections::{BTreeMap, BTreeSet};

/// Aliases of identifiers, given in the order in which they are asked for.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    /// The topics that each identifier is of.
    known: BTreeMap<String, BTreeSet<&'static str>>,
    given: BTreeMap<(&'static str, String), u64>,
    /// How many were given, by topic.
    counts: BTreeMap<&'static str, u64>,
}

impl Aliases {
    /// Learns that something of a topic goes by this identifier, so that texts are searched for it.
    pub(super) fn learn(&mut self, topic: &'static str, id: &str) {
        if !id.is_empty() {
            self.known.entry(id.to_owned()).or_default().insert(topic);
        }
    }

    /// What stands for an identifier: `order#3`. None stands for the empty one, which names nothing.
    pub(super) fn of(&mut self, topic: &'static str, id: &str) -> String {
        if id.is_empty() {
            return format!("{topic} \"\"");
        }
        let number = self.given.entry((topic, id.to_owned())).or_insert_with(|| {
            let count = self.counts.entry(topic).or_default();
            *count += 1;
            *count
        });
        format!("{topic}#{number}")
    }

    /// A text with all identifiers in it replaced.
    ///
    /// An identifier is looked for where a run of letters, digits, `-` and `_` begins and ends; one without a digit
    /// could be any word and is left as it is.
    pub(super) fn within(&mut self, text: &str) -> String {
        let mut replaced = String::with_capacity(text.len());
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
        let mut rest = text;
        while let Some(begin) = rest.find(is_part) {
            let (between, from) = rest.split_at(begin);
            replaced.push_str(between);
            let (word, after) = from.split_at(from.find(|letter| !is_part(letter)).unwrap_or(from.len()));
            rest = after;
            let topics = self.known.get(word).filter(|_| word.contains(|letter: char| letter.is_ascii_digit()));
            match topics.and_then(|topics| topics.first().copied()) {
                Some(topic) => replaced.push_str(&self.of(topic, word)),
                None => replaced.push_str(word),
            }
        }
        replaced.push_str(rest);
        replaced
    }
}
