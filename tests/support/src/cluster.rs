//! A cluster of three nodes, without replicas.

use std::sync::OnceLock;

use super::node::{Node, until};

/// How many slots there are.
const SLOTS: u16 = 16_384;

/// A cluster of three nodes.
#[derive(Debug)]
pub struct Cluster {
    /// The nodes, each with a third of the slots.
    pub nodes: Vec<Node>,
    ids: Vec<String>,
}

/// A slot on its way from one node to another.
#[derive(Debug)]
pub struct Migration<'c> {
    cluster: &'c Cluster,
    slot: String,
    from: usize,
    to: usize,
}

impl Cluster {
    /// Starts three nodes that write an append-only file, and waits until they are a cluster.
    #[must_use]
    pub fn start() -> Self {
        // Synced by nobody, it is written before each answer, and so survives `kill -9`; with everysec a write waits for
        // the sync before it.
        let file = ["--appendonly", "yes", "--appendfsync", "no"];
        let options = [&["--cluster-enabled", "yes", "--cluster-node-timeout", "5000"][..], &file].concat();
        let nodes: Vec<_> = (0..3).map(|_| Node::start(&options)).collect();
        let ids = nodes.iter().map(|node| node.ask(&["CLUSTER", "MYID"])).collect();
        let share = SLOTS.div_ceil(3);
        for (node, first) in nodes.iter().zip((0..SLOTS).step_by(share.into())) {
            let last = (first + share - 1).min(SLOTS - 1);
            node.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
            node.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &nodes[0].port().to_string()]);
        }
        let cluster = Self { nodes, ids };
        cluster.until_ok();
        cluster
    }

    /// The cluster that all tests of this process share; each uses a namespace of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| {
            let cluster = Self::start();
            cluster.nodes.iter().for_each(Node::end_with_this_process);
            cluster
        })
    }

    /// Waits until every node says that the cluster is whole.
    pub fn until_ok(&self) {
        for node in &self.nodes {
            until("the cluster is whole", || {
                let info: String = node.try_ask(&["CLUSTER", "INFO"]).ok()?;
                let is_whole = info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3");
                is_whole.then_some(())
            });
        }
    }

    /// `redis+cluster://…`, naming the first node only: the others are found.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+cluster://{}", self.nodes[0].address())
    }

    /// The slot of a namespace.
    #[must_use]
    pub fn slot_of(&self, namespace: &str) -> u16 {
        self.nodes[0].ask(&["CLUSTER", "KEYSLOT", namespace])
    }

    /// Which node has a slot.
    #[must_use]
    pub fn owner_of(&self, slot: u16) -> usize {
        let port = until("a node tells whose slots are whose", || {
            let slots: Vec<Vec<::redis::Value>> =
                self.nodes.iter().find_map(|node| node.try_ask(&["CLUSTER", "SLOTS"]).ok())?;
            slots.into_iter().find_map(|range| {
                let mut range = range.into_iter();
                let mut number = || ::redis::from_redis_value::<u16>(range.next()?).ok();
                let (first, last) = (number()?, number()?);
                let master: Vec<::redis::Value> = ::redis::from_redis_value(range.next()?).ok()?;
                let port = ::redis::from_redis_value::<u16>(master.into_iter().nth(1)?).ok()?;
                (first..=last).contains(&slot).then_some(port)
            })
        });
        self.nodes.iter().position(|node| node.port() == port).expect("one of the nodes")
    }

    /// Begins to move a slot to a node; nothing has moved yet.
    #[must_use]
    pub fn migrate(&self, slot: u16, to: usize) -> Migration<'_> {
        let migration = Migration { cluster: self, slot: slot.to_string(), from: self.owner_of(slot), to };
        migration.ask(to, &["IMPORTING", &self.ids[migration.from]]);
        migration.ask(migration.from, &["MIGRATING", &self.ids[to]]);
        migration
    }
}

impl Migration<'_> {
    fn ask(&self, node: usize, what: &[&str]) {
        let command: Vec<&str> = ["CLUSTER", "SETSLOT", &self.slot].into_iter().chain(what.iter().copied()).collect();
        self.cluster.nodes[node].ask::<()>(&command);
    }

    /// Moves up to so many keys; tells how many it were.
    #[must_use]
    pub fn move_keys(&self, most: usize) -> usize {
        let (from, to) = (&self.cluster.nodes[self.from], &self.cluster.nodes[self.to]);
        let keys: Vec<String> = from.ask(&["CLUSTER", "GETKEYSINSLOT", &self.slot, &most.to_string()]);
        if !keys.is_empty() {
            let port = to.port().to_string();
            let mut command = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            command.extend(keys.iter().map(String::as_str));
            from.ask::<()>(&command);
        }
        keys.len()
    }

    /// Moves what is left, and tells every node whose the slot is now.
    pub fn finish(self) {
        while self.move_keys(100) > 0 {}
        let others = (0..self.cluster.nodes.len()).filter(|node| *node != self.from && *node != self.to);
        for node in [self.to, self.from].into_iter().chain(others) {
            self.ask(node, &["NODE", &self.cluster.ids[self.to]]);
        }
    }
}
