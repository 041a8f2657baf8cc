//! A server and its replica.

use super::node::{Node, until};

/// A server and its replica.
#[derive(Debug)]
pub struct Replicated {
    /// The one that is written to.
    pub master: Node,
    /// The one that follows it.
    pub replica: Node,
}

impl Replicated {
    /// Starts both, with these options more, and waits until the replica has what the master has.
    #[must_use]
    pub fn start(options: &[&str]) -> Self {
        let options: Vec<&str> = options.iter().copied().chain(["--repl-diskless-sync-delay", "0"]).collect();
        let pair = Self { master: Node::start(&options), replica: Node::start(&options) };
        pair.connect();
        pair
    }

    /// Has the replica follow the master, and waits until it does.
    pub fn connect(&self) {
        let port = self.master.port().to_string();
        self.replica.ask::<()>(&["REPLICAOF", "127.0.0.1", &port]);
        until("the replica is online", || {
            let state = self.master.info("slave0")?;
            (state.contains("state=online") && self.replica.info("master_link_status")? == "up").then_some(())
        });
    }

    /// Waits until the replica has all that the master has.
    pub fn until_caught_up(&self) {
        until("the replica has caught up", || {
            let offset = self.master.info("master_repl_offset")?;
            (self.replica.info("slave_repl_offset")? == offset).then_some(())
        });
    }

    /// Cuts the replica off: it stays a replica and hears of nothing any more.
    pub fn cut_off(&self) {
        self.replica.ask::<()>(&["REPLICAOF", "127.0.0.1", "1"]);
        until("the master has lost its replica", || (self.master.info("connected_slaves")? == "0").then_some(()));
    }

    /// Makes the replica a master.
    pub fn promote(&self) {
        self.replica.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
    }
}
