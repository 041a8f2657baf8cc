//! The log, a page at a time and in either direction.

mod stretch;
mod wanted;

use axum::{extract::State, http::Uri, response::Response};
use serde_json::Value;

use crate::{
    gateway::Site,
    past::{self, Past},
    problem::{Kind, Problem},
    reply, request,
};

use stretch::{Direction, Stretch};
use wanted::Wanted;

/// How many events an answer has unless more or fewer are asked for.
const LIMIT: usize = 100;

/// How many events an answer has at most.
const MOST: usize = 1_000;

/// `GET /api/v1/log[?after= | ?before=][&limit=][&topic=a,b][&entity=][&text=][&log=]`
pub(crate) async fn log(State(gateway): State<Site>, uri: Uri) -> Result<Response, Problem> {
    request::only(&uri, &["after", "before", "limit", "topic", "entity", "text", "log"])?;
    let limit = request::limit(&uri, LIMIT, MOST)?;
    let source = gateway.source(&uri)?;
    let wanted = Wanted::asked(&uri);
    let after = Past::asked(&source, &uri, "after").await?;
    let direction = match (after, Past::before(&source, &uri, "before").await?) {
        (None, None) => Direction::Back(Past::head(&source).await?.position().successor()),
        (None, Some(before)) => Direction::Back(before),
        (Some(after), None) => Direction::On(after.position()),
        (Some(_), Some(_)) => {
            let detail = "after and before can't be asked for together; a page goes one way";
            return Err(Problem::new(Kind::MalformedRequest, detail).field("before"));
        }
    };
    let stretch = Stretch::read(&source, &gateway.domain, &wanted, direction, limit).await?;
    Ok(reply::result(&stretch.json()))
}

impl Stretch {
    fn json(&self) -> String {
        let Self { from, to, more, head, events } = self;
        let text = |position: &Option<kernel::Position>| Value::from(position.map(|position| position.to_string()));
        let (from, to, head) = (text(from), text(to), past::told(head));
        let events = events.join(",");
        format!(r#"{{"events":[{events}],"from":{from},"to":{to},"more":{more},"head":{head}}}"#)
    }
}
