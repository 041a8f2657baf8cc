//! What the store can do at all, measured in the same run: the figures' yardstick.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use redis::Cmd;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    super::super::{failure::Failure, latencies::Latencies},
    super::load::Measured,
    super::scratch::{Scratch, Server},
};

/// As much as an event of a small entity takes.
const DATA: &str =
    r#"{"entity_id":"0d7ae0b1-5f0e-4c35-9a63-726574726163","name":"name 1234567","email":"email 1234567"}"#;

/// What the bare store does.
#[derive(Clone, Debug)]
pub(super) enum Peers {
    /// A Redis server, asked by as many connections.
    Redis { ping: Measured, xadd: Measured },
    /// One writer that appends to a file and syncs each time.
    Disk(Measured),
    /// There is nothing below memory.
    None,
}

impl Peers {
    /// What creating is compared with, by name.
    pub(super) const fn write(&self) -> Option<(&'static str, &Measured)> {
        match self {
            Self::Redis { xadd, .. } => Some(("XADD", xadd)),
            Self::Disk(appends) => Some(("append and fdatasync, one writer", appends)),
            Self::None => None,
        }
    }

    /// What reading is compared with, by name.
    pub(super) const fn read(&self) -> Option<(&'static str, &Measured)> {
        match self {
            Self::Redis { ping, .. } => Some(("PING", ping)),
            Self::Disk(_) | Self::None => None,
        }
    }

    pub(super) fn json(&self) -> Value {
        let figures = |peer: Option<(&str, &Measured)>| {
            peer.map(|(name, measured)| json!({ "name": name, "per_second": measured.rate() }))
        };
        json!({ "write": figures(self.write()), "read": figures(self.read()) })
    }
}

pub(super) async fn measure(scratch: &Scratch, connections: u64, lasting: Duration) -> Result<Peers, Failure> {
    match scratch {
        Scratch::Redis(server) => {
            let ping = commands(server, connections, lasting, &redis::cmd("PING")).await?;
            let mut xadd = redis::cmd("XADD");
            xadd.arg(format!("{}peer", server.prefix())).arg("*");
            xadd.arg("event_id").arg("0d7ae0b1-5f0e-4c35-9a63-726574726163");
            xadd.arg("event_action").arg("entity_created").arg("event_data").arg(DATA);
            Ok(Peers::Redis { ping, xadd: commands(server, connections, lasting, &xadd).await? })
        }
        Scratch::Folder(folder) => {
            let path = folder.path().join("peer");
            let failure = |reason: String| Failure::failed(format!("can't write to a file: {reason}"));
            let appends = tokio::task::spawn_blocking(move || appends(&path, lasting)).await;
            let appends = appends.map_err(|error| failure(error.to_string()))?;
            Ok(Peers::Disk(appends.map_err(|error| failure(error.to_string()))?))
        }
        Scratch::Memory => Ok(Peers::None),
    }
}

/// Each connection sends the same command, again as soon as it is answered.
async fn commands(server: &Server, connections: u64, lasting: Duration, command: &Cmd) -> Result<Measured, Failure> {
    let mut tasks = JoinSet::new();
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(server.connect().await?);
    }
    let until = Instant::now() + lasting;
    for mut connection in open {
        let command = command.clone();
        tasks.spawn(async move {
            let mut latencies = Latencies::default();
            loop {
                let begin = Instant::now();
                command.query_async::<redis::Value>(&mut connection).await?;
                let end = Instant::now();
                if end > until {
                    return Ok::<_, redis::RedisError>(latencies);
                }
                latencies.add(end - begin);
            }
        });
    }
    let mut all = Measured { lasted: lasting, ..Measured::default() };
    while let Some(latencies) = tasks.join_next().await {
        let latencies = latencies.map_err(|error| Failure::failed(format!("a connection's task died: {error}")))?;
        all.latencies.merge(&latencies.map_err(|error| server.failure(&error))?);
    }
    Ok(all)
}

fn appends(path: &Path, lasting: Duration) -> std::io::Result<Measured> {
    let mut file = File::create(path)?;
    let mut measured = Measured { lasted: lasting, ..Measured::default() };
    let until = Instant::now() + lasting;
    loop {
        let begin = Instant::now();
        file.write_all(DATA.as_bytes())?;
        file.sync_data()?;
        let end = Instant::now();
        if end > until {
            return Ok(measured);
        }
        measured.latencies.add(end - begin);
    }
}
