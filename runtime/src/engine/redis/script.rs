//! The Lua scripts, each in a file of its own.

use std::sync::LazyLock;

use crate::commit::{KEEP_KEYED_OUTCOME, KEEP_OUTCOME, MOST_AHEAD_MS};

/// A script that the server runs as one step.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) code: String,
    pub(super) sha1: String,
    /// Whether its answer promises that something will last.
    pub(super) promises: bool,
}

impl Script {
    fn new(parts: &[&str], promises: bool) -> Self {
        let code = parts
            .concat()
            .replace("@MOST_AHEAD_MS@", &MOST_AHEAD_MS.to_string())
            .replace("@KEEP_OUTCOME@", &KEEP_OUTCOME.as_secs().to_string())
            .replace("@KEEP_KEYED_OUTCOME@", &KEEP_KEYED_OUTCOME.as_secs().to_string());
        let sha1 = redis::Script::new(&code).get_hash().to_owned();
        Self { code, sha1, promises }
    }

    /// The command that makes the server know the script.
    pub(super) fn load(&self) -> redis::Cmd {
        let mut load = redis::cmd("SCRIPT");
        load.arg("LOAD").arg(&self.code);
        load
    }

    /// The command that runs the script over the keys that share `key`'s slot; arguments follow. In a cluster it also
    /// names the key that never exists.
    pub(super) fn over(&self, key: &str, absent: Option<&str>) -> redis::Cmd {
        let mut run = redis::cmd("EVALSHA");
        run.arg(&self.sha1).arg(1 + usize::from(absent.is_some())).arg(key).arg(absent);
        run
    }
}

macro_rules! scripts {
    ($($name:ident: $($file:literal)+ $(, $promises:ident)?;)+) => {
        $(
            pub(super) static $name: LazyLock<Script> =
                LazyLock::new(|| {
                    let promises: &[&str] = &[$(stringify!($promises))?];
                    Script::new(&[$(include_str!(concat!("lua/", $file, ".lua"))),+], !promises.is_empty())
                });
        )+

        /// Every script.
        pub(super) fn all() -> Vec<&'static Script> {
            vec![$(&*$name),+]
        }
    };
}

scripts! {
    COMMIT: "positions" "commit", promises;
    HEAD: "positions" "head";
    HELD: "held";
    CUT: "cut";
    LAST: "last";
    CLAIM: "clock" "claim";
    HEARTBEAT: "clock" "heartbeat";
    RELEASE: "workers" "release";
    FAIL: "failing" "fail", promises;
    REAP: "clock" "workers" "failing" "reap", promises;
    REQUEUE: "requeue", promises;
    DISCARD: "discard", promises;
    QUEUES: "queues";
    LISTED: "listed";
    DEAD_LETTERS: "dead_letters";
    PARKED: "parked";
    ORDER_PARKED: "clock" "order_parked";
    HOLD: "hold";
    LET_GO: "let_go";
}
