//! What the gateway counts, and the text that Prometheus reads.

mod exposition;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::http::{Method, StatusCode};

pub(crate) use exposition::Exposition;

/// Upper bounds of the latency buckets, in seconds.
const BOUNDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What became of a command, as far as the gateway saw.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Done,
    Rejected,
    Dead,
    /// No outcome came in time.
    Unknown,
    /// The client did not want to wait.
    NotWaitedFor,
}

impl Ending {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Done, "done"),
        (Self::Rejected, "rejected"),
        (Self::Dead, "dead"),
        (Self::Unknown, "unknown"),
        (Self::NotWaitedFor, "not_waited_for"),
    ];
}

/// Who follows live events.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Follower {
    WebSocket,
    ServerSent,
}

/// Counters of one gateway.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<String, Answers>>,
    endings: [AtomicU64; 5],
    followers: Arc<[AtomicU64; 2]>,
}

/// Requests of one route, by method and status.
type Answers = BTreeMap<(&'static str, u16), Series>;

/// Requests of one route, method and status.
#[derive(Clone, Copy, Debug, Default)]
struct Series {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    seconds: f64,
}

impl Series {
    fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        if let Some(bucket) = BOUNDS.iter().position(|bound| seconds <= *bound) {
            self.buckets[bucket] += 1;
        }
        self.count += 1;
        self.seconds += seconds;
    }
}

/// A client of live events, counted until dropped.
#[derive(Debug)]
pub(crate) struct Following(Arc<[AtomicU64; 2]>, Follower);

impl Drop for Following {
    fn drop(&mut self) {
        self.0[self.1 as usize].fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// Counts a request; `route` is a template, not a path, so that there are few.
    pub(crate) fn answered(&self, route: &str, method: &Method, status: StatusCode, took: Duration) {
        let key = (method_name(method), status.as_u16());
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = requests.get_mut(route) {
            series.entry(key).or_default().add(took);
        } else {
            requests.entry(route.to_owned()).or_default().entry(key).or_default().add(took);
        }
    }

    /// Counts a command.
    pub(crate) fn ended(&self, ending: Ending) {
        self.endings[ending as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a client of live events for as long as it stays.
    pub(crate) fn follows(&self, follower: Follower) -> Following {
        self.followers[follower as usize].fetch_add(1, Ordering::Relaxed);
        Following(self.followers.clone(), follower)
    }

    /// Writes all of it.
    pub(crate) fn expose(&self, out: &mut Exposition) {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        out.family("retrace_http_request_duration_seconds", "histogram", "HTTP requests by route, method and status.");
        for (route, answers) in &requests {
            for ((method, status), series) in answers {
                let labels = [("route", route.clone()), ("method", (*method).into()), ("status", status.to_string())];
                out.histogram(&labels, &BOUNDS, &series.buckets, series.count, series.seconds);
            }
        }
        out.family("retrace_commands_total", "counter", "Commands by what became of them.");
        for (ending, name) in Ending::ALL {
            let count = self.endings[ending as usize].load(Ordering::Relaxed);
            out.sample(&[("outcome", name.into())], count);
        }
        out.family("retrace_live_clients", "gauge", "Clients of live events.");
        for (follower, name) in [(Follower::WebSocket, "websocket"), (Follower::ServerSent, "sse")] {
            let count = self.followers[follower as usize].load(Ordering::Relaxed);
            out.sample(&[("kind", name.into())], count);
        }
    }
}

/// A method's name; made-up ones share one, so that clients can't add series.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
