//! Which routes a domain gives, found out once and checked to be free of clashes.

use std::{collections::BTreeMap, sync::Arc};

use kernel::{Domain, QueryHandler, Topic, TopicKind};

/// First path segments that the gateway keeps for itself.
const RESERVED: &[&str] = &["api", "assets", "livez", "metrics", "openapi.json", "readyz", "ws"];

/// The routes of a domain.
#[derive(Clone, Debug)]
pub(crate) struct Surface {
    /// Entity topics: lists, single entities, commands.
    pub(crate) entities: Vec<Arc<Topic>>,
    /// Questions with a path of their own.
    pub(crate) queries: Vec<QueryHandler>,
}

/// A domain whose names can't all be routes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unroutable {
    /// Two parts of the domain want the same path.
    #[error("{first} and {second} of the domain both want the path {path}")]
    Clash {
        /// The path.
        path: String,
        /// Who has it.
        first: String,
        /// Who wants it too.
        second: String,
    },
    /// A name that no path can hold, or that the gateway uses itself.
    #[error("{owner} of the domain wants the path {path}, which {reason}")]
    Unusable {
        /// The path.
        path: String,
        /// Who wants it.
        owner: String,
        /// Why it can't have it.
        reason: &'static str,
    },
}

impl Surface {
    /// The routes that `domain` describes.
    pub(crate) fn of(domain: &Domain) -> Result<Self, Unroutable> {
        let is_entity = |topic: &&Topic| topic.kind == TopicKind::Entity;
        let entities: Vec<_> = domain.topics().filter(is_entity).cloned().map(Arc::new).collect();
        let mut taken = BTreeMap::new();
        for topic in &entities {
            take(&mut taken, format!("/{}", topic.name), format!("entity {}", topic.name))?;
            take(&mut taken, format!("/{}", topic.plural), format!("the plural of {}", topic.name))?;
        }
        for query in domain.queries() {
            take(&mut taken, query.path.to_owned(), format!("query {}", query.path))?;
        }
        Ok(Self { entities, queries: domain.queries().to_vec() })
    }
}

fn take(taken: &mut BTreeMap<String, String>, path: String, owner: String) -> Result<(), Unroutable> {
    if let Some(reason) = fault(&path) {
        return Err(Unroutable::Unusable { path, owner, reason });
    }
    match taken.get(&path) {
        Some(first) => Err(Unroutable::Clash { path, first: first.clone(), second: owner }),
        None => {
            taken.insert(path, owner);
            Ok(())
        }
    }
}

/// What keeps a text from being a route's path.
fn fault(path: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
    let Some(rest) = path.strip_prefix('/') else { return Some("does not begin with /") };
    if rest.split('/').any(|segment| segment.is_empty() || !segment.chars().all(plain)) {
        return Some("has a segment that is empty or not made of letters, digits, -, _, . and ~");
    }
    let first = rest.split('/').next().unwrap_or_default();
    RESERVED.contains(&first).then_some("the gateway needs for itself")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_plain_and_not_taken() {
        let mut taken = BTreeMap::new();
        let mut take = |path: &str, owner: &str| take(&mut taken, path.to_owned(), owner.to_owned());
        assert_eq!(take("/orders", "the plural of order"), Ok(()));
        assert_eq!(take("/orders/unbilled", "query"), Ok(()));
        let error = take("/orders", "query /orders").unwrap_err();
        assert_eq!(error.to_string(), "the plural of order and query /orders of the domain both want the path /orders");
        for path in ["/api/x", "/ws", "/metrics", "", "orders", "/", "/a//b", "/a/{id}", "/*all", "/ä", "/a/"] {
            assert!(matches!(take(path, "it"), Err(Unroutable::Unusable { .. })), "{path}");
        }
    }
}
