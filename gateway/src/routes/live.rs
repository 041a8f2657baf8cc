//! Live events: a WebSocket, and server-sent events.

mod sse;
mod ws;

pub(crate) use sse::server_sent;
pub(crate) use ws::websocket;
