//! Which log a subcommand is about.

use std::path::{Path, PathBuf};

use clap::Args;
use kernel::Domain;
use runtime::{Engine, Namespace, StoreUrl};

use super::failure::Failure;

/// Where the embedded store is kept unless `--data` says otherwise.
const DATA: &str = "retrace-data";

/// Which log a subcommand is about.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Store")]
pub(super) struct StoreArgs {
    /// The log: redis://HOST, rediss://HOST, redis+unix:///SOCKET, sqlite://FILE, memory:, or a history FILE.jsonl
    /// [default: an embedded store in --data]
    #[arg(long, env = "REDIS_URL", hide_env_values = true, value_name = "URL")]
    store: Option<StoreUrl>,
    /// The namespace: one log with one order [default: the store's unnamed one]
    #[arg(long, value_name = "NAME")]
    namespace: Option<Namespace>,
    /// The folder of the embedded store
    #[arg(long, value_name = "DIR", default_value = DATA)]
    data: PathBuf,
}

impl StoreArgs {
    /// The log's URL: what was asked for, or the embedded store.
    pub(super) fn url(&self, domain: &Domain) -> StoreUrl {
        let embedded = || StoreUrl::Sqlite(self.data.join(format!("{}.db", domain.name())));
        self.store.clone().unwrap_or_else(embedded)
    }

    pub(super) fn namespace(&self) -> Namespace {
        self.namespace.clone().unwrap_or_default()
    }

    /// Opens the log.
    pub(super) async fn open(&self, domain: &Domain) -> Result<Engine, Failure> {
        let topics: Vec<_> = domain.topics().map(|topic| topic.name).collect();
        Ok(Engine::open(&self.url(domain), &self.namespace(), &topics).await?)
    }

    /// Opens a log to read from: unlike [`StoreArgs::open`], an embedded store that is not there is an error.
    pub(super) async fn open_existing(&self, domain: &Domain) -> Result<Engine, Failure> {
        if let StoreUrl::Sqlite(path) = self.url(domain)
            && !Path::new(&path).exists()
        {
            let message = format!("there is no store at {}; name one with --store or --data", path.display());
            return Err(Failure::new(super::exit::UNAVAILABLE, message));
        }
        self.open(domain).await
    }
}
