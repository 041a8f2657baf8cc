//! What every request passes on its way in and out.

use std::{any::Any, panic::AssertUnwindSafe, sync::atomic::Ordering, time::Instant};

use axum::{
    body,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures_util::FutureExt as _;

use crate::{
    gateway::{Shared, Site},
    problem::{Kind, Problem},
    security::{self, Asked},
};

/// How many bytes of an error in plain text are passed on.
const MOST_TOLD: usize = 4 << 10;

/// Checks who asks, keeps panics in, and counts.
pub(crate) async fn guard(State(gateway): State<Site>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let _in_flight = InFlight::new(&gateway);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let method = request.method().clone();

    let mut response = match admit(&gateway, &request) {
        Ok(()) => AssertUnwindSafe(next.run(request))
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| panicked(route, &*panic).into_response()),
        Err(problem) => problem.into_response(),
    };
    if is_bare(&response) {
        response = told(response).await.into_response();
    }
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    if gateway.stopping.is_cancelled() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    gateway.metrics.answered(route, &method, response.status(), started.elapsed());
    response
}

/// Whether it is an error that something below the routes has answered by itself, in plain text.
fn is_bare(response: &Response) -> bool {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    (status.is_client_error() || status.is_server_error()) && kind.is_none_or(|kind| kind.starts_with(b"text/plain"))
}

/// The same as a problem like any other.
async fn told(response: Response) -> Problem {
    let kind = if response.status().is_client_error() { Kind::MalformedRequest } else { Kind::Internal };
    let text = body::to_bytes(response.into_body(), MOST_TOLD).await.unwrap_or_default();
    Problem::new(kind, String::from_utf8_lossy(&text))
}

fn admit(gateway: &Shared, request: &Request) -> Result<(), Problem> {
    let asked = Asked { method: request.method(), uri: request.uri(), headers: request.headers() };
    security::check(&gateway.settings, asked)?;
    let probe = matches!(request.uri().path(), "/livez" | "/readyz" | "/metrics");
    if gateway.stopping.is_cancelled() && !probe {
        return Err(Problem::unavailable("the gateway is stopping", 1));
    }
    Ok(())
}

fn panicked(route: &str, panic: &(dyn Any + Send)) -> Problem {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    tracing::error!(route, panic = text, "a request's handler panicked");
    Problem::new(Kind::Internal, "the gateway failed on this request; its log says more")
}

/// Counts a request until its answer begins, whatever happens to it.
struct InFlight<'g>(&'g Shared);

impl<'g> InFlight<'g> {
    fn new(gateway: &'g Shared) -> Self {
        gateway.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(gateway)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{Router, body::Body, http::StatusCode, middleware, routing::get};
    use runtime::{Engine, Namespace, StoreUrl, Tail};
    use tower_service::Service as _;

    use super::*;
    use crate::{Gateway, Settings};

    async fn site() -> Site {
        let (url, namespace) = (StoreUrl::Memory, Namespace::default());
        let engine = Engine::open(&url, &namespace, &[]).await.unwrap();
        let model = projector::ReadModel::open(&url, &namespace).await.unwrap();
        let (tail, _) = Tail::follow(engine.clone()).await.unwrap();
        let domain = Arc::new(kernel::Domain::new("none"));
        let timeline = projector::timeline::Timeline::in_memory(domain.clone(), engine.clone());
        Gateway::new(domain, engine, tail, model, timeline, Settings::default()).unwrap().0
    }

    async fn fails() -> &'static str {
        panic!("a defect");
    }

    /// What a request to `path` is answered.
    async fn ask(site: &Site, path: &str) -> (u16, String, String) {
        let guarded = middleware::from_fn_with_state(site.clone(), guard);
        let bare = || async { (StatusCode::GONE, "gone with the wind") };
        let routes = Router::new().route("/fails", get(fails)).route("/bare", get(bare));
        let mut router = routes.route("/silent", get(|| async { StatusCode::BAD_GATEWAY })).layer(guarded);
        let request = Request::builder().uri(path).header("host", "localhost").body(Body::empty()).unwrap();
        let response = router.call(request).await.unwrap();
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        let status = response.status().as_u16();
        let text = body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let document: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(document["status"], status);
        (status, kind, document["detail"].as_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn a_panic_is_a_problem_like_any_other() {
        let site = site().await;
        let (status, kind, _) = ask(&site, "/fails").await;
        assert_eq!((status, &*kind), (500, "application/problem+json"));
        assert_eq!(site.in_flight.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn so_is_an_error_that_no_route_has_put_into_words() {
        let site = site().await;
        let kind = "application/problem+json".to_owned();
        assert_eq!(ask(&site, "/bare").await, (400, kind.clone(), "gone with the wind".into()));
        assert_eq!(ask(&site, "/silent").await, (500, kind, String::new()));
    }
}
