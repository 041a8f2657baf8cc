//! Audits of the served read model: how they go, and starting them.

use axum::{
    extract::{Request, State},
    response::Response,
};
use projector::audit::audit;
use serde_json::Map;

use crate::{fields::Fields, gateway::Site, problem::Problem, reply, work::Task};

/// `GET /api/v1/audits`
pub(crate) async fn list(State(gateway): State<Site>) -> Response {
    reply::result(&gateway.audits.told().to_string())
}

/// `POST /api/v1/audits`
pub(crate) async fn start(State(gateway): State<Site>, request: Request) -> Result<Response, Problem> {
    Fields::of(&gateway, request, "audit", &[]).await?;
    let (domain, engine, model) = (gateway.domain.clone(), gateway.engine.clone(), gateway.model.clone());
    let work = |task: Task| async move {
        let audit = audit(domain, &engine, &[model], Some(&task.progress)).await;
        let audit = audit.map_err(|error| error.to_string())?;
        Ok(Map::from_iter([("audit".to_owned(), audit.document(&engine.url()))]))
    };
    let run = gateway.audits.start(Map::new(), work)?;
    Ok(gateway.audits.accepted(&run))
}
