//! Engines, commit, queue, service host and saga host.
