//! Finds values in texts, as whole words, the longest first.

use std::{collections::HashMap, ops::Range};

use aho_corasick::AhoCorasick;

use super::PseudonymError;

/// Finds many values at once ([Aho and Corasick](https://doi.org/10.1145/360825.360855)).
#[derive(Debug)]
pub(super) struct Finder {
    automaton: AhoCorasick,
    /// What stands for each value, in the automaton's order.
    replacements: Vec<String>,
}

impl Finder {
    pub(super) fn new(by_value: &HashMap<String, String>) -> Result<Self, PseudonymError> {
        // A value without a letter or digit is in every text.
        let words = by_value.iter().filter(|(value, _)| value.contains(char::is_alphanumeric));
        let (values, replacements): (Vec<_>, Vec<_>) =
            words.map(|(value, name)| (value.as_str(), name.clone())).unzip();
        let too_many = |error: aho_corasick::BuildError| PseudonymError::TooMany {
            count: values.len(),
            reason: error.to_string(),
        };
        Ok(Self { automaton: AhoCorasick::new(&values).map_err(too_many)?, replacements })
    }

    /// The text with every value in it replaced; nothing where there is none.
    pub(super) fn replace(&self, text: &str) -> Option<String> {
        let found = self.automaton.find_overlapping_iter(text).map(|found| (found.range(), found.pattern().as_usize()));
        let mut found: Vec<_> = found.filter(|(range, _)| is_word(text, range)).collect();
        if found.is_empty() {
            return None;
        }
        found.sort_by_key(|(range, _)| (std::cmp::Reverse(range.len()), range.start));
        let mut taken: Vec<(Range<usize>, usize)> = Vec::new();
        for (range, value) in found {
            let left = uncovered(range, &taken);
            if text.get(left.clone()).is_some_and(|left| left.contains(char::is_alphanumeric)) {
                taken.push((left, value));
            }
        }
        taken.sort_by_key(|(range, _)| range.start);
        let (mut out, mut copied) = (String::with_capacity(text.len()), 0);
        for (range, value) in taken {
            out.push_str(text.get(copied..range.start)?);
            // Of two that overlap the shorter one's rest is replaced too; it keeps its distance.
            let rest = text.get(range.clone())?;
            let (kept, name) = (rest.trim_end().len(), self.replacements.get(value)?);
            out.push_str(&rest[..rest.len() - rest.trim_start().len()]);
            out.push_str(name);
            out.push_str(&rest[kept..]);
            copied = range.end;
        }
        out.push_str(text.get(copied..)?);
        Some(out)
    }
}

/// What is left of a range without those that are taken; its first piece.
fn uncovered(mut range: Range<usize>, taken: &[(Range<usize>, usize)]) -> Range<usize> {
    for (other, _) in taken {
        if other.start <= range.start && range.start < other.end {
            range.start = other.end.min(range.end);
        }
        if range.start < other.start && other.start < range.end {
            range.end = other.start;
        }
    }
    range
}

/// Whether no letter or digit goes on before or behind it.
fn is_word(text: &str, range: &Range<usize>) -> bool {
    let ends = |at: usize| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at..).and_then(|text| text.chars().next());
        match (before, after) {
            (Some(before), Some(after)) => !(goes_on(before) && goes_on(after)),
            (None, _) | (_, None) => true,
        }
    };
    ends(range.start) && ends(range.end)
}

/// Whether a character is part of a word, in a script that sets words apart.
fn goes_on(c: char) -> bool {
    let is_mark = matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}' | '\u{200d}');
    // Thai to Tibetan, Burmese, Khmer, Chinese, Japanese; and Korean, which appends particles to names.
    let is_set_solid = matches!(c, '\u{e00}'..='\u{fff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}'
        | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}');
    is_mark || c == '_' || (c.is_alphanumeric() && !is_set_solid)
}
