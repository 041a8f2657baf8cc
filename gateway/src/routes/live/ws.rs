//! `GET /ws`: one text message an event.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket, close_code, rejection::WebSocketUpgradeRejection},
    },
    http::Uri,
    response::Response,
};
use futures_util::SinkExt as _;
use runtime::{Entries, StoreError};
use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};

use crate::{
    gateway::Site,
    live::{Feed, Shown},
    metrics::Follower,
    problem::{Kind, Problem},
    rebuilds, request,
    security::PROTOCOL,
};

/// How long one wait for events may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The pause after the store could not be read.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a client that is being let go may take to hear why.
const PARTING: Duration = Duration::from_secs(1);

/// How many pings may go unanswered.
const UNANSWERED: u32 = 3;

/// The longest message that a client may send; there is nothing to say.
const LONGEST: usize = 4 << 10;

/// How many bytes of messages are gathered before they are written; a slow client holds up one message more.
const GATHERED: usize = 16 << 10;

/// `GET /ws?after=<position>&rebuilds=1`; a page gives its token as the protocol `bearer.<base64url>` beside `retrace`.
pub(crate) async fn websocket(
    State(gateway): State<Site>,
    uri: Uri,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|rejection| Problem::new(Kind::MalformedRequest, rejection.body_text()))?;
    let after = request::parameter(&uri, "after");
    let feed = Feed::begin(&gateway, Follower::WebSocket, after.as_deref()).await?;
    let rebuilds = request::parameter(&uri, "rebuilds").is_some_and(|wanted| wanted == "1");
    let rebuilds = rebuilds.then(|| gateway.rebuilds.shown());
    Ok(upgrade
        .protocols([PROTOCOL])
        .max_message_size(LONGEST)
        .max_frame_size(LONGEST)
        .read_buffer_size(LONGEST)
        .write_buffer_size(GATHERED)
        .on_upgrade(move |socket| Client { socket, feed, rebuilds, gateway }.run()))
}

struct Client {
    socket: WebSocket,
    feed: Feed,
    /// How far a rebuild has come, for a client that wants to know.
    rebuilds: Option<watch::Receiver<Option<Arc<rebuilds::Shown>>>>,
    gateway: Site,
}

/// Why a client is let go.
enum Parting {
    /// It has closed, or broken off.
    Gone,
    /// What it sent can't be taken, if it is there at all.
    Unfit(String),
    /// It takes too long to take what it is sent, or to answer pings.
    Lagging,
    /// The log does not go on from where it stands.
    Lost(StoreError),
    /// The gateway stops.
    Stopping,
}

impl Client {
    async fn run(mut self) {
        let parting = self.follow().await;
        let position = self.feed.position();
        let (last, code, reason) = match parting {
            Parting::Gone => return,
            Parting::Unfit(reason) if reason.contains("too long") => {
                let detail = format!("a message may have {LONGEST} bytes; there is nothing to say here");
                (Some(json!({"error": "too long", "after": position, "detail": detail})), close_code::SIZE, "too long")
            }
            Parting::Unfit(_) => (None, close_code::PROTOCOL, "that is no WebSocket message"),
            Parting::Lagging => (Some(json!({"error": "lagging", "after": position})), close_code::POLICY, "lagging"),
            Parting::Lost(error) => {
                tracing::warn!(%error, %position, "a client's events can't go on");
                let message = json!({"error": "lost", "after": position, "detail": error.to_string()});
                (Some(message), close_code::ERROR, "the log does not go on from there")
            }
            Parting::Stopping => (None, close_code::AWAY, "the gateway is stopping"),
        };
        let told = async {
            if let Some(message) = last {
                self.socket.send(Message::Text(message.to_string().into())).await?;
            }
            self.socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await
        };
        if !matches!(timeout(PARTING, told).await, Ok(Ok(()))) {
            tracing::debug!(%position, reason, "a client could not be told why it is let go");
        }
    }

    async fn follow(&mut self) -> Parting {
        let every = self.gateway.settings.ping;
        let mut ping = interval_at(Instant::now() + every, every);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unanswered = 0;
        loop {
            let entries = tokio::select! {
                () = self.gateway.stopping.cancelled() => return Parting::Stopping,
                message = self.socket.recv() => match message {
                    None | Some(Ok(Message::Close(_))) => return Parting::Gone,
                    Some(Err(error)) => return Parting::Unfit(error.to_string()),
                    Some(Ok(_)) => {
                        unanswered = 0;
                        continue;
                    }
                },
                _ = ping.tick() => {
                    if unanswered == UNANSWERED {
                        return Parting::Lagging;
                    }
                    unanswered += 1;
                    match self.within(Message::Ping(Vec::new().into())).await {
                        Ok(()) => continue,
                        Err(parting) => return parting,
                    }
                }
                message = rebuilt(self.rebuilds.as_mut()) => match self.within(Message::Text(message.into())).await {
                    Ok(()) => continue,
                    Err(parting) => return parting,
                },
                entries = self.feed.next(PATIENCE) => entries,
            };
            match entries {
                Ok(entries) => {
                    if let Err(parting) = self.send(&entries).await {
                        return parting;
                    }
                }
                Err(error) if error.is_transient() => tokio::time::sleep(PAUSE).await,
                Err(error) => return Parting::Lost(error),
            }
        }
    }

    /// Sends what of a page clients see; what was sent before it failed is passed too.
    async fn send(&mut self, entries: &Entries) -> Result<(), Parting> {
        let stall = self.gateway.settings.stall;
        for (index, entry) in entries.entries.iter().enumerate() {
            let Some(shown) = Shown::of(&self.gateway.domain, entry) else { continue };
            let feeding = timeout(stall, self.socket.feed(Message::Text(shown.json.into()))).await;
            let stopping = self.gateway.stopping.is_cancelled();
            if let Err(parting) = sent(feeding).and(if stopping { Err(Parting::Stopping) } else { Ok(()) }) {
                self.feed.pass(entries, index);
                return Err(parting);
            }
        }
        self.feed.pass(entries, entries.entries.len());
        sent(timeout(stall, self.socket.flush()).await)
    }

    async fn within(&mut self, message: Message) -> Result<(), Parting> {
        sent(timeout(self.gateway.settings.stall, self.socket.send(message)).await)
    }
}

/// What is to be said next about rebuilds; nothing for ever to a client that has not asked.
async fn rebuilt(rebuilds: Option<&mut watch::Receiver<Option<Arc<rebuilds::Shown>>>>) -> String {
    if let Some(shown) = rebuilds {
        while shown.changed().await.is_ok() {
            let message = shown.borrow_and_update().as_ref().map(|shown| shown.message());
            if let Some(message) = message {
                return message;
            }
        }
    }
    std::future::pending().await
}

/// What became of something sent, within a time or not.
fn sent<L>(sent: Result<Result<(), axum::Error>, L>) -> Result<(), Parting> {
    sent.map_err(|_| Parting::Lagging)?.map_err(|_| Parting::Gone)
}
