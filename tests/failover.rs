//! Stores of more than one server, and servers that must prove who they are or promise more than they do by themselves.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "failover/cluster.rs"]
mod cluster;
mod common;
#[path = "failover/customers.rs"]
mod customers;
#[path = "failover/durability.rs"]
mod durability;
#[path = "failover/replicas.rs"]
mod replicas;
#[path = "failover/tls.rs"]
mod tls;

use std::process::{Command, Output};

use common::{Process, Retrace};
use tempfile::TempDir;

/// A log in a store of any kind.
struct At {
    url: String,
    namespace: &'static str,
    durability: &'static str,
    /// Where its timeline is.
    timelines: TempDir,
}

impl At {
    fn of(url: String, namespace: &'static str, durability: &'static str) -> Self {
        Self { url, namespace, durability, timelines: tempfile::tempdir().unwrap() }
    }

    /// `retrace` with a subcommand on this log.
    fn command(&self, subcommand: &[&str]) -> Command {
        let mut command = Retrace::command();
        command.args(subcommand).args(["--store", &self.url, "--namespace", self.namespace]);
        command
    }

    /// Runs a subcommand that only reads to its end.
    fn run(&self, subcommand: &[&str]) -> Output {
        self.command(subcommand).output().unwrap()
    }

    /// Everything in one process.
    fn up(&self) -> Process {
        Process::start(&mut self.writing(&["up", "--listen", "127.0.0.1:0"]))
    }

    /// Some roles in a process.
    fn roles(&self, roles: &[&str]) -> Process {
        let mut run = vec!["run"];
        run.extend(roles);
        run.extend(["--listen", "127.0.0.1:0"]);
        Process::start(&mut self.writing(&run))
    }

    fn writing(&self, subcommand: &[&str]) -> Command {
        let mut command = self.command(subcommand);
        command.args(["--durability", self.durability, "--timeline"]);
        command.arg(self.timelines.path().join("timeline"));
        command
    }
}
