//! Replays: whether today's sagas would decide the same again; how one goes, starting and stopping it.

mod asked;

use std::ops::ControlFlow;

use axum::{
    extract::{Request, State},
    response::Response,
};
use projector::audit::Progress;
use replay::verify::{Until, verify_watched};
use serde_json::Map;

use crate::{
    gateway::Site,
    problem::Problem,
    reply,
    work::{Outcome, Task},
};
use asked::Asked;

/// `GET /api/v1/replays`
pub(crate) async fn list(State(gateway): State<Site>) -> Response {
    reply::result(&gateway.replays.told().to_string())
}

/// `POST /api/v1/replays`
pub(crate) async fn start(State(gateway): State<Site>, request: Request) -> Result<Response, Problem> {
    let Asked { engine, scope, of, told } = Asked::of(&gateway, request).await?;
    let domain = gateway.domain.clone();
    let work = |task: Task| async move {
        let Task { progress, stop } = task;
        progress.send_replace(Progress { entries: 0, of });
        let (watched, stopped) = (progress.clone(), stop.clone());
        let watch = move |entries| {
            // Whoever looks does so a few times a second.
            watched.send_if_modified(|seen| {
                let is_new = seen.entries != entries;
                seen.entries = entries;
                is_new
            });
            if stopped.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let report = verify_watched(&domain, &engine, scope, Until::End, watch).await;
        let report = report.map_err(|error| error.to_string())?;
        if report.stopped {
            return Outcome::Err(format!("stopped after {} of {of} entries", report.entries));
        }
        let document = report.document(&engine.url());
        Ok(Map::from_iter([("entries".to_owned(), report.entries.into()), ("report".to_owned(), document)]))
    };
    let run = gateway.replays.start(told, work)?;
    Ok(gateway.replays.accepted(&run))
}

/// `DELETE /api/v1/replays`
pub(crate) async fn stop(State(gateway): State<Site>) -> Result<Response, Problem> {
    gateway.replays.stop(gateway.settings.store_timeout).await
}
