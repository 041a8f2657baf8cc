//! What the figures were measured on.

use std::fs;

use serde_json::{Value, json};

use super::{super::failure::Failure, scratch::Scratch};

/// What the figures were measured on.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    cores: usize,
    cpu: String,
    kernel: String,
    store: String,
}

impl Machine {
    pub(super) async fn look(scratch: &Scratch) -> Result<Self, Failure> {
        let store = match scratch {
            Scratch::Redis(server) => {
                let mut connection = server.connect().await?;
                let info = redis::cmd("INFO").arg("server").query_async::<String>(&mut connection).await;
                version(&info.map_err(|error| server.failure(&error))?)
            }
            Scratch::Folder(_) => "embedded SQLite".to_owned(),
            Scratch::Memory => "memory".to_owned(),
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned();
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Ok(Self { cores, cpu: cpu(&cpuinfo), kernel: format!("{} {kernel}", std::env::consts::OS), store })
    }

    pub(super) fn text(&self) -> String {
        let Self { cores, cpu, kernel, store } = self;
        let build = if cfg!(debug_assertions) { ", DEBUG BUILD: the figures mean nothing" } else { "" };
        format!("{cores} cores of {cpu}, {kernel}, {store}{build}")
    }

    pub(super) fn json(&self) -> Value {
        let Self { cores, cpu, kernel, store } = self;
        json!({ "cores": cores, "cpu": cpu, "kernel": kernel, "store": store, "debug": cfg!(debug_assertions) })
    }
}

/// The processor's name as Linux tells it.
fn cpu(cpuinfo: &str) -> String {
    let name = cpuinfo.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(':'));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

/// The server's name and version; Valkey tells its own beside the one of Redis that it is compatible with.
fn version(info: &str) -> String {
    let value = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    match (value("valkey_version"), value("redis_version")) {
        (Some(version), _) => format!("Valkey {}", version.trim()),
        (None, Some(version)) => format!("Redis {}", version.trim()),
        (None, None) => "a server that tells no version".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_tell_their_versions() {
        assert_eq!(version("# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n"), "Redis 7.0.15");
        assert_eq!(version("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\n"), "Valkey 8.1.0");
        assert_eq!(version(""), "a server that tells no version");
    }

    #[test]
    fn the_processor_is_named() {
        assert_eq!(cpu("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n"), "Some CPU @ 2 GHz");
        assert_eq!(cpu(""), std::env::consts::ARCH);
    }
}
