//! Connections: accepted up to a limit, each with its own limits, and brought to an end when told to stop.

mod stalling;

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use stalling::Stalling;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use crate::{Gateway, gateway::Site, router};

/// The pause after a connection could not be accepted: most likely there are too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a connection that has not asked anything yet may still do so when the gateway stops: its first
/// request may be on the way.
const FIRST: Duration = Duration::from_millis(250);

/// Answers requests until told to stop.
///
/// From then on readiness is false, new requests are turned away, WebSockets and server-sent events are
/// ended, a rebuild and a replay are broken off, and what was asked before is still answered, within
/// [`grace`](crate::Settings::grace). After that the rest is cut off.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(listener: TcpListener, gateway: Gateway, stop: CancellationToken) -> io::Result<()> {
    let app = router(gateway.clone());
    let Gateway(gateway) = gateway;
    let room = Arc::new(Semaphore::new(gateway.settings.most_connections));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            (stream, permit) = accept(&listener, &room) => {
                connections.spawn(connection(stream, app.clone(), gateway.clone(), permit, Serve::UntilStopped));
            }
        }
    }
    gateway.stopping.cancel();
    tracing::info!(connections = connections.len(), "stopping");
    // Probes still get their answer while the last requests get theirs.
    let mut late = JoinSet::new();
    let until = Instant::now() + gateway.settings.grace;
    while !connections.is_empty() {
        tokio::select! {
            () = tokio::time::sleep_until(until) => break,
            _ = connections.join_next() => {}
            (stream, permit) = accept(&listener, &room) => {
                late.spawn(connection(stream, app.clone(), gateway.clone(), permit, Serve::Once));
            }
        }
    }
    // WebSockets have left their connection's task: the last one gives its place among the clients back.
    let followers = u32::try_from(gateway.settings.most_live).unwrap_or(u32::MAX);
    let followed = tokio::time::timeout_at(until, gateway.live.acquire_many(followers)).await;
    // A rebuild stops at the next event and leaves what it has committed to whoever goes on with it.
    let rebuilt = tokio::time::timeout_at(until, gateway.rebuilds.over()).await;
    let replayed = tokio::time::timeout_at(until, gateway.replays.over()).await;
    if !connections.is_empty() || followed.is_err() || rebuilt.is_err() || replayed.is_err() {
        tracing::warn!(connections = connections.len(), "cut off at the end of the grace time");
    }
    Ok(())
}

/// The next connection, once there is room for it.
async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let permit = room.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// How many requests a connection may bring.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Serve {
    UntilStopped,
    Once,
}

async fn connection(
    stream: TcpStream,
    app: Router,
    gateway: Site,
    _permit: Option<OwnedSemaphorePermit>,
    serve: Serve,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "small answers may be delayed");
    }
    let io = TokioIo::new(Stalling::new(stream, gateway.settings.stall));
    let asked = Arc::new(Notify::new());
    let asks = asked.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        asks.notify_one();
        let request: Request = request.map(Body::new);
        // A router is always ready.
        app.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(serve == Serve::UntilStopped)
        .header_read_timeout(gateway.settings.body_timeout)
        .serve_connection(io, service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let over = async {
        gateway.stopping.cancelled().await;
        let _ = tokio::time::timeout(FIRST, asked.notified()).await;
    };
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = over, if serve == Serve::UntilStopped => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}
