//! The HTTP, WebSocket and SSE surface of a domain.
//!
//! The gateway turns requests into commands and waits for their outcomes, serves the read model, and shows
//! events as they happen. Its routes come from the domain's description; it knows no domain by name. It
//! decides nothing, writes to no log but through [`runtime::Engine::commit`] (commands into queues), and
//! never answers without a limit on how long that may take.
//!
//! | module | what it holds |
//! |---|---|
//! | `router`, `routes` | the table of contents, and one file a group of routes |
//! | `guard`, `security` | what every request passes: hosts, origins, tokens, panics, counting |
//! | `submission`, `intake`, `waiters` | a command's way there and back |
//! | `past`, `source` | how a question about the past says when, and which log it is about |
//! | `pace` | how much of the log is read for one answer |
//! | `live` | events as they happen, resumable |
//! | `rebuilds`, `served`, `counts` | rebuilds of the read model from here, whether its rows are this program's, and how many |
//! | `work` | what takes long and is done for clients: replays, audits |
//! | `source`, `histories` | the log that a question is about: the gateway's own, or a history file that was opened |
//! | `problem` | every error that a client is told |
//! | `serve` | connections: accepted, bounded, and brought to an end |

mod admission;
mod body;
mod counts;
mod fields;
#[cfg(test)]
mod fuzz;
mod gateway;
mod guard;
mod histories;
mod intake;
mod live;
mod metrics;
mod openapi;
mod pace;
mod past;
mod problem;
mod rebuilds;
mod reply;
mod request;
mod router;
mod routes;
mod security;
mod serve;
mod served;
mod settings;
mod source;
mod submission;
mod surface;
mod waiters;
mod work;

pub use gateway::Gateway;
pub use router::router;
pub use serve::serve;
pub use settings::{AccessToken, Exposed, Scope, Settings, UnfitToken};
pub use surface::Unroutable;
