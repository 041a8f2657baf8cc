//! Where the server is that has a namespace.
//!
//! It has a fixed address, or Sentinel is asked which server is the master, or a Cluster which node has the
//! namespace's slot. Whoever makes a connection asks anew, so what was learnt before is never trusted for longer than
//! a connection lasts. A namespace's keys share one slot, so one connection to one server is all it takes (ADR 16).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ProtocolVersion, Value, from_redis_value,
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};
use tokio::time::timeout;

use super::{
    fault, slot,
    url::{self, Parts, Scheme},
};
use crate::{Namespace, StoreError};

/// How long one server may take to tell what it knows.
const ANSWER: Duration = Duration::from_millis(1_500);

/// How long asking may take in all.
const ALL: Duration = Duration::from_secs(5);

/// How many nodes of a cluster may name each other before nobody is believed.
const HOPS: usize = 4;

/// Where the server is that has a namespace. Clones share what they learn.
#[derive(Clone, Debug)]
pub struct Locator(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The URL, its password masked.
    url: String,
    /// How to connect to and log in at a server, whatever its address.
    server: ConnectionInfo,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Fixed,
    Sentinel {
        sentinels: Vec<ConnectionInfo>,
        master: String,
    },
    Cluster {
        slot: u16,
        /// The nodes of the URL.
        seeds: Vec<Address>,
        /// The nodes that were there when last looked: the URL may name only some.
        known: Mutex<Vec<Address>>,
    },
}

/// A host and its port.
type Address = (String, u16);

impl Locator {
    /// The way to the server that has `namespace`; errors show the URL as `shown`.
    ///
    /// # Errors
    /// When the URL is wrong, or names a cluster and no namespace is given.
    pub fn of(url: &str, shown: &str, namespace: &Namespace) -> Result<Self, StoreError> {
        // Whoever came first has chosen already, which is as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let unusable = |reason: String| StoreError::Unusable { url: shown.to_owned(), reason };
        let wrong = |reason: String| unusable(format!("the URL is wrong: {reason}"));
        let info = |url: &str| -> Result<ConnectionInfo, StoreError> {
            let info = url::server(url).map_err(wrong)?;
            let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
            Ok(info.set_redis_settings(settings).set_tcp_settings(tcp()))
        };
        let parts = Parts::of(url).map_err(wrong)?;
        let (server, way) = match parts {
            Parts { scheme: Scheme::Fixed, .. } => (info(url)?, Way::Fixed),
            Parts { scheme: Scheme::Sentinel { master, sentinels }, servers } => {
                let sentinels = sentinels.iter().map(|url| info(url)).collect::<Result<_, _>>()?;
                (info(servers.first().map_or("", String::as_str))?, Way::Sentinel { sentinels, master })
            }
            Parts { scheme: Scheme::Cluster, servers } => {
                let Some(name) = namespace.name() else {
                    let reason = "a cluster keeps all keys of a namespace on one node, and no namespace was given; \
                                  name one with --namespace";
                    return Err(unusable(reason.to_owned()));
                };
                let nodes: Vec<_> = servers.iter().map(|url| info(url)).collect::<Result<_, _>>()?;
                let seeds = nodes.iter().filter_map(|node| address(node.addr())).collect();
                let server = info(servers.first().map_or("", String::as_str))?;
                (server, Way::Cluster { slot: slot::of_tag(name), seeds, known: Mutex::default() })
            }
        };
        Ok(Self(Arc::new(Inner { url: shown.to_owned(), server, way })))
    }

