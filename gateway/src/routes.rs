//! One file a group of routes.

pub(crate) mod admin;
pub(crate) mod assets;
pub(crate) mod audits;
pub(crate) mod commands;
pub(crate) mod diff;
pub(crate) mod entities;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod listing;
pub(crate) mod live;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod opened;
pub(crate) mod parked;
pub(crate) mod queries;
pub(crate) mod rebuilds;
pub(crate) mod replays;
pub(crate) mod state;
pub(crate) mod status;
