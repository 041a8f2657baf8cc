//! The table of contents: which route is answered where.

use axum::{
    Router,
    extract::Request,
    http::Uri,
    middleware,
    routing::{delete, get, post},
};

use crate::{
    gateway::Gateway,
    guard,
    problem::{Kind, Problem},
    routes::{
        admin, assets, audits, commands, diff, entities, health, history, listing, live, log, metrics, openapi, opened,
        parked, queries, rebuilds, replays, state, status,
    },
};

/// Every route of the gateway, with everything that a request passes on its way.
pub fn router(gateway: Gateway) -> Router {
    let Gateway(gateway) = gateway;
    let mut router = Router::new();
    for topic in &gateway.surface.entities {
        let scope = entities::Scope::new(&gateway, topic);
        router = router
            .route(&format!("/{}", topic.plural), get(entities::list).post(entities::submit).with_state(scope.clone()))
            .route(&format!("/{}", topic.name), post(entities::create).with_state(scope.clone()))
            .route(
                &format!("/{}/{{id}}", topic.name),
                get(entities::one).put(entities::replace).delete(entities::end).with_state(scope),
            );
    }
    for query in &gateway.surface.queries {
        let scope = queries::Scope::new(&gateway, *query);
        router = router.route(query.path, get(queries::answer).with_state(scope));
    }
    let own = Router::new()
        .route("/", get(assets::document))
        .route("/assets/{*path}", get(assets::asset))
        .route("/assets/pages/{file}", get(assets::page))
        .route("/assets/pages/{name}/{module}", get(assets::module))
        .route("/ws", get(live::websocket))
        .route("/api/v1/events", get(live::server_sent))
        .route("/api/v1/commands/{id}", get(commands::one))
        .route("/api/v1/diff", get(diff::diff))
        .route("/api/v1/log", get(log::log))
        .route("/api/v1/history/{topic}/{id}", get(history::history))
        .route("/api/v1/trace/{id}", get(history::trace))
        .route("/api/v1/state", get(state::state))
        .route("/api/v1/state/{topic}/{key}", get(state::row))
        .route("/api/v1/state/{topic}/{key}/referrers", get(state::referrers))
        .route("/api/v1/status", get(status::status))
        .route("/api/v1/topics", get(status::topics))
        .route("/api/v1/queues", get(admin::queues))
        .route("/api/v1/queues/{service}", get(listing::queue))
        .route("/api/v1/queues/{service}/dead", get(admin::dead))
        .route("/api/v1/queues/{service}/dead/{command}", delete(admin::discard))
        .route("/api/v1/queues/{service}/dead/{command}/requeue", post(admin::requeue))
        .route("/api/v1/parked", get(parked::list))
        .route("/api/v1/parked/{consumer}/{topic}/{position}", delete(parked::discard))
        .route("/api/v1/parked/{consumer}/{topic}/{position}/retry", post(parked::retry))
        .route("/api/v1/rebuilds", get(rebuilds::list).post(rebuilds::start).delete(rebuilds::stop))
        .route("/api/v1/rebuilds/rollback", post(rebuilds::roll_back))
        .route("/api/v1/rebuilds/approval", post(rebuilds::approve))
        .route("/api/v1/rebuilds/generations/{number}", delete(rebuilds::discard))
        .route("/api/v1/rebuilds/rows", get(rebuilds::rows))
        .route("/api/v1/replays", get(replays::list).post(replays::start).delete(replays::stop))
        .route("/api/v1/histories", get(opened::list).post(opened::open))
        .route("/api/v1/histories/{id}", delete(opened::close))
        .route("/api/v1/audits", get(audits::list).post(audits::start))
        .route("/openapi.json", get(openapi::openapi))
        .route("/livez", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .with_state(gateway.clone());
    router
        .merge(own)
        .fallback(nowhere)
        .method_not_allowed_fallback(not_so)
        .layer(middleware::from_fn_with_state(gateway, guard::guard))
}

async fn nowhere(uri: Uri) -> Problem {
    Problem::new(Kind::NotFound, format!("there is nothing at {}", uri.path()))
}

async fn not_so(request: Request) -> Problem {
    let detail = format!("{} is not possible at {}", request.method(), request.uri().path());
    Problem::new(Kind::MethodNotAllowed, detail)
}
