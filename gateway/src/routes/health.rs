//! Probes: is it alive, and should it get requests.

use axum::{extract::State, http::StatusCode, response::Response};
use projector::audit::Astray;
use serde_json::json;

use crate::{gateway::Site, reply};

/// `GET /livez`: the process answers.
pub(crate) async fn alive() -> Response {
    reply::json(StatusCode::OK, json!({"alive": true}).to_string())
}

/// `GET /readyz`: requests would be answered from a store and a read model that are up to date.
pub(crate) async fn ready(State(gateway): State<Site>) -> Response {
    let reasons = reasons(&gateway).await;
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    reply::json(status, json!({"ready": reasons.is_empty(), "reasons": reasons}).to_string())
}

/// Why requests should go elsewhere.
async fn reasons(gateway: &Site) -> Vec<String> {
    let mut reasons = Vec::new();
    if gateway.stopping.is_cancelled() {
        reasons.push("the gateway is stopping".to_owned());
    }
    if let Some(trouble) = gateway.tail.trouble() {
        reasons.push(format!("the log can't be followed: {trouble}"));
    }
    // The head last: the read model is never ahead of it.
    let state = gateway.asked(gateway.model.state()).await;
    let head = gateway.asked(gateway.engine.head()).await;
    match (&head, &state) {
        (Ok(head), Ok(state)) => {
            if let Some(astray) = Astray::check("the read model", &state.checkpoint, head) {
                reasons.push(format!("{astray}; `retrace rebuild` makes it anew"));
            }
            let lag = head.number.0.saturating_sub(state.checkpoint.number.0);
            let most = gateway.settings.most_lag;
            if lag > most {
                reasons.push(format!("the read model is {lag} events behind; more than {most} is too many"));
            }
        }
        (Err(problem), _) => reasons.push(format!("the log can't be reached: {}", problem.detail())),
        (Ok(_), Err(problem)) => reasons.push(format!("the read model can't be reached: {}", problem.detail())),
    }
    reasons
}
