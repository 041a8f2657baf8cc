//! The system that is measured: this executable's own roles, in processes of their own.

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
    processes: Vec<Process>,
    target: Target,
}

/// One of its processes.
#[derive(Debug)]
struct Process {
    name: &'static str,
    child: Child,
}

impl System {
    /// Starts it as one process on a free port and waits until it says where it listens.
    pub(super) async fn start(scratch: &Scratch) -> Result<Self, Failure> {
        let (process, target) = start("up", &["up", "--listen", "127.0.0.1:0"], scratch).await?;
        Self::of(vec![process], target)
    }

    /// Starts each role as a process of its own.
    pub(super) async fn start_apart(scratch: &Scratch) -> Result<Self, Failure> {
        let mut processes = Vec::new();
        for role in ["services", "sagas", "projector"] {
            processes.push(start(role, &["run", role], scratch).await?.0);
        }
        let (gateway, target) = start("gateway", &["run", "gateway", "--listen", "127.0.0.1:0"], scratch).await?;
        processes.push(gateway);
        Self::of(processes, target)
    }

    fn of(processes: Vec<Process>, target: Option<Target>) -> Result<Self, Failure> {
        let target = target.ok_or_else(|| Failure::failed("the system to measure does not say where it listens"))?;
        Ok(Self { processes, target })
    }

    /// Where it listens.
    pub(super) const fn target(&self) -> &Target {
        &self.target
    }

    /// Its processes, by what they do, with the system's number for them.
    pub(super) fn processes(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.processes.iter().filter_map(|process| Some((process.name, process.child.id()?)))
    }

    /// Ends it; its data is scratch, so nothing is lost.
    pub(super) async fn stop(mut self) {
        for process in &mut self.processes {
            // It may have ended by itself, which is as well.
            let _ = process.child.kill().await;
        }
    }
}

/// Starts a process, and waits until it says that it is at work, and where it listens.
async fn start(
    name: &'static str,
    arguments: &[&str],
    scratch: &Scratch,
) -> Result<(Process, Option<Target>), Failure> {
    let failure = |error: std::io::Error| Failure::failed(format!("can't start the system to measure: {error}"));
    let mut command = Command::new(std::env::current_exe().map_err(failure)?);
    command.args(arguments).env_remove("REDIS_URL").env_remove("RETRACE_TOKEN");
    scratch.give_to(&mut command);
    command.kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failure)?;
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        let mut lines = BufReader::new(stderr).lines();
        while let Some(line) = lines.next_line().await.map_err(failure)? {
            let target = line.split_once("listening on").and_then(|(_, address)| address.trim().parse().ok());
            if target.is_some() || line.contains(" at work on ") {
                // What it says from now on is for whoever watches.
                tokio::spawn(async move {
                    while let Ok(Some(line)) = lines.next_line().await {
                        tracing::debug!("the system says: {line}");
                    }
                });
                return Ok((Process { name, child }, target));
            }
            said.push(line);
        }
    }
    Err(Failure::failed(format!("the system to measure did not come up: {}", said.join("; "))))
}
