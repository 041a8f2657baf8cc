//! The domain's questions over whole topics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use axum::{extract::State, http::Uri, response::Response};
use kernel::{Failure, QueryHandler};

use crate::{
    gateway::Site,
    problem::{Kind, Problem},
    reply, request,
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
    request::check_now(&uri)?;
    let query = scope.query;
    let (tables, state) = scope.gateway.asked(scope.gateway.model.tables(query.topics)).await?;
    // Whole topics may take a while, and the domain's code may panic: neither may hold up other requests.
    let answered = tokio::task::spawn_blocking(move || {
        let answer = || query.answer(&tables).map(|value| value.to_string());
        catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|_| Err(Failure("it panicked".to_owned())))
    });
    let answer = answered.await.unwrap_or_else(|error| Err(Failure(error.to_string())));
    let failed =
        |failure: Failure| Problem::new(Kind::Internal, format!("{} can't be answered: {failure}", query.path));
    let mut response = reply::result(&answer.map_err(failed)?);
    reply::mark(&mut response, scope.gateway.served.saw(&state));
    Ok(response)
}
