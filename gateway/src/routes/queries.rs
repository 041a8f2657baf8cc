//! The domain's questions over whole topics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use axum::{extract::State, http::Uri, response::Response};
use kernel::{Failure, QueryHandler, Tables};

use crate::{
    gateway::Site,
    past::Past,
    problem::{Kind, Problem},
    reply,
};

/// One question's part of the gateway.
#[derive(Clone)]
pub(crate) struct Scope {
    gateway: Site,
    query: QueryHandler,
}

impl Scope {
    pub(crate) fn new(gateway: &Site, query: QueryHandler) -> Self {
        Self { gateway: gateway.clone(), query }
    }
}

/// `GET <path>`
pub(crate) async fn answer(State(scope): State<Scope>, uri: Uri) -> Result<Response, Problem> {
    let query = scope.query;
    if let Some(past) = Past::asked(&scope.gateway.own_log(), &uri, "at").await? {
        let tables = past.tables(query.topics).await?;
        return Ok(past.mark(reply::result(&answered(query, tables).await?)));
    }
    let (tables, state) = scope.gateway.asked(scope.gateway.model.tables(query.topics)).await?;
    let mut response = reply::result(&answered(query, tables).await?);
    reply::mark(&mut response, scope.gateway.served.saw(&state));
    Ok(response)
}

/// What the domain's code answers, as JSON text.
async fn answered(query: QueryHandler, tables: Tables) -> Result<String, Problem> {
    // Whole topics may take a while, and the domain's code may panic: neither may hold up other requests.
    let answered = tokio::task::spawn_blocking(move || {
        let answer = || query.answer(&tables).map(|value| value.to_string());
        catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|_| Err(Failure("it panicked".to_owned())))
    });
    let answer = answered.await.unwrap_or_else(|error| Err(Failure(error.to_string())));
    let failed =
        |failure: Failure| Problem::new(Kind::Internal, format!("{} can't be answered: {failure}", query.path));
    answer.map_err(failed)
}
