//! What a server must be for a log to be safe with it, looked at once, when the log is opened.

use std::collections::HashMap;

use redis::{Value, from_redis_value};

use super::connect::Shared;
use crate::StoreError;

/// Commands that not every server that speaks the protocol has.
const NEEDED: &[&str] = &["BLMOVE", "LMOVE", "LPOS", "SMISMEMBER", "EVALSHA", "XADD", "XINFO", "XRANGE", "XREAD"];

/// Refuses a server that a log would not be safe with.
pub(super) async fn check(server: &Shared) -> Result<(), StoreError> {
    let unusable = |reason: String| StoreError::Unusable { url: server.server.url.clone(), reason };
    let info = told(server.send(&redis::cmd("INFO")).await)?;
    let info: HashMap<&str, &str> = match &info {
        Some(Value::BulkString(text)) => {
            std::str::from_utf8(text).unwrap_or_default().lines().filter_map(|line| line.split_once(':')).collect()
        }
        _ => HashMap::new(),
    };
    if info.get("loading") == Some(&"1") {
        let reason = "it is still loading its data".to_owned();
        return Err(StoreError::Unavailable { url: server.server.url.clone(), reason });
    }
    if info.get("role") == Some(&"slave") {
        let field = |name| info.get(name).copied().unwrap_or("?");
        let master = format!("{}:{}", field("master_host"), field("master_port"));
        return Err(unusable(format!("it is a replica; give the URL of its master, {master}")));
    }
    if let Some(policy) = info.get("maxmemory_policy").filter(|policy| **policy != "noeviction") {
        let reason = format!("its maxmemory-policy {policy} evicts whole streams; set it to noeviction");
        return Err(unusable(reason));
    }
    if info.get("aof_enabled") == Some(&"0") {
        let url = &server.server.url;
        tracing::warn!(%url, "the store writes no append-only file: events it acknowledges may die with it");
    }
    let mut command = redis::cmd("COMMAND");
    command.arg("INFO").arg(NEEDED);
    let known = told(server.send(&command).await)?.map(from_redis_value::<Vec<Value>>);
    let known = known.and_then(Result::ok).unwrap_or_default();
    let missing: Vec<_> =
        NEEDED.iter().zip(&known).filter(|(_, known)| matches!(known, Value::Nil)).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(unusable(format!("it does not know {}; Redis 6.2, Valkey 7.2 and later do", missing.join(", "))))
}

/// The answer, or nothing from a server that does not let this user ask.
fn told(answer: Result<Value, StoreError>) -> Result<Option<Value>, StoreError> {
    match answer {
        Err(StoreError::Unusable { url, reason }) => {
            tracing::warn!(%url, reason, "the store's configuration can't be checked");
            Ok(None)
        }
        answer => answer.map(Some),
    }
}
