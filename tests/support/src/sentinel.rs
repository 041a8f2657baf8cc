//! A sentinel that watches a server.

use super::node::{Node, until};

/// A sentinel, alone and so of one mind.
#[derive(Debug)]
pub struct Sentinel {
    node: Node,
}

impl Sentinel {
    /// What it calls the server that it watches.
    pub const MASTER: &str = "shop";

    /// Starts one that watches `master` and knows of its replica.
    #[must_use]
    pub fn watching(master: &Node) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join("sentinel.conf");
        let (name, port) = (Self::MASTER, master.port());
        let lines = format!(
            "sentinel monitor {name} 127.0.0.1 {port} 1\nsentinel down-after-milliseconds {name} 1000\n\
             sentinel failover-timeout {name} 3000\n"
        );
        std::fs::write(&config, lines).expect("a folder to write to");
        let sentinel = Self { node: Node::spawned(folder, vec![config.into(), "--sentinel".into()]) };
        until("the sentinel knows of the replica", || {
            let replicas: Vec<::redis::Value> = sentinel.node.try_ask(&["SENTINEL", "REPLICAS", name]).ok()?;
            (replicas.len() == 1).then_some(())
        });
        sentinel
    }

    /// `redis+sentinel://…/shop`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+sentinel://{}/{}", self.node.address(), Self::MASTER)
    }

    /// The port of the server that it calls the master now.
    #[must_use]
    pub fn master(&self) -> u16 {
        let (_, port): (String, u16) = self.node.ask(&["SENTINEL", "get-master-addr-by-name", Self::MASTER]);
        port
    }

    /// Waits until it calls this one the master.
    pub fn until_master_is(&self, node: &Node) {
        until("the sentinel has a new master", || (self.master() == node.port()).then_some(()));
    }
}
