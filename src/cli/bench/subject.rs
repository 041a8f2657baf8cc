//! What is created and read: entities of a topic that needs no other to be there.

use kernel::{Domain, Field, Kind, Method, Topic, TopicKind};
use serde_json::{Map, Value};

use super::super::{
    driver::{Verdict, verdict},
    failure::Failure,
    http_client::{Client, Target},
};

/// How many entities one request creates.
const BATCH: u64 = 1_000;

/// The topic that is measured with.
#[derive(Debug)]
pub(super) struct Subject<'d>(&'d Topic);

impl<'d> Subject<'d> {
    /// The first topic, by name, whose entities refer to no others.
    pub(super) fn of(domain: &'d Domain) -> Result<Self, Failure> {
        let refers = |field: &Field| matches!(field.kind, Kind::Reference(_) | Kind::References(_));
        let alone = |topic: &&Topic| topic.kind == TopicKind::Entity && !topic.fields.iter().any(refers);
        let none = || format!("every entity of {} refers to another, so there is none to measure with", domain.name());
        domain.topics().find(alone).map(Self).ok_or_else(|| Failure::usage(none()))
    }

    pub(super) const fn name(&self) -> &'static str {
        self.0.name
    }

    pub(super) const fn plural(&self) -> &'static str {
        self.0.plural
    }

    /// Makes what is sent to create the entity of this number.
    pub(super) fn body(&self) -> impl Fn(u64) -> Value + Clone + Send + Sync + 'static + use<> {
        let fields = self.0.fields.clone();
        move |number| {
            fields
                .iter()
                .filter_map(|field| Some((field.name.to_owned(), value(field, number)?)))
                .collect::<Map<_, _>>()
                .into()
        }
    }

    /// Creates so many, a list a request, and gives their ids.
    pub(super) async fn create(&self, target: &Target, count: u64) -> Result<Vec<String>, Failure> {
        let (mut client, path, body) = (Client::new(target.clone()), format!("/{}", self.name()), self.body());
        let mut ids = Vec::new();
        for first in (0..count).step_by(BATCH as usize) {
            let list: Value = (first..count.min(first + BATCH)).map(&body).collect();
            let answer = client.send(Method::Post, &path, Some(list.to_string().into())).await?;
            let created: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            match verdict(&format!("POST {path}"), Ok(answer)) {
                Verdict::Done => {}
                Verdict::Refused => {
                    return Err(Failure::failed(format!("{} could not be created: {created}", self.plural())));
                }
                Verdict::Failed(message) => return Err(Failure::failed(message)),
            }
            let created = created["result"].as_array().into_iter().flatten();
            ids.extend(created.filter_map(Value::as_str).map(str::to_owned));
        }
        Ok(ids)
    }
}

/// Some value that the field takes; none where a creation may leave it out.
fn value(field: &Field, number: u64) -> Option<Value> {
    if field.initially.is_some() {
        return None;
    }
    match field.kind {
        Kind::Text => Some(format!("{} {number}", field.name).into()),
        Kind::Integer { min } => Some(min.max(1).into()),
        Kind::Seconds => Some(0.into()),
        Kind::Choice(choices) => choices.first().map(|choice| (*choice).into()),
        // A subject has none.
        Kind::Reference(_) | Kind::References(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_subject_refers_to_nothing_and_its_bodies_are_admitted() {
        let bank = testkit::bank::domain();
        let subject = Subject::of(&bank).unwrap();
        assert_eq!((subject.name(), subject.plural()), ("account", "accounts"));
        let body = subject.body()(7);
        assert_eq!(body, json!({ "owner": "owner 7" }));
        assert!(bank.topic("account").unwrap().admit_new(Some("a"), &body.to_string()).is_ok());
    }

    #[test]
    fn a_domain_where_everything_refers_can_not_be_measured() {
        let failure = Subject::of(&Domain::new("void")).unwrap_err();
        assert_eq!(failure.to_string(), "every entity of void refers to another, so there is none to measure with");
    }
}
