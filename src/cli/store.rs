//! Which log a subcommand is about.

use std::path::PathBuf;

use clap::Args;
use kernel::Domain;
use runtime::{Durability, Engine, Namespace, StoreUrl};

use super::failure::Failure;

/// Where the embedded store is kept unless `--data` says otherwise.
const DATA: &str = "retrace-data";

/// The variable that names the store where the command line does not.
pub(super) const REDIS_URL: &str = "REDIS_URL";

/// Which log a subcommand is about.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Store")]
pub(super) struct StoreArgs {
    /// The log: redis://HOST, rediss://HOST (TLS; SSL_CERT_FILE names your own authority's file),
    /// redis+unix:///SOCKET, redis+sentinel://HOST[,HOST…]/MASTER, redis+cluster://HOST[,HOST…] with a --namespace,
    /// sqlite://FILE, memory:, or a history FILE.jsonl [default: $REDIS_URL, or an embedded store in --data]
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    store: Option<StoreUrl>,
    /// The namespace: one log with one order [default: the store's unnamed one]
    #[arg(long, value_name = "NAME")]
    namespace: Option<Namespace>,
    /// The folder of the embedded store [default: retrace-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// How sure it must be that what is acknowledged stays.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Store")]
pub(super) struct DurabilityArgs {
    /// When something may be acknowledged: local, as soon as the store has it; fsync, once it is on its disk;
    /// replicated:N, once N replicas of the Redis server have it too; a store that can't promise it is refused
    /// [default: local, which for SQLite is fsync]
    #[arg(long, env = "RETRACE_DURABILITY", hide_env_values = true, value_name = "local|fsync|replicated:N")]
    durability: Option<Durability>,
}

impl DurabilityArgs {
    /// What was asked for, or what goes without saying.
    pub(super) fn get(self) -> Durability {
        self.durability.unwrap_or_default()
    }

    /// What is worth a line: that more is promised than was asked for.
    pub(super) fn remark(self, engine: &Engine) -> Option<String> {
        let asked = self.durability?;
        let kept = engine.durability();
        let more = asked != kept && matches!(engine, Engine::Sqlite(_));
        more.then(|| format!("--durability {asked} is {kept} for SQLite: every commit is synced to the disk"))
    }
}

impl StoreArgs {
    /// The same, unless another log is named.
    pub(super) fn or(self, named: Option<StoreUrl>) -> Self {
        Self { store: named.or(self.store), ..self }
    }

    /// The log's URL: what was asked for on the command line, then by `REDIS_URL`, or the embedded store.
    pub(super) fn url(&self, domain: &Domain) -> Result<StoreUrl, Failure> {
        if let Some(url) = &self.store {
            return Ok(url.clone());
        }
        let redis = std::env::var(REDIS_URL).ok().filter(|url| !url.is_empty() && self.data.is_none());
        if let Some(url) = redis {
            return url.parse().map_err(|error| Failure::usage(format!("{REDIS_URL}: {error}")));
        }
        let data = self.data();
        // Shown as it is kept: a relative folder means another one from elsewhere.
        let data = std::path::absolute(&data).unwrap_or(data);
        Ok(StoreUrl::Sqlite(data.join(format!("{}.db", domain.name()))))
    }

    /// The folder of what this machine keeps.
    pub(super) fn data(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| DATA.into())
    }

    pub(super) fn namespace(&self) -> Namespace {
        self.namespace.clone().unwrap_or_default()
    }

    /// Opens the log to write to it.
    pub(super) async fn open(&self, domain: &Domain, durability: DurabilityArgs) -> Result<Engine, Failure> {
        match self.url(domain)? {
            StoreUrl::History(path) => Ok(Engine::open_history(&path, domain)?),
            url @ (StoreUrl::Redis(_) | StoreUrl::Sqlite(_) | StoreUrl::Memory) => {
                let topics = topics(domain);
                let engine = Engine::open_durable(&url, &self.namespace(), &topics, durability.get()).await?;
                if let Some(remark) = durability.remark(&engine) {
                    talk!("{remark}");
                }
                Ok(engine)
            }
        }
    }

    /// Opens a log to read from: an embedded store may be in use, and one that is not there is an error.
    pub(super) async fn open_existing(&self, domain: &Domain) -> Result<Engine, Failure> {
        match self.url(domain)? {
            StoreUrl::History(path) => Ok(Engine::open_history(&path, domain)?),
            url @ (StoreUrl::Redis(_) | StoreUrl::Sqlite(_) | StoreUrl::Memory) => {
                Ok(Engine::open_reading(&url, &self.namespace(), &topics(domain)).await?)
            }
        }
    }
}

fn topics(domain: &Domain) -> Vec<&'static str> {
    domain.topics().map(|topic| topic.name).collect()
}
