//! The system that is measured: this executable's own `up`, in a process of its own.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use super::{
    super::{failure::Failure, http_client::Target},
    scratch::Scratch,
};

/// A running system; killed when dropped.
#[derive(Debug)]
pub(super) struct System {
    child: Child,
    target: Target,
}

impl System {
    /// Starts it on a free port and waits until it says where it listens.
    pub(super) async fn start(scratch: &Scratch) -> Result<Self, Failure> {
        let failure = |error: std::io::Error| Failure::failed(format!("can't start the system to measure: {error}"));
        let mut command = Command::new(std::env::current_exe().map_err(failure)?);
        command.args(["up", "--listen", "127.0.0.1:0"]).env_remove("REDIS_URL").env_remove("RETRACE_TOKEN");
        scratch.give_to(&mut command);
        command.kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failure)?;
        let mut said = Vec::new();
        if let Some(stderr) = child.stderr.take() {
            let mut lines = BufReader::new(stderr).lines();
            while let Some(line) = lines.next_line().await.map_err(failure)? {
                let address = line.split_once("listening on").map(|(_, address)| address.trim().parse());
                if let Some(Ok(target)) = address {
                    // What it says from now on is for whoever watches.
                    tokio::spawn(async move {
                        while let Ok(Some(line)) = lines.next_line().await {
                            tracing::debug!("the system says: {line}");
                        }
                    });
                    return Ok(Self { child, target });
                }
                said.push(line);
            }
        }
        Err(Failure::failed(format!("the system to measure did not come up: {}", said.join("; "))))
    }

    /// Where it listens.
    pub(super) const fn target(&self) -> &Target {
        &self.target
    }

    /// Ends it; its data is scratch, so nothing is lost.
    pub(super) async fn stop(mut self) {
        // It may have ended by itself, which is as well.
        let _ = self.child.kill().await;
    }
}