    /// The URL, its password masked.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Whether the server is a node of a cluster.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        matches!(self.0.way, Way::Cluster { .. })
    }

    /// Whether the server has one address for ever.
    pub(super) fn is_fixed(&self) -> bool {
        matches!(self.0.way, Way::Fixed)
    }

    /// A client of the server as it is now.
    ///
    /// # Errors
    /// When nobody can tell which server that is.
    pub async fn client(&self) -> Result<Client, StoreError> {
        let info = match timeout(ALL, self.locate()).await {
            Ok(located) => located?,
            Err(_) => return Err(self.unavailable("nobody told in time which server has it")),
        };
        Client::open(info).map_err(|error| fault::of(&self.0.url, &error))
    }

    async fn locate(&self) -> Result<ConnectionInfo, StoreError> {
        match &self.0.way {
            Way::Fixed => Ok(self.0.server.clone()),
            Way::Sentinel { sentinels, master } => self.ask_sentinels(sentinels, master).await,
            Way::Cluster { slot, seeds, known } => self.ask_cluster(*slot, seeds, known).await,
        }
    }

    /// The first server that a sentinel calls the master and that says the same of itself.
    async fn ask_sentinels(&self, sentinels: &[ConnectionInfo], master: &str) -> Result<ConnectionInfo, StoreError> {
        let mut reason = String::new();
        let mut strangers = 0;
        for sentinel in sentinels {
            let mut ask = redis::cmd("SENTINEL");
            ask.arg("get-master-addr-by-name").arg(master);
            let told = match self.ask(sentinel.clone(), &ask).await {
                Ok(answer) => from_redis_value::<Option<Address>>(answer).ok(),
                Err(error) => {
                    reason = format!("sentinel {}: {}", sentinel.addr(), fault::reason_of(&error));
                    continue;
                }
            };
            let Some(Some((host, port))) = told else {
                strangers += 1;
                continue;
            };
            let server = self.at((host, port));
            match self.ask(server.clone(), &redis::cmd("ROLE")).await.map(|answer| first_text(&answer)) {
                Ok(Some(role)) if role == "master" => return Ok(server),
                Ok(role) => {
                    let role = role.unwrap_or_default();
                    reason = format!("{} is said to be the master and is a {role}: a failover is on", server.addr());
                }
                Err(error) => reason = format!("master {}: {}", server.addr(), fault::reason_of(&error)),
            }
        }
        if strangers == sentinels.len() {
            let reason = format!("its sentinels know no master called \"{master}\"");
            return Err(StoreError::Unusable { url: self.0.url.clone(), reason });
        }
        Err(self.unavailable(&reason))
    }

    /// The node that has a slot, as it says itself: a node's view of the others may be old.
    async fn ask_cluster(
        &self,
        slot: u16,
        seeds: &[Address],
        known: &Mutex<Vec<Address>>,
    ) -> Result<ConnectionInfo, StoreError> {
        let mut nodes = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        nodes.extend(seeds.iter().filter(|seed| !nodes.contains(seed)).cloned().collect::<Vec<_>>());
        let mut reason = String::new();
        for node in nodes {
            let mut asked = node;
            for _ in 0..HOPS {
                let answer = self.ask(self.at(asked.clone()), redis::cmd("CLUSTER").arg("SLOTS")).await;
                let slots = match answer {
                    Ok(answer) => Slots::read(&answer, &asked),
                    Err(error @ StoreError::Unusable { .. }) => return Err(error),
                    Err(error) if fault::reason_of(&error).contains("cluster support disabled") => {
                        let reason = "it is no cluster; give redis://HOST:PORT".to_owned();
                        return Err(StoreError::Unusable { url: self.0.url.clone(), reason });
                    }
                    Err(error) => {
                        reason = format!("node {}:{}: {}", asked.0, asked.1, fault::reason_of(&error));
                        break;
                    }
                };
                let Some(owner) = slots.owner(slot) else {
                    reason = format!("slot {slot} is nobody's, says node {}:{}", asked.0, asked.1);
                    break;
                };
                if owner == asked {
                    *known.lock().unwrap_or_else(PoisonError::into_inner) = slots.masters();
                    return Ok(self.at(owner));
                }
                asked = owner;
            }
        }
        Err(self.unavailable(&reason))
    }

    /// Asks a server one thing.
    async fn ask(&self, server: ConnectionInfo, question: &Cmd) -> Result<Value, StoreError> {
        let asking = async {
            let config =
                AsyncConnectionConfig::new().set_connection_timeout(Some(ANSWER)).set_response_timeout(Some(ANSWER));
            let client = Client::open(server)?;
            let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
            question.query_async(&mut connection).await
        };
        match timeout(ANSWER, asking).await {
            Ok(answer) => answer.map_err(|error| fault::of(&self.0.url, &error)),
            Err(_) => Err(self.unavailable("it did not answer in time")),
        }
    }

    /// The server at an address.
    fn at(&self, (host, port): Address) -> ConnectionInfo {
        let address = match self.0.server.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
            }
            ConnectionAddr::Tcp(..) | ConnectionAddr::Unix(_) | _ => ConnectionAddr::Tcp(host, port),
        };
        self.0.server.clone().set_addr(address)
    }

    fn unavailable(&self, reason: &str) -> StoreError {
        StoreError::Unavailable { url: self.0.url.clone(), reason: reason.to_owned() }
    }
}

