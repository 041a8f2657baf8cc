//! `GET /api/v1/events`: the same as server-sent events.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::{convert::Infallible, fmt::Write as _, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::Response,
};
use futures_util::stream;
use runtime::Entries;
use serde_json::json;

use crate::{
    gateway::Site,
    live::{Feed, Shown, shares_position},
    metrics::Follower,
    problem::{Kind, Problem},
    reply, request,
};

/// How long nothing may come before a comment tells that the connection lives.
const QUIET: Duration = Duration::from_secs(15);

/// The pause after the store could not be read.
const PAUSE: Duration = Duration::from_millis(500);

/// `GET /api/v1/events?after=<position>`; `Last-Event-ID`, which a browser sends when it reconnects, goes first.
pub(crate) async fn server_sent(
    State(gateway): State<Site>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let malformed = |_| Problem::new(Kind::MalformedRequest, "Last-Event-ID is not a position");
    let last = headers.get("last-event-id").map(HeaderValue::to_str).transpose().map_err(malformed)?;
    let parameter = request::parameter(&uri, "after");
    let after = last.filter(|last| !last.is_empty()).or(parameter.as_deref());
    let feed = Feed::begin(&gateway, Follower::ServerSent, after).await?;
    let stream = Stream { gateway, feed, at: At::Beginning };
    let chunks = stream::unfold(stream, |stream| async { stream.next().await });
    let mut response = reply::json(StatusCode::OK, Body::from_stream(chunks));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

/// One client's stream of events. Its place in the log is as far as it has taken what it was sent.
struct Stream {
    gateway: Site,
    feed: Feed,
    at: At,
}

/// Where a stream is.
enum At {
    /// Nothing has been sent yet; sending something tells the client that it is connected.
    Beginning,
    Following,
    Ended,
}

impl Stream {
    /// The next chunk, and the stream after it.
    async fn next(mut self) -> Option<(Result<String, Infallible>, Self)> {
        match self.at {
            At::Beginning => {
                self.at = At::Following;
                Some((Ok("retry: 1000\n\n".to_owned()), self))
            }
            At::Following => {
                let stopping = self.gateway.stopping.clone();
                let chunk = stopping.run_until_cancelled(self.chunk()).await?;
                Some((Ok(chunk), self))
            }
            At::Ended => None,
        }
    }

    /// What comes next, as text.
    async fn chunk(&mut self) -> String {
        loop {
            match self.feed.next(QUIET).await {
                Ok(entries) if entries.entries.is_empty() => return ":\n\n".to_owned(),
                Ok(entries) => {
                    let chunk = self.text(&entries);
                    self.feed.pass(&entries, entries.entries.len());
                    if !chunk.is_empty() {
                        return chunk;
                    }
                }
                Err(error) if error.is_transient() => tokio::time::sleep(PAUSE).await,
                Err(error) => {
                    let position = self.feed.position();
                    tracing::warn!(%error, %position, "a client's events can't go on");
                    self.at = At::Ended;
                    let data = json!({"error": "lost", "after": position, "detail": error.to_string()});
                    return format!("event: lost\ndata: {data}\n\n");
                }
            }
        }
    }

    fn text(&self, entries: &Entries) -> String {
        let mut text = String::new();
        for (index, entry) in entries.entries.iter().enumerate() {
            let Some(shown) = Shown::of(&self.gateway.domain, entry) else { continue };
            // A position with another event still to come is no place to resume from: that one would be lost.
            if !shares_position(entries, index) {
                let _ = writeln!(text, "id: {}", shown.position);
            }
            let _ = write!(text, "event: {}\ndata: {}\n\n", shown.action, shown.json);
        }
        text
    }
}
