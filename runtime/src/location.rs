//! Where a log is kept: store URLs and namespaces.

use std::{fmt, path::PathBuf, str::FromStr};

use crate::engine::check_url;

/// Where a log is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// A Redis or Valkey server: `redis://`, or `rediss://` with TLS; one that Sentinel knows,
    /// `redis+sentinel://HOST/MASTER`; a node of a Cluster, `redis+cluster://HOST`.
    Redis(String),
    /// A SQLite file, made when it is missing: `sqlite://path`.
    Sqlite(PathBuf),
    /// This process's memory, gone when it ends: `memory:`.
    Memory,
    /// A history file, read only: a path that ends in `.jsonl`.
    History(PathBuf),
}

/// What the URLs of Redis servers begin with.
const REDIS: [&str; 8] = [
    "redis://",
    "rediss://",
    "redis+unix://",
    "unix://",
    "redis+sentinel://",
    "rediss+sentinel://",
    "redis+cluster://",
    "rediss+cluster://",
];

/// A text that names no store, its password masked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownStore {
    /// It is no kind of store that there is.
    #[error(
        "\"{0}\" names no store; expected redis://…, rediss://…, redis+sentinel://…/master, \
         redis+cluster://…, redis+unix:///path, sqlite://path, memory: or a path ending in .jsonl"
    )]
    Kind(String),
    /// It is no URL of a Redis server, though it begins like one.
    #[error("\"{url}\" is no URL of a server: {reason}")]
    Server {
        /// The text.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl FromStr for StoreUrl {
    type Err = UnknownStore;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if REDIS.iter().any(|scheme| text.starts_with(scheme)) {
            let wrong = |reason| UnknownStore::Server { url: masked(text), reason };
            return check_url(text).map(|()| Self::Redis(text.to_owned())).map_err(wrong);
        }
        if let Some(path) = text.strip_prefix("sqlite://").filter(|path| !path.is_empty()) {
            return Ok(Self::Sqlite(path.into()));
        }
        if text == "memory:" {
            return Ok(Self::Memory);
        }
        if std::path::Path::new(text).extension().is_some_and(|extension| extension == "jsonl") {
            return Ok(Self::History(text.into()));
        }
        Err(UnknownStore::Kind(masked(text)))
    }
}

impl fmt::Display for StoreUrl {
    /// The URL with its password masked: what logs, errors and pages may show.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis(url) => f.write_str(&masked(url)),
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Memory => f.write_str("memory:"),
            Self::History(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Parameters of a URL whose values tell no secret.
const SHOWN: [&str; 3] = ["db", "protocol", "user"];

/// A text that may be a store's URL, right or wrong, with what may be a password in it masked: what logs, errors and
/// pages may show.
#[must_use]
pub fn masked(text: &str) -> String {
    let (scheme, rest) = match text.find("://") {
        Some(end) => text.split_at(end + "://".len()),
        // Somebody has left the scheme out, or a slash.
        None => ("", text),
    };
    // A password may hold a slash or a question mark, wrong as that is; the path of a socket may hold an @.
    let is_host = !scheme.is_empty() && !rest.starts_with('/');
    let path = rest.split('?').next().unwrap_or_default();
    let at = if is_host { rest.rfind('@') } else { path.rfind('@').filter(|at| path[..*at].contains(':')) };
    let (user, rest) = at.map_or(("", rest), |at| (&rest[..at], &rest[at + 1..]));
    let user = match (at, user.split_once(':')) {
        (None, _) => String::new(),
        (Some(_), Some((user, _))) if !user.contains(['/', '?', '=']) => format!("{user}:***@"),
        // What stands alone may be a password that somebody took for a user's name.
        (Some(_), _) => "***@".to_owned(),
    };
    let Some((place, query)) = rest.split_once('?') else { return format!("{scheme}{user}{rest}") };
    let hidden = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if !SHOWN.contains(&name) => format!("{name}=***"),
        Some(_) | None => pair.to_owned(),
    };
    let query: Vec<_> = query.split('&').map(hidden).collect();
    format!("{scheme}{user}{place}?{}", query.join("&"))
}

/// One log with one order; the unit of scale-out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace(Option<String>);

/// A text that is no namespace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no namespace; expected 1 to 64 of a-z, 0-9, - and _")]
pub struct MalformedNamespace(String);

impl FromStr for Namespace {
    type Err = MalformedNamespace;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if (1..=64).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(Some(text.to_owned())))
        } else {
            Err(MalformedNamespace(text.to_owned()))
        }
    }
}

