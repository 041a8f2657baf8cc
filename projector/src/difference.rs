//! Where a read model's rows are not what the log says they are.

use std::collections::BTreeMap;

use kernel::Tables;
use serde::Serialize;

/// How many differences are shown one by one; the others are counted.
pub const SHOWN: usize = 20;

/// One row that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The topic.
    pub topic: String,
    /// The row's key.
    pub key: String,
    /// The row as the read model has it; nothing where it has none.
    pub found: Option<String>,
    /// The row as a fold of the log gives it; nothing where there should be none.
    pub expected: Option<String>,
}

/// Rows that are not what they should be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Differences {
    /// How many.
    pub count: u64,
    /// The first of them, in order of topic and key: at most [`SHOWN`].
    pub first: Vec<Difference>,
}

impl Differences {
    /// Compares all rows of all topics of either side.
    #[must_use]
    pub fn between(found: &Tables, expected: &Tables) -> Self {
        let none = BTreeMap::new();
        let mut differences = Self::default();
        let mut topics: Vec<_> = found.0.keys().chain(expected.0.keys()).collect();
        topics.sort_unstable();
        topics.dedup();
        for topic in topics {
            let [found, expected] = [found, expected].map(|side| side.0.get(topic).unwrap_or(&none));
            let (mut left, mut right) = (found.iter().peekable(), expected.iter().peekable());
            while let Some(key) = [left.peek(), right.peek()].into_iter().flatten().map(|(key, _)| *key).min() {
                let found = left.next_if(|(other, _)| *other == key).map(|(_, row)| row);
                let expected = right.next_if(|(other, _)| *other == key).map(|(_, row)| row);
                if found != expected {
                    differences.note(topic, key, found, expected);
                }
            }
        }
        differences
    }

    fn note(&mut self, topic: &str, key: &str, found: Option<&String>, expected: Option<&String>) {
        self.count += 1;
        if self.first.len() < SHOWN {
            let (topic, key) = (topic.to_owned(), key.to_owned());
            self.first.push(Difference { topic, key, found: found.cloned(), expected: expected.cloned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(rows: &[(&str, &str, &str)]) -> Tables {
        let mut tables = Tables::default();
        for (topic, key, row) in rows {
            tables.0.entry((*topic).to_owned()).or_default().insert((*key).to_owned(), (*row).to_owned());
        }
        tables
    }

    #[test]
    fn rows_that_are_missing_there_too_many_or_other_ones_are_named_in_order() {
        let found = tables(&[("a", "1", "x"), ("a", "2", "y"), ("a", "4", "z"), ("b", "1", "w")]);
        let expected = tables(&[("a", "1", "x"), ("a", "2", "Y"), ("a", "3", "v"), ("c", "1", "u")]);
        let differences = Differences::between(&found, &expected);
        let shown: Vec<_> =
            differences.first.iter().map(|d| format!("{} {} {:?} {:?}", d.topic, d.key, d.found, d.expected)).collect();
        assert_eq!(
            shown,
            [
                r#"a 2 Some("y") Some("Y")"#,
                r#"a 3 None Some("v")"#,
                r#"a 4 Some("z") None"#,
                r#"b 1 Some("w") None"#,
                r#"c 1 None Some("u")"#,
            ]
        );
        assert_eq!(differences.count, 5);
        assert_eq!(Differences::between(&found, &found), Differences::default());
    }

    #[test]
    fn only_the_first_are_shown_and_all_are_counted() {
        let keys: Vec<_> = (0..50).map(|n| format!("{n:02}")).collect();
        let rows: Vec<_> = keys.iter().map(|key| ("a", key.as_str(), "x")).collect();
        let differences = Differences::between(&tables(&rows), &Tables::default());
        assert_eq!((differences.count, differences.first.len()), (50, SHOWN));
    }
}
