//! Where a measurement's data goes, and how it goes away again.

use kernel::Domain;
use redis::{AsyncConnectionConfig, Client, RedisError, aio::MultiplexedConnection};
use runtime::{Engine, Namespace, StoreUrl, engine::Locator};
use tempfile::TempDir;
use tokio::process::Command;

use super::super::{exit, failure::Failure};

/// How many keys are looked at, and removed, at once.
const PAGE: usize = 1_000;

/// Data that is nobody's.
#[derive(Debug)]
pub(super) enum Scratch {
    /// A namespace of a Redis server.
    Redis(Box<Server>),
    /// A folder of the embedded store.
    Folder(TempDir),
    /// The memory of the process that is measured.
    Memory,
}

/// A namespace of a Redis server.
#[derive(Debug)]
pub(super) struct Server {
    locator: Locator,
    url: String,
    namespace: Namespace,
    /// The URL, its password masked.
    shown: String,
}

impl Scratch {
    /// Scratch data in this store.
    pub(super) fn at(store: Option<&StoreUrl>) -> Result<Self, Failure> {
        match store {
            None => {
                let failure = |error| Failure::failed(format!("can't make a temporary folder: {error}"));
                Ok(Self::Folder(tempfile::Builder::new().prefix("retrace-bench-").tempdir().map_err(failure)?))
            }
            Some(StoreUrl::Memory) => Ok(Self::Memory),
            Some(url @ StoreUrl::Redis(secret)) => Ok(Self::Redis(Box::new(Server::at(secret, url.to_string())?))),
            Some(url @ (StoreUrl::Sqlite(_) | StoreUrl::History(_))) => {
                let message =
                    format!("{url} is not measured on: give a redis:// URL, or nothing for an embedded store");
                Err(Failure::usage(message))
            }
        }
    }

    /// Makes a process of this executable work on it.
    pub(super) fn give_to(&self, command: &mut Command) {
        match self {
            // Not as an argument: it may hold a password, and anybody may see arguments.
            Self::Redis(server) => {
                let namespace = server.namespace.name().unwrap_or_default();
                command.env("REDIS_URL", &server.url).arg("--namespace").arg(namespace)
            }
            Self::Folder(folder) => command.arg("--data").arg(folder.path()),
            Self::Memory => command.args(["--store", "memory:"]),
        };
    }

    /// Where its log is, for this process.
    pub(super) fn place(&self, domain: &Domain) -> Result<(StoreUrl, Namespace), Failure> {
        match self {
            Self::Redis(server) => Ok((StoreUrl::Redis(server.url.clone()), server.namespace.clone())),
            Self::Folder(folder) => {
                let file = folder.path().join(format!("{}.db", domain.name()));
                Ok((StoreUrl::Sqlite(file), Namespace::default()))
            }
            Self::Memory => {
                Err(Failure::usage("a log in memory is not asked from another process; give redis:// or nothing"))
            }
        }
    }

    /// Opens its log.
    pub(super) async fn open(&self, domain: &Domain) -> Result<Engine, Failure> {
        let topics: Vec<_> = domain.topics().map(|topic| topic.name).collect();
        let (url, namespace) = self.place(domain)?;
        Ok(Engine::open(&url, &namespace, &topics).await?)
    }

    /// Leaves it where it is, and tells the options that name it.
    pub(super) fn keep(self) -> String {
        match self {
            Self::Redis(server) => {
                format!("--store {} --namespace {}", server.shown, server.namespace.name().unwrap_or_default())
            }
            Self::Folder(folder) => format!("--data {}", folder.keep().display()),
            Self::Memory => "--store memory:".to_owned(),
        }
    }

    /// Removes it.
    pub(super) async fn remove(self) -> Result<(), Failure> {
        match self {
            Self::Redis(server) => server.remove().await,
            Self::Folder(folder) => {
                let path = folder.path().to_owned();
                folder.close().map_err(|error| Failure::failed(format!("can't remove {}: {error}", path.display())))
            }
            Self::Memory => Ok(()),
        }
    }
}

impl Server {
    fn at(url: &str, shown: String) -> Result<Self, Failure> {
        let name = format!("bench-{}", uuid::Uuid::new_v4());
        let namespace =
            name.parse().map_err(|error: runtime::location::MalformedNamespace| Failure::failed(error.to_string()))?;
        let locator = Locator::of(url, &shown, &namespace).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(Self { locator, url: url.to_owned(), namespace, shown })
    }

    /// The namespace.
    pub(super) const fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// What stands in front of every key.
    pub(super) fn prefix(&self) -> String {
        self.namespace.prefix()
    }

    /// A client of the server as it is now.
    pub(super) async fn client(&self) -> Result<Client, Failure> {
        Ok(self.locator.client().await?)
    }

    /// A connection for one task.
    pub(super) async fn connect(&self) -> Result<MultiplexedConnection, Failure> {
        let config = AsyncConnectionConfig::new();
        let client = self.client().await?;
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        connecting.await.map_err(|error| self.failure(&error))
    }

    pub(super) fn failure(&self, error: &RedisError) -> Failure {
        Failure::new(exit::UNAVAILABLE, format!("{}: {error}", self.shown))
    }

    async fn remove(self) -> Result<(), Failure> {
        let mut connection = self.connect().await?;
        // The braces of a hash tag mean nothing to MATCH.
        let pattern = format!("{}*", self.prefix());
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(PAGE);
            let (next, keys): (u64, Vec<String>) =
                scan.query_async(&mut connection).await.map_err(|error| self.failure(&error))?;
            if !keys.is_empty() {
                let unlink = redis::cmd("UNLINK").arg(&keys).exec_async(&mut connection).await;
                unlink.map_err(|error| self.failure(&error))?;
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }
}