impl Namespace {
    /// The name; none for the default namespace.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// What stands in front of every key: nothing, or the name as a Redis Cluster hash tag.
    #[must_use]
    pub fn prefix(&self) -> String {
        self.0.as_ref().map(|name| format!("{{{name}}}:")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_store_has_its_url() {
        assert_eq!("redis://h:1/0".parse(), Ok(StoreUrl::Redis("redis://h:1/0".into())));
        assert_eq!("sqlite://a/b.db".parse(), Ok(StoreUrl::Sqlite("a/b.db".into())));
        assert_eq!("memory:".parse(), Ok(StoreUrl::Memory));
        assert_eq!("a/b.jsonl".parse(), Ok(StoreUrl::History("a/b.jsonl".into())));
        for text in ["", "sqlite://", "http://x", "redis:/x", "b.json"] {
            assert_eq!(text.parse::<StoreUrl>(), Err(UnknownStore::Kind(text.into())));
        }
    }

    #[test]
    fn passwords_are_never_shown() {
        let shown =
            |url: &str| url.parse::<StoreUrl>().map_or_else(|error| error.to_string(), |url| format!("{url} {url:?}"));
        for url in ["redis://:s3cret@h:1", "rediss://u:s3cret@h", "redis://u:p@s3cret@h/0", "http://u:s3cret@h"] {
            assert!(!shown(url).contains("s3cret"), "{}", shown(url));
        }
        assert!(shown("redis://u:s3cret@h:1/0").contains("redis://u:***@h:1/0"));
        assert!(!shown("redis://u:s3/cret@h").contains("cret"));
        assert!(!shown("redis://u:s3?cret@h").contains("cret"));
        let found = "redis+sentinel://u:s3cret@a:1,b/m?sentinel_pass=s3cret&db=1";
        assert_eq!(shown(found).split(' ').next(), Some("redis+sentinel://u:***@a:1,b/m?sentinel_pass=***&db=1"));
        assert_eq!(shown("redis+cluster://:s3cret@a,b").split(' ').next(), Some("redis+cluster://:***@a,b"));
        assert_eq!(shown("unix:///a@b?db=1&pass=x").split(' ').next(), Some("unix:///a@b?db=1&pass=***"));
        for (url, expected) in [
            ("redis://s3cret@h", "redis://***@h"),
            ("redis://:s3?cr#et@h", "redis://:***@h"),
            ("redis+x://u:s3cret@h,i:2/m?db=1&password=s3cret", "redis+x://u:***@h,i:2/m?db=1&password=***"),
            ("redis+x:///s?p%61ss=s3cret", "redis+x:///s?p%61ss=***"),
            (":s3cret@h:1", ":***@h:1"),
            ("redis:u:s3cret@h", "redis:***@h"),
            ("redis:/:s3cret@h", "redis:***@h"),
            ("redis:///:s3cret@h", "redis://***@h"),
            ("redis:///a@b:1", "redis:///a@b:1"),
            ("unix:///a?pass=b:s3cret@c", "unix:///a?pass=***"),
            ("redis://h/0?pass=s3cret:b@c", "redis://***@c"),
            ("a@b", "a@b"),
            ("", ""),
        ] {
            assert_eq!(masked(url), expected);
        }
    }

    #[test]
    fn a_namespace_is_a_hash_tag() {
        assert_eq!("shop-1".parse::<Namespace>().unwrap().prefix(), "{shop-1}:");
        assert_eq!(Namespace::default().prefix(), "");
        for text in ["", "A", "a b", "{a}", &"a".repeat(65)] {
            assert_eq!(text.parse::<Namespace>(), Err(MalformedNamespace(text.into())));
        }
    }
}
