//! Which log a subcommand is about.

use std::path::PathBuf;

use clap::Args;
use kernel::Domain;
use runtime::{Engine, Namespace, StoreUrl};

use super::failure::Failure;

/// Where the embedded store is kept unless `--data` says otherwise.
const DATA: &str = "retrace-data";

/// The variable that names the store where the command line does not.
pub(super) const REDIS_URL: &str = "REDIS_URL";

/// Which log a subcommand is about.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Store")]
pub(super) struct StoreArgs {
    /// The log: redis://HOST, rediss://HOST, redis+unix:///SOCKET, sqlite://FILE, memory:, or a history FILE.jsonl
    /// [default: $REDIS_URL, or an embedded store in --data]
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    store: Option<StoreUrl>,
    /// The namespace: one log with one order [default: the store's unnamed one]
    #[arg(long, value_name = "NAME")]
    namespace: Option<Namespace>,
    /// The folder of the embedded store [default: retrace-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
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

    /// Opens the log.
    pub(super) async fn open(&self, domain: &Domain) -> Result<Engine, Failure> {
        match self.url(domain)? {
            StoreUrl::History(path) => Ok(Engine::open_history(&path, domain)?),
            url @ (StoreUrl::Redis(_) | StoreUrl::Sqlite(_) | StoreUrl::Memory) => {
                Ok(Engine::open(&url, &self.namespace(), &topics(domain)).await?)
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
