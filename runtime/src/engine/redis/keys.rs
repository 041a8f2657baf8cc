//! The names of the keys; `docs/redis-keys.md` tells what each holds.

use crate::Namespace;

/// The keys of one namespace.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// What stands in front of every key: a hash tag, so that all of them share a slot.
    pub(super) prefix: String,
    pub(super) head: String,
    pub(super) topics: String,
    pub(super) checkpoints: String,
    pub(super) parked: String,
    /// Their names, in order.
    pub(super) parked_order: String,
    /// Of these, what shall be tried again.
    pub(super) parked_retry: String,
    /// What was parked once.
    pub(super) unparked: String,
    pub(super) workers: String,
    pub(super) outcomes: String,
    /// Written to have a write whose confirmation can be waited for.
    pub(super) confirmed: String,
    /// In a cluster, a key that never exists. While a slot is on its way to another node a server has some of its keys
    /// only; it refuses whoever names one that is there beside one that is not (`TRYAGAIN`), before anything is done.
    /// Without it a script would break off in its middle.
    pub(super) absent: Option<String>,
}

impl Keys {
    pub(super) fn of(namespace: &Namespace, is_cluster: bool) -> Self {
        let prefix = namespace.prefix();
        let key = |name: &str| format!("{prefix}retrace:{name}");
        Self {
            head: key("head"),
            topics: key("topics"),
            checkpoints: key("checkpoints"),
            parked: key("parked"),
            parked_order: key("parked:order"),
            parked_retry: key("parked:retry"),
            unparked: key("unparked"),
            workers: key("workers"),
            outcomes: key("outcomes"),
            confirmed: key("confirmed"),
            absent: is_cluster.then(|| key("absent")),
            prefix,
        }
    }

    pub(super) fn stream(&self, topic: &str) -> String {
        format!("{}events:{topic}", self.prefix)
    }

    pub(super) fn queue(&self, service: &str) -> String {
        format!("{}retrace:queue:{service}", self.prefix)
    }

    pub(super) fn claimed(&self, service: &str, worker: &str) -> String {
        format!("{}retrace:claimed:{service}:{worker}", self.prefix)
    }

    pub(super) fn dead(&self, service: &str) -> String {
        format!("{}retrace:dead:{service}", self.prefix)
    }

    pub(super) fn command(&self, id: &str) -> String {
        format!("{}retrace:command:{id}", self.prefix)
    }

    pub(super) fn role(&self, role: &str) -> String {
        format!("{}retrace:role:{role}", self.prefix)
    }
}
