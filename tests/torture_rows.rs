//! The rows of the fault matrix that are about our own processes, each with what exactly must come of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;
mod rebuilding;
mod torturing;

#[path = "torturing/rows/gateway.rs"]
mod gateway;
#[path = "torturing/rows/projector.rs"]
mod projector_dies;
#[path = "torturing/rows/rebuild.rs"]
mod rebuild;
#[path = "torturing/rows/sagas.rs"]
mod sagas;
#[path = "torturing/rows/services.rs"]
mod services;
#[path = "torturing/rows/stopping.rs"]
mod stopping;
#[path = "torturing/rows/timeline.rs"]
mod timeline;
