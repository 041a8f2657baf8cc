//! Rebuilds of the read model: how they go, and starting, stopping, approving and undoing them.

mod asked;

use axum::{
    extract::{Path, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use projector::{
    Generation, ModelState, Stage,
    rebuild::{Approval, Limits, Plan, Rebuild, RebuildError},
};
use serde_json::{Value, json};

use crate::{
    counts::Of,
    gateway::{Shared, Site},
    problem::{Kind as ProblemKind, Problem},
    rebuilds::{Kind, Run},
    reply,
};
use asked::Asked;

/// Where it is told how a rebuild goes.
const LOCATION: HeaderValue = HeaderValue::from_static("/api/v1/rebuilds");

/// `GET /api/v1/rebuilds`
pub(crate) async fn list(State(gateway): State<Site>) -> Result<Response, Problem> {
    let (served, generations) = generations(&gateway).await?;
    let is_stale = gateway.served.saw(&served).is_some();
    let mut served = json!(served);
    served["stale"] = is_stale.into();
    let current = gateway.asked(gateway.rebuilds.told(&gateway.model)).await?;
    let answer = json!({
        "place": gateway.model.place(),
        "served": served,
        "generations": generations.iter().map(shown).collect::<Vec<_>>(),
        "current": current.and_then(|told| serde_json::from_str::<Value>(&told).ok()),
        "last": gateway.rebuilds.last(),
    });
    Ok(reply::result(&answer.to_string()))
}

/// `GET /api/v1/rebuilds/rows`
pub(crate) async fn rows(State(gateway): State<Site>) -> Result<Response, Problem> {
    let (served, others) = generations(&gateway).await?;
    let counts = gateway.asked(gateway.counts.of(&gateway.model, Of::new(&served, &others))).await?;
    Ok(reply::result(&json!(counts).to_string()))
}

/// `POST /api/v1/rebuilds`
pub(crate) async fn start(State(gateway): State<Site>, request: Request) -> Result<Response, Problem> {
    let Asked { plan, approval } = Asked::of(&gateway, request).await?;
    begin(&gateway, Kind::Rebuild, plan, approval).await
}

/// `POST /api/v1/rebuilds/rollback`
pub(crate) async fn roll_back(State(gateway): State<Site>) -> Result<Response, Problem> {
    begin(&gateway, Kind::Rollback, Plan::default(), Approval::NotNeeded).await
}

/// `POST /api/v1/rebuilds/approval`
pub(crate) async fn approve(State(gateway): State<Site>) -> Result<Response, Problem> {
    let (_, generations) = generations(&gateway).await?;
    let held = generations.iter().rev().filter(|generation| generation.stage == Stage::Held);
    let mut plans = held.filter_map(|generation| serde_json::from_str::<Plan>(&generation.plan).ok());
    // Of a part of the log nothing could be served.
    let plan = plans.find(|plan| plan.to.is_none() && !plan.empty).ok_or_else(|| {
        let detail = format!("read model {} has no generation that is held back", gateway.model.place());
        Problem::new(ProblemKind::NotFound, detail)
    })?;
    begin(&gateway, Kind::Rebuild, plan, Approval::Given).await
}

/// `DELETE /api/v1/rebuilds`
pub(crate) async fn stop(State(gateway): State<Site>) -> Result<Response, Problem> {
    let none = || Problem::new(ProblemKind::NotFound, "this gateway runs no rebuild");
    let mut run = gateway.rebuilds.current().ok_or_else(none)?;
    run.stop();
    let Ok(ended) = tokio::time::timeout(gateway.settings.store_timeout, run.ended()).await else {
        return Ok(accepted(&run));
    };
    match &ended.result {
        Err(RebuildError::Interrupted(_)) => Ok(reply::result("true")),
        Err(error) => Err(Problem::from(error)),
        Ok(report) => {
            let detail = format!("the rebuild was over already: generation {} is complete", report.generation);
            Err(Problem::new(ProblemKind::Conflict, detail))
        }
    }
}

/// `DELETE /api/v1/rebuilds/generations/<number>`
pub(crate) async fn discard(State(gateway): State<Site>, Path(number): Path<String>) -> Result<Response, Problem> {
    let none = || {
        let detail =
            format!("read model {} has no generation {number} that is neither served nor kept", gateway.model.place());
        Problem::new(ProblemKind::NotFound, detail)
    };
    let generation: u64 = number.parse().map_err(|_| none())?;
    let rebuild = rebuild(&gateway, Plan::default(), Approval::NotNeeded);
    // Deleting many rows takes longer than a client may stay; it is seen through all the same.
    let discarding = tokio::spawn(async move { rebuild.discard(Some(generation)).await });
    let discarded = discarding.await.map_err(|error| Problem::from(&RebuildError::Died(error.to_string())))?;
    match discarded.map_err(|error| Problem::from(&error))?.is_empty() {
        true => Err(none()),
        false => Ok(reply::result("true")),
    }
}

/// Starts it, and answers once it is at work.
async fn begin(gateway: &Shared, kind: Kind, plan: Plan, approval: Approval) -> Result<Response, Problem> {
    let rebuild = rebuild(gateway, plan, approval);
    let mut run = gateway.rebuilds.start(kind, rebuild).map_err(|error| Problem::from(&error))?;
    if let Some(ended) = run.begun(gateway.settings.store_timeout).await
        && let Err(error) = &ended.result
    {
        return Err(Problem::from(error));
    }
    Ok(accepted(&run))
}

/// Of the gateway's own read model.
fn rebuild(gateway: &Shared, plan: Plan, approval: Approval) -> Rebuild {
    Rebuild {
        domain: gateway.domain.clone(),
        engine: gateway.engine.clone(),
        model: gateway.model.clone(),
        is_followed: true,
        plan,
        approval,
        limits: Limits::default(),
        holder: projector::holder("the gateway"),
    }
}

fn accepted(run: &Run) -> Response {
    let mut response = reply::json(StatusCode::ACCEPTED, json!({"result": run.progress()}).to_string());
    response.headers_mut().insert(header::LOCATION, LOCATION);
    response
}

/// The served generation, and those beside it at the same time.
async fn generations(gateway: &Shared) -> Result<(ModelState, Vec<Generation>), Problem> {
    loop {
        let served = gateway.asked(gateway.model.state()).await?;
        let others = gateway.asked(gateway.model.generations()).await?;
        // Another one may have come to be served between the two questions.
        if others.iter().all(|other| other.state.generation != served.generation) {
            return Ok((served, others));
        }
    }
}

/// A generation as clients see it: its plan as JSON rather than as text.
fn shown(generation: &Generation) -> Value {
    let mut shown = json!(generation);
    if let Ok(plan) = serde_json::from_str::<Value>(&generation.plan) {
        shown["plan"] = plan;
    }
    shown
}
