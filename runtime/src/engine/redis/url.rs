//! URLs of servers that are found by asking others.
//!
//! `redis+sentinel://[user:pass@]host[:26379][,…]/master[?db=N&sentinel_user=U&sentinel_pass=P]` and
//! `redis+cluster://[user:pass@]host[:6379][,…]`; with `rediss+` in front, TLS all the way.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _};

/// Tells what is wrong with a store's URL, without a word that may be secret.
///
/// # Errors
/// What is wrong, as a sentence without its full stop.
pub(crate) fn check(url: &str) -> Result<(), String> {
    let Parts { scheme, servers } = Parts::of(url)?;
    let sentinels = if let Scheme::Sentinel { sentinels, .. } = scheme { sentinels } else { Vec::new() };
    servers.iter().chain(&sentinels).try_for_each(|url| server(url).map(drop))
}

/// What a URL that can't be read is not.
const SHAPE: &str = "it is not redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]; \
                     in a password, write / as %2F, ? as %3F, # as %23";

/// The server that a URL without hosts to choose from names.
pub(super) fn server(url: &str) -> Result<ConnectionInfo, String> {
    let info = url.into_connection_info().map_err(|error| {
        let told = error.to_string();
        // What comes behind may quote what was given.
        match told.split_once(" - ").map_or(&*told, |(what, _)| what) {
            "Redis URL did not parse" => SHAPE.to_owned(),
            "Missing hostname" => "it names no host".to_owned(),
            "Invalid database number" => "its database is no number".to_owned(),
            other => format!("{other}; {SHAPE}"),
        }
    })?;
    if matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
        return Err("#insecure would take any certificate, and so any server; \
                    name the file of your own authority in SSL_CERT_FILE instead"
            .to_owned());
    }
    Ok(info)
}

/// What a URL says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) scheme: Scheme,
    /// A URL for each server that it names, with how to log in at the one looked for.
    pub(super) servers: Vec<String>,
}

/// How the server is found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// At an address.
    Fixed,
    /// Sentinels know which one it is.
    Sentinel {
        /// What they call it.
        master: String,
        /// A URL for each of them, with how to log in there.
        sentinels: Vec<String>,
    },
    /// It is a node of a cluster.
    Cluster,
}

/// The port of a sentinel, and of a server.
const PORTS: (u16, u16) = (26_379, 6_379);

impl Parts {
    /// Takes a URL apart; tells what is wrong with it.
    pub(super) fn of(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (plain, is_sentinel) = match scheme {
            "redis+sentinel" => ("redis", true),
            "rediss+sentinel" => ("rediss", true),
            "redis+cluster" => ("redis", false),
            "rediss+cluster" => ("rediss", false),
            _ => return Ok(Self { scheme: Scheme::Fixed, servers: vec![url.to_owned()] }),
        };
        if rest.contains('#') {
            return Err("it has a fragment; write a # in a password as %23".to_owned());
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (user, rest) =
            rest.rsplit_once('@').map_or((String::new(), rest), |(user, rest)| (format!("{user}@"), rest));
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (mut database, mut sentinel_user, mut sentinel_pass) = ("0", "", None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("db", number) if is_sentinel => database = number,
                ("sentinel_user", user) if is_sentinel => sentinel_user = user,
                ("sentinel_pass", password) if is_sentinel => sentinel_pass = Some(password),
                // Not named: it may be a part of a password.
                _ if is_sentinel => return Err("of parameters it has only db, sentinel_user and sentinel_pass".into()),
                _ => return Err("a cluster's URL has no parameters".into()),
            }
        }
        let port = if is_sentinel { PORTS.0 } else { PORTS.1 };
        let hosts: Vec<_> =
            hosts.split(',').filter(|host| !host.is_empty()).map(|host| with_port(host, port)).collect();
        if hosts.is_empty() {
            return Err("it names no host".to_owned());
        }
        let at = |user: &str, database: &str| -> Vec<String> {
            hosts.iter().map(|host| format!("{plain}://{user}{host}/{database}")).collect()
        };
        let scheme = match path {
            "" if is_sentinel => return Err(format!("it names no master; expected {scheme}://HOST:26379/MASTER")),
            master if is_sentinel => {
                let login = sentinel_pass.map(|password| format!("{sentinel_user}:{password}@")).unwrap_or_default();
                Scheme::Sentinel { master: master.to_owned(), sentinels: at(&login, "0") }
            }
            "" | "0" => Scheme::Cluster,
            _ => return Err("a cluster has no numbered databases".to_owned()),
        };
        Ok(Self { scheme, servers: at(&user, database) })
    }
}

