//! What a question about the past is about: a topic, or one row of it.

use std::str::FromStr;

use kernel::{Domain, Topic};

use super::failure::Failure;

/// A topic, or one row of it, as a command line names it: `order`, `order/12`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    topic: String,
    /// The row's key, which may hold a `/` itself.
    pub(super) key: Option<String>,
}

impl FromStr for Subject {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (topic, key) = text.split_once('/').map_or((text, None), |(topic, key)| (topic, Some(key)));
        if topic.is_empty() || key == Some("") {
            return Err("expected a topic like order, or a topic and an id like order/12");
        }
        Ok(Self { topic: topic.to_owned(), key: key.map(str::to_owned) })
    }
}

impl Subject {
    /// The topic, which the domain must have.
    pub(super) fn topic<'d>(&self, domain: &'d Domain) -> Result<&'d Topic, Failure> {
        let unknown = || {
            let known: Vec<_> = domain.topics().map(|topic| topic.name).collect();
            Failure::usage(format!("the domain has no topic {}; it has {}", self.topic, known.join(", ")))
        };
        domain.topic(&self.topic).ok_or_else(unknown)
    }

    /// The one row that it is; `option` is what takes no whole topic.
    pub(super) fn row<'s>(&'s self, domain: &Domain, option: &str) -> Result<(&'static str, &'s str), Failure> {
        let topic = self.topic(domain)?.name;
        let missing = || Failure::usage(format!("{option} wants one row, a topic and an id like {topic}/12"));
        Ok((topic, self.key.as_deref().ok_or_else(missing)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_a_topic_or_a_row_of_it() {
        let subject = |topic: &str, key: Option<&str>| Ok(Subject { topic: topic.into(), key: key.map(Into::into) });
        assert_eq!("order".parse(), subject("order", None));
        assert_eq!("order/12".parse(), subject("order", Some("12")));
        assert_eq!("order/a/b".parse(), subject("order", Some("a/b")));
        for text in ["", "/", "order/", "/12"] {
            assert!(text.parse::<Subject>().is_err(), "{text}");
        }
    }
}
