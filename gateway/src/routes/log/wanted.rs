//! Which events somebody wants to see.

use axum::http::Uri;
use kernel::{Domain, Event};

use crate::{live, request};

/// What a client asks for; all of it must be so.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// One of these topics.
    topics: Option<Vec<String>>,
    /// About a row with this key.
    key: Option<String>,
    /// With this in it, in small letters.
    text: Option<String>,
}

impl Wanted {
    pub(super) fn asked(uri: &Uri) -> Self {
        let parameter = |name: &str| request::parameter(uri, name).filter(|value| !value.is_empty());
        let topics = parameter("topic").map(|topics| topics.split(',').map(str::to_owned).collect());
        Self { topics, key: parameter("entity"), text: parameter("text").map(|text| text.to_lowercase()) }
    }

    /// Whether an event is wanted.
    pub(super) fn holds(&self, domain: &Domain, event: &Event) -> bool {
        let of_topic = |topics: &Vec<String>| topics.iter().any(|topic| *topic == *event.topic);
        if !self.topics.as_ref().is_none_or(of_topic) {
            return false;
        }
        let key = (self.key.is_some() || self.text.is_some()).then(|| live::key(domain, event)).flatten();
        if self.key.is_some() && self.key != key {
            return false;
        }
        let Some(text) = &self.text else { return true };
        let action = live::action(event);
        let mut texts = [Some(&*action), Some(&*event.id), key.as_deref(), Some(&*event.data)].into_iter().flatten();
        texts.any(|of_it| of_it.to_lowercase().contains(text))
    }
}