/// The host with its port, or this one.
fn with_port(host: &str, port: u16) -> String {
    // An address of version 6 has colons of its own, inside brackets.
    let has_port = host.rsplit_once(']').map_or(host, |(_, after)| after).contains(':');
    if has_port { host.to_owned() } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_found() {
        let parts = Parts::of("redis+sentinel://u:p%40@a,b:1,[::1]/m?db=2&sentinel_user=s&sentinel_pass=t").unwrap();
        let sentinels = ["redis://s:t@a:26379/0", "redis://s:t@b:1/0", "redis://s:t@[::1]:26379/0"].map(str::to_owned);
        assert_eq!(parts.scheme, Scheme::Sentinel { master: "m".into(), sentinels: sentinels.into() });
        let expected =
            ["redis://u:p%40@a:26379/2", "redis://u:p%40@b:1/2", "redis://u:p%40@[::1]:26379/2"].map(str::to_owned);
        assert_eq!(parts.servers, expected);
        let parts = Parts::of("rediss+cluster://a,b:1").unwrap();
        assert_eq!(parts.scheme, Scheme::Cluster);
        assert_eq!(parts.servers, ["rediss://a:6379/0", "rediss://b:1/0"].map(str::to_owned));
        assert_eq!(Parts::of("redis://h#x").unwrap().scheme, Scheme::Fixed);
    }

    #[test]
    fn what_is_wrong_is_said_without_a_word_that_may_be_secret() {
        let wrong = |url: &str| check(url).unwrap_err();
        for url in ["redis://h:x", "redis://ho st", "redis://[::1", "redis://h:65536", "redis+cluster://u:s/cret@h:1"] {
            assert_eq!(wrong(url), SHAPE, "{url}");
        }
        for url in ["redis://", "rediss:///1", "redis+sentinel:///m"] {
            assert_eq!(wrong(url), "it names no host", "{url}");
        }
        assert_eq!(wrong("redis://h/one"), "its database is no number");
        assert_eq!(wrong("redis+sentinel://h/m?db=one"), "its database is no number");
        assert_eq!(wrong("redis://h?protocol=s3cret"), format!("Invalid protocol version; {SHAPE}"));
        assert!(wrong("rediss://h/#insecure").starts_with("#insecure would take any certificate"));
        let right = [
            "redis://u:p%40@h:1/2",
            "rediss://[::1]",
            "redis+unix:///s?db=1",
            "redis+sentinel://a,b/m",
            "redis+cluster://a",
        ];
        assert_eq!(right.map(check), [const { Ok(()) }; 5]);
        assert_eq!(wrong("rediss+sentinel://h/"), "it names no master; expected rediss+sentinel://HOST:26379/MASTER");
        let expected = "of parameters it has only db, sentinel_user and sentinel_pass";
        assert_eq!(wrong("redis+sentinel://u:p?s3cret@h/m"), expected);
        assert_eq!(wrong("redis+cluster://h?db=1"), "a cluster's URL has no parameters");
        assert_eq!(wrong("redis+cluster://h/3"), "a cluster has no numbered databases");
        assert_eq!(wrong("redis+cluster://u:p#q@h"), "it has a fragment; write a # in a password as %23");
    }
}
