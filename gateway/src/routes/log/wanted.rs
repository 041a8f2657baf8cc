//! Which events somebody wants to see.

use axum::http::Uri;
use kernel::{Domain, Event};
use serde_json::Value;

use crate::{
    live::{self, Shown},
    request,
};

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

    /// An event as clients see it, if it is wanted.
    pub(super) fn shown(&self, domain: &Domain, event: &Event) -> Option<Shown> {
        let of_topic = |topics: &Vec<String>| topics.iter().any(|topic| *topic == *event.topic);
        if !self.topics.as_ref().is_none_or(of_topic) {
            return None;
        }
        if self.key.is_some() && self.key != live::key(domain, event) {
            return None;
        }
        let shown = Shown::event(domain, event)?;
        let has = |text: &str| {
            let mut texts = [&*shown.action, &*event.id, shown.key.as_deref().unwrap_or_default()].into_iter();
            texts.any(|of_it| holds(of_it, text)) || holds_data(domain.topic(&event.topic).is_some(), &shown.data, text)
        };
        self.text.as_deref().is_none_or(has).then_some(shown)
    }
}

fn holds(of_it: &str, text: &str) -> bool {
    of_it.to_lowercase().contains(text)
}

/// Whether data has a text in it, however it was written; what the domain can read is written the one way already.
fn holds_data(is_known: bool, data: &str, text: &str) -> bool {
    let holds_otherwise = || match serde_json::from_str(data) {
        Ok(Value::String(of_it)) => holds(&of_it, text),
        Ok(of_it) => holds(&of_it.to_string(), text),
        Err(_) => false,
    };
    holds(data, text) || (!is_known && holds_otherwise())
}
