//! Questions about the past: when they ask about, and the exact position that their answers are for.

use axum::{http::Uri, response::Response};
use jiff::{Zoned, tz::TimeZone};
use kernel::{Checkpoint, Moment, Position, Row, Tables, Topic};
use runtime::moment::{self, UnreadableMoment};
use serde_json::{Value, json};

use crate::{
    gateway::Shared,
    problem::{Kind, Problem},
    reply, request,
    source::Source,
};

/// A position of a log that somebody asks about.
pub(crate) struct Past<'s> {
    source: &'s Source<'s>,
    /// The last entry at or before what was asked for.
    pub(crate) at: Checkpoint,
}

impl<'s> Past<'s> {
    /// The position that the parameter `name` asks for; nothing where it is left out.
    pub(crate) async fn asked(source: &'s Source<'s>, uri: &Uri, name: &str) -> Result<Option<Self>, Problem> {
        let Some((_, position)) = asked(source, uri, name).await? else { return Ok(None) };
        Ok(Some(Self { source, at: source.asked(source.engine.last_at(position)).await? }))
    }

    /// The position that the parameter `name` asks for, or where the log stands now.
    pub(crate) async fn asked_or_head(source: &'s Source<'s>, uri: &Uri, name: &str) -> Result<Self, Problem> {
        match Self::asked(source, uri, name).await? {
            Some(asked) => Ok(asked),
            None => Self::head(source).await,
        }
    }

    /// Where the log stands now.
    pub(crate) async fn head(source: &'s Source<'s>) -> Result<Self, Problem> {
        Ok(Self { source, at: source.asked(source.engine.head()).await? })
    }

    /// Where the entries end that the parameter `name` asks for: before it stands what came earlier than a position or
    /// number, and what had happened by a time. Nothing where the parameter is left out.
    pub(crate) async fn before(source: &Source<'_>, uri: &Uri, name: &str) -> Result<Option<Position>, Problem> {
        let Some((moment, position)) = asked(source, uri, name).await? else { return Ok(None) };
        Ok(Some(if matches!(moment, Moment::Time(_)) { position.successor() } else { position }))
    }

    /// One row as it was; nothing where there was none.
    pub(crate) async fn row(&self, topic: &str, key: &str) -> Result<Option<Row>, Problem> {
        let version = self.source.remembered(self.source.timeline.row(topic, key, self.position())).await?;
        Ok(version.and_then(|version| version.row))
    }

    /// All rows of some topics as they were: one cut.
    pub(crate) async fn tables(&self, topics: &[&str]) -> Result<Tables, Problem> {
        self.source.remembered(self.source.timeline.tables(topics, self.position())).await
    }

    /// Says in an answer which position it is for.
    pub(crate) fn mark(&self, mut response: Response) -> Response {
        reply::set(&mut response, reply::POSITION, &self.position().to_string());
        response
    }

    pub(crate) const fn position(&self) -> Position {
        self.at.position
    }

    /// The position, for programs.
    pub(crate) fn told(&self) -> Value {
        told(&self.at)
    }
}

/// Where something stands, for programs.
pub(crate) fn told(at: &Checkpoint) -> Value {
    let Checkpoint { position, number, .. } = at;
    let time = position.time().filter(|_| *position > Position::ZERO).map(|time| time.to_string());
    json!({"position": position, "number": number, "time": time})
}

/// The moment that the parameter `name` tells, and its position.
async fn asked(source: &Source<'_>, uri: &Uri, name: &str) -> Result<Option<(Moment, Position)>, Problem> {
    let Some(readings) = request::readings(uri, name) else { return Ok(None) };
    let moment = read(&readings).map_err(|problem| problem.field(name))?;
    let position = source
        .asked(source.engine.position_at(moment))
        .await
        .map_err(|problem| if problem.status().as_u16() == 422 { problem.field(name) } else { problem })?;
    Ok(Some((moment, position)))
}

impl Shared {
    /// The topic of this name.
    pub(crate) fn known_topic(&self, name: &str) -> Result<&Topic, Problem> {
        let unknown = || {
            let known: Vec<_> = self.domain.topics().map(|topic| topic.name).collect();
            let detail = format!("the domain has no topic {name}; it has {}", known.join(", "));
            Problem::new(Kind::NotFound, detail).field("topic")
        };
        self.domain.topic(name).ok_or_else(unknown)
    }
}

/// The moment that a text tells; times without an offset are UTC.
pub(crate) fn moment(text: &str) -> Result<Moment, UnreadableMoment> {
    moment::read(text, &Zoned::now().with_time_zone(TimeZone::UTC))
}

/// The moment that a parameter tells. In a query string `+` is a space, but hardly anybody who gives a time with an
/// offset writes `%2B`: it is taken for what makes sense. Times without an offset are UTC: a client can't know the
/// time zone of a server.
fn read(readings: &[String; 2]) -> Result<Moment, Problem> {
    let [as_is, with_spaces] = readings.each_ref().map(|text| moment(text));
    as_is.or(with_spaces).map_err(|error| Problem::new(Kind::MalformedRequest, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_is_what_makes_sense() {
        let read = |query: &str| {
            let uri: Uri = format!("/?at={query}").parse().unwrap();
            read(&request::readings(&uri, "at").unwrap()).map_err(|problem| problem.detail().to_owned())
        };
        let time = "2026-11-22T14:04:05Z".parse::<Moment>();
        for query in ["2026-11-22T15:04:05+01:00", "2026-11-22T15:04:05%2B01:00", "2026-11-22+14:04:05"] {
            assert_eq!(read(query), time.clone().map_err(|error| error.to_string()), "{query}");
        }
        assert_eq!(read("17-3"), Ok(Moment::Position(Position::new(17, 3))));
        assert!(read("so+on").unwrap_err().starts_with("\"so on\" is no moment; expected a position like "));
    }
}
