//! Where a timeline's file is.

use std::path::{Path, PathBuf};

use runtime::{Namespace, StoreUrl};
use xxhash_rust::xxh3::xxh3_64;

/// The file of the timeline that goes with the log at `url`: beside a SQLite log (`shop.db.timeline`, or
/// `shop.db.<namespace>.timeline`), in the folder `data` for one in Redis, told from those of other servers by its
/// name. Nothing for logs in memory and histories, which are folded when somebody asks.
#[must_use]
pub fn beside(url: &StoreUrl, namespace: &Namespace, data: &Path, domain: &str) -> Option<PathBuf> {
    let mut name = match url {
        StoreUrl::Memory | StoreUrl::History(_) => return None,
        StoreUrl::Sqlite(log) => log.as_os_str().to_owned(),
        // Its password is masked: with a new one it is still the same log.
        StoreUrl::Redis(_) => data.join(format!("{domain}-{:016x}", xxh3_64(url.to_string().as_bytes()))).into(),
    };
    if let Some(namespace) = namespace.name() {
        name.push(".");
        name.push(namespace);
    }
    name.push(".timeline");
    Some(name.into())
}