/// What a node of a cluster believes: which slots are whose.
struct Slots(Vec<(u16, u16, Address)>);

impl Slots {
    /// Reads what `asked` answered to `CLUSTER SLOTS`; a node that does not know its own name leaves it out.
    fn read(answer: &Value, asked: &Address) -> Self {
        let range = |range: &Value| {
            let Value::Array(range) = range else { return None };
            let [first, last, master, ..] = range.as_slice() else { return None };
            let Value::Array(master) = master else { return None };
            let number =
                |value: &Value| if let Value::Int(number) = value { u16::try_from(*number).ok() } else { None };
            let host = master.first().and_then(text).filter(|host| !host.is_empty() && host != "?");
            let master = (host.unwrap_or_else(|| asked.0.clone()), number(master.get(1)?)?);
            Some((number(first)?, number(last)?, master))
        };
        let ranges = if let Value::Array(ranges) = answer { ranges.as_slice() } else { &[] };
        Self(ranges.iter().filter_map(range).collect())
    }

    fn owner(&self, slot: u16) -> Option<Address> {
        let range = self.0.iter().find(|(first, last, _)| (first..=last).contains(&&slot));
        range.map(|(.., master)| master.clone())
    }

    fn masters(self) -> Vec<Address> {
        let mut masters: Vec<_> = self.0.into_iter().map(|(.., master)| master).collect();
        masters.sort_unstable();
        masters.dedup();
        masters
    }
}

fn tcp() -> TcpSettings {
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(10)).with_interval(Duration::from_secs(5)).with_retries(3);
    let settings = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
    // A connection whose other end has vanished ends by itself, not only when somebody waits in vain.
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(Duration::from_secs(10));
    settings
}

fn address(address: &ConnectionAddr) -> Option<Address> {
    match address {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => Some((host.clone(), *port)),
        ConnectionAddr::Unix(_) | _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    from_redis_value(value.clone()).ok()
}

fn first_text(answer: &Value) -> Option<String> {
    if let Value::Array(parts) = answer { parts.first().and_then(text) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str, namespace: &str) -> Result<Locator, StoreError> {
        Locator::of(url, "shown", &namespace.parse().unwrap_or_default())
    }

    fn reason(url: &str, namespace: &str) -> String {
        of(url, namespace).unwrap_err().to_string()
    }

    #[test]
    fn wrong_urls_are_refused_with_what_is_wrong() {
        let refused = [
            (
                "redis+cluster://h:1",
                "a cluster keeps all keys of a namespace on one node, and no namespace was given; name one with \
                 --namespace",
            ),
            ("redis+sentinel://h", "the URL is wrong: it names no master; expected redis+sentinel://HOST:26379/MASTER"),
            (
                "rediss://h/#insecure",
                "the URL is wrong: #insecure would take any certificate, and so any server; name the file of your own authority in \
                 SSL_CERT_FILE instead",
            ),
        ];
        for (url, expected) in refused {
            assert_eq!(reason(url, ""), format!("store shown can't be used: {expected}"));
        }
        let expected = "store shown can't be used: the URL is wrong: a cluster has no numbered databases";
        assert_eq!(reason("redis+cluster://h:1/1", "shop"), expected);
    }

    #[test]
    fn a_slot_is_whose_a_node_says() {
        let text = |text: &str| Value::BulkString(text.into());
        let node = |host: &str, port| Value::Array(vec![text(host), Value::Int(port), text("id")]);
        let range = |first, last, node| Value::Array(vec![Value::Int(first), Value::Int(last), node]);
        let answer = Value::Array(vec![range(0, 9, node("", 7_000)), range(10, 16_383, node("b", 7_001))]);
        let slots = Slots::read(&answer, &("a".into(), 7_000));
        assert_eq!(slots.owner(9), Some(("a".into(), 7_000)));
        assert_eq!(slots.owner(10), Some(("b".into(), 7_001)));
        assert_eq!(slots.masters(), [("a".into(), 7_000), ("b".into(), 7_001)]);
        assert_eq!(Slots::read(&Value::Nil, &("a".into(), 7_000)).owner(0), None);
    }
}
